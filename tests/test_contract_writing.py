"""The writing half of the HTTP contract, through the real door: what is taken, what is refused,
and that one bad event never costs its neighbours."""

import base64
import gzip
import json
import math
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.door import (
    ALLOWED,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    SECOND_KEY,
    Answer,
    Door,
    assert_problem,
    basic,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Servers

LIMIT = 500 * 1024
EVENT_LIMIT = 32 * 1024


@pytest.fixture(scope="module")
def servers(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Servers]:
    with some_servers(tmp_path_factory.mktemp("writing"), leash) as servers:
        yield servers


@pytest.fixture(scope="module")
def door(servers: Servers) -> Door:
    return Door(start(servers, settings()))


@pytest.fixture
def visitor() -> str:
    """An anonymous id nobody else has."""
    return f"visitor-{uuid4()}"


def page(visitor: str, **members: Any) -> dict[str, Any]:
    return {"type": "page", "anonymousId": visitor} | members


def padded(event: dict[str, Any], size: int) -> bytes:
    """The event as JSON of exactly so many bytes."""
    raw = json.dumps(event | {"properties": {"x": ""}}).encode()
    return raw.replace(b'"x": ""', b'"x": "' + b"x" * (size - len(raw)) + b'"')


def nested(levels: int) -> bytes:
    """A page view that nests so deep; its properties are the second level."""
    inner = b"[" * (levels - 2) + b"]" * (levels - 2)
    return b'{"type": "page", "anonymousId": "deep", "properties": {"x": ' + inner + b"}}"


# --- The request as a whole -----------------------------------------------------------------------


class BadRequest(NamedTuple):
    body: bytes
    status: int
    code: str
    headers: Mapping[str, str] = MappingProxyType({})
    path: str = "/v1/batch"


GZIP = {"content-encoding": "gzip"}
EMPTY = b'{"batch": []}'

BAD_REQUESTS = {
    "not JSON": BadRequest(b"hello", 400, "invalid_json"),
    "JSON that ends too early": BadRequest(b'{"batch": [{"type": "pa', 400, "invalid_json"),
    "JSON and more": BadRequest(b'{"batch": []} {}', 400, "invalid_json"),
    "an empty body": BadRequest(b"", 400, "invalid_json"),
    "blanks": BadRequest(b" \n", 400, "invalid_json"),
    "a form": BadRequest(b"batch=1&type=page", 400, "invalid_json"),
    "bytes that are no text": BadRequest(b"\xff\xfe\x00", 400, "invalid_json"),
    "a NaN beside the batch": BadRequest(
        b'{"batch": [], "context": {"x": NaN}}', 400, "invalid_json"
    ),
    "a NaN in a single event": BadRequest(b'{"x": NaN}', 400, "invalid_json", path="/v1/page"),
    "a NaN and brackets that never close": BadRequest(
        b'{"batch": [{"x": NaN}', 400, "invalid_json"
    ),
    "a NaN and 200 000 commas": BadRequest(
        b'{"batch": [NaN' + b"," * 200_000 + b"]}", 400, "invalid_json"
    ),
    "a comma at the end": BadRequest(b'{"batch": [{"type": "page",}]}', 400, "invalid_json"),
    "sentAt with 100 000 digits": BadRequest(
        b'{"batch": [], "sentAt": "2026-11-22T10:00:00.' + b"1" * 100_000 + b'"}',
        400,
        "invalid_batch",
    ),
    "a context that comes to 80 MB with its events": BadRequest(
        b'{"batch": ['
        + b",".join([b"1"] * 2_500)
        + b'], "context": {"x": "'
        + b"y" * 32_000
        + b'"}}',
        413,
        "context_too_large",
    ),
    "brackets that never close": BadRequest(b'{"batch": ' + b"[" * 100_000, 400, "invalid_json"),
    "deep brackets that never close": BadRequest(
        b'{"batch": [{"x": ' + b"[" * 5_000 + b"]}", 400, "invalid_json"
    ),
    "an array": BadRequest(b"[]", 400, "invalid_batch"),
    "a string": BadRequest(b'"batch"', 400, "invalid_batch"),
    "a number": BadRequest(b"1", 400, "invalid_batch"),
    "null": BadRequest(b"null", 400, "invalid_batch"),
    "no batch": BadRequest(b"{}", 400, "invalid_batch"),
    "one event where a batch belongs": BadRequest(
        b'{"type": "page", "anonymousId": "a"}', 400, "invalid_batch"
    ),
    "a batch that is null": BadRequest(b'{"batch": null}', 400, "invalid_batch"),
    "a batch that is an object": BadRequest(b'{"batch": {}}', 400, "invalid_batch"),
    "a batch that is a string": BadRequest(b'{"batch": "x"}', 400, "invalid_batch"),
    "sentAt not a date": BadRequest(b'{"batch": [], "sentAt": "x"}', 400, "invalid_batch"),
    "sentAt a number": BadRequest(b'{"batch": [], "sentAt": 1}', 400, "invalid_batch"),
    "sentAt empty": BadRequest(b'{"batch": [], "sentAt": ""}', 400, "invalid_batch"),
    "sentAt in the year 0": BadRequest(
        b'{"batch": [], "sentAt": "0000-01-01"}', 400, "invalid_batch"
    ),
    "context not an object": BadRequest(b'{"batch": [], "context": 1}', 400, "invalid_batch"),
    "context with a number out of range": BadRequest(
        b'{"batch": [], "context": {"ip": 1e999}}', 400, "invalid_batch"
    ),
    "context with a number of 6 000 digits": BadRequest(
        b'{"batch": [], "context": {"x": ' + b"9" * 6_000 + b"}}", 400, "invalid_batch"
    ),
    "context of 32 levels": BadRequest(
        b'{"batch": [], "context": {"x": ' + b"[" * 31 + b"]" * 31 + b"}}", 400, "invalid_batch"
    ),
    "context of 5 000 levels": BadRequest(
        b'{"batch": [], "context": {"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
        400,
        "invalid_batch",
    ),
    "context that is not UTF-8": BadRequest(
        b'{"batch": [], "context": {"x": "\xff"}}', 400, "invalid_json"
    ),
    "writeKey a number": BadRequest(b'{"batch": [], "writeKey": 1}', 400, "invalid_batch"),
    "a single event that is an array": BadRequest(b"[]", 400, "invalid_event", path="/v1/page"),
    "a single event that is null": BadRequest(b"null", 400, "invalid_event", path="/v1/t"),
    "a single event that is not JSON": BadRequest(b"{", 400, "invalid_json", path="/v1/identify"),
    "a single event without a body": BadRequest(b"", 400, "invalid_json", path="/v1/a"),
    "not gzip though it says so": BadRequest(EMPTY, 400, "invalid_gzip", GZIP),
    "gzip cut short": BadRequest(gzip.compress(EMPTY)[:-9], 400, "invalid_gzip", GZIP),
    "gzip with a wrong checksum": BadRequest(
        gzip.compress(EMPTY)[:-8] + b"\x00" * 8, 400, "invalid_gzip", GZIP
    ),
    "gzip and then something else": BadRequest(
        gzip.compress(EMPTY) + b"more", 400, "invalid_gzip", GZIP
    ),
    "gzip of nothing": BadRequest(gzip.compress(b""), 400, "invalid_json", GZIP),
    "zlib where gzip is meant": BadRequest(zlib.compress(EMPTY), 400, "invalid_gzip", GZIP),
    "an unknown encoding": BadRequest(
        EMPTY, 415, "unsupported_encoding", {"content-encoding": "br"}
    ),
    "two encodings": BadRequest(
        EMPTY, 415, "unsupported_encoding", {"content-encoding": "gzip, gzip"}
    ),
    "over 500 KB": BadRequest(b" " * (LIMIT + 1 - len(EMPTY)) + EMPTY, 413, "request_too_large"),
    "eight megabytes of rubbish": BadRequest(b"x" * 8_000_000, 413, "request_too_large"),
    "over 500 KB once unpacked": BadRequest(
        gzip.compress(b" " * (LIMIT + 1 - len(EMPTY)) + EMPTY), 413, "request_too_large", GZIP
    ),
    "a gzip bomb": BadRequest(gzip.compress(bytes(200_000_000), 1), 413, "request_too_large", GZIP),
    "a gzip bomb in parts": BadRequest(
        gzip.compress(bytes(LIMIT // 2)) * 900, 413, "request_too_large", GZIP
    ),
    "2 501 events": BadRequest(
        b'{"batch": [' + b",".join([b"{}"] * 2_501) + b"]}", 413, "too_many_events"
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_answered_with_a_problem(door: Door, name: str) -> None:
    case = BAD_REQUESTS[name]
    answer = door.post(case.body, f"{case.path}?write_key={OPEN_KEY}", case.headers)
    assert_problem(answer, case.status, case.code)


def test_a_body_over_the_limit_is_refused_without_a_length(door: Door) -> None:
    chunks = iter([b"x" * 65_536] * 9)
    answer = door("POST", f"/v1/batch?write_key={OPEN_KEY}", chunks)
    assert_problem(answer, 413, "request_too_large")


@pytest.mark.parametrize("way", ["plain", "chunked", "gzip"])
def test_a_body_of_exactly_the_limit_is_taken(door: Door, visitor: str, way: str) -> None:
    events = [padded(page(visitor), 30_000)] * 16
    body = b'{"batch": [' + b",".join(events) + b"]}"
    body += b" " * (LIMIT - len(body))
    path = f"/v1/batch?write_key={OPEN_KEY}"
    if way == "gzip":
        answer = door.post(gzip.compress(body), path, GZIP)
    elif way == "chunked":
        answer = door("POST", path, iter([body[:300_000], body[300_000:]]))
    else:
        answer = door.post(body, path)
    assert answer.json == {"success": True, "accepted": 16, "rejected": []}


def test_2500_events_are_taken(door: Door, visitor: str) -> None:
    answer = door.post({"batch": [page(visitor)] * 2_500})
    assert answer.json == {"success": True, "accepted": 2_500, "rejected": []}
    eventually(lambda: door.read(f"/v1/events?anonymous_id={visitor}").json["next_cursor"])


def test_an_empty_batch_is_a_success_that_queues_nothing(door: Door) -> None:
    answer = door.post(EMPTY)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"success": True, "accepted": 0, "rejected": []}


CONTENT_TYPES = {
    "JSON": "application/json",
    "JSON with a charset": "application/json; charset=utf-8",
    "plain text, as sendBeacon sends it": "text/plain;charset=UTF-8",
    "a form, as old clients say": "application/x-www-form-urlencoded",
    "bytes": "application/octet-stream",
    "nonsense": "///",
}


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_json_is_read_whatever_the_content_type_says(door: Door, visitor: str, name: str) -> None:
    answer = door.post({"batch": [page(visitor)]}, headers={"content-type": CONTENT_TYPES[name]})
    assert answer.json["accepted"] == 1


def test_json_is_read_without_a_content_type(door: Door, visitor: str) -> None:
    assert door.post({"batch": [page(visitor)]}).json["accepted"] == 1


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "identity"])
def test_content_encodings_are_understood(door: Door, visitor: str, encoding: str) -> None:
    body = json.dumps({"batch": [page(visitor)]}).encode()
    if encoding != "identity":
        body = gzip.compress(body[:20]) + gzip.compress(body[20:])  # one stream may follow another
    answer = door.post(body, headers={"content-encoding": encoding})
    assert answer.json["accepted"] == 1
    door.stored(visitor)


# --- One bad event among good ones ----------------------------------------------------------------


class BadEvent(NamedTuple):
    raw: bytes
    field: str
    reason: str
    kept: bool = True
    """Whether the failed event's payload is what was sent, to the letter or as JSON."""


def bad(field: str, reason: str, **members: Any) -> BadEvent:
    """A page view that is good but for some members; ``...`` takes one away."""
    event = {"type": "page", "anonymousId": "bad"} | members
    event = {name: value for name, value in event.items() if value is not ...}
    return BadEvent(json.dumps(event).encode(), field, reason)


def strange(member: bytes, field: str, reason: str, *, kept: bool = True) -> BadEvent:
    """A page view with a member that no JSON library writes."""
    return BadEvent(
        b'{"type": "page", "anonymousId": "strange", ' + member + b"}", field, reason, kept
    )


TOO_LONG = "x" * 257
NOT_A_DATE = "is not an ISO 8601 date"

BAD_EVENTS = {
    "null": BadEvent(b"null", "", "must be an object, not null"),
    "a number": BadEvent(b"17", "", "must be an object, not a number"),
    "a string": BadEvent(b'"page"', "", "must be an object, not a string"),
    "an array": BadEvent(b'[{"type": "page"}]', "", "must be an object, not an array"),
    "true": BadEvent(b"true", "", "must be an object, not a boolean"),
    "an empty object": BadEvent(b"{}", "type", "is required"),
    "no type": bad("type", "is required", type=...),
    "type null": bad("type", "is required", type=None),
    "an unknown type": bad("type", "must be one of page, track", type="click"),
    "a type in capitals": bad("type", "must be one of page, track", type="Page"),
    "type empty": bad("type", "must be one of page, track", type=""),
    "type a number": bad("type", "must be one of page, track", type=1),
    "type an array": bad("type", "must be one of page, track", type=["page"]),
    "no id": bad("userId", "userId or anonymousId is required", anonymousId=...),
    "both ids null": bad(
        "userId", "userId or anonymousId is required", anonymousId=None, userId=None
    ),
    "anonymousId empty": bad("userId", "userId or anonymousId is required", anonymousId=""),
    "both ids empty": bad("userId", "userId or anonymousId is required", anonymousId="", userId=""),
    "anonymousId too long": bad("anonymousId", "longer than 256", anonymousId=TOO_LONG),
    "anonymousId a number": bad("anonymousId", "must be a string, not a number", anonymousId=1),
    "anonymousId an object": bad("anonymousId", "must be a string, not an object", anonymousId={}),
    "userId too long": bad("userId", "longer than 256", userId=TOO_LONG),
    "userId a number": bad("userId", "must be a string, not a number", userId=17),
    "userId a boolean": bad("userId", "must be a string, not a boolean", userId=True),
    "messageId too long": bad("messageId", "longer than 256", messageId=TOO_LONG),
    "messageId a number": bad("messageId", "must be a string", messageId=1),
    "a track without event": bad("event", "is required for track", type="track"),
    "a track with event null": bad("event", "is required for track", type="track", event=None),
    "a track with event empty": bad("event", "is required for track", type="track", event=""),
    "event a number": bad("event", "must be a string", type="track", event=1),
    "name an object": bad("name", "must be a string, not an object", name={}),
    "category a number": bad("category", "must be a string", category=1),
    "a group without groupId": bad("groupId", "is required for group", type="group"),
    "groupId empty": bad("groupId", "is required for group", type="group", groupId=""),
    "groupId an array": bad("groupId", "must be a string or a number", type="group", groupId=[1]),
    "groupId a boolean": bad("groupId", "must be a string or a number", groupId=True),
    "an alias without previousId": bad("previousId", "is required for alias", type="alias"),
    "previousId empty": bad("previousId", "is required for alias", type="alias", previousId=""),
    "previousId too long": bad("previousId", "longer than 256", type="alias", previousId=TOO_LONG),
    "previousId an object": bad(
        "previousId", "must be a string or a number, not an object", type="alias", previousId={}
    ),
    "properties an array": bad("properties", "must be an object, not an array", properties=[]),
    "properties a string": bad("properties", "must be an object, not a string", properties="x"),
    "traits a number": bad("traits", "must be an object, not a number", traits=1),
    "context a string": bad("context", "must be an object, not a string", context="x"),
    "context an array": bad("context", "must be an object, not an array", context=["ip"]),
    "integrations true": bad("integrations", "must be an object, not a boolean", integrations=True),
    "timestamp not a date": bad("timestamp", NOT_A_DATE, timestamp="yesterday"),
    "timestamp empty": bad("timestamp", NOT_A_DATE, timestamp=""),
    "timestamp a number": bad("timestamp", "must be a string", timestamp=1_700_000_000),
    "timestamp a number as text": bad("timestamp", NOT_A_DATE, timestamp="1700000000000"),
    "timestamp as JavaScript prints it": bad(
        "timestamp", NOT_A_DATE, timestamp="Sun Nov 22 2026 10:00:00 GMT+0100"
    ),
    "timestamp in the year 0": bad("timestamp", NOT_A_DATE, timestamp="0000-06-01T00:00:00Z"),
    "timestamp before the year 1": bad(
        "timestamp", NOT_A_DATE, timestamp="0001-01-01T00:00:00+12:00"
    ),
    "timestamp after the year 9999": bad(
        "timestamp", NOT_A_DATE, timestamp="9999-12-31T23:59:59-12:00"
    ),
    "timestamp of five digits' year": bad(
        "timestamp", NOT_A_DATE, timestamp="+010000-01-01T00:00:00Z"
    ),
    "timestamp on the 30th of February": bad("timestamp", NOT_A_DATE, timestamp="2026-02-30"),
    "timestamp at 25 o'clock": bad("timestamp", NOT_A_DATE, timestamp="2026-11-22T25:00:00Z"),
    "timestamp in the 61st second": bad("timestamp", NOT_A_DATE, timestamp="2026-11-22T10:00:60Z"),
    "timestamp in the 62nd second": bad("timestamp", NOT_A_DATE, timestamp="2016-12-31T23:59:61Z"),
    "timestamp after 24:00": bad("timestamp", NOT_A_DATE, timestamp="2026-11-22T24:00:01Z"),
    "timestamp with a wrong separator": bad(
        "timestamp", NOT_A_DATE, timestamp="2026-11-22x10:00:00Z"
    ),
    "timestamp with a zone too far": bad(
        "timestamp", NOT_A_DATE, timestamp="2026-11-22T10:00:00+24:00"
    ),
    "timestamp with other digits": bad("timestamp", NOT_A_DATE, timestamp="\uff12026-11-22"),
    "timestamp with blanks": bad("timestamp", NOT_A_DATE, timestamp=" 2026-11-22 "),
    "originalTimestamp not a date": bad("originalTimestamp", NOT_A_DATE, originalTimestamp="x"),
    "originalTimestamp empty": bad("originalTimestamp", NOT_A_DATE, originalTimestamp=""),
    "originalTimestamp a number": bad("originalTimestamp", "must be a string", originalTimestamp=1),
    "sentAt not a date": bad("sentAt", NOT_A_DATE, sentAt="now"),
    "sentAt an object": bad("sentAt", "must be a string, not an object", sentAt={}),
    "over 32 KB": BadEvent(
        padded(page("large"), EVENT_LIMIT + 1), "", "the event is larger than 32 KB"
    ),
    "over 400 KB": BadEvent(padded(page("huge"), 400_000), "", "the event is larger than 32 KB"),
    "33 levels": BadEvent(nested(33), "", "nests deeper than 32 levels"),
    "100 levels": BadEvent(nested(100), "", "nests deeper than 32 levels", kept=False),
    "5 000 levels": BadEvent(nested(5_000), "", "nests deeper than 32 levels", kept=False),
    "15 000 levels": BadEvent(nested(15_000), "", "nests deeper than 32 levels", kept=False),
    "not UTF-8 in a known member": strange(b'"name": "\xff"', "", "not valid UTF-8", kept=False),
    "not UTF-8 in an unknown member": strange(b'"xyz": "\xff"', "", "not valid UTF-8", kept=False),
    "not UTF-8 in a member's name": strange(b'"\xff": 1', "", "not valid UTF-8", kept=False),
    "not UTF-8 in the context": strange(
        b'"context": {"page": {"title": "\xc3"}}', "", "not valid UTF-8", kept=False
    ),
    "a surrogate as UTF-8": strange(b'"name": "\xed\xa0\x80"', "", "not valid UTF-8", kept=False),
    "NaN": strange(b'"properties": {"x": NaN}', "", "NaN is not JSON: send null", kept=False),
    "Infinity in a list": strange(
        b'"properties": {"x": [-Infinity, Infinity]}', "", "-Infinity is not JSON", kept=False
    ),
    "nothing but NaN": BadEvent(b"NaN", "", "NaN is not JSON", kept=False),
    "NaN in an unknown member, deep": strange(
        b'"x": {"y": [[{"z": NaN}]]}', "", "NaN is not JSON", kept=False
    ),
    "a line break in a text": strange(
        b'"name": "a\nb"', "", "a control character that is not escaped", kept=False
    ),
    "a NUL byte": strange(b'"name": "\x00"', "", "a control character", kept=False),
    "NaN and 5 000 levels": strange(
        b'"properties": {"x": NaN, "y": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "",
        "NaN is not JSON",
        kept=False,
    ),
    "1e999 in a known member": strange(b'"properties": {"x": 1e999}', "properties", "out of range"),
    "1e999 in an unknown member": strange(b'"xyz": 1e999', "", "out of range"),
    "-1e999": strange(b'"traits": {"x": [-1e999]}', "traits", "out of range"),
    "6 000 digits in a known member": strange(
        b'"context": {"sessionId": ' + b"9" * 6_000 + b"}", "context", "out of range"
    ),
    "6 000 digits in an unknown member": strange(b'"xyz": ' + b"9" * 6_000, "", "out of range"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_bad_event_is_kept_with_its_reason_and_costs_no_other(
    door: Door, visitor: str, name: str
) -> None:
    case = BAD_EVENTS[name]
    before, after = (json.dumps(page(visitor, name=which)).encode() for which in ("1", "2"))
    answer = door.post(b'{"batch": [' + b",".join([before, case.raw, after]) + b"]}")

    assert answer.status == 200, answer
    assert answer.json["success"] is True
    assert answer.json["accepted"] == 2
    (rejection,) = answer.json["rejected"]
    assert rejection["index"] == 1
    assert rejection["field"] == case.field
    assert case.reason in rejection["reason"]
    stored = door.stored(visitor, 2)
    assert [event["name"] for event in stored] == ["1", "2"], "in the order of their batch"

    errors = [{"field": rejection["field"], "reason": rejection["reason"]}]
    sent = case.raw.decode(errors="replace")

    def kept() -> bool:
        failed = [one for one in door.failed() if one["errors"] == errors]
        return any(not case.kept or _same_json(one["payload"], sent) for one in failed)

    eventually(kept)


def _same_json(one: str, other: str) -> bool:
    return bool(json.loads(one, parse_int=str) == json.loads(other, parse_int=str))


def test_what_is_not_json_is_kept_in_a_form_that_is(door: Door, visitor: str) -> None:
    """As Python's clients send it: json.dumps writes NaN."""
    event = page(visitor, messageId="nan-" + visitor, properties={"x": math.nan, "y": "\x01"})
    raw = json.dumps(event).replace("\\u0001", "\x01").encode()
    answer = door.post(b'{"batch": [' + raw + b"]}")
    (rejection,) = answer.json["rejected"]
    assert rejection["messageId"] == event["messageId"]
    eventually(lambda: event["messageId"] in [one.get("messageId") for one in door.failed()])
    (failed,) = [one for one in door.failed() if one.get("messageId") == event["messageId"]]
    assert failed["anonymousId"] == visitor
    assert json.loads(failed["payload"])["properties"] == {"x": "NaN", "y": "\x01"}


def test_a_retry_of_a_bad_event_changes_no_answer(door: Door, visitor: str) -> None:
    bad_event = {"type": "track", "anonymousId": visitor, "messageId": "again-" + visitor}
    batch = {"batch": [page(visitor), bad_event]}

    def kept() -> list[str]:
        found = door.failed()
        return [one["id"] for one in found if one.get("messageId") == bad_event["messageId"]]

    door.post(batch)
    eventually(kept)
    first = kept()
    for number in range(9):
        again = batch | {"sentAt": f"2026-10-01T10:00:0{number}Z"}
        assert len(door.post(again).json["rejected"]) == 1
    last = "last-" + visitor
    door.post({"batch": [{"type": "track", "anonymousId": visitor, "messageId": last}]})
    eventually(lambda: last in [one.get("messageId") for one in door.failed()])
    assert kept() == first


def test_a_rejection_names_the_message_id(door: Door, visitor: str) -> None:
    ids = ["m-" + visitor, TOO_LONG]
    bad_events = [{"type": "page", "messageId": one} for one in ids]
    answer = door.post({"batch": [page(visitor), *bad_events]})
    assert [one["messageId"] for one in answer.json["rejected"]] == [ids[0], None]
    eventually(lambda: ids[0] in [one.get("messageId") for one in door.failed()])


def test_a_batch_of_nothing_but_bad_events_is_a_success(door: Door) -> None:
    answer = door.post({"batch": [None] * 2_500})
    assert answer.status == 200
    assert answer.json["accepted"] == 0
    assert [one["index"] for one in answer.json["rejected"]] == list(range(2_500))


def test_the_batchs_context_counts_towards_an_events_size(door: Door, visitor: str) -> None:
    context = {"x": "y" * 20_000}
    small, large = page(visitor), json.loads(padded(page(visitor), 20_000))
    answer = door.post({"batch": [small, large], "context": context})
    assert [one["index"] for one in answer.json["rejected"]] == [1]
    assert door.stored(visitor)[0]["context"]["x"] == context["x"]


# --- What is strange and still good ---------------------------------------------------------------


class GoodEvent(NamedTuple):
    members: bytes
    expected: dict[str, Any]
    """Members as they are read; ``...`` stands for none."""


def good(expected: dict[str, Any] | None = None, **members: Any) -> GoodEvent:
    return GoodEvent(json.dumps(members).encode()[1:-1], members if expected is None else expected)


NULLS = [
    *("userId", "messageId", "timestamp", "originalTimestamp", "sentAt", "event", "name"),
    *("category", "groupId", "previousId", "properties", "traits", "context", "integrations"),
    *("_metadata", "channel"),
]

GOOD_EVENTS = {
    "nothing else": GoodEvent(b'"category": "c"', {"category": "c", "messageId": str}),
    **{
        f"{member} null": good({"context": dict} if member == "context" else {}, **{member: None})
        for member in NULLS
    },
    "userId empty, as RudderStack's clients send it": good({"userId": ...}, userId=""),
    "anonymousId of 1 and userId of 256 characters": good(userId="é" * 256),
    "messageId empty": good({"messageId": str}, messageId=""),
    "messageId of 256 characters": good(messageId="ü" * 256),
    "unknown members": good(_metadata={"bundled": ["a"]}, channel="browser", version="1"),
    "event on a page view": good(event="Read"),
    "a title cut inside an emoji": GoodEvent(
        rb'"context": {"page": {"title": "cut \ud83d"}}', {"context": {"page": {"title": "cut �"}}}
    ),
    "two halves the wrong way round": GoodEvent(rb'"name": "\udE00\ud83D"', {"name": "��"}),
    "an emoji as two escapes": GoodEvent(rb'"name": "\ud83d\uDE00"', {"name": "😀"}),
    "an escaped backslash before ud800": GoodEvent(rb'"name": "\\ud800"', {"name": "\\ud800"}),
    "a lone surrogate in an unknown member": GoodEvent(rb'"xyz": "\ud800"', {"xyz": "�"}),
    "a NUL": GoodEvent(rb'"name": "a\u0000b"', {"name": "a\0b"}),
    "a NUL in a user id": GoodEvent(rb'"userId": "a\u0000b"', {"userId": "a\0b"}),
    "markup": good(name="<script>alert(1)</script>"),
    "a member twice: the last counts": GoodEvent(
        b'"name": "first", "name": "last"', {"name": "last"}
    ),
    "a member in another spelling of its name": GoodEvent(
        rb'"n\u0061me": "spelt", "x\u0079z": 1', {"name": "spelt", "xyz": 1}
    ),
    "numbers at the edges": good(
        properties={"a": 2**63, "b": -(2**70), "c": 1.7976931348623157e308, "d": 5e-324, "e": -0.0}
    ),
    "a number of 300 digits": good(properties={"x": 10**299}),
    "an event of 32 levels": GoodEvent(
        b'"properties": {"x": ' + b"[" * 30 + b"]" * 30 + b"}", {"properties": dict}
    ),
    "many brackets in a text": good(name="[{" * 100),
    "many brackets beside each other": good(properties={"x": [[]] * 100}),
    "a group's number": good(type="group", groupId=42),
    "a long group": good(type="group", groupId="g" * 300),
    "an alias of a number": good({"previousId": "17"}, type="alias", userId="n", previousId=17),
    "groupId empty where it is not needed": good(groupId=""),
    "previousId empty where it is not needed": good(previousId=""),
    "a NaN that is text": good(name="NaN, Infinity"),
    "a session number": good(context={"sessionId": 1_700_000_000}),
    "a sequence number that is none": good(context={"seq": "7"}),
    "a page that is no object": good(context={"page": "pricing"}),
    "a URL that is none": good(properties={"url": "http://[::1"}),
}


@pytest.mark.parametrize("name", GOOD_EVENTS)
def test_a_strange_event_is_taken_and_read_back(door: Door, visitor: str, name: str) -> None:
    case = GOOD_EVENTS[name]
    raw = b'{"type": "page", "anonymousId": "%s", %s}' % (visitor.encode(), case.members)
    answer = door.post(b'{"batch": [' + raw + b"]}")
    assert answer.json == {"success": True, "accepted": 1, "rejected": []}
    (event,) = door.stored(visitor)
    for member, value in case.expected.items():
        if isinstance(value, type):
            assert isinstance(event[member], value)
            assert event[member]
        elif isinstance(value, dict):
            assert value.items() <= event[member].items()
        elif value is ...:
            assert member not in event
        else:
            assert event[member] == value
    if name.endswith(" null") and not case.expected:
        member = name.removesuffix(" null")
        assert event.get(member, "absent") is not None, "null means absent"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-01T10:00:00Z", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01T10:00:00.5z", "2026-10-01T10:00:00.500Z"),
        ("2026-10-01t10:00:00.123456Z", "2026-10-01T10:00:00.123456Z"),
        ("2026-10-01T10:00:00.123456789Z", "2026-10-01T10:00:00.123456Z"),
        ("2026-10-01T10:00:00,25Z", "2026-10-01T10:00:00.250Z"),
        ("2026-10-01T10:00:00+05:30", "2026-10-01T04:30:00.000Z"),
        ("2026-10-01T10:00:00-0800", "2026-10-01T18:00:00.000Z"),
        ("2026-10-01T10:00:00", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01 10:00", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01", "2026-10-01T00:00:00.000Z"),
        ("20261001T100000Z", "2026-10-01T10:00:00.000Z"),
        ("2026-10-01T24:00:00Z", "2026-10-02T00:00:00.000Z"),
        ("2026-10-01T24:00", "2026-10-02T00:00:00.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250Z"),
        ("2017-01-01T05:44:60+05:45", "2017-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
@pytest.mark.parametrize("member", ["timestamp", "originalTimestamp"])
def test_iso_8601_is_read_in_its_usual_forms(
    door: Door, visitor: str, member: str, text: str, instant: str
) -> None:
    assert door.post({"batch": [page(visitor, **{member: text})]}).json["accepted"] == 1
    (event,) = door.stored(visitor)
    assert event["timestamp"] == instant
    assert event["originalTimestamp"] == text


def test_an_event_of_exactly_32_kb_is_taken(door: Door, visitor: str) -> None:
    answer = door.post(b'{"batch": [' + padded(page(visitor), EVENT_LIMIT) + b"]}")
    assert answer.json["accepted"] == 1
    door.stored(visitor)


def test_the_batchs_context_lies_beneath_that_of_each_event(door: Door, visitor: str) -> None:
    batch = {
        "context": {"library": {"name": "x"}, "locale": "de", "app": "shop", "ip": "203.0.113.77"},
        "sentAt": "2026-10-01T10:00:00Z",
        "batch": [
            page(visitor, name="1", context={"locale": "fr", "app": None, "userAgent": None}),
            page(visitor, name="2", sentAt="2026-10-01T09:00:00Z", context=None),
        ],
    }
    assert door.post(batch, headers={"user-agent": "Test/1"}).json["accepted"] == 2
    first, second = sorted(door.stored(visitor, 2), key=lambda event: str(event["name"]))
    assert first["context"].pop("sessionId").startswith("auto_")
    assert first["context"] == {
        "library": {"name": "x"},
        "locale": "fr",
        "app": "shop",
        "ip": "203.0.113.0",
    }
    assert second["context"]["locale"] == "de"
    assert first["sentAt"] == "2026-10-01T10:00:00Z"
    assert second["sentAt"] == "2026-10-01T09:00:00Z"


def test_a_session_id_that_nothing_can_be_filed_under_is_none(door: Door, visitor: str) -> None:
    door.post({"batch": [page(visitor, context={"sessionId": "x" * 257, "locale": "fr"})]})
    (event,) = door.stored(visitor)
    assert event["context"]["sessionId"].startswith("auto_")
    assert event["context"]["locale"] == "fr"


# --- Paths ----------------------------------------------------------------------------------------

TYPES: dict[str, dict[str, Any]] = {
    "page": {},
    "screen": {"name": "Home"},
    "track": {"event": "Bought"},
    "identify": {"traits": {"plan": "pro"}},
    "group": {"groupId": "g"},
    "alias": {"previousId": "p"},
}


@pytest.mark.parametrize("path", [form for name in TYPES for form in (name, name[0])])
@pytest.mark.parametrize("said", [None, "page", "rubbish", 7])
def test_the_path_of_a_single_event_gives_its_type(
    door: Door, visitor: str, path: str, said: object
) -> None:
    kind = next(name for name in TYPES if name.startswith(path))
    event = TYPES[kind] | {"anonymousId": visitor, "type": said}
    answer = door.post(event, f"/v1/{path}?write_key={OPEN_KEY}")
    assert answer.json == {"success": True, "accepted": 1, "rejected": []}
    assert door.stored(visitor)[0]["type"] == kind


@pytest.mark.parametrize("path", ["batch", "b", "import"])
def test_a_batch_has_three_paths(door: Door, visitor: str, path: str) -> None:
    assert door.post({"batch": [page(visitor)]}, f"/v1/{path}?write_key={OPEN_KEY}").status == 200
    door.stored(visitor)


def test_a_bad_single_event_is_kept_as_a_failed_event(door: Door, visitor: str) -> None:
    event = {"anonymousId": visitor, "messageId": "single-" + visitor}
    answer = door.post(event, f"/v1/track?write_key={OPEN_KEY}")
    assert answer.status == 200
    assert answer.json["accepted"] == 0
    (rejection,) = answer.json["rejected"]
    assert (rejection["index"], rejection["field"]) == (0, "event")
    eventually(lambda: event["messageId"] in [one.get("messageId") for one in door.failed()])


# --- Write keys -----------------------------------------------------------------------------------

WRONG = "key-wrong"
KEYS: dict[str, tuple[str | None, str | None, str | None, str | None, int]] = {
    # Basic user, the batch's writeKey, an event's, the query's; the status
    "no key at all": (None, None, None, None, 401),
    "Basic": (OPEN_KEY, None, None, None, 200),
    "in the batch": (None, OPEN_KEY, None, None, 200),
    "in the event": (None, None, OPEN_KEY, None, 200),
    "in the query": (None, None, None, OPEN_KEY, 200),
    "unknown as Basic": (WRONG, None, None, None, 401),
    "unknown in the batch": (None, WRONG, None, None, 401),
    "unknown in the event": (None, None, WRONG, None, 401),
    "unknown in the query": (None, None, None, WRONG, 401),
    "Basic before the batch": (OPEN_KEY, WRONG, WRONG, WRONG, 200),
    "the batch before the event": (None, OPEN_KEY, WRONG, WRONG, 200),
    "the event before the query": (None, None, OPEN_KEY, WRONG, 200),
    "a wrong Basic is not made good": (WRONG, OPEN_KEY, OPEN_KEY, OPEN_KEY, 401),
    "a wrong batch's key is not made good": (None, WRONG, OPEN_KEY, OPEN_KEY, 401),
    "empty ones are none": ("", "", "", OPEN_KEY, 200),
    "another key of the same site": (SECOND_KEY, None, None, None, 200),
    "in other letters": (OPEN_KEY.upper(), None, None, None, 401),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_write_key_is_looked_for_in_the_contracts_order(
    door: Door, visitor: str, name: str
) -> None:
    user, batch_key, event_key, query_key, status = KEYS[name]
    batch: dict[str, Any] = {"batch": [page(visitor)]}
    if batch_key is not None:
        batch["writeKey"] = batch_key
    if event_key is not None:
        batch["batch"][0]["writeKey"] = event_key
    path = "/v1/batch" if query_key is None else f"/v1/batch?write_key={query_key}"
    answer = door.post(batch, path, {"authorization": basic(user)} if user is not None else {})
    if status == 401:
        assert_problem(answer, 401, "unknown_write_key")
    else:
        assert answer.json["accepted"] == 1
        assert "writeKey" not in door.stored(visitor)[0], "it is not the event's business"


def test_the_first_event_that_has_a_write_key_gives_it(door: Door, visitor: str) -> None:
    events = [None, page(visitor, writeKey=None), page(visitor, writeKey=OPEN_KEY)]
    answer = door.post({"batch": events}, "/v1/batch")
    assert answer.json["accepted"] == 2


def test_an_event_with_another_sites_write_key_goes_to_neither(door: Door, visitor: str) -> None:
    keys = [WRONG, OPEN_KEY, GUARDED_KEY, SECOND_KEY]
    answer = door.post({"batch": [page(visitor, writeKey=key) for key in keys]}, "/v1/batch")
    assert answer.json["accepted"] == 2
    rejected = [(one["index"], one["field"]) for one in answer.json["rejected"]]
    assert rejected == [(0, "writeKey"), (2, "writeKey")]
    door.stored(visitor, 2)
    assert door.events(visitor, GUARDED_TOKEN) == []


@pytest.mark.parametrize(
    "credentials",
    [
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic /w==",
        "Basic a",
        "Digest x",
        "Bearer key-open",
        "basic",
    ],
)
def test_credentials_that_are_no_write_key_leave_it_to_the_query(
    door: Door, visitor: str, credentials: str
) -> None:
    batch = {"batch": [page(visitor)]}
    assert door.post(batch, headers={"authorization": credentials}).status == 200
    refused = door.post(batch, "/v1/batch", {"authorization": credentials})
    assert_problem(refused, 401, "unknown_write_key")


def test_the_password_of_basic_does_not_matter(door: Door, visitor: str) -> None:
    headers = {"authorization": basic(OPEN_KEY, "se:cret").replace("Basic", "bASIC")}
    assert door.post({"batch": [page(visitor)]}, "/v1/batch", headers).status == 200


def test_an_event_belongs_to_the_site_of_its_write_key(door: Door, visitor: str) -> None:
    door.post({"batch": [page(visitor)], "writeKey": GUARDED_KEY}, "/v1/batch")
    door.post({"batch": [None, page(visitor)]})
    eventually(lambda: len(door.events(visitor, GUARDED_TOKEN)) == 1)
    door.stored(visitor)
    assert door.failed(GUARDED_TOKEN) == []


# --- Origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), (ALLOWED, 200), ("https://evil.example", 403), ("null", 403), ("", 403)],
)
def test_a_site_takes_events_from_its_own_origins(
    door: Door, visitor: str, origin: str | None, status: int
) -> None:
    answer = door.post(
        {"batch": [page(visitor)]},
        f"/v1/batch?write_key={GUARDED_KEY}",
        {} if origin is None else {"origin": origin},
    )
    if status == 403:
        assert_problem(answer, 403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers
        assert door.events(visitor, GUARDED_TOKEN) == []
    else:
        assert answer.json["accepted"] == 1


# --- The pixel ------------------------------------------------------------------------------------


@cache
def _encoded(visitor: str, *, padding: bool = True, url_safe: bool = True) -> str:
    # Its base64 has characters of both alphabets, and needs padding.
    raw = json.dumps(page(visitor, name="??>>~~ÿÿ"), ensure_ascii=False).encode()
    raw += b" " * (4 - len(raw) % 3)
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(raw).decode()
    return text if padding else text.rstrip("=")


def test_asking_for_the_head_of_the_pixel_records_nothing(door: Door, visitor: str) -> None:
    head = door("HEAD", f"/v1/i.gif?data={_encoded(visitor)}&write_key={OPEN_KEY}")
    assert (head.status, head.body) == (200, b"")
    other = visitor + "-get"
    _pixel(door, _encoded(other))
    door.stored(other)
    assert door.events(visitor) == []


def _pixel(door: Door, data: str, key: str = OPEN_KEY) -> Answer:
    answer = door("GET", f"/v1/i.gif?data={data}&write_key={key}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body.startswith(b"GIF89a")
    assert answer.body.endswith(b";")
    return answer


@pytest.mark.parametrize(
    "data",
    [
        _encoded,
        lambda visitor: _encoded(visitor, padding=False),
        lambda visitor: quote(_encoded(visitor, url_safe=False), safe=""),
        lambda visitor: _encoded(visitor, url_safe=False),
    ],
    ids=["base64url", "without padding", "base64", "base64, not percent-encoded"],
)
def test_the_pixel_takes_one_event(door: Door, visitor: str, data: Any) -> None:
    assert "x-rejected" not in _pixel(door, data(visitor)).headers
    assert door.stored(visitor)[0]["name"] == "??>>~~ÿÿ"


@pytest.mark.parametrize(
    ("data", "key", "code"),
    [
        ("", OPEN_KEY, "invalid_json"),
        ("e30", WRONG, "unknown_write_key"),
        ("e30", "", "unknown_write_key"),
        ("%%%", OPEN_KEY, "invalid_data"),
        ("a", OPEN_KEY, "invalid_data"),
        ("%ff%00", OPEN_KEY, "invalid_data"),
        ("W10", OPEN_KEY, "invalid_event"),
        ("_____w", OPEN_KEY, "invalid_json"),
    ],
)
def test_the_pixel_is_a_gif_whatever_is_wrong(door: Door, data: str, key: str, code: str) -> None:
    assert _pixel(door, data, key).headers["x-rejected"] == code


def test_the_pixel_is_a_gif_without_any_parameter(door: Door) -> None:
    answer = door("GET", "/v1/i.gif")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")


def test_a_bad_event_of_the_pixel_is_kept_as_a_failed_event(door: Door, visitor: str) -> None:
    event = json.dumps({"type": "track", "messageId": visitor, "userId": "u"}).encode()
    _pixel(door, base64.urlsafe_b64encode(event).decode())
    eventually(lambda: visitor in [one.get("messageId") for one in door.failed()])


# --- Clocks ---------------------------------------------------------------------------------------


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("hours", [24, -24, 24 * 365 * 5, -24 * 365 * 20, 2, -2])
@pytest.mark.parametrize("level", ["batch", "event"])
def test_a_wrong_device_clock_is_put_right(
    door: Door, visitor: str, hours: int, level: str
) -> None:
    device_now = datetime.now(UTC) + timedelta(hours=hours)
    sent = {"sentAt": _iso(device_now)}
    events = [
        page(visitor, name=name, timestamp=_iso(device_now - timedelta(seconds=age)))
        | (sent if level == "event" else {})
        for name, age in [("newer", 10), ("older", 20)]
    ]
    door.post({"batch": events} | (sent if level == "batch" else {}))
    older, newer = door.stored(visitor, 2)
    assert (older["name"], newer["name"]) == ("older", "newer")
    received = _parsed(newer["receivedAt"])
    assert abs(received - _parsed(newer["timestamp"]) - timedelta(seconds=10)) < timedelta(
        milliseconds=2
    )
    assert abs(received - _parsed(older["timestamp"]) - timedelta(seconds=20)) < timedelta(
        milliseconds=2
    )
    assert newer["originalTimestamp"] == events[0]["timestamp"]
    assert newer["sentAt"] == sent["sentAt"]


def test_a_stalled_batch_keeps_the_devices_own_times(door: Door, visitor: str) -> None:
    now = datetime.now(UTC)
    stalled = page(visitor, name="1", timestamp=_iso(now - timedelta(minutes=12)))
    later = page(visitor, name="2", timestamp=_iso(now - timedelta(minutes=8)))
    door.post({"batch": [later], "sentAt": _iso(now)})
    door.post({"batch": [stalled], "sentAt": _iso(now - timedelta(minutes=10))})
    events = door.stored(visitor, 2)
    assert [event["name"] for event in events] == ["1", "2"]
    assert [event["timestamp"] for event in events] == [stalled["timestamp"], later["timestamp"]]


def test_without_sent_at_the_devices_time_stands_but_for_the_future(
    door: Door, visitor: str
) -> None:
    now = datetime.now(UTC)
    past, future = _iso(now - timedelta(days=400)), _iso(now + timedelta(days=1))
    door.post({"batch": [page(visitor, timestamp=past), page(visitor, timestamp=future)]})
    first, second = door.stored(visitor, 2)
    assert first["timestamp"] == past
    assert second["timestamp"] == second["receivedAt"]
    assert second["originalTimestamp"] == future


def test_without_any_time_an_event_happened_when_it_was_received(door: Door, visitor: str) -> None:
    door.post({"batch": [page(visitor)]})
    (event,) = door.stored(visitor)
    assert event["timestamp"] == event["receivedAt"]
    assert "originalTimestamp" not in event


@pytest.mark.parametrize("sent_at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_an_absurd_sent_at_does_no_harm(door: Door, visitor: str, sent_at: str) -> None:
    event = page(visitor, timestamp="2026-10-01T10:00:00Z", sentAt=sent_at)
    assert door.post({"batch": [event]}).json["accepted"] == 1
    (stored,) = door.stored(visitor)
    assert _parsed(stored["timestamp"]) <= _parsed(stored["receivedAt"])


def test_a_message_is_stored_once_whatever_its_sent_at(door: Door, visitor: str) -> None:
    now = datetime.now(UTC)
    event = page(visitor, messageId="once-" + visitor, timestamp=_iso(now - timedelta(days=1)))
    for minutes in (0, 3, 200):
        sent = _iso(now - timedelta(days=1) + timedelta(minutes=minutes))
        assert door.post({"batch": [event, event], "sentAt": sent}).json["accepted"] == 2
    door.post({"batch": [page(visitor, name="last", timestamp=_iso(now))]})
    eventually(lambda: "last" in [one.get("name") for one in door.events(visitor)])
    assert len(door.stored(visitor, 2)) == 2


# --- What is never kept ---------------------------------------------------------------------------


@pytest.fixture
def stopped_consumer(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server of its own, so that what stands in the queue can be looked at: a message in
    flight stays in the file until it is deleted, and a locked store deletes none."""
    nobody_between = {"TRACKER_TRUSTED_PROXIES": "none"}
    door = Door(start(servers, settings(any_origin=False) | nobody_between))
    store = door.server.data / "store.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield door
        other.execute("ROLLBACK")


def test_an_ip_address_is_truncated_before_the_queue(stopped_consumer: Door, visitor: str) -> None:
    door = stopped_consumer
    addresses = ["198.51.100.23", "198.51.100.45", "198.51.100.67", "2001:db8:aaaa:bbbb::1"]
    doubled = b'{"type": "page", "anonymousId": "%s", "context": {"ip": "198.51.100.89"}, ' % (
        visitor.encode()
    )
    batch = {
        "context": {"ip": addresses[0]},
        "batch": [
            page(visitor, context={"ip": addresses[1]}),
            page(visitor, context={"ip": addresses[3]}),
            {"type": "nonsense", "context": {"ip": addresses[2]}},
            {"type": "page", "context": {"ip": "203.0.113.250 and more"}},
            page(visitor, context={"ip": 3325256704}),
        ],
    }
    headers = {"x-forwarded-for": "203.0.113.99", "forwarded": "for=203.0.113.98"}
    assert door.post(batch, headers=headers).json["accepted"] == 3
    assert door.post(b'{"batch": [' + doubled + b'"context": {}}]}').json["accepted"] == 1
    bad_text = b'{"type": "page", "name": "\xff", "context": {"ip": "198.51.100.101"}}'
    assert door.post(b'{"batch": [' + bad_text + b"]}").json["accepted"] == 0

    with closing(sqlite3.connect(door.server.data / "queue.db")) as queue:
        queued = b"".join(row[0] for row in queue.execute("SELECT body FROM messages"))
    assert b"198.51.100.0" in queued
    assert b"2001:db8:aaaa::" in queued
    assert b'"ip":"127.0.0.0"' in queued, "it is the connection's address that counts"
    for address in (*addresses, "198.51.100.89", "198.51.100.101", "203.0.113", "3325256704"):
        assert address.encode() not in queued, address


# --- When the queue cannot take it ----------------------------------------------------------------


def test_an_unavailable_queue_is_a_503_and_nothing_is_half_stored(door: Door, visitor: str) -> None:
    queue = door.server.data / "queue.db"
    body = {"batch": [page(visitor, messageId=visitor), None]}
    failed_before = len(door.failed())
    with closing(sqlite3.connect(queue, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            answer = door.post(body, headers={"origin": "https://any.example"})
            gif = door("GET", f"/v1/i.gif?data={_encoded(visitor)}&write_key={OPEN_KEY}")
        finally:
            other.execute("ROLLBACK")
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (gif.status, gif.headers["content-type"]) == (200, "image/gif")
    assert gif.headers["x-rejected"] == "unavailable"

    other_visitor = f"after-{visitor}"
    door.post({"batch": [page(other_visitor)]})
    door.stored(other_visitor)
    assert door.events(visitor) == []
    assert len(door.failed()) == failed_before

    assert door.post(body).status == 200, "the same bytes, once more"
    door.stored(visitor)


def test_nothing_a_client_sent_was_more_than_the_server_could_bear(door: Door) -> None:
    """The last test of this file: whatever came before, nothing was logged as our fault, and
    nothing was put aside because the consumer could not read it."""
    printed = door.server.program.printed()
    assert "Traceback" not in printed
    assert door.read("/v1/failed-events?site=-", "token-all").json["data"] == []
    assert door("GET", "/health").json == {"status": "ok"}


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(timedelta(hours=3), "the device's", id="a retry long after the event"),
        pytest.param(timedelta(0), "corrected", id="a clock three hours behind"),
    ],
)
def test_the_address_tells_when_a_try_was_sent(
    door: Door, visitor: str, late: timedelta, expected: str
) -> None:
    """The browser client sends the same bytes again, so its body cannot say when."""
    happened = datetime.now(UTC) - timedelta(hours=3)
    sent = (happened + late).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = page(visitor, originalTimestamp=happened.isoformat())
    path = f"/v1/batch?write_key={OPEN_KEY}&sentAt={sent}"
    assert door.post({"batch": [event]}, path).status == 200
    (stored,) = eventually(lambda: door.events(visitor))
    assert stored["sentAt"] == sent
    moved = datetime.fromisoformat(stored["timestamp"]) - happened
    assert (abs(moved) < timedelta(seconds=1)) == (expected == "the device's")
