"""What was deployed with ``chalice deploy``, kept to come back to.

The description of the API's function is the record of what is deployed: a release's id, the
versions of consumer and counter and the API's deployment that belong to it, and the release that
was in use before. A published version of the function keeps that with it.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tracker.aws import gateway, versions
from tracker.errors import DeploymentError

_RECORD = re.compile(
    r"release (?P<id>\S+): consumer (?P<consumer>\d+),(?: counter (?P<counter>\d+),)?"
    r" API deployment (?P<deployment>\S+), after (?P<after>\S+)"
)
_GOING_BACK = re.compile(r"going back to (?P<id>\S+)")
_NONE = "none"


class Parts(NamedTuple):
    """What a release consists of."""

    api: str
    """The name of the API's function."""
    consumer: str
    """The name of the consumer's function."""
    counter: str
    """The name of the counter's function."""
    rest_api: tuple[str, str]
    """The REST API's id, and its stage."""


class Release(NamedTuple):
    """One of them, with the numbers of its functions' versions."""

    id: str
    """When it was made: ISO 8601."""
    api: str
    consumer: str
    counter: str | None
    """None in what was deployed before there was one: then it stays as it is."""
    deployment: str
    after: str

    @property
    def record(self) -> str:
        """The description."""
        counter = f" counter {self.counter}," if self.counter else ""
        return (
            f"release {self.id}: consumer {self.consumer},{counter} API deployment"
            f" {self.deployment}, after {self.after}"
        )


def keep(parts: Parts) -> None:
    """Keep what is deployed now. What the function's description still tells was before it."""
    described = (versions.now(parts.api) or {}).get("Description", "")
    earlier = _RECORD.fullmatch(described) or _GOING_BACK.fullmatch(described)
    release = Release(
        time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "",
        versions.publish(parts.consumer),
        versions.publish(parts.counter),
        gateway.current_deployment(*parts.rest_api),
        earlier["id"] if earlier else _NONE,
    )
    versions.describe(parts.api, release.record)
    versions.publish(parts.api)


def before(parts: Parts) -> Release:
    """The release to go back to: where something else was deployed since, without being kept, the
    one that was kept last. Raises `DeploymentError` if there is none."""
    now = versions.now(parts.api) or {}
    described = now.get("Description", "")
    releases = _releases(parts.api)
    if unfinished := _GOING_BACK.fullmatch(described):
        wanted = unfinished["id"]
    elif not (recorded := _RECORD.fullmatch(described)):
        wanted = next(reversed(releases), _NONE)
    elif recorded["id"] in releases and not _is_deployed(parts, releases[recorded["id"]], now):
        wanted = recorded["id"]
    else:
        wanted = recorded["after"]
    if wanted not in releases:
        raise DeploymentError(
            f"there is no version of {parts.api} before this one: `python -m tracker deploy` keeps"
            " one each time"
        )
    return releases[wanted]


def go_back(parts: Parts, release: Release, packages: Path) -> None:
    """Bring API and functions to a release. Stopped half-way, it is finished by the next.

    The API goes first: what it queues, the newer consumer can read as well.
    """
    versions.describe(parts.api, f"going back to {release.id}")
    versions.go_back(parts.api, release.api, packages)
    gateway.serve_deployment(*parts.rest_api, release.deployment)
    versions.go_back(parts.consumer, release.consumer, packages)
    if release.counter:
        versions.go_back(parts.counter, release.counter, packages)
    versions.describe(parts.api, release.record)


def is_kept(told: Mapping[str, Any]) -> bool:
    """Whether a function's configuration has a record."""
    described = told.get("Description", "")
    return bool(_RECORD.fullmatch(described) or _GOING_BACK.fullmatch(described))


def _releases(function: str) -> dict[str, Release]:
    found = {}
    for number, version in versions.published(function).items():
        if recorded := _RECORD.fullmatch(version.get("Description", "")):
            found[recorded["id"]] = Release(
                recorded["id"],
                number,
                recorded["consumer"],
                recorded["counter"],
                recorded["deployment"],
                recorded["after"],
            )
    return found


def _is_deployed(parts: Parts, release: Release, api_now: Mapping[str, Any]) -> bool:
    """Whether the functions are what they were in a release."""
    api = versions.published(parts.api)[release.api]
    return (
        versions.is_same(api, dict(api_now))
        and _is_at(parts.consumer, release.consumer)
        and (release.counter is None or _is_at(parts.counter, release.counter))
    )


def _is_at(function: str, number: str) -> bool:
    version = versions.published(function).get(number, {})
    return versions.is_same(version, versions.now(function) or {})
