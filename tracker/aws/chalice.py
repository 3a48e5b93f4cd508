"""Chalice's command line, as its own program: it packages and deploys the functions."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker import stages
from tracker.errors import ConfigError, DeploymentError

DEPLOYED = stages.FOLDER / "deployed"
PACKAGES = stages.FOLDER / "deployments"

Say = Callable[[str], None]


def run(*arguments: str, project: Path, say: Say, given: str = "") -> None:
    """Run ``chalice …``, handing on what it prints. Raises `DeploymentError`."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from chalice.cli import main; main()", *arguments],
        cwd=project,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101  (a pipe, as asked for)
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(given)
    process.stdin.close()
    last = ""
    for line in process.stdout:
        if text := line.rstrip():
            last = text
            if not _is_traceback(line):
                say(text)
    if process.wait():
        raise DeploymentError(f"`chalice {' '.join(arguments)}` failed: {last}")


def _is_traceback(line: str) -> bool:
    return line.startswith(("Traceback ", '  File "', "    "))


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
