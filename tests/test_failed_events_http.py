"""Failed events through HTTP, on both stores: asked for, counted, and sent through again when a
schema has changed; and how they leave a running server's folder."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.conftest import StoreSettings
from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_TOKEN,
    Door,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Servers
from tests.events import HOUR
from tests.test_commands import tracker
from tracker import keyring, timestamps, wiring
from tracker.config import Keys, Site, hash_token
from tracker.stores import FailedEvent
from tracker.stores.sqlite.store import SqliteStore


@pytest.fixture(scope="module")
def door(
    store_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    with some_servers(tmp_path_factory.mktemp("failed"), leash) as servers:
        door = Door(start(servers, settings() | store_settings()))
        wrong: list[dict[str, Any]] = [
            {"type": "track", "userId": "ada", "messageId": "m1"},
            {"type": "track", "userId": "bob", "anonymousId": "v", "messageId": "m2"},
            {"type": "page", "messageId": "m3"},
            {"type": "page", "userId": 17, "messageId": "m4"},
            {"type": "page", "userId": "ada", "timestamp": "yesterday", "messageId": "m5"},
        ]
        for event in wrong:
            door.post({"batch": [event]})
        door.post({"batch": [wrong[0]]}, f"/v1/batch?write_key={GUARDED_KEY}")
        eventually(lambda: len(door.failed(GUARDED_TOKEN)) == 1 and len(door.failed()) == 5)
        yield door


def ask(door: Door, path: str = "", token: str = OPEN_TOKEN, **query: Any) -> Any:
    answer = door.read(f"/v1/failed-events{path}?{urlencode(query)}", token)
    assert answer.status == 200, answer
    return answer.json


def ids(door: Door, **query: Any) -> list[str]:
    return [one["messageId"] for one in ask(door, **query)["data"]]


def test_a_failed_event_tells_site_person_payload_and_reason(door: Door) -> None:
    (one,) = ask(door, message_id="m2")["data"]
    assert one.pop("id")
    received = one.pop("receivedAt")
    assert abs(timestamps.parse(received) - timestamps.now()) < HOUR
    payload = {"type": "track", "userId": "bob", "anonymousId": "v", "messageId": "m2"}
    assert json.loads(one.pop("payload")) == payload
    assert one == {
        "site": "open",
        "messageId": "m2",
        "userId": "bob",
        "anonymousId": "v",
        "errors": [{"field": "event", "reason": "is required for track: the event's name"}],
    }


def test_filters_choose_and_pages_end(door: Door) -> None:
    assert ids(door) == ["m5", "m4", "m3", "m2", "m1"]
    assert ids(door, order="asc") == ["m1", "m2", "m3", "m4", "m5"]
    assert ids(door, field="event") == ["m2", "m1"]
    assert ids(door, reason="is not an ISO 8601 date") == ["m5"]
    assert ids(door, user_id="ada") == ["m5", "m1"]
    assert ids(door, user_id=17) == ["m4"]
    assert ids(door, anonymous_id="v") == ["m2"]
    assert ids(door, user_id="ada", field="event") == ["m1"]
    at = {one["messageId"]: one["receivedAt"] for one in ask(door)["data"]}
    assert ids(door, since=at["m2"], until=at["m4"]) == ["m3", "m2"], "half-open"
    first = ask(door, limit=1, field="event", order="asc")
    second = ask(door, limit=1, field="event", order="asc", cursor=first["next_cursor"])
    assert [one["messageId"] for one in first["data"] + second["data"]] == ["m1", "m2"]
    assert second["next_cursor"] is None


def test_counts_are_by_reason_and_by_field(door: Door) -> None:
    at = {one["messageId"]: one["receivedAt"] for one in ask(door)["data"]}
    counts = ask(door, "/counts")
    assert counts["next_cursor"] is None
    assert counts["data"][0] == {
        "field": "event",
        "reason": "is required for track: the event's name",
        "count": 2,
        "firstSeen": at["m1"],
        "lastSeen": at["m2"],
    }
    by_field = ask(door, "/counts", group_by="field", since=at["m2"])["data"]
    assert [(row["field"], row["count"]) for row in by_field] == [
        ("userId", 2),
        ("event", 1),
        ("timestamp", 1),
    ]
    assert all("reason" not in row for row in by_field)


def test_no_site_sees_another_sites(door: Door) -> None:
    for token, query in ((GUARDED_TOKEN, {}), (ALL_TOKEN, {"site": "guarded"})):
        assert [one["site"] for one in ask(door, token=token, **query)["data"]] == ["guarded"]
        (row,) = ask(door, "/counts", token, **query)["data"]
        assert row["count"] == 1
    for path in ("", "/counts"):
        assert door.read(f"/v1/failed-events{path}?site=guarded").status == 403
        assert door.read(f"/v1/failed-events{path}", "no token").status == 401


# --- Schemas --------------------------------------------------------------------------------------


def write(folder: Path, name: str, schema: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema))


PAID = {"properties": {"properties": {"required": ["total"], "properties": {"total": {}}}}}
STRICT = {
    "properties": {
        "properties": {"required": ["total"], "properties": {"total": {"type": "number"}}}
    }
}


def paid(visitor: str, **properties: object) -> dict[str, object]:
    return {"type": "track", "event": "Paid", "anonymousId": visitor, "properties": properties}


def replay(door: Door) -> Any:
    token = {"authorization": f"Bearer {OPEN_TOKEN}"}
    return door("POST", "/v1/failed-events/replay", headers=token).json


def test_an_event_that_a_changed_schema_allows_is_replayed(
    store_settings: StoreSettings, server: Servers, tmp_path: Path
) -> None:
    folder = tmp_path / "schemas"
    write(folder, "Paid.json", STRICT)
    running = start(server, settings() | store_settings() | {"TRACKER_SCHEMAS": str(folder)})
    door, visitor = Door(running), f"v-{uuid4()}"
    answer = door.post({"batch": [paid(visitor), paid(visitor, total=1), paid(visitor, total="2")]})
    missing, wrong = answer.json["rejected"]
    assert answer.json["accepted"] == 1
    assert (missing["index"], missing["field"]) == (0, "properties.total")
    assert missing["reason"] == "is required"
    assert (wrong["index"], wrong["reason"]) == (2, "must be a number")
    door.stored(visitor, 1)
    eventually(lambda: len(door.failed()) == 2)
    assert ids_of(replay(door)) == {"is required", "must be a number"}, "nothing has changed yet"
    assert len(door.failed()) == 2

    write(folder, "Paid.json", PAID)
    running.stop()
    running.start()
    done = replay(door)
    assert (done["replayed"], ids_of(done)) == (1, {"is required"})
    assert {one["properties"]["total"] for one in door.stored(visitor, 2)} == {1, "2"}
    eventually(lambda: len(door.failed()) == 1)

    (folder / "Paid.json").unlink()
    running.stop()
    running.start()
    assert replay(door)["replayed"] == 1
    door.stored(visitor, 3)
    eventually(lambda: door.failed() == [])


def ids_of(replayed: Any) -> set[str]:
    return {one["reason"] for one in replayed["rejected"]}


def test_a_site_that_flags_stores_all_and_rejects_nothing(
    store_settings: StoreSettings, server: Servers, tmp_path: Path
) -> None:
    sites = json.loads(settings()["TRACKER_SITES"])
    sites["open"]["schema_violations"] = "flag"
    environment = settings() | store_settings() | {"TRACKER_SITES": json.dumps(sites)}
    write(tmp_path / "schemas", "Paid.json", STRICT)
    environment["TRACKER_SCHEMAS"] = str(tmp_path / "schemas")
    door, visitor = Door(start(server, environment)), f"v-{uuid4()}"
    answer = door.post({"batch": [paid(visitor, total="2"), paid(visitor, total=2)]})
    assert answer.json == {"success": True, "accepted": 2, "rejected": []}
    marks = [event["context"].get("violations") for event in door.stored(visitor, 2)]
    assert sorted(marks, key=bool) == [
        None,
        [{"field": "properties.total", "reason": "must be a number"}],
    ]
    answer = door.post({"batch": [paid("guarded")]}, f"/v1/batch?write_key={GUARDED_KEY}")
    assert answer.json["accepted"] == 0, "the other site rejects"


def test_the_folder_of_a_server_has_its_schemas_too(server: Servers, tmp_path: Path) -> None:
    write(tmp_path / "data" / "schemas", "page.json", {"required": ["name"]})
    running = server(data=tmp_path / "data")
    answer = Door(running).post(
        {"batch": [{"type": "page", "anonymousId": "v"}], "writeKey": running.write_key},
        "/v1/batch",
    )
    assert answer.json["rejected"][0]["field"] == "name"


# --- How they leave -------------------------------------------------------------------------------


def old(number: int, days: float, site: str = "open") -> FailedEvent:
    return FailedEvent(
        id=f"{site}{number}",
        site=site,
        received_at=timestamps.now() - int(days * 24 * HOUR),
        field="type",
        reason="is required",
        payload="{}",
    )


def test_a_running_server_removes_what_is_past_its_time(server: Servers, tmp_path: Path) -> None:
    """Each site's own time counts: what the folder says of it reaches the consumer's process."""
    data = tmp_path / "data"
    sites = {"open": Site(["key-open"], failed_days=3), "guarded": Site([GUARDED_KEY])}
    keyring.save(data, Keys(sites=sites, read_tokens={hash_token(OPEN_TOKEN): "open"}))
    kept = SqliteStore(data / wiring.STORE_FILE, failed_days=lambda _: 3650)
    kept.append_failed([old(n, 4) for n in range(600)])
    kept.append_failed([old(1_000, 2), old(1, 29, "guarded"), old(2, 31, "guarded")])
    door = Door(server("--write-key=", "--read-token=", data=data))
    assert [one["id"] for one in door.failed()] == ["open1000"], "shown or not, without a sweep"

    def ids_there() -> set[str]:
        with closing(sqlite3.connect(data / wiring.STORE_FILE)) as connection:
            return {row[0] for row in connection.execute("SELECT id FROM failed_events")}

    eventually(lambda: ids_there() == {"open1000", "guarded1"})


# --- On the command line --------------------------------------------------------------------------


def test_the_command_line_lists_and_counts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / wiring.STORE_FILE)
    store.append_failed([old(n, n / 100, "default") for n in range(1, 4)])
    data = ("--data", tmp_path)
    listed = tracker("failed", *data)
    assert (listed.returncode, listed.stderr) == (0, "")
    head, *rows = listed.stdout.splitlines()
    assert head.split() == ["RECEIVED", "(UTC)", "FIELD", "REASON", "WHO", "MESSAGE", "ID"]
    assert [row[25:].split("  ")[0] for row in rows] == ["type"] * 3
    assert len(tracker("failed", *data, "--limit", "2").stdout.splitlines()) == 3
    (count,) = tracker("failed", *data, "--counts").stdout.splitlines()[1:]
    assert count.split()[:4] == ["3", "type", "is", "required"]
    (count,) = tracker("failed", *data, "--counts", "field").stdout.splitlines()[1:]
    assert count.split()[:2] == ["3", "type"]
    row = json.loads(tracker("failed", *data, "--counts", "--json").stdout)
    assert (row["count"], row["reason"]) == (3, "is required")
    ids_listed = [
        json.loads(line)["id"]
        for line in tracker("failed", *data, "--json", "--asc").stdout.splitlines()
    ]
    assert ids_listed == ["default3", "default2", "default1"]
    nothing = tracker("failed", *data, "--user", "ada").stdout.splitlines()[1:]
    assert nothing == ["(no failed events)"]
    assert tracker("failed", *data, "--site", "-").stdout.splitlines()[1:] == nothing


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--since", "yesterday"), "--since must be an ISO 8601 date"),
        (("--counts", "--asc"), "leave out --asc"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    SqliteStore(tmp_path / wiring.STORE_FILE).check()
    done = tracker("failed", "--data", tmp_path, *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
