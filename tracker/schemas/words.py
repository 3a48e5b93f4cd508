"""What a schema finds wrong with an event, in our words: without the value, so that it is alike for
all events that have it, and nothing of an event stands where it is counted or logged."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jsonschema_rs import ValidationError

from tracker.batch import Fault

MAX_CHARACTERS = 200
"""Of a field or a reason: names in an event are as long as a client likes."""

_OPTIONS = 5
"""Of the values that are allowed, so many are named."""

_ARTICLES = {"array": "an array", "object": "an object", "integer": "an integer", "null": "null"}


def _types(kind: Any) -> str:
    return "must be " + " or ".join(_ARTICLES.get(name, f"a {name}") for name in kind.types)


def _options(kind: Any) -> str:
    more = ", …" if len(kind.options) > _OPTIONS else ""
    return f"must be one of {', '.join(map(_json, kind.options[:_OPTIONS]))}{more}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_REASONS: dict[str, Callable[[Any], str]] = {
    "Type": _types,
    "Enum": _options,
    "Constant": lambda kind: f"must be {_json(kind.expected_value)}",
    "Format": lambda kind: f"is not a valid {kind.format}",
    "Pattern": lambda kind: f"does not match {kind.pattern}",
    "MinLength": lambda kind: f"is shorter than {kind.limit} characters",
    "MaxLength": lambda kind: f"is longer than {kind.limit} characters",
    "Minimum": lambda kind: f"is less than {kind.limit}",
    "Maximum": lambda kind: f"is more than {kind.limit}",
    "ExclusiveMinimum": lambda kind: f"must be more than {kind.limit}",
    "ExclusiveMaximum": lambda kind: f"must be less than {kind.limit}",
    "MultipleOf": lambda kind: f"is not a multiple of {kind.multiple_of}",
    "MinItems": lambda kind: f"has fewer than {kind.limit} items",
    "MaxItems": lambda kind: f"has more than {kind.limit} items",
    "UniqueItems": lambda _: "has the same item twice",
    "FalseSchema": lambda _: "is not expected",
}


def kind_of(error: ValidationError) -> str:
    """The library's name of the rule that is broken: ``MinLength``."""
    return type(error.kind).__name__.rpartition("_")[2]


def faults(error: ValidationError) -> Iterator[Fault]:
    """An error as faults: one, but for members that should not be there."""
    path = error.instance_path
    kind: Any = error.kind
    match kind_of(error):
        case "Required":
            yield _fault([*path, kind.property], "is required")
        case "AdditionalProperties" | "UnevaluatedProperties":
            for name in kind.unexpected:
                yield _fault([*path, name], "is not expected")
        case name if name in _REASONS:
            yield _fault(path, _REASONS[name](kind))
        case _:
            yield _fault(path, f'breaks the rule "{_keyword(error)}"')


def _keyword(error: ValidationError) -> str:
    """The keyword, for what needs the schema beside it to be understood, such as ``anyOf``."""
    return next((part for part in reversed(error.schema_path) if isinstance(part, str)), "")


def _fault(path: Sequence[str | int], reason: str) -> Fault:
    return Fault(dotted(path), _cut(reason))


def dotted(path: Sequence[str | int]) -> str:
    """``properties.products.0.sku``"""
    return _cut(".".join(map(str, path)))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
