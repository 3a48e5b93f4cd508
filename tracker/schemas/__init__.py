"""JSON Schemas of events: a folder of files, named after what they are about.

===========================  ================================================================
``page.json``                every page event; likewise the other types
``Order Completed.json``     the track event of this name; ``%2F`` and the like stand for what a
                             file's name cannot hold (and ``%70age.json`` for an event "page")
``shop/page.json``           the same for the site ``shop``, in place of what is outside
===========================  ================================================================

Both ``track.json`` and the file of its name hold for a track event.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from msgspec import Raw

from tracker.config import Config
from tracker.errors import ConfigError
from tracker.event import EVENT_TYPES

if TYPE_CHECKING:
    from tracker.schemas.check import Check
    from tracker.schemas.validator import Validator

FOLDER = "schemas"
_SUFFIX = ".json"


class About(NamedTuple):
    """Which events a schema is about."""

    type: str
    name: str | None = None
    """The name of a track event; ``None`` for every event of the type."""


Key = tuple[str, str | None]
"""An `About`, as it is looked up."""

OfSite = Mapping[Key, "Validator"]


class Schemas:
    """The schemas of a deployment."""

    def __init__(self, config: Config, general: OfSite, own: Mapping[str, OfSite]) -> None:
        self._config = config
        self._general = general
        self._by_site = {site: {**general, **of_site} for site, of_site in own.items()}

    def check(self, site: str, context: Raw) -> "Check":
        """What checks the events of one request; ``context`` is the batch's own."""
        from tracker.schemas.check import Check

        of_site = self._by_site.get(site, self._general)

        def find(type_: str, name: str | None) -> list["Validator"]:
            holding = [of_site.get((type_, None))]
            if type_ == "track":
                holding.append(of_site.get((type_, name)))
            return [one for one in holding if one is not None]

        settings = self._config.keys.sites.get(site)
        flags = settings is not None and settings.schema_violations == "flag"
        return Check(find, context, flags=flags)


def load(config: Config) -> Schemas | None:
    """The schemas, if there are any. Raises `ConfigError` for a folder or file that is wrong."""
    folder = _folder(config)
    return None if folder is None else read(folder, config)


def read(folder: Path, config: Config) -> Schemas | None:
    """The schemas of a folder, if it has any. Raises `ConfigError`."""
    own = {
        _site(path, config.site_names): dict(map(_schema, _files(path)))
        for path in _entries(folder)
        if path.is_dir()
    }
    general = dict(map(_schema, _files(folder)))
    return Schemas(config, general, own) if general or own else None


def _folder(config: Config) -> Path | None:
    """The folder that is set; else the usual one, where it exists."""
    if config.schemas is not None:
        if not config.schemas.is_dir():
            raise ConfigError(
                f"TRACKER_SCHEMAS is {str(config.schemas)!r}: there is no such folder"
            )
        return config.schemas
    usual = beside_the_code() if config.tables else config.folder / FOLDER
    return usual if usual.is_dir() else None


def beside_the_code() -> Path:
    """Where a Lambda has the folder, and the project that it is deployed from: Chalice puts what
    is in ``vendor/`` beside the code."""
    root = Path(__file__).parents[2]
    vendor = root / "vendor"
    return (vendor if vendor.is_dir() else root) / FOLDER


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read: {error.strerror}") from None


def _site(path: Path, sites: Collection[str]) -> str:
    if path.name not in sites:
        raise ConfigError(
            f"{path} is named after no site: there are {', '.join(sites)};"
            " a schema for all sites stands outside of any folder"
        )
    return path.name


def _files(folder: Path) -> list[tuple[About, Path]]:
    files: dict[About, Path] = {}
    for path in _entries(folder):
        if path.suffix != _SUFFIX or path.is_dir():
            continue
        about = _about(path)
        if about in files:
            raise ConfigError(f"{path} and {files[about].name} are about the same event")
        files[about] = path
    return list(files.items())


def _about(path: Path) -> About:
    name = path.stem
    if name in EVENT_TYPES:
        return About(name)
    try:
        return About("track", unquote(name, errors="strict"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: what its name has after a % is not UTF-8") from None


def _schema(file: tuple[About, Path]) -> tuple[Key, "Validator"]:
    try:
        from tracker.schemas import validator  # 5 MB, and only for who has a schema
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"schemas need {error.name}: on AWS they are in vendor/{FOLDER}, else the package goes"
            " without; elsewhere, pip install -r requirements.txt"
        ) from None
    about, path = file
    return about, validator.compiled(path)
