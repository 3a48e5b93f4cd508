"""Versions of the functions that ``chalice deploy`` made: kept at each deploy, gone back to.

Lambda keeps a published version whole, code and settings. The one of the API function names, in
its description, the deployment of the API that went with it.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tracker.aws.account import client, explained
from tracker.errors import DeploymentError

_KEPT_SETTINGS = ("Handler", "Runtime", "MemorySize", "Timeout", "Environment")
_DEPLOYMENT = "API deployment "
_DOWNLOAD_SECONDS = 60


class Version(NamedTuple):
    """One version of one function."""

    function: str
    number: str
    made: str
    """ISO 8601."""
    api_deployment: str | None


def keep(function: str, api_deployment: str | None = None) -> Version:
    """Publish what a function is now; the same version again if it has not changed."""
    aws = client("lambda")
    described = {"Description": f"{_DEPLOYMENT}{api_deployment}"} if api_deployment else {}
    with explained():
        wait_for(function)
        return _version(aws.publish_version(FunctionName=function, **described))


def before(function: str) -> Version:
    """The version before the one in use. Raises `DeploymentError` where there is none."""
    aws = client("lambda")
    with explained():
        now = aws.get_function_configuration(FunctionName=function)
        pages = aws.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        published = [
            version
            for page in pages
            for version in page["Versions"]
            if version["Version"] != "$LATEST"
        ]
    published.sort(key=lambda version: int(version["Version"]), reverse=True)
    in_use = next((version for version in published if _is_same(version, now)), None)
    for version in published:
        older = in_use is None or int(version["Version"]) < int(in_use["Version"])
        if older and not _is_same(version, now):
            return _version(version)
    raise DeploymentError(
        f"function {function} has no version before this one: `python -m tracker deploy` keeps"
        " one each time"
    )


def go_back(version: Version, packages: Path) -> None:
    """Let a function be what it was in a version, code and settings.

    ``packages`` is where Chalice keeps what it has packaged: the version's code may be there
    still. Else it is fetched from Lambda.
    """
    aws = client("lambda")
    with explained():
        kept = aws.get_function(FunctionName=version.function, Qualifier=version.number)
        was = kept["Configuration"]
        code = _packaged(packages, was["CodeSha256"]) or _fetched(kept)
        settings = {name: was[name] for name in _KEPT_SETTINGS if name in was}
        aws.update_function_configuration(FunctionName=version.function, **settings)
        wait_for(version.function)
        aws.update_function_code(
            FunctionName=version.function,
            ZipFile=code,
            Architectures=was.get("Architectures", ["x86_64"]),
        )
        wait_for(version.function)


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


def _is_same(version: dict[str, Any], now: dict[str, Any]) -> bool:
    return all(
        version.get(name) == now.get(name)
        for name in ("CodeSha256", "Environment", "Runtime", "Handler", "MemorySize", "Timeout")
    )


def _version(told: dict[str, Any]) -> Version:
    name = told["FunctionName"]
    description = told.get("Description", "")
    deployment = description.removeprefix(_DEPLOYMENT) if _DEPLOYMENT in description else None
    return Version(name, told["Version"], told["LastModified"], deployment)
