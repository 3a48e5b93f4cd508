"""Versions of one function: Lambda keeps a published one whole, code and settings."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import ClientError

from tracker.aws.account import client, explained, is_code
from tracker.aws.environment import with_keys_of, without_keys
from tracker.errors import DeploymentError

_SETTINGS = ("Handler", "Runtime", "MemorySize", "Timeout")
_DOWNLOAD_SECONDS = 60

Configuration = dict[str, Any]
"""What Lambda tells of a function, or of a version of it."""


def now(function: str) -> Configuration | None:
    """What a function is now; ``None`` if it is not there."""
    with explained():
        try:
            found: Configuration = client("lambda").get_function_configuration(
                FunctionName=function
            )
        except ClientError as error:
            if is_code(error, "ResourceNotFoundException"):
                return None
            raise
    return found


def publish(function: str) -> str:
    """Keep what a function is now; the number of that version, an earlier one if it is the same."""
    wait_for(function)
    with explained():
        number: str = client("lambda").publish_version(FunctionName=function)["Version"]
    return number


def published(function: str) -> dict[str, Configuration]:
    """A function's versions by their numbers, the oldest first."""
    with explained():
        pages = client("lambda").get_paginator("list_versions_by_function")
        listed = [
            version
            for page in pages.paginate(FunctionName=function)
            for version in page["Versions"]
            if version["Version"] != "$LATEST"
        ]
    listed.sort(key=lambda version: int(version["Version"]))
    return {version["Version"]: version for version in listed}


def describe(function: str, description: str) -> None:
    """Set a function's description."""
    wait_for(function)
    with explained():
        client("lambda").update_function_configuration(
            FunctionName=function, Description=description
        )
    wait_for(function)


def go_back(function: str, number: str, packages: Path) -> None:
    """Let a function be what it was in a version, code and settings; but for the keys, which stay
    what they are: a token that was taken back does not come again.

    ``packages`` is where Chalice keeps what it has packaged: the version's code may be there
    still. Else it is fetched from Lambda.
    """
    aws = client("lambda")
    with explained():
        kept = aws.get_function(FunctionName=function, Qualifier=number)
        was = kept["Configuration"]
        code = _packaged(packages, was["CodeSha256"]) or _fetched(kept)
        today = aws.get_function_configuration(FunctionName=function)
        aws.update_function_configuration(
            FunctionName=function,
            Environment={"Variables": with_keys_of(variables(was), variables(today))},
            **{name: was[name] for name in _SETTINGS},
        )
        wait_for(function)
        aws.update_function_code(
            FunctionName=function,
            ZipFile=code,
            Architectures=was.get("Architectures", ["x86_64"]),
        )
    wait_for(function)


def is_same(one: Configuration, other: Configuration) -> bool:
    """Whether they are the same in code and settings, but for the keys."""
    return all(one.get(name) == other.get(name) for name in ("CodeSha256", *_SETTINGS)) and (
        without_keys(variables(one)) == without_keys(variables(other))
    )


def variables(told: Configuration) -> dict[str, str]:
    """A function's environment."""
    found: dict[str, str] = told.get("Environment", {}).get("Variables", {})
    return found


def _packaged(packages: Path, digest: str) -> bytes | None:
    for package in packages.glob("*.zip"):
        code = package.read_bytes()
        if _digest(code) == digest:
            return code
    return None


def _fetched(kept: dict[str, Any]) -> bytes:
    try:
        answer = requests.get(kept["Code"]["Location"], timeout=_DOWNLOAD_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise DeploymentError(f"the version's code cannot be fetched: {error}") from error
    code = answer.content
    if _digest(code) != kept["Configuration"]["CodeSha256"]:
        raise DeploymentError(
            "Lambda gave other code than the version's: nothing was changed; check out the"
            " revision to go back to, and run `python -m tracker deploy`"
        )
    return code


def _digest(code: bytes) -> str:
    return b64encode(sha256(code).digest()).decode()


def wait_for(function: str) -> None:
    """Wait until the last change of a function is done: Lambda takes no other before."""
    with explained():
        client("lambda").get_waiter("function_updated_v2").wait(
            FunctionName=function, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
