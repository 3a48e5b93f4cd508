"""The settings, read from the environment in one place."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from tracker import lambda_settings
from tracker.errors import ConfigError
from tracker.lambda_settings import LambdaSettings

ALL_SITES = "*"
ANY_ORIGIN = "*"
DEFAULT_SITE = "default"
CHECK_SITE = "deployment-check"
"""The site of the event that `deploy` sends to see that all works: no site of the user's."""
DEFAULT_FOLDER = Path("data")

_PATH = re.compile(r"(/[A-Za-z0-9_.~-]+)*")
_SCRIPT = re.compile(r"[A-Za-z0-9_~-]+\.js")
_SITE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Site(msgspec.Struct, frozen=True):
    """One web site: who may write to it, and from which pages."""

    write_keys: list[str]
    origins: list[str] = msgspec.field(default_factory=lambda: [ANY_ORIGIN])
    """The origins whose pages may send, such as ``https://example.org``; ``*`` is any."""

    def allows(self, origin: str | None) -> bool:
        """Whether a page of this origin may send. Servers send no origin."""
        return origin is None or ANY_ORIGIN in self.origins or origin in self.origins


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Who may write and who may read."""

    sites: dict[str, Site] = {}
    read_tokens: dict[str, str] = {}
    """SHA-256 of a read token (hex) → the site it reads, or ``*``."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that can be set."""

    keys: Keys = field(default_factory=Keys)
    folder: Path = DEFAULT_FOLDER
    """Where the embedded queue and store keep their files."""
    queue_url: str | None = None
    """An SQS queue instead of the folder's."""
    tables: str | None = None
    """The prefix of the DynamoDB tables' names, instead of the folder's store."""
    path_prefix: str = ""
    """What the paths of the API and the client begin with, such as ``/m``: blocklists know some."""
    script_name: str = "kit.js"
    """The name the client is served under."""
    demo: bool = False
    lambdas: LambdaSettings = field(default_factory=LambdaSettings)

    @property
    def site_names(self) -> list[str]:
        """The sites there are. Keys given to ``serve`` on its command line are for the default
        one, and another command does not see them."""
        return [name for name in self.keys.sites if name != CHECK_SITE] or [DEFAULT_SITE]

    def site_of(self, write_key: str | None) -> str | None:
        """The name of the site a write key belongs to."""
        return self._sites_by_key.get(write_key) if write_key else None

    @cached_property
    def _sites_by_key(self) -> dict[str, str]:
        return {key: name for name, site in self.keys.sites.items() for key in site.write_keys}

    def readable_site(self, token: str) -> str | None:
        """The site a read token reads, ``*`` for all, ``None`` for an unknown token."""
        offered = hash_token(token)
        found = None
        for known, site in self.keys.read_tokens.items():
            # Looks at every token, each in the same time: how long it takes tells nothing.
            if hmac.compare_digest(offered, known):
                found = site
        return found

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path_prefix):
            raise ConfigError(
                f"path prefix {self.path_prefix!r}: use segments such as /m or /site/m"
            )
        if not _SCRIPT.fullmatch(self.script_name):
            raise ConfigError(f"script name {self.script_name!r}: use a name such as kit.js")
        self._check_sites()
        self._check_read_tokens()

    def _check_sites(self) -> None:
        by_key: dict[str, str] = {}
        for name, site in self.keys.sites.items():
            if not _SITE_NAME.fullmatch(name):
                raise ConfigError(
                    f"site name {name!r}: use 1 to 64 letters, digits, hyphens and underscores"
                )
            if not site.write_keys:
                raise ConfigError(f"site {name!r} has no write key: give it one")
            for key in site.write_keys:
                if not key or by_key.setdefault(key, name) != name:
                    raise ConfigError(f"write key {key!r} of site {name!r} is empty or used twice")

    def _check_read_tokens(self) -> None:
        for hashed, name in self.keys.read_tokens.items():
            if not re.fullmatch(r"[0-9a-f]{64}", hashed):
                raise ConfigError(
                    "read tokens are given by their SHA-256, 64 hex digits: "
                    "`python -m tracker token` makes one"
                )
            if name != ALL_SITES and name not in self.keys.sites:
                raise ConfigError(f"a read token is for site {name!r}, which does not exist")


def hash_token(token: str) -> str:
    """The form in which a read token stands in the settings."""
    return sha256(token.encode()).hexdigest()


def from_environment(environment: Mapping[str, str], kept: Keys | None = None) -> Config:
    """Read the settings. Raises `ConfigError`.

    ``kept`` are the keys that a folder holds: its sites count where the environment names none,
    its read tokens count beside the environment's.

    ===================================  =========================================================
    ``TRACKER_SITES``                    JSON: ``{"shop": {"write_keys": ["…"], "origins": ["…"]}}``
    ``TRACKER_READ_TOKENS``              JSON: ``{"<sha256 of the token>": "shop"}``; ``*`` is all
    ``TRACKER_DATA``                     the folder of the embedded queue and store
    ``TRACKER_QUEUE_URL``                an SQS queue, instead of the folder's
    ``TRACKER_TABLES``                   the DynamoDB tables' prefix, instead of the folder's store
    ``TRACKER_PATH_PREFIX``              what the paths begin with: ``/m`` serves ``/m/v1/batch``
    ``TRACKER_SCRIPT_NAME``              what the client is called instead of ``kit.js``
    ``TRACKER_CONSUMER_BATCH``           the most messages an invocation of the consumer gets (100)
    ``TRACKER_CONSUMER_WINDOW_SECONDS``  how long a batch may wait to be filled (2)
    ``TRACKER_CONSUMER_CONCURRENCY``     how many consumers run at once (5)
    ``TRACKER_PARTIAL_FAILURES``         ``1`` where Lambda reads which messages failed
    ``TRACKER_LOG_SAMPLE``               the part of invocations that log what went well (0.01)
    ===================================  =========================================================
    """
    kept = kept or Keys()
    sites = _json(environment, "TRACKER_SITES", dict[str, Site]) or kept.sites
    tokens = {
        hashed: site
        for hashed, site in kept.read_tokens.items()
        if site == ALL_SITES or site in sites
    }
    return Config(
        keys=Keys(
            sites=sites,
            read_tokens=tokens | _json(environment, "TRACKER_READ_TOKENS", dict[str, str]),
        ),
        folder=Path(environment.get("TRACKER_DATA") or DEFAULT_FOLDER),
        queue_url=environment.get("TRACKER_QUEUE_URL") or None,
        tables=environment.get("TRACKER_TABLES") or None,
        path_prefix=environment.get("TRACKER_PATH_PREFIX") or "",
        script_name=environment.get("TRACKER_SCRIPT_NAME") or "kit.js",
        lambdas=lambda_settings.read(environment),
    )


T = TypeVar("T")


def _json(environment: Mapping[str, str], name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(environment.get(name) or "{}", type=kind)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{name} is not the JSON it should be: {error}") from None
