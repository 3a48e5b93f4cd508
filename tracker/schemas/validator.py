"""One schema, ready to check events; and what is wrong with a file that holds none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import jsonschema_rs
from jsonschema_rs import ValidationError

from tracker.batch import Fault
from tracker.errors import ConfigError
from tracker.schemas import words

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

_Path = tuple[str | int, ...]


class Validator:
    """A schema. Nothing it was built from, and no event, makes it take long: its patterns are
    matched in linear time, and it never fetches anything."""

    def __init__(self, schema: Any) -> None:
        self._schema = jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(),
            mask="it",
        )

    def holds_for(self, event: dict[str, Any]) -> bool:
        """Whether an event is as it should be."""
        return self._schema.is_valid(event)

    def first_fault(self, event: dict[str, Any]) -> Fault:
        """What is wrong with an event for which it does not hold."""
        try:
            self._schema.validate(event)
        except ValidationError as error:
            return next(words.faults(error))
        raise ValueError("the schema holds for the event")

    def faults(self, event: dict[str, Any]) -> list[Fault]:
        """All that is wrong with an event."""
        return [fault for error in self._schema.iter_errors(event) for fault in words.faults(error)]


def compiled(path: Path) -> Validator:
    """The schema in a file. Raises `ConfigError` with the file, the place and what is wrong."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(schema, dict | bool):
        raise ConfigError(f"{path} is not a JSON Schema: it must be an object")
    try:
        return Validator(schema)
    except ValidationError as error:
        where, what = _mistake(error, schema)
        raise ConfigError(f"{path}{f', at {where}' if where else ''}: {what}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not a JSON Schema: {error}") from None


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched")


def _mistake(error: ValidationError, schema: Any) -> tuple[str, str]:
    """Where a schema is wrong, and how."""
    match words.kind_of(error):
        case "Format" if not error.instance_path:
            return words.dotted(error.schema_path), (
                "not a regular expression that can be matched in linear time"
                " (look-around and back references cannot)"
            )
        case "Referencing":
            for where, uri in _references(schema, ()):
                if not uri.startswith("#"):
                    return words.dotted(where), f"{uri!r}: only what is in this file can be used"
            return "", error.message
        case _ if error.instance_path:
            return words.dotted(error.instance_path), "not what JSON Schema allows there"
        case _:
            return "", error.message


def _references(value: Any, where: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in _REFERENCES and isinstance(inner, str):
                yield (*where, name), inner
            yield from _references(inner, (*where, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _references(inner, (*where, index))
