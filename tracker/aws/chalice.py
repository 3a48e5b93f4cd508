"""Chalice's command line, as its own program: it packages and deploys the functions."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from tracker import stages
from tracker.aws.account import client, explained, is_code
from tracker.aws.package import finish, size
from tracker.errors import ConfigError, DeploymentError

DEPLOYED = stages.FOLDER / "deployed"
PACKAGES = stages.FOLDER / "deployments"

Say = Callable[[str], None]

_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"

_LONGEST = 600
"""Characters of a reason: more is a traceback."""


def run(*arguments: str, project: Path, say: Say) -> None:
    """Run ``chalice …``, handing on what it prints. Raises `DeploymentError`."""
    failure: list[str] = []
    last = ""
    with subprocess.Popen(
        [sys.executable, "-c", _CHALICE, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            text = line.rstrip()
            if failure or text.startswith(("Traceback ", "Error: ")):
                failure.append(text)
            elif text:
                last = text
                say(text)
    if process.returncode:
        raise DeploymentError(f"`chalice {arguments[0]}` failed: {_reason(failure or [last])}")


def _reason(failure: list[str]) -> str:
    """What Chalice says after its traceback, in one line."""
    told = " ".join(line.strip() for line in failure).rpartition("ERROR - ")[2]
    return told if len(told) < _LONGEST else failure[-1]


def package(stage: str, out: Path, *options: str, project: Path, say: Say) -> Path:
    """Let Chalice package the functions into a folder; the finished package.

    Chalice keeps packages, and takes one again for the same sources: the kept ones are finished as
    well, so that ``chalice deploy`` deploys those.
    """
    for kept in (project / PACKAGES).glob("*.zip"):
        if not zipfile.is_zipfile(kept):  # a run that was stopped left half of it
            kept.unlink()
    run("package", "--stage", stage, *options, str(out), project=project, say=say)
    made = out / "deployment.zip"
    for zipped in (made, *(project / PACKAGES).glob("*.zip")):
        finish(zipped)
    say(f"The package has {size(made)}.")
    return made


def forget_what_is_gone(stage: str, project: Path) -> None:
    """Strike from Chalice's record what is not there any more: `chalice delete` stumbles over
    it, so that one which stopped half-way could not be repeated."""
    path = project / DEPLOYED / f"{stage}.json"
    told = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    told["resources"] = [resource for resource in told["resources"] if _is_there(resource)]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2))


def _is_there(resource: dict[str, Any]) -> bool:
    """Of a kind not known here: yes."""
    match resource:
        case {"resource_type": "rest_api", "rest_api_id": api}:
            return _found("apigateway", "get_rest_api", restApiId=api)
        case {"resource_type": "sqs_event" | "dynamodb_event", "event_uuid": uuid}:
            return _found("lambda", "get_event_source_mapping", UUID=uuid)
        case {"resource_type": "lambda_function", "lambda_arn": function}:
            return _found("lambda", "get_function", FunctionName=function)
        case {"resource_type": "iam_role", "role_name": role}:
            return _found("iam", "get_role", RoleName=role)
        case _:
            return True


def _found(service: str, operation: str, **named: str) -> bool:
    with explained():
        try:
            getattr(client(service), operation)(**named)
        except ClientError as error:
            if is_code(error, "ResourceNotFoundException", "NotFoundException", "NoSuchEntity"):
                return False
            raise
    return True


def deployed(stage: str, project: Path) -> Mapping[str, dict[str, Any]]:
    """What ``chalice deploy`` has made, by Chalice's names; empty if nothing. Raises
    `ConfigError`."""
    path = project / DEPLOYED / f"{stage}.json"
    try:
        told = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    return {resource["name"]: resource for resource in told.get("resources", [])}
