"""The stages of the Chalice deployment, as ``.chalice/config.json`` tells them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import ConfigError

FILE = Path(".chalice/config.json")

Settings = dict[str, Any]


def load(project: Path = Path()) -> Settings:
    """The whole file. Raises `ConfigError`."""
    path = project / FILE
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no {path}: run this in the folder that holds app.py and .chalice"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    if not isinstance(settings.get("app_name"), str):
        raise ConfigError(f"{path} has no app_name: give it one, such as tracker")
    return settings


def save(settings: Settings, project: Path = Path()) -> None:
    """Write the whole file, or nothing."""
    path = project / FILE
    text = msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"
    partial = path.with_suffix(".new")
    partial.write_bytes(text)
    partial.replace(path)


def environment(stage: str, project: Path = Path()) -> Mapping[str, str]:
    """The environment in which the stage's Lambdas run. Raises `ConfigError`."""
    settings = load(project)
    stages = settings.get("stages") or {}
    if stage not in stages:
        known = ", ".join(stages) or "none yet"
        raise ConfigError(
            f"there is no stage {stage!r} in {project / FILE} (there is: {known}):"
            f" `python -m tracker provision --stage {stage}` makes it"
        )
    for_all = settings.get("environment_variables") or {}
    return for_all | (stages[stage].get("environment_variables") or {})
