"""Everything the README says is run here, or compared with what is there."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.test_commands import tracker
from tracker import __version__, assets, config
from tracker.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *ROOT.glob("[CS]*.md"), *(ROOT / "docs").glob("*.md")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(beginning: str) -> list[str]:
    lines = [line.partition(" #")[0] for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(beginning)]


def here(text: str, server: Server) -> str:
    """The README's words, for a server that runs."""
    for said, meant in (
        ("http://127.0.0.1:8000", server.url),
        ("WRITE_KEY", server.write_key),
        ("READ_TOKEN", server.read_token),
    ):
        text = text.replace(said, meant)
    return text


def curl(command: str) -> Any:
    """What the command prints; this machine may have no curl."""
    _, option, header, url = shlex.split(command)
    assert option == "-H"
    name, _, value = header.partition(": ")
    answer = requests.get(url, headers={name: value}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_it_opens_with_two_commands_that_make_knows() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands("make") == ["make demo", "make test"]
    assert {command.split()[1] for command in commands("make")} <= targets


def test_the_snippet_is_the_one_that_is_printed() -> None:
    assert assets.snippet("http://127.0.0.1:8000", "WRITE_KEY") in README


def test_the_pinned_script_is_the_one_that_is_served(server: Servers) -> None:
    running = server()
    tag = next(block for block in blocks("html") if "integrity" in block)
    url = re.search(r'src="([^"]+)"', here(tag, running))
    assert url
    answer = requests.get(url[1], timeout=30)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == assets.client()
    assert f'integrity="{assets.client_integrity()}"' in tag


def test_the_python_and_the_commands_do_what_is_said(
    server: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    running = server()
    sending, reading = (here(block, running) for block in blocks("python"))
    exec(compile(sending, "README.md", "exec"), {})

    def stored() -> Any:
        (command,) = (c for c in commands("curl") if "/v1/users/" in c)
        profile = curl(here(command, running))
        return profile if profile["counts"]["events"] == 2 else None

    assert eventually(stored)["traits"] == {"plan": "pro"}
    for command in commands("curl"):
        assert curl(here(command, running))
    exec(compile(reading, "README.md", "exec"), {})
    assert "track Order placed" in capsys.readouterr().out
    for command in commands("python -m tracker"):
        arguments = shlex.split(command)[3:]
        if arguments[0] in ("serve", "token") or "--follow" in arguments:
            continue
        if "--stage" not in arguments:  # those: tests/test_deploy_chalice.py
            done = tracker(*arguments, env={"TRACKER_DATA": str(running.data)})
            assert done.returncode == 0, done.stderr


def test_every_command_has_the_options_it_is_shown_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for command in commands("python -m tracker"):
        arguments: Sequence[str] = shlex.split(command)[3:]
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--help"])
        assert ended.value.code == 0


def test_the_costs_are_those_that_are_printed() -> None:
    (command,) = re.findall(r"`python -m tracker (cost [^`]*events-per-request[^`]*)`", README)
    printed = tracker(*shlex.split(command)).stdout
    (sentence,) = re.findall(r"line by line: (.*?)\. Smaller", README)
    figures = re.findall(r"\$(\d+\.\d\d)", sentence)
    assert len(figures) == 3
    for figure in figures:
        assert f"${figure} " in printed


def test_the_settings_are_settings() -> None:
    words = [word for command in commands("export") for word in shlex.split(command)[1:]]
    shown = dict(word.split("=", 1) for word in words)
    read = config.from_environment(shown)
    assert read.site_of("wk_shop") == "shop"
    assert list(read.keys.read_tokens.values()) == ["shop"]
    assert (read.path_prefix, read.script_name) == ("/m", "shop.js")


def test_the_api_and_the_script_have_the_names_that_are_set(server: Servers) -> None:
    running = server(env={"TRACKER_PATH_PREFIX": "/a/b", "TRACKER_SCRIPT_NAME": "c.js"})
    snippet = assets.snippet(f"{running.url}/a/b", running.write_key, "c.js")
    assert snippet in requests.get(f"{running.url}/demo", timeout=30).text
    for name in ("c.js", assets.versioned_name("c.js")):
        answer = requests.get(f"{running.url}/a/b/{name}", timeout=30)
        assert answer.content == assets.client()
    sent = {"writeKey": running.write_key, "batch": []}
    assert requests.post(f"{running.url}/a/b/v1/batch", json=sent, timeout=30).ok
    assert requests.post(f"{running.url}/v1/batch", json=sent, timeout=30).status_code == 404


def test_the_files_it_names_are_there() -> None:
    for document in DOCUMENTS:
        text = document.read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
        for path in re.findall(r"`([\w./-]+\.(?:py|json|md|html))`", text):
            places = (ROOT / path, ROOT / "tracker" / path, *ROOT.glob(f"*/*/{path}"))
            assert any(place.exists() for place in places), f"{document.name}: {path}"


def test_the_map_of_the_code_has_ten_bullets_or_fewer() -> None:
    the_map = (ROOT / "CONTRIBUTING.md").read_text().partition("## The map")[2]
    assert len(re.findall(r"^- ", the_map, re.MULTILINE)) <= 10


def test_there_is_one_version() -> None:
    package = json.loads((ROOT / "client-js" / "package.json").read_text())
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == package["version"] == __version__
