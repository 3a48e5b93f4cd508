"""Bad input, all at once, on both stores: every event gets the contract's answer, nothing else of
its batch is lost, and what was answered is what is read back."""

import json
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.conftest import StoreSettings
from tests.door import OPEN_KEY, Door, assert_problem, settings, some_servers, start
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.test_contract_writing import BAD_EVENTS, GOOD_EVENTS

TEXTS = ("messageId", "timestamp", "originalTimestamp", "sentAt", "event", "name", "category")
IDS = ("anonymousId", "userId", "groupId", "previousId")
MAY_BE_NUMBERS = ("groupId", "previousId")
OBJECTS = ("properties", "traits", "context", "integrations")

VALUES: dict[str, object] = {
    "a number": 17,
    "a negative number": -1,
    "a huge number": 10**300,
    "a fraction": -1.5e300,
    "true": True,
    "an array": [],
    "an array of arrays": [[[]]],
    "an object": {},
    "an object of objects": {"a": {"b": None}},
    "a string": "text",
}


class Sent(NamedTuple):
    name: str
    raw: bytes
    field: str | None
    """What it is rejected for; ``None`` if it is not."""
    reason: str = ""
    kept: bool = True
    """Whether its payload is what was sent."""


def event(**members: Any) -> bytes:
    return json.dumps({"type": "page", "anonymousId": "matrix"} | members).encode()


def wrong_types() -> Iterator[Sent]:
    """Each member with a value of each type that is not its own."""
    for member in (*TEXTS, *IDS):
        for name, value in VALUES.items():
            sent = event(**{member: value})
            if type(value) in (int, float) and member in MAY_BE_NUMBERS:
                yield Sent(f"{member}: {name}", sent, None)
            elif not isinstance(value, str):
                yield Sent(f"{member}: {name}", sent, member, "must be a string")
    for member in OBJECTS:
        for name, value in VALUES.items():
            if not isinstance(value, dict):
                sent = event(**{member: value})
                yield Sent(f"{member}: {name}", sent, member, "must be an object")
    for name, value in VALUES.items():
        yield Sent(f"type: {name}", event(type=value), "type", "must be one of")


def large() -> Iterator[Sent]:
    """What is far over a limit, and still in a request that is under its own."""
    text = "x" * 450_000
    for member in ("userId", "event", "unknown"):
        sent = event(**{member: text})
        yield Sent(f"{member} of 450 KB", sent, "", "larger than 32 KB")
    deep = b'{"type": "page", "anonymousId": "d", "x": ' + b'{"a":[' * 5_000 + b"]}" * 5_000 + b"}"
    yield Sent("objects and arrays in each other", deep, "", "deeper than 32 levels", kept=False)
    names = {f"n{n}": "y" * 20 for n in range(1_200)}
    yield Sent("a thousand members", event(properties=names), "", "larger than 32 KB")


def strange() -> Iterator[Sent]:
    """What is unusual and good."""
    for name, case in GOOD_EVENTS.items():
        raw = b'{"type": "page", "anonymousId": "strange", %s}' % case.members
        yield Sent(name, raw, None)
    for member in (*TEXTS[4:], *IDS):
        yield Sent(f"{member} with a NUL", event(**{member: "a\0b"}), None)
        half = event(**{member: "HALF"}).replace(b"HALF", rb"\udc00 \ud83d")
        yield Sent(f"{member} with halves of characters", half, None)
    for date in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31", None):
        for member in ("timestamp", "originalTimestamp", "sentAt"):
            yield Sent(f"{member} {date}", event(**{member: date}), None)
    for number in (-(2**63), 2**64, -(10**300), 1e-320, -1.7e308, -0.0):
        yield Sent(f"the number {number}", event(properties={"x": number, "y": [number]}), None)
    twice = b'{"type": "track", "type": "page", "anonymousId": "w", "anonymousId": "v"}'
    yield Sent("members twice: the last counts", twice, None)
    twice = b'{"type": "page", "anonymousId": "v", "properties": {"a": 1, "a": {"a": 2}}}'
    yield Sent("an object's member twice", twice, None)
    twice = b'{"type": "page", "anonymousId": [], "anonymousId": "v"}'
    yield Sent("a member twice, wrong once", twice, "anonymousId", "must be a string")


ALL = [
    *(Sent(name, bad.raw, bad.field, bad.reason, bad.kept) for name, bad in BAD_EVENTS.items()),
    *wrong_types(),
    *large(),
    *strange(),
]


