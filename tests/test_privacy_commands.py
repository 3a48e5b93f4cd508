"""A person asks what is kept of them, and that it goes: over HTTP, and from the command line."""

import json
from typing import Any

import pytest

from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Answer,
    Door,
    assert_problem,
    settings,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.test_commands import told, tracker

ADA = [
    {"type": "page", "anonymousId": "phone", "messageId": "1"},
    {"type": "identify", "anonymousId": "phone", "userId": "ada", "traits": {"plan": "pro"}},
    {"type": "alias", "userId": "ada@example.org", "previousId": "ada"},
]
BOB = {"type": "page", "userId": "bob", "messageId": "b"}


@pytest.fixture
def running(server: Servers) -> Server:
    return start(server, settings())


@pytest.fixture
def door(running: Server) -> Door:
    door = Door(running)
    for key, events in ((OPEN_KEY, [*ADA, BOB]), (GUARDED_KEY, ADA)):
        door.post({"batch": [*events, {"type": "track", "userId": "ada"}], "writeKey": key}, BATCH)
    eventually(lambda: of_ada(door) and of_ada(door, GUARDED_TOKEN) and len(door.failed()) == 1)
    return door


BATCH = "/v1/batch"


def of_ada(door: Door, token: str = OPEN_TOKEN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = door.read("/v1/events?user_id=ada&order=asc", token).json["data"]
    return found


def delete(door: Door, user_id: str, token: str = OPEN_TOKEN, query: str = "") -> Answer:
    headers = {"authorization": f"Bearer {token}"}
    return door("DELETE", f"/v1/users/{user_id}{query}", headers=headers)


def test_a_person_is_erased_over_http(door: Door) -> None:
    answer = delete(door, "ada")
    assert answer.status == 200
    assert answer.json == {
        "userId": "ada",
        "userIds": ["ada", "ada@example.org"],
        "anonymousIds": ["phone"],
        "events": 3,
        "failedEvents": 1,
        "deadLetters": 0,
        "complete": True,
    }
    assert answer.headers["cache-control"] == "no-store"
    assert of_ada(door) == door.failed() == []
    assert_problem(door.read("/v1/users/ada"), 404, "unknown_user")
    assert door.read("/v1/users/bob").json["counts"]["events"] == 1
    assert len(of_ada(door, GUARDED_TOKEN)) == 3
    assert delete(door, "ada").json["events"] == 0


def test_who_may_not_read_may_not_erase(door: Door) -> None:
    for token in ("", "wrong", OPEN_KEY):
        assert_problem(delete(door, "ada", token), 401, "unknown_read_token")
    guarded = delete(door, "ada", GUARDED_TOKEN, "?site=open")
    assert_problem(guarded, 403, "site_not_allowed")
    assert_problem(delete(door, "ada", ALL_TOKEN), 400, "invalid_parameter")
    assert len(of_ada(door)) == len(of_ada(door, GUARDED_TOKEN)) == 3
    assert delete(door, "ada", ALL_TOKEN, "?site=guarded").json["events"] == 3
    assert len(of_ada(door)) == 3


def test_a_page_of_another_origin_may_ask_whether_it_may_delete(door: Door) -> None:
    asked = {"origin": "https://admin.example", "access-control-request-method": "DELETE"}
    answer = door("OPTIONS", "/v1/users/ada", headers=asked)
    assert answer.status == 204
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def test_export_writes_all_of_a_person_and_erase_removes_it(running: Server, door: Door) -> None:
    where = ("--data", running.data, "--site", "open")
    done = tracker("export", "--user", "ada@example.org", *where, env=settings())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["user"] == door.read("/v1/users/ada@example.org").json
    assert found["events"] == of_ada(door)
    sessions = door.read("/v1/sessions?user_id=ada&order=asc").json["data"]
    assert found["sessions"] == sessions != []
    assert found["failedEvents"] == door.failed()
    assert len(found["failedEvents"]) == 1

    done = tracker("erase", "ada", *where, "--yes", env=settings())
    assert done.returncode == 0, done.stderr
    assert "3  events" in done.stdout
    assert of_ada(door) == []
    again = tracker("erase", "--user", "ada", *where, "--yes", env=settings())
    assert "0  events" in again.stdout
    found = json.loads(tracker("export", "--user", "ada", *where, env=settings()).stdout)
    assert found == {"user": None, "sessions": [], "events": [], "failedEvents": []}


def test_what_erase_cannot_do_is_said_in_one_line(running: Server, door: Door) -> None:
    where = ("--data", running.data)
    env = settings()
    assert "which site?" in told(tracker("erase", "ada", *where, "--yes", env=env))
    one = (*where, "--site", "open")
    assert "nobody to ask: give --yes" in told(tracker("erase", "ada", *one, env=env))
    assert "a user id" in told(tracker("erase", "", *one, "--yes", env=env))
    assert tracker("erase", *one, "--yes", env=env).returncode == 2, "whom?"
    assert tracker("erase", "ada", "--user", "bob", *one, "--yes", env=env).returncode == 2
    assert "a user id" in told(tracker("export", "--user", "", *one, env=env))
    nowhere = told(tracker("erase", "ada", "--data", "nowhere", "--yes"))
    assert "nowhere holds no tracker data" in nowhere
    assert len(of_ada(door)) == 3
