"""The unit and the container file say what works: what they start is started, as they say it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from configparser import RawConfigParser
from pathlib import Path

import dockerfile
import pytest

from tests.engines.leash import Leash
from tests.engines.ports import answers, free_port
from tests.engines.program import Program
from tests.engines.required import required

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "tracker.service"


@pytest.fixture
def systemd_analyze() -> str:
    return shutil.which("systemd-analyze") or required("systemd", "apt install systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, for a kit that is here instead of in /opt."""
    here = UNIT.read_text().replace("/opt/tracker/.venv/bin/python", sys.executable)
    path = tmp_path / UNIT.name
    path.write_text(here.replace("/opt/tracker", str(ROOT)))
    return path


@pytest.fixture
def container() -> Sequence[dockerfile.Command]:
    parsed: Sequence[dockerfile.Command] = dockerfile.parse_file(str(DEPLOY / "Dockerfile"))
    return parsed


def of(container: Sequence[dockerfile.Command], name: str) -> list[tuple[str, ...]]:
    return [command.value for command in container if command.cmd == name]


def start(command: Sequence[str], folder: Path, env: dict[str, str], leash: Leash) -> None:
    """Start a server as it is said, and stop it; but on a free port of this machine only."""
    port = free_port()
    other = {"8000": str(port), "0.0.0.0": "127.0.0.1"}
    program = Program(
        [sys.executable, *(other.get(word, word) for word in command[1:])],
        leash=leash,
        output=folder.with_name("server.log"),
        env={**os.environ, **env},
        cwd=folder,
    )
    program.wait_until(lambda: answers(port, "/health") == 200)
    assert answers(port, "/demo") == 404
    assert program.stop() == 0
    assert '"message":"serving http://127.0.0.1:' in program.printed()


def test_systemd_understands_the_unit_and_finds_it_tight(systemd_analyze: str, unit: Path) -> None:
    verified = subprocess.run(
        [systemd_analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=True
    )
    assert (verified.stdout, verified.stderr) == ("", "")
    # 0 is no exposure, 100 all there is: the web servers of distributions have about 95.
    subprocess.run(
        [systemd_analyze, "security", "--offline=yes", "--threshold=20", unit],
        capture_output=True,
        check=True,
    )


def test_the_unit_starts_the_server_as_no_one_special(tmp_path: Path, leash: Leash) -> None:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    service = parser["Service"]
    assert service["User"] == service["Group"] == "tracker"
    command = shlex.split(service["ExecStart"])
    command[command.index("--data") + 1] = str(tmp_path / "data")
    start(command, ROOT, {}, leash)


def test_the_container_holds_what_it_starts_and_writes_to_data_alone(
    container: Sequence[dockerfile.Command], tmp_path: Path, leash: Leash
) -> None:
    image = tmp_path / "app"
    image.mkdir()
    for *sources, target in of(container, "COPY"):
        for name in sources:
            source, place = ROOT / name, image / target
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, place)
    before = sorted(image.rglob("*"))
    (said,) = of(container, "ENV")
    names_and_values = [word for word in said if word != "="]
    env = dict(zip(names_and_values[::2], names_and_values[1::2], strict=True))
    assert env["TRACKER_DATA"] == "/data"
    (command,) = of(container, "CMD")
    start(command, image, {**env, "TRACKER_DATA": str(tmp_path / "data")}, leash)
    assert (tmp_path / "data" / "keys.json").exists()
    assert sorted(image.rglob("*")) == before


def test_the_container_runs_as_no_one_special_and_knows_its_health(
    container: Sequence[dockerfile.Command],
) -> None:
    assert of(container, "USER") == [("10001:10001",)]
    assert of(container, "VOLUME") == [("/data",)]
    order = [command.cmd for command in container]
    assert order.index("USER") > max(n for n, name in enumerate(order) if name == "RUN")
    (health,) = of(container, "HEALTHCHECK")
    assert any("http://127.0.0.1:8000/health" in word for word in health), health
    known = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"}
    assert set(order) <= known | {"HEALTHCHECK", "CMD"}


def test_the_containers_context_is_what_it_copies(
    container: Sequence[dockerfile.Command],
) -> None:
    ignored, *lines = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert ignored == "*", "a folder of data beside the code is never sent to the builder"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert sent == {source for *sources, _ in of(container, "COPY") for source in sources}
