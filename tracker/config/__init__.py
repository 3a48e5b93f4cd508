"""The settings, read from the environment in one place."""

import hmac
import re
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field

from tracker.config import embedded, lambdas
from tracker.config.embedded import ServerSettings
from tracker.config.lambdas import LambdaSettings
from tracker.errors import ConfigError

ALL_SITES = "*"
ANY_ORIGIN = "*"
DEFAULT_SITE = "default"
CHECK_SITE = "deployment-check"
"""The site of the event that `deploy` sends to see that all works: no site of the user's."""
DEFAULT_FOLDER = Path("data")
FAILED_DAYS = 30
"""For so long failed events are kept, unless a site says otherwise."""
_MAX_DAYS = 3650
DEFAULT_RETENTION_DAYS = 400
"""Thirteen months and a little: a month can still be compared with that of a year before."""
MAX_RETENTION_DAYS = 3653

_PATH = re.compile(r"(/[A-Za-z0-9_.~-]+)*")
_SCRIPT = re.compile(r"[A-Za-z0-9_~-]+\.js")
_SITE_NAME = re.compile(r"(?!-$)[A-Za-z0-9_-]{1,64}")
"""`-` is where messages are kept that no site is known of."""
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")

IP_RULES = ("truncated", "full", "none", "hashed")
_SECRET_CHARACTERS = 16
NEW_SECRET = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'  # noqa: S105
"""What makes a secret, for whoever has to set one."""


class Site(Struct, frozen=True):
    """One web site: who may write to it, and from which pages."""

    write_keys: list[str]
    origins: list[str] = msgspec.field(default_factory=lambda: [ANY_ORIGIN])
    """The origins whose pages may send, such as ``https://example.org``; ``*`` is any."""
    ip: str = "truncated"
    """What is kept of IP addresses, one of `IP_RULES`."""
    drop: list[str] = []
    """Names of properties and traits that are never kept."""
    hash: list[str] = []
    """Names of properties and traits of whose values only a keyed hash is kept."""
    failed_days: int = FAILED_DAYS
    """For how many days a failed event is kept, from when it was received."""
    schema_violations: Literal["reject", "flag"] = "reject"
    """What becomes of an event that is not as its JSON Schema says: a failed event, or one that is
    stored with a mark."""
    retention_days: int | None = DEFAULT_RETENTION_DAYS
    """How long events are kept, from when they were received; ``None`` (JSON's ``null``) is for
    ever."""

    def __post_init__(self) -> None:
        # Here, so that every reader of a site says it: the environment's, a folder's, provision's.
        days = self.retention_days
        if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
            raise ValueError(
                f"retention_days is {days}: use 1 to {MAX_RETENTION_DAYS}, or null to keep for ever"
            )

    @property
    def hashes(self) -> bool:
        """Whether it takes a secret to do what the site asks for."""
        return self.ip == "hashed" or bool(self.hash)

    def allows(self, origin: str | None) -> bool:
        """Whether a page of this origin may send. Servers send no origin."""
        return origin is None or ANY_ORIGIN in self.origins or origin in self.origins


class Keys(Struct, frozen=True, kw_only=True):
    """Who may write and who may read."""

    sites: dict[str, Site] = {}
    read_tokens: dict[str, str] = {}
    """SHA-256 of a read token (hex) → the site it reads, or ``*``."""
    secret: str | None = None
    """With what sites hash: made when one first asks for it."""


class Config(Struct, frozen=True, kw_only=True, dict=True):
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
    secret: str | None = None
    """With what sites hash, where one does: whoever does not have it cannot try out values."""
    country_header: str | None = None
    """The header in which the CDN tells a visitor's country, instead of those that are known."""
    demo: bool = False
    schemas: Path | None = None
    """The folder of the events' JSON Schemas, instead of the usual one, which may be missing."""
    lambdas: LambdaSettings = field(default_factory=LambdaSettings)
    server: ServerSettings = field(default_factory=ServerSettings)

    @property
    def site_names(self) -> list[str]:
        """The sites there are. Keys given to ``serve`` on its command line are for the default
        one, and another command does not see them."""
        return [name for name in self.keys.sites if name != CHECK_SITE] or [DEFAULT_SITE]

    def retention_days(self, site: str) -> int | None:
        """How long a site's events are kept, be it in the settings or not; ``None``: for ever."""
        known = self.keys.sites.get(site)
        return known.retention_days if known else DEFAULT_RETENTION_DAYS

    def site_of(self, write_key: str | None) -> str | None:
        """The name of the site a write key belongs to."""
        return self._sites_by_key.get(write_key) if write_key else None

    @cached_property
    def _sites_by_key(self) -> dict[str, str]:
        return {key: name for name, site in self.keys.sites.items() for key in site.write_keys}

    @cached_property
    def origins(self) -> frozenset[str]:
        """Of all sites, whose pages may send."""
        return frozenset(origin for site in self.keys.sites.values() for origin in site.origins)

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
        if self.secret is not None and len(self.secret) < _SECRET_CHARACTERS:
            raise ConfigError(
                f"TRACKER_SECRET is shorter than {_SECRET_CHARACTERS} characters: make one with"
                f" `{NEW_SECRET}`"
            )
        if self.country_header is not None and not _HEADER.fullmatch(self.country_header):
            raise ConfigError(
                f"TRACKER_COUNTRY_HEADER is {self.country_header!r}: use the name of a header,"
                " such as X-Country"
            )
        self._check_sites()
        self._check_read_tokens()

    def _check_sites(self) -> None:
        by_key: dict[str, str] = {}
        for name, site in self.keys.sites.items():
            if not _SITE_NAME.fullmatch(name):
                raise ConfigError(
                    f"site name {name!r}: use 1 to 64 letters, digits, hyphens and underscores,"
                    " and not a hyphen alone"
                )
            if not site.write_keys:
                raise ConfigError(f"site {name!r} has no write key: give it one")
            for key in site.write_keys:
                if not key or by_key.setdefault(key, name) != name:
                    raise ConfigError(f"write key {key!r} of site {name!r} is empty or used twice")
            _check_privacy(name, site)
            if not 1 <= site.failed_days <= _MAX_DAYS:
                raise ConfigError(
                    f"failed_days of site {name!r} is {site.failed_days}:"
                    f" use a number from 1 to {_MAX_DAYS}"
                )

    def failed_days(self, site: str) -> int:
        """For how many days a site's failed events are kept, or those of no site."""
        found = self.keys.sites.get(site)
        return found.failed_days if found else FAILED_DAYS

    def _check_read_tokens(self) -> None:
        for hashed, name in self.keys.read_tokens.items():
            if not re.fullmatch(r"[0-9a-f]{64}", hashed):
                raise ConfigError(
                    "read tokens are given by their SHA-256, 64 hex digits: "
                    "`python -m tracker token` makes one"
                )
            if name != ALL_SITES and name not in self.keys.sites:
                raise ConfigError(f"a read token is for site {name!r}, which does not exist")


