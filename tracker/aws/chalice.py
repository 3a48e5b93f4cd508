"""Chalice's command line, as its own program: it packages and deploys the functions."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker import stages
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
    run("package", "--stage", stage, *options, str(out), project=project, say=say)
    made = out / "deployment.zip"
    for zipped in (made, *(project / PACKAGES).glob("*.zip")):
        finish(zipped)
    say(f"The package has {size(made)}.")
    return made


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
