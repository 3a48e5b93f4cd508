"""The stages of the Chalice deployment, as ``.chalice/config.json`` tells them."""

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import ConfigError

FOLDER = Path(".chalice")
FILE = FOLDER / "config.json"

Settings = dict[str, Any]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,49}")  # what a CloudFormation stack may be called


class _Stage(msgspec.Struct):
    """As much of a stage as is used here."""

    environment_variables: dict[str, str] = {}
    lambda_functions: dict[str, dict[str, Any]] = {}


class _Shape(msgspec.Struct):
    """As much of the file as is used here."""

    app_name: str
    stages: dict[str, _Stage] = {}
    environment_variables: dict[str, str] = {}


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
    try:
        msgspec.convert(settings, _Shape)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path} is not what Chalice takes: {error}") from None
    return settings


def save(settings: Settings, project: Path = Path()) -> None:
    """Write the whole file. Raises `ConfigError`."""
    write(project / FILE, msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file whole, or not at all. Raises `ConfigError`."""
    partial = path.with_suffix(".new")
    try:
        partial.touch(mode)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def name_of(settings: Settings, stage: str) -> str:
    """How the names of everything in AWS begin: ``tracker-dev``. Raises `ConfigError`."""
    name = f"{settings['app_name']}-{stage}"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"stage {stage!r}: {name!r} must be 3 to 50 letters, digits and hyphens, a letter first"
        )
    return name


def ensure(settings: Settings, stage: str) -> Settings:
    """The settings of a stage, made after those of the first one where it is new."""
    stages = settings.setdefault("stages", {})
    if stage not in stages:
        model: Settings = next(iter(stages.values()), {})
        stages[stage] = {
            key: deepcopy(value) for key, value in model.items() if key != "environment_variables"
        }
    settings_of_stage: Settings = stages[stage]
    return settings_of_stage


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


def add_read_token(stage: str, hashed: str, site: str, project: Path = Path()) -> None:
    """Add the hash of a read token to a stage's settings. Raises `ConfigError`."""
    settings = load(project)
    known = environment(stage, project).get("TRACKER_READ_TOKENS") or "{}"
    try:
        tokens = msgspec.json.decode(known, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"TRACKER_READ_TOKENS in {FILE} cannot be read: {error}") from None
    of_stage = ensure(settings, stage).setdefault("environment_variables", {})
    of_stage["TRACKER_READ_TOKENS"] = msgspec.json.encode(tokens | {hashed: site}).decode()
    save(settings, project)
