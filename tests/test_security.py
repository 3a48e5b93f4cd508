"""What SECURITY.md says is done, where no other test is about it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.door import (
    ALL_TOKEN,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Answer,
    Door,
    assert_problem,
    basic,
    settings,
    some_servers,
    start,
)
from tests.engines.leash import Leash
from tests.events import wire
from tracker import config, routes, wiring
from tracker.router import Access

ROOT = Path(__file__).parents[1]
KNOWN, UNKNOWN = "somebody", "nobody"


class Asked(NamedTuple):
    method: str
    path: str


READS = [
    Asked(route.method, route.path)
    for route in routes.routes(wiring.parts(config.Config()))
    if route.access is Access.READ_TOKEN
] + [Asked("GET", "/metrics")]


@pytest.fixture(scope="module")
def door(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    with some_servers(tmp_path_factory.mktemp("security"), leash) as servers:
        door = Door(start(servers, settings(any_origin=False)))
        event = wire(userId=KNOWN, anonymousId="v", messageId="m")
        assert door.post({"batch": [event]}).status == 200
        door.stored("v")
        yield door


def ask(door: Door, asked: Asked, user: str, headers: Mapping[str, str], query: str = "") -> Answer:
    path = re.sub(r"\{\w+\}", user, asked.path)
    return door(asked.method, path + query, b"{}" if asked.method == "POST" else None, headers)


def test_the_table_names_who_may_read() -> None:
    """A new route that tells about people is found here, or it is open to everybody."""
    assert len(READS) >= 12
    assert {asked.path for asked in READS} >= {"/v1/events", "/v1/users/{user_id}", "/v1/live"}
    open_to_all = {
        route.path
        for route in routes.routes(wiring.parts(config.Config()))
        if route.access is Access.ANYONE and not route.path.endswith((".js", "/{file}"))
    }
    assert open_to_all <= {"/", "/health", "/openapi.json"}, "is this about nobody?"


@pytest.mark.parametrize("asked", READS, ids=" ".join)
def test_without_a_token_nobody_learns_who_is_known(door: Door, asked: Asked) -> None:
    answers = [
        ask(door, asked, user, headers, query)
        for user in (KNOWN, UNKNOWN)
        for headers, query in (
            ({}, ""),
            ({"authorization": "Bearer guessed"}, ""),
            ({"authorization": f"Bearer {OPEN_KEY}"}, ""),
            ({"authorization": basic(OPEN_TOKEN)}, ""),
            ({"cookie": f"token={OPEN_TOKEN}"}, ""),
            ({}, f"?token={OPEN_TOKEN}&read_token={OPEN_TOKEN}&access_token={OPEN_TOKEN}"),
        )
    ]
    for answer in answers:
        assert_problem(answer, 401, "unknown_read_token")
    assert len({answer.body for answer in answers}) == 1
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize("asked", READS, ids=" ".join)
def test_no_token_reads_another_site_and_no_browser_keeps_what_was_read(
    door: Door, asked: Asked
) -> None:
    other = ask(door, asked, KNOWN, {"authorization": f"Bearer {GUARDED_TOKEN}"}, "?site=open")
    assert_problem(other, 403, "site_not_allowed")
    # A reader of no event: erasing and replaying must not disturb the other tests.
    own = ask(door, asked, UNKNOWN, {"authorization": f"Bearer {ALL_TOKEN}"}, "?site=guarded")
    assert own.status < 500
    for answer in (other, own):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert KNOWN not in other.body.decode() + own.body.decode()


def test_a_write_does_not_tell_whether_somebody_is_known(door: Door) -> None:
    told = {
        door.post({"batch": [wire(userId=user, messageId="m")]}).body for user in (KNOWN, UNKNOWN)
    }
    assert told == {b'{"success":true,"accepted":1,"rejected":[]}'}


@pytest.mark.parametrize("path", ["/", "/demo"])
def test_a_page_of_ours_is_in_nobodys_frame_and_runs_nobodys_code(door: Door, path: str) -> None:
    answer = door("GET", path, headers={"host": 'a"><script>alert(1)</script>'})
    assert answer.status in (200, 400)
    assert "<script>alert" not in answer.body.decode()
    page = door("GET", path)
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "base-uri" in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_nothing_that_was_sent_becomes_a_header_of_an_answer(door: Door) -> None:
    sent = "sent-by-somebody"
    for path in (f"/{sent}", f"/v1/events?cursor={sent}", f"/%0d%0aset-cookie:%20{sent}", "/demo"):
        for name in ("origin", "x-forwarded-proto", "x-forwarded-for", "referer", "x-request-id"):
            answer = door("GET", path, headers={name: f"https://{sent}.example"})
            assert answer.status < 500
            assert not [value for value in answer.headers.values() if sent in value]
            assert "set-cookie" not in answer.headers


def pinned(lines: list[str]) -> Iterator[str]:
    """Requirements that say exactly one version."""
    for line in lines:
        if line.strip() and not line.startswith("#"):
            assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.]+", line), line
            yield line


def test_every_dependency_is_pinned() -> None:
    """What is installed tomorrow is what was looked at today."""
    for path in (*ROOT.glob("requirements*.txt"), *ROOT.glob("tests/**/*requirements.txt")):
        if ".venv" not in path.parts and "node_modules" not in path.parts:
            assert list(pinned(path.read_text().splitlines())), path
    locks = [ROOT / "client-js/package-lock.json", *ROOT.glob("tests/*/package-lock.json")]
    assert len(locks) >= 3
    for path in locks:
        packages: dict[str, Any] = json.loads(path.read_text())["packages"]
        for name, package in packages.items():
            if name and not package.get("link"):
                assert package["integrity"].startswith("sha512-"), (path, name)