@pytest.fixture(scope="module")
def door(
    store_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    with some_servers(tmp_path_factory.mktemp("bad-input"), leash) as servers:
        yield Door(start(servers, settings() | store_settings()))


def batches() -> Iterator[list[Sent]]:
    """As many at a time as fit into a request."""
    batch: list[Sent] = []
    size = 0
    for sent in ALL:
        if batch and size + len(sent.raw) > 480_000:
            yield batch
            batch, size = [], 0
        batch.append(sent)
        size += len(sent.raw) + 200
    yield batch


def test_every_event_has_its_answer_and_is_read_back(door: Door) -> None:
    visitor = f"v-{uuid.uuid4()}"
    expected_failed: dict[tuple[str, str], int] = {}
    payloads: list[str] = []
    accepted = neighbours = 0
    for batch in batches():
        good = event(anonymousId=visitor)
        body = (
            b'{"batch": [' + b",".join([good, *(b",".join([s.raw, good]) for s in batch)]) + b"]}"
        )
        answer = door.post(body)
        assert answer.status == 200, answer
        rejected = {one["index"]: one for one in answer.json["rejected"]}
        assert len(rejected) + answer.json["accepted"] == 2 * len(batch) + 1
        for place, sent in enumerate(batch):
            found = rejected.pop(2 * place + 1, None)
            if sent.field is None:
                assert found is None, (sent.name, found)
                accepted += 1
                continue
            assert found is not None, sent.name
            assert found["field"] == sent.field, sent.name
            assert sent.reason in found["reason"], sent.name
            fault = (found["field"], found["reason"])
            expected_failed[fault] = expected_failed.get(fault, 0) + 1
            if sent.kept:
                payloads.append(sent.raw.decode(errors="replace"))
        assert rejected == {}, "the neighbours are good"
        neighbours += len(batch) + 1

    def read(path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = door.read(f"{path}limit=300{cursor}").json
            rows += page["data"]
            if page["next_cursor"] is None:
                return rows
            cursor = f"&cursor={quote(page['next_cursor'])}"

    failed_count = sum(expected_failed.values())
    eventually(lambda: len(read("/v1/failed-events?")) >= failed_count)
    failed = read("/v1/failed-events?")
    assert len(failed) == failed_count
    found_failed: dict[tuple[str, str], int] = {}
    for one in failed:
        (fault_read,) = one["errors"]
        pair = (fault_read["field"], fault_read["reason"])
        found_failed[pair] = found_failed.get(pair, 0) + 1
    assert found_failed == expected_failed
    assert {_normal(text) for text in payloads} <= {_normal(one["payload"]) for one in failed}
    assert {one["site"] for one in failed} == {"open"}

    eventually(lambda: len(read(f"/v1/events?anonymous_id={visitor}&")) == neighbours, timeout=60)
    everything = read("/v1/events?")
    assert len(everything) == accepted + neighbours
    by_reason = read("/v1/failed-events/counts?")
    assert sum(row["count"] for row in by_reason) == failed_count


def _normal(text: str) -> str:
    """JSON, whatever its blanks and its last digits."""
    return json.dumps(json.loads(text, parse_int=str, parse_float=str), sort_keys=True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"batch": "' + b"x" * 2_000_000 + b'"}', 413, "request_too_large"),
        (b'{"batch": [{"type": "page", "name": "' + b"x" * 1_000_000, 413, "request_too_large"),
        (b'{"batch": [1], "batch": 2}', 400, "invalid_batch"),
        (b'{"batch": [], "context": {"x": ' + b"9" * 5_000 + b"}}", 400, "invalid_batch"),
        (b'{"batch": [' + b"[" * 200_000, 400, "invalid_json"),
        (b"\0", 400, "invalid_json"),
    ],
    ids=["megabytes", "megabytes cut off", "twice", "a huge number", "brackets", "a NUL"],
)
def test_a_bad_request_stores_nothing(door: Door, body: bytes, status: int, code: str) -> None:
    before = len(door.failed())
    assert_problem(door.post(body, f"/v1/batch?write_key={OPEN_KEY}"), status, code)
    assert len(door.failed()) == before


def test_what_the_last_of_two_batches_holds_counts(door: Door) -> None:
    visitor = f"v-{uuid.uuid4()}"
    answer = door.post(b'{"batch": [], "batch": [%s]}' % event(anonymousId=visitor))
    assert answer.json["accepted"] == 1
    door.stored(visitor)


QUERIES = {
    "limit=0": "limit",
    "limit=-1": "limit",
    "limit=99999999999999999999": "limit",
    "since=0000-01-01": "since",
    "until=10000-01-01": "until",
    "since=%00": "since",
    "order=up": "order",
    "cursor=%00": "cursor",
    "cursor=AAAA": "cursor",
    "cursor=" + "A" * 4_000: "cursor",
    "user_id=": "user_id",
    "user_id=" + "u" * 257: "user_id",
    "anonymous_id=": "anonymous_id",
    "userId=ada": "userId",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_bad_parameter_is_named(door: Door, query: str) -> None:
    for path in ("/v1/failed-events", "/v1/failed-events/counts"):
        if path.endswith("counts") and query.startswith("limit"):
            continue  # counts have none
        problem = assert_problem(door.read(f"{path}?{query}"), 400, "invalid_parameter")
        assert [error["field"] for error in problem["errors"]] == [QUERIES[query]]


@pytest.mark.parametrize("path", ["/v1/failed-events", "/v1/failed-events/counts"])
def test_a_strange_filter_finds_nothing(door: Door, path: str) -> None:
    for query in (
        "field=%00",
        "reason=%F0%9F%98%80",
        "message_id=",
        "user_id=%00%00",
        "since=9999-12-31T23:59:59Z",
        "until=0001-01-01",
        "reason=" + "r" * 5_000,
    ):
        assert door.read(f"{path}?{query}").json == {"data": [], "next_cursor": None}, query


def test_counts_are_by_reason_or_field_only(door: Door) -> None:
    answer = door.read("/v1/failed-events/counts?group_by=site")
    assert_problem(answer, 400, "invalid_parameter")
