"""A copy of the project, as somebody has it who deploys it: the command line runs in there."""

import json
import os
import platform
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.loaders import Loader

from tests.engines.engine import Engine, aws_environment

ROOT = Path(__file__).parents[1]
FOR_THE_EMULATOR = "ForTheEmulator"
ROOT_KEY = "test"  # ministack's key of the account itself, which may do everything
_MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class Project:
    """One folder, and one account."""

    def __init__(self, folder: Path, cloud: Engine) -> None:
        self.folder = folder
        self.cloud = cloud
        self._clients: dict[str, Any] = {}
        self.environment = aws_environment(cloud.url) | {
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DATA_PATH": str(_impatient(folder / "waiters")),
        }
        ignored = shutil.ignore_patterns("*.pyc", "__pycache__", "deployed", "deployments")
        for name in ("tracker", ".chalice"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        _let_the_emulator_follow_streams(folder / ".chalice" / "policy-count.json")
        (folder / "vendor").mkdir()
        (folder / "vendor" / "tracker").symlink_to("../tracker")
        for name in ("app.py", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        # The emulator runs the functions on this machine.
        self.change_settings(lambda_architecture=_MACHINES[platform.machine()])

    def settings(self) -> Any:
        return json.loads((self.folder / ".chalice" / "config.json").read_text())

    def change_settings(self, **values: object) -> None:
        path = self.folder / ".chalice" / "config.json"
        path.write_text(json.dumps(self.settings() | values))

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command that succeeds; what it printed."""
        done = self.try_to(*arguments, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command that fails, with one line that says why; the line."""
        done = self.try_to(*arguments, env=env)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("tracker: ")
        return line.removeprefix("tracker: ")

    def asked(self, *arguments: str, answers: str) -> "subprocess.CompletedProcess[str]":
        """Run a command at a terminal, and type the answers."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answers.encode())
            return self._run(arguments, theirs, {})
        finally:
            os.close(ours)
            os.close(theirs)

    def try_to(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return self._run(arguments, subprocess.DEVNULL, env or {})

    def _run(
        self, arguments: Sequence[str], stdin: int, env: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tracker", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **env},
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def client(self, service: str) -> Any:
        """A client of the account, as its owner has it."""
        if service not in self._clients:
            self._clients[service] = self._make_client(service)
        return self._clients[service]

    def _make_client(self, service: str) -> Any:
        make: Any = boto3.Session(
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            region_name=self.environment["AWS_REGION"],
        ).client
        return make(service, endpoint_url=self.cloud.url)

    def url(self, api_id: str) -> str:
        """An API of the account, by path: its host name means something to the emulator alone."""
        return f"{self.cloud.url}/_aws/execute-api/{api_id}/api"


def _let_the_emulator_follow_streams(policy: Path) -> None:
    """It does not see which stream a call is about, and takes it to be about all there is."""
    whole = json.loads(policy.read_text())
    (of_stream,) = (one for one in whole["Statement"] if one["Sid"] == "FollowTheEvents")
    whole["Statement"].append(of_stream | {"Sid": FOR_THE_EMULATOR, "Resource": "*"})
    policy.write_text(json.dumps(whole))


def _impatient(folder: Path) -> Path:
    """What makes Chalice look every second whether a function is ready, and not every five: here
    it is after half a second. It looks for as long as ever."""
    loader = Loader()
    name = ("lambda", loader.determine_latest_version("lambda", "waiters-2"), "waiters-2")
    model = loader.load_service_model("lambda", "waiters-2")
    for waiter in model["waiters"].values():
        waiter["maxAttempts"] *= waiter["delay"]
        waiter["delay"] = 1
    file = folder.joinpath(*name).with_suffix(".json")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(model))
    return folder


@contextmanager
def broken_template(project: Project) -> Iterator[None]:
    """The template asks for something that cannot be made."""
    path = project.folder / "tracker" / "aws" / "resources.json"
    template = path.read_text()
    whole = json.loads(template)
    whole["Resources"]["Broken"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "broken", "VisibilityTimeout": 99_999},
    }
    path.write_text(json.dumps(whole))
    try:
        yield
    finally:
        path.write_text(template)
