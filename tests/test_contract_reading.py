"""The reading half of the HTTP contract, and what holds for every path: tokens, parameters,
cursors, CORS, errors, methods. Through the real door."""

import base64
import gzip
import hashlib
import socket
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from tests.door import (
    ALL_TOKEN,
    ALLOWED,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Door,
    assert_problem,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.server import Servers

ODD_USERS = ["ada@example.org", "a/b", "a//b/", "auth0|17 x", "100%", "%2F", "a+b", "zoë", "?#&="]


@pytest.fixture(scope="module")
def servers(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Servers]:
    with some_servers(tmp_path_factory.mktemp("reading"), leash) as servers:
        yield servers


@pytest.fixture(scope="module")
def door(servers: Servers) -> Door:
    """Fifteen events of one visitor, who became Ada with the tenth; one event of each odd user;
    three failed events."""
    door = Door(start(servers, settings()))
    visits = [
        {
            "type": "track" if number % 3 == 0 else "page",
            "event": f"Event {number}",
            "anonymousId": "visitor",
            "messageId": f"m{number}",
            "timestamp": f"2026-10-{number:02}T10:00:00Z",
            "properties": {"path": f"/{number % 2}"},
            "context": {"sessionId": f"s{number // 10}"},
        }
        for number in range(1, 16)
    ]
    for visit in visits[9:]:
        visit["userId"] = "ada"
    odd = [{"type": "page", "userId": user} for user in ODD_USERS]
    bad = [{"type": "page", "messageId": f"bad{number}"} for number in range(3)]
    for one in bad:
        door.post({"batch": [one]})
    door.post({"batch": visits})
    door.post({"batch": odd})
    door.post({"batch": [{"type": "page", "userId": "of-guarded"}], "writeKey": GUARDED_KEY}, BATCH)
    eventually(lambda: len(door.read("/v1/events").json["data"]) == 15 + len(odd))
    eventually(lambda: len(door.failed()) == 3)
    eventually(lambda: door.read("/v1/events", GUARDED_TOKEN).json["data"])
    return door


BATCH = "/v1/batch"


def names(door: Door, **query: Any) -> list[str]:
    answer = door.read("/v1/events?" + urlencode(query))
    assert answer.status == 200, answer
    return [event["event"].removeprefix("Event ") for event in answer.json["data"]]


def numbers(first: int, last: int) -> list[str]:
    step = 1 if first <= last else -1
    return [str(number) for number in range(first, last + step, step)]


# --- Tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {OPEN_TOKEN.upper()}",
        f"Bearer {OPEN_TOKEN}x",
        "Bearer " + hashlib.sha256(OPEN_TOKEN.encode()).hexdigest(),
        f"Bearer {OPEN_KEY}",
        f"Token {OPEN_TOKEN}",
        OPEN_TOKEN,
        "Basic " + base64.b64encode(OPEN_TOKEN.encode()).decode(),
        "Bearer \xe9",
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/sessions?user_id=ada", "/v1/users/ada", "/v1/failed-events"]
)
def test_without_a_known_read_token_nothing_is_read(
    door: Door, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = door("GET", path, headers=headers)
    assert_problem(answer, 401, "unknown_read_token")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_in_the_query_is_none(door: Door) -> None:
    answer = door("GET", f"/v1/events?token={OPEN_TOKEN}&read_token={OPEN_TOKEN}")
    assert_problem(answer, 401, "unknown_read_token")


def test_the_scheme_of_a_token_is_written_in_any_case(door: Door) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        headers = {"authorization": f"{scheme} {OPEN_TOKEN}"}
        assert door("GET", "/v1/events", headers=headers).status == 200


def test_a_token_reads_its_own_site_only(door: Door) -> None:
    users = [event.get("userId") for event in door.read("/v1/events", GUARDED_TOKEN).json["data"]]
    assert users == ["of-guarded"]
    assert door.read("/v1/users/of-guarded").status == 404
    assert door.read("/v1/users/of-guarded", GUARDED_TOKEN).status == 200
    assert door.read("/v1/events?user_id=of-guarded").json["data"] == []
    assert door.read("/v1/events?site=open").status == 200
    assert_problem(door.read("/v1/events?site=guarded"), 403, "site_not_allowed")
    assert_problem(door.read("/v1/events?site="), 403, "site_not_allowed")


def test_a_token_for_all_sites_names_one(door: Door) -> None:
    problem = assert_problem(door.read("/v1/events", ALL_TOKEN), 400, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == ["site"]
    assert door.read("/v1/users/of-guarded?site=guarded", ALL_TOKEN).status == 200
    assert door.read("/v1/users/of-guarded?site=open", ALL_TOKEN).status == 404


# --- Parameters -----------------------------------------------------------------------------------


def _cursor(*place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


BAD_PARAMETERS: dict[str, tuple[str, str]] = {
    "two ids": ("user_id=a&anonymous_id=b", "user_id"),
    "two other ids": ("session_id=a&anonymous_id=b", "anonymous_id"),
    "two ids, one of them empty": ("user_id=&session_id=b", "user_id"),
    "user_id empty": ("user_id=", "user_id"),
    "anonymous_id empty": ("anonymous_id=", "anonymous_id"),
    "session_id empty": ("session_id", "session_id"),
    "user_id too long": ("user_id=" + "x" * 257, "user_id"),
    "limit 0": ("limit=0", "limit"),
    "limit 1001": ("limit=1001", "limit"),
    "limit negative": ("limit=-1", "limit"),
    "limit a word": ("limit=abc", "limit"),
    "limit empty": ("limit=", "limit"),
    "limit with a point": ("limit=10.0", "limit"),
    "limit in other digits": ("limit=" + quote("\uff11\uff12"), "limit"),
    "limit superscript": ("limit=" + quote("²"), "limit"),
    "limit with 6 000 digits": ("limit=" + "9" * 6_000, "limit"),
    "order up": ("order=up", "order"),
    "an id given twice": ("user_id=a&user_id=b", "user_id"),
    "the wire name of an id": ("userId=ada", "userId"),
    "the command line's name of an id": ("user=ada", "user"),
    "order empty": ("order=", "order"),
    "order in capitals": ("order=ASC", "order"),
    "type unknown": ("type=click", "type"),
    "type empty": ("type=", "type"),
    "since not a date": ("since=yesterday", "since"),
    "since empty": ("since=", "since"),
    "since in the year 0": ("since=0000-01-01", "since"),
    "since with a NUL": ("since=2026-10-01%00", "since"),
    "until a number": ("until=1700000000", "until"),
    "until after the year 9999": ("until=9999-12-31T23:59:59-12:00", "until"),
    "cursor empty": ("cursor=", "cursor"),
    "cursor rubbish": ("cursor=%21%22", "cursor"),
    "cursor not ASCII": ("cursor=" + quote("ü"), "cursor"),
    "cursor of one character": ("cursor=a", "cursor"),
    "cursor of random bytes": ("cursor=3q2-7w", "cursor"),
    "cursor of another list": (
        "cursor=" + _cursor(1_700_000_000_000_000, "0123-r0"),
        "cursor",
    ),
    "cursor with a huge time": ("cursor=" + _cursor(2**63, 0, b"x" * 16), "cursor"),
    "cursor with a huge negative time": ("cursor=" + _cursor(-(2**63), 0, b"x" * 16), "cursor"),
    "cursor with a huge counter": ("cursor=" + _cursor(0, 2**64 - 1, b"x" * 16), "cursor"),
    "cursor with a short digest": ("cursor=" + _cursor(0, 0, b"x"), "cursor"),
    "cursor with a text for a digest": ("cursor=" + _cursor(0, 0, "x" * 16), "cursor"),
    "cursor with a part too many": ("cursor=" + _cursor(0, 0, b"x" * 16, 1), "cursor"),
    "cursor with nulls": ("cursor=" + _cursor(None, None, None), "cursor"),
    "cursor of deep arrays": (
        "cursor=" + base64.urlsafe_b64encode(b"\x91" * 5_000).decode(),
        "cursor",
    ),
}


@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_a_bad_parameter_is_named(door: Door, name: str) -> None:
    query, field = BAD_PARAMETERS[name]
    problem = assert_problem(door.read(f"/v1/events?{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "cursor=3q2-7w",
        "cursor=" + _cursor(0, 0, b"x" * 16),
        "cursor=" + _cursor(2**63, "x"),
        "cursor=" + _cursor(0, "x" * 301),
    ],
)
def test_a_bad_parameter_of_the_failed_events_is_named(door: Door, query: str) -> None:
    assert_problem(door.read(f"/v1/failed-events?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "user_id"),
        ("user_id=a&anonymous_id=b", "user_id"),
        ("session_id=a", "user_id"),
        ("anonymous_id=a&anonymous_id=b", "anonymous_id"),
        ("userId=ada", "userId"),
        ("user_id=", "user_id"),
        ("anonymous_id=" + "x" * 257, "anonymous_id"),
        ("user_id=ada&limit=1001", "limit"),
        ("user_id=ada&order=newest", "order"),
        ("user_id=ada&since=now", "since"),
        ("user_id=ada&until=9999-99-99", "until"),
        *(
            (f"user_id=ada&cursor={place}", "cursor")
            for place in (
                "x",
                _cursor(0, 0, b"x" * 16),
                _cursor((0, 0, b"x" * 15), [], True),
                _cursor((0, 0, b"x" * 16), [(b"x" * 8, 2**63)], True),
                _cursor((0, 0, b"x" * 16), [(b"x" * 8, 0)] * 51, True),
                _cursor((0, 0, b"x" * 16), [], 1),
                _cursor((0, 0, b"x" * 16), {}, True),
            )
        ),
    ],
)
def test_a_bad_parameter_of_the_sessions_is_named(door: Door, query: str, field: str) -> None:
    problem = assert_problem(door.read(f"/v1/sessions?{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "query",
    [
        "&&&",
        "=",
        "%",
        "%zz=%zz",
        "a=1&" * 5_000,
        "x=%ff",
        "event=%ed%a0%80",
        "user_id=%00",
        "%00=1",
    ],
    ids=lambda query: query[:20],
)
def test_a_strange_query_is_no_error(door: Door, query: str) -> None:
    assert door.read(f"/v1/events?{query}").status == 200


def test_of_any_other_parameter_given_twice_the_last_counts(door: Door) -> None:
    assert len(door.read("/v1/events?limit=x&limit=3").json["data"]) == 3


# --- The answers ----------------------------------------------------------------------------------


def test_events_are_selected_and_ordered(door: Door) -> None:
    assert names(door, user_id="ada") == numbers(15, 1), "also what came before identify"
    assert names(door, anonymous_id="visitor", order="asc") == numbers(1, 15)
    assert names(door, session_id="s1", order="asc") == numbers(10, 15)
    assert names(door, user_id="ada", limit=3) == numbers(15, 13)
    assert names(door, user_id="ada", type="track") == ["15", "12", "9", "6", "3"]
    assert names(door, user_id="ada", event="Event 7") == ["7"]
    assert names(door, user_id="ada", path="/1", limit=3) == ["15", "13", "11"]
    assert names(door, user_id="ada", path="", event="") == []
    assert names(door, user_id="ad") == []


def test_since_and_until_are_half_open(door: Door) -> None:
    since, until = "2026-10-03T10:00:00Z", "2026-10-06T10:00:00Z"
    assert names(door, user_id="ada", since=since, until=until) == ["5", "4", "3"]
    assert names(door, user_id="ada", since=until, until=since) == []
    assert names(door, user_id="ada", until="2026-10-02") == ["1"], "a date is its first instant"


def test_an_offsets_plus_sign_need_not_be_encoded(door: Door) -> None:
    for plus in ("+", "%2B"):
        query = f"user_id=ada&since=2026-10-14T12:00:00{plus}02:00&order=asc"
        events = door.read(f"/v1/events?{query}").json["data"]
        assert [event["event"] for event in events] == ["Event 14", "Event 15"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("whose", ["user_id=ada", "anonymous_id=visitor", "type=track", ""])
def test_pages_follow_each_other_without_gap_or_overlap(door: Door, order: str, whose: str) -> None:
    query = f"/v1/events?{whose}&order={order}"
    whole = [event["messageId"] for event in door.read(query).json["data"]]
    paged: list[str] = []
    path = f"{query}&limit=4"
    while path:
        answer = door.read(path).json
        assert sorted(answer) == ["data", "next_cursor"]
        assert len(answer["data"]) <= 4
        paged += [event["messageId"] for event in answer["data"]]
        cursor = answer["next_cursor"]
        path = f"{query}&limit=4&cursor={quote(cursor)}" if cursor else ""
    assert paged == whole


def test_a_persons_sessions_are_listed_newest_first(door: Door) -> None:
    """The visitor named two: s0 from the 1st to the 9th, s1 from the 10th to the 15th."""
    answer = door.read("/v1/sessions?user_id=ada").json
    assert answer["next_cursor"] is None
    assert answer["data"][0] == {
        "id": "s1",
        "userId": "ada",
        "anonymousId": "visitor",
        "start": "2026-10-10T10:00:00.000Z",
        "end": "2026-10-15T10:00:00.000Z",
        "duration": 5 * 24 * 3600.0,
        "pageViews": 4,
        "events": 6,
        "entryPage": "/0",
        "exitPage": "/0",
        "referrer": None,
    }
    assert [one["id"] for one in answer["data"]] == ["s1", "s0"]
    assert door.read("/v1/sessions?anonymous_id=visitor").json == answer
    assert door.read("/v1/sessions?user_id=nobody").json == {"data": [], "next_cursor": None}
    assert door.read("/v1/sessions?user_id=ada", GUARDED_TOKEN).json["data"] == []


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_sessions_follow_each_other(door: Door, order: str) -> None:
    query = f"/v1/sessions?user_id=ada&order={order}"
    whole = door.read(query).json["data"]
    first = door.read(f"{query}&limit=1").json
    second = door.read(f"{query}&limit=1&cursor={quote(first['next_cursor'])}").json
    assert first["data"] + second["data"] == whole
    assert second["next_cursor"] is None


def test_since_and_until_select_sessions_that_were_under_way(door: Door) -> None:
    def found(times: str) -> list[str]:
        data = door.read(f"/v1/sessions?user_id=ada&{times}").json["data"]
        return [f"{one['id']} {one['events']}" for one in data]

    assert found("since=2026-10-09T10:00:00.000001Z") == ["s1 6"]
    assert found("since=2026-10-09T10:00:00Z") == ["s1 6", "s0 9"]
    assert found("until=2026-10-10T10:00:00Z") == ["s0 9"]
    assert found("since=2026-10-12&until=2026-10-13") == ["s1 6"]
    assert found("since=2026-10-13&until=2026-10-12") == []


def test_an_event_whose_client_sent_no_session_has_one_when_it_is_read(door: Door) -> None:
    (event,) = door.read("/v1/events?" + urlencode({"user_id": "a/b"})).json["data"]
    session = event["context"]["sessionId"]
    assert door.read(f"/v1/events?session_id={session}").json["data"] == [event]
    (listed,) = door.read("/v1/sessions?" + urlencode({"user_id": "a/b"})).json["data"]
    assert (listed["id"], listed["events"]) == (session, 1)
    assert door.read(f"/v1/events?session_id={session}", GUARDED_TOKEN).json["data"] == []


def test_failed_events_are_paged_newest_first(door: Door) -> None:
    first = door.read("/v1/failed-events?limit=2").json
    second = door.read(f"/v1/failed-events?limit=2&cursor={quote(first['next_cursor'])}").json
    failed = first["data"] + second["data"]
    assert [one["messageId"] for one in failed] == ["bad2", "bad1", "bad0"]
    assert all(newer["receivedAt"] >= older["receivedAt"] for newer, older in pairwise(failed))
    assert failed[0]["errors"][0]["field"] == "userId"
    assert second["next_cursor"] is None


def test_what_is_read_is_not_cached(door: Door) -> None:
    for path in ("/v1/events", "/v1/sessions?user_id=a", "/v1/users/ada", "/v1/failed-events"):
        answer = door.read(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"


def test_a_user_is_described(door: Door) -> None:
    profile = door.read("/v1/users/ada").json
    assert profile["userId"] == "ada"
    assert profile["anonymousIds"] == ["visitor"]
    assert profile["firstSeen"] == "2026-10-01T10:00:00.000Z"
    assert profile["lastSeen"] == "2026-10-15T10:00:00.000Z"
    assert profile["counts"] == {"events": 15, "pageViews": 10, "sessions": 2}


@pytest.mark.parametrize("user", ODD_USERS)
def test_a_user_id_may_be_any_text(door: Door, user: str) -> None:
    answer = door.read("/v1/users/" + quote(user, safe=""))
    assert answer.status == 200, answer
    assert answer.json["userId"] == user
    (event,) = door.read("/v1/events?" + urlencode({"user_id": user})).json["data"]
    assert event["userId"] == user


@pytest.mark.parametrize(
    "path",
    ["nobody", "%00", "%ff", "%ed%a0%80", "%zz", "%", ".", "..", "a%252Fb", "x" * 256],
    ids=lambda path: path[:20],
)
def test_an_unknown_user_is_not_found(door: Door, path: str) -> None:
    assert_problem(door.read(f"/v1/users/{path}"), 404, "unknown_user")


def test_a_user_id_over_the_limit_is_a_bad_parameter(door: Door) -> None:
    answer = door.read("/v1/users/" + "x" * 257)
    assert_problem(answer, 400, "invalid_parameter")


# --- Every path -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/v1", "/v1/", "/v1/users", "/v1/users/", "/V1/batch"),
        *("//", "/v1//events", "/%00", "/%ff", "/v1/%2e%2e/health", "/../health", "/kit-0.js"),
        *("/v1/batch%20", "/etc/passwd", "/demo-x/../server.py", "/x" * 2_000),
    ],
    ids=lambda path: path[:20],
)
def test_there_is_nothing_elsewhere(door: Door, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert_problem(door(method, path), 404, "not_found")


METHODS = {
    "/v1/batch": ("POST", "OPTIONS"),
    "/v1/t": ("POST", "OPTIONS"),
    "/v1/i.gif": ("GET", "HEAD", "OPTIONS"),
    "/kit.js": ("GET", "HEAD", "OPTIONS"),
    "/health": ("GET", "HEAD", "OPTIONS"),
    "/v1/events": ("GET", "HEAD", "OPTIONS"),
    "/v1/sessions": ("GET", "HEAD", "OPTIONS"),
    "/v1/users/ada": ("GET", "HEAD", "OPTIONS"),
}


@pytest.mark.parametrize("path", METHODS)
def test_a_path_says_what_it_takes(door: Door, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "TRACE", "CONFUSE"):
        if method in METHODS[path]:
            continue
        answer = door(method, path)
        assert_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) >= set(METHODS[path])


@pytest.mark.parametrize(
    "path", ["/health", "/kit.js", "/v1/i.gif", "/v1/events", "/v1/batch", "/x"]
)
def test_head_is_get_without_a_body(door: Door, path: str) -> None:
    headers = {"authorization": f"Bearer {OPEN_TOKEN}"}
    get, head = door("GET", path, headers=headers), door("HEAD", path, headers=headers)
    assert head.status == get.status
    assert head.body == b""
    ignored = {"date", "content-length"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in get.headers.items() if k not in ignored
    }


def test_health_needs_no_token(door: Door) -> None:
    answer = door("GET", "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "caf\xe9 \xff"},
        {"origin": "\xe9"},
        {"authorization": "Basic \xe9"},
        {"if-none-match": "\xe9"},
        {"content-encoding": "\xe9"},
        {"accept": "text/html"},
        {"x-" + "y" * 200: "z" * 10_000},
        {"cookie": ";" * 1_000},
        {"content-type": "\xff"},
        {"host": "evil.example"},
    ],
    ids=lambda headers: next(iter(headers))[:20],
)
def test_a_strange_header_is_no_error(door: Door, headers: Mapping[str, str]) -> None:
    assert door("GET", "/kit.js", headers=headers).status == 200
    answer = door.post({"batch": []}, headers=headers)
    assert answer.status in (200, 415)


# --- The client's script --------------------------------------------------------------------------


def test_kit_js_is_sent_again_only_when_it_has_changed(door: Door) -> None:
    first = door("GET", "/kit.js")
    assert first.status == 200
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["access-control-allow-origin"] == "*"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = door("GET", "/kit.js", headers={"if-none-match": known})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert door("GET", "/kit.js", headers={"if-none-match": '"other"'}).status == 200


def test_kit_js_has_a_name_of_its_own_for_each_version_kept_for_a_year(door: Door) -> None:
    plain = door("GET", "/kit.js")
    version = plain.headers["etag"].strip('"')
    versioned = door("GET", f"/kit-{version}.js")
    assert versioned.status == 200
    assert versioned.body == plain.body
    assert len(gzip.compress(plain.body)) <= 3072, "as the README says"
    assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashlib.sha384(plain.body).hexdigest().startswith(version)


# --- Cross-origin requests ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t", "/v1/events", "/v1/users/a", "/kit.js"])
def test_a_preflight_is_answered_for_a_day(door: Door, path: str) -> None:
    answer = door(
        "OPTIONS",
        path,
        headers={
            "origin": "https://any.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        },
    )
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type"} <= set(allowed.split(", "))
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert ("POST" if path in METHODS and "POST" in METHODS[path] else "GET") in methods
    assert answer.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in answer.headers


def test_every_answer_can_be_read_by_a_page_of_another_origin(door: Door) -> None:
    origin = {"origin": "https://any.example"}
    for method, path in [
        ("POST", f"/v1/batch?write_key={OPEN_KEY}"),
        ("POST", "/v1/batch"),
        ("GET", "/v1/events"),
        ("GET", "/nothing"),
        ("PUT", "/v1/batch"),
        ("GET", "/v1/i.gif"),
        ("GET", "/health"),
    ]:
        answer = door(method, path, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*", (method, path)
        assert "access-control-allow-credentials" not in answer.headers


@pytest.fixture(scope="module")
def guarded(servers: Servers) -> Door:
    """A server whose every site has its own origins."""
    return Door(start(servers, settings(any_origin=False)))


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(ALLOWED, ALLOWED), ("https://evil.example", None), ("null", None), (None, None)],
)
def test_where_origins_are_named_only_they_are_allowed(
    guarded: Door, method: str, origin: str | None, allowed: str | None
) -> None:
    answer = guarded(
        method,
        f"/v1/batch?write_key={GUARDED_KEY}",
        b'{"batch": []}' if method == "POST" else None,
        {} if origin is None else {"origin": origin},
    )
    assert answer.headers.get("access-control-allow-origin") == allowed
    if answer.status != 403:
        assert "origin" in answer.headers["vary"].lower(), "a cache must not mix them up"
    if method == "OPTIONS":
        assert answer.status in (200, 204)
    elif origin is not None and allowed is None:
        assert_problem(answer, 403, "origin_not_allowed")


# --- What is not HTTP -----------------------------------------------------------------------------

NOT_HTTP = {
    "rubbish": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "a length that is none": b"POST /v1/b HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "a negative length": b"POST /v1/b HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /v1/b HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a chunk that is none": (
        b"POST /v1/b HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"
    ),
    "a huge header": b"GET /health HTTP/1.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "a path that is not ASCII": b"GET /v1/users/\xff HTTP/1.1\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_is_refused_and_does_no_harm(door: Door, name: str) -> None:
    with socket.create_connection((LOOPBACK, door.server.port), timeout=10) as connection:
        try:
            connection.sendall(NOT_HTTP[name])
            status = connection.recv(65_536)[:12]
        except (BrokenPipeError, ConnectionResetError):  # it did not wait for the end
            status = b""
    assert status in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")
    assert door("GET", "/health").status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_does_no_harm(door: Door) -> None:
    head = f"POST /v1/batch?write_key={OPEN_KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"
    body = b'{"batch": [{"type": "page", "userId": "half"}]}'
    with socket.create_connection((LOOPBACK, door.server.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
    with socket.create_connection((LOOPBACK, door.server.port), timeout=10) as connection:
        connection.sendall(head.encode() + body[:20])
    door.post({"batch": [{"type": "page", "anonymousId": "after-half"}]})
    door.stored("after-half")


def test_nothing_a_client_asked_was_logged_as_our_fault(door: Door) -> None:
    """The last test of this file."""
    printed = door.server.program.printed()
    assert "Traceback" not in printed
    assert "ERROR" not in printed
    assert "Exception" not in printed