def _check_privacy(name: str, site: Site) -> None:
    if site.ip not in IP_RULES:
        raise ConfigError(f"site {name!r}: ip is {site.ip!r}: use one of {', '.join(IP_RULES)}")
    for setting, names in (("drop", site.drop), ("hash", site.hash)):
        if "" in names:
            raise ConfigError(f"site {name!r}: {setting} has an empty name: take it out")
    if both := sorted(set(site.drop) & set(site.hash)):
        raise ConfigError(f"site {name!r}: {both[0]!r} is in drop and in hash: choose one")


def failed_days(_site: str) -> int:
    """What holds where no site has settings."""
    return FAILED_DAYS


def hash_token(token: str) -> str:
    """The form in which a read token stands in the settings."""
    return sha256(token.encode()).hexdigest()


def from_environment(environment: Mapping[str, str], kept: Keys | None = None) -> Config:
    """Read the settings. Raises `ConfigError`.

    ``kept`` are the keys that a folder holds: its sites count where the environment names none,
    its read tokens count beside the environment's, its secret where the environment has none.

    ===================================  =========================================================
    ``TRACKER_SITES``                    JSON: ``{"shop": {"write_keys": ["…"], …}}``, see `Site`
    ``TRACKER_READ_TOKENS``              JSON: ``{"<sha256 of the token>": "shop"}``; ``*`` is all
    ``TRACKER_SECRET``                   with what sites hash IP addresses and properties
    ``TRACKER_COUNTRY_HEADER``           the CDN's header that tells a visitor's country
    ``TRACKER_DATA``                     the folder of the embedded queue and store
    ``TRACKER_QUEUE_URL``                an SQS queue, instead of the folder's
    ``TRACKER_TABLES``                   the DynamoDB tables' prefix, instead of the folder's store
    ``TRACKER_PATH_PREFIX``              what the paths begin with: ``/m`` serves ``/m/v1/batch``
    ``TRACKER_SCRIPT_NAME``              what the client is called instead of ``kit.js``
    ``TRACKER_REQUEST_SECONDS``          how long a request's head, or body, may take to come (30)
    ``TRACKER_SCHEMAS``                  the folder of the events' JSON Schemas
    ``TRACKER_TRUSTED_PROXIES``          whose ``X-Forwarded-…`` headers count (this machine's)
    ``TRACKER_RATE_PER_ADDRESS``         requests a second from one address (500; 0: no limit)
    ``TRACKER_RATE_PER_KEY``             requests a second with one write key (10000; 0: no limit)
    ``TRACKER_JSON_LOGS``                ``1``: the server logs JSON lines; also ``--json-logs``
    ``TRACKER_ACCESS_LOG``               ``1``: it logs each request; also ``--access-log``
    ``TRACKER_CONSUMER_BATCH``           the most messages an invocation of the consumer gets (100)
    ``TRACKER_CONSUMER_WINDOW_SECONDS``  how long a batch may wait to be filled (2)
    ``TRACKER_CONSUMER_CONCURRENCY``     how many consumers run at once (5)
    ``TRACKER_RATE_PER_STAGE``           requests a second that `deploy` lets API Gateway answer (0)
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
        secret=environment.get("TRACKER_SECRET") or kept.secret,
        country_header=environment.get("TRACKER_COUNTRY_HEADER") or None,
        schemas=Path(folder) if (folder := environment.get("TRACKER_SCHEMAS")) else None,
        lambdas=lambdas.read(environment),
        server=embedded.read(environment),
    )


T = TypeVar("T")


def _json(environment: Mapping[str, str], name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(environment.get(name) or "{}", type=kind)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{name} is not the JSON it should be: {error}") from None
