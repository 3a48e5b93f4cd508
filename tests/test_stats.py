"""How much a site is used, asked through the real door and from the command line."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    GUARDED_TOKEN,
    Door,
    assert_problem,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.test_commands import tracker

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
    " Safari/537.36"
)


def view(time: str, path: str, visitor: str, **context: Any) -> dict[str, Any]:
    page = {"path": path, "url": f"https://shop.example{path}"}
    if referrer := context.pop("referrer", None):
        page["referrer"] = referrer
    return {
        "type": "page",
        "anonymousId": visitor,
        "timestamp": time,
        "context": {"page": page, "sessionId": f"s-{visitor}-{time[:10]}", **context},
    }


HISTORY = [
    view("2026-11-20T10:10:00Z", "/", "v1", seq=1, referrer="https://news.example/today"),
    view("2026-11-20T10:20:00Z", "/pricing", "v1", seq=2, campaign={"name": "spring"}),
    view("2026-11-20T11:30:00Z", "/pricing", "v2", seq=1, userAgent=CHROME),
    view("2026-11-20T11:40:00Z", "/", "robot", bot="webdriver"),
    view("2026-11-21T09:00:00Z", "/", "v1", seq=4, location={"country": "DE"}),
    {
        "type": "track",
        "event": "Paid",
        "anonymousId": "v1",
        "timestamp": "2026-11-21T09:05:00Z",
        "context": {"sessionId": "s-v1-2026-11-21", "page": {"path": "/pay"}},
    },
]


@pytest.fixture(scope="module")
def door(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    with some_servers(tmp_path_factory.mktemp("stats"), leash) as servers:
        door = Door(start(servers, settings()))
        batch = [{**event, "messageId": f"m{n}"} for n, event in enumerate(HISTORY)]
        for _ in range(2):  # the second time they are duplicates
            assert door.post({"batch": batch}).status == 200
        elsewhere = {"batch": batch, "writeKey": GUARDED_KEY}
        assert door.post(elsewhere, path="/v1/batch").status == 200
        eventually(lambda: [row["count"] for row in rows(door)] == [3, 2])
        eventually(lambda: len(rows(door, token=GUARDED_TOKEN)) == 2)
        yield door


def rows(door: Door, *, token: str = "token-open", **query: Any) -> list[dict[str, Any]]:
    answer = door.read(f"/v1/stats?{urlencode(query)}", token)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def day(number: int) -> str:
    return f"2026-11-{number}T00:00:00Z"


def test_each_metric_counts_what_its_name_says(door: Door) -> None:
    expected = {"events": [3, 2], "page_views": [3, 1], "visitors": [2, 1], "sessions": [2, 1]}
    for metric, counts in expected.items():
        assert rows(door, metric=metric) == [
            {"time": day(20), "count": counts[0]},
            {"time": day(21), "count": counts[1]},
        ]


def test_hours_without_events_are_left_out(door: Door) -> None:
    assert [(row["time"], row["count"]) for row in rows(door, interval="hour")] == [
        ("2026-11-20T10:00:00Z", 2),
        ("2026-11-20T11:00:00Z", 1),
        ("2026-11-21T09:00:00Z", 2),
    ]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("path", [(20, "/pricing", 2), (20, "/", 1), (21, "/", 1), (21, "/pay", 1)]),
        ("event", [(21, "Paid", 1)]),
        ("referrer", [(20, "news.example", 1)]),
        ("country", [(21, "DE", 1)]),
        ("browser", [(20, "Chrome", 1)]),
        ("os", [(20, "Linux", 1)]),
        ("device", [(20, "desktop", 1)]),
        ("campaign", [(20, "spring", 1)]),
    ],
)
def test_each_group_has_a_row_in_its_interval(
    door: Door, group_by: str, expected: list[tuple[int, str, int]]
) -> None:
    found = rows(door, group_by=group_by)
    assert found == [
        {"time": day(number), group_by: value, "count": count} for number, value, count in expected
    ]


def test_a_range_takes_whole_intervals_and_leaves_out_its_end(door: Door) -> None:
    inside = {"since": "2026-11-20T10:59:00Z", "until": "2026-11-20T11:00:00Z"}
    assert [row["count"] for row in rows(door, interval="hour", **inside)] == [2]
    assert [row["time"] for row in rows(door, until=day(21))] == [day(20)]
    assert [row["time"] for row in rows(door, since="2026-11-21T23:00:00Z")] == [day(21)]
    assert rows(door, since="2030-01-01") == []


def test_a_total_is_one_row(door: Door) -> None:
    whole = {"interval": "total", "since": "2026-11-20T13:00:00Z"}
    assert rows(door, **whole) == [{"time": day(20), "count": 5}]
    assert rows(door, interval="total") == [{"time": day(20), "count": 5}]
    assert rows(door, **whole, metric="visitors") == [{"time": day(20), "count": 3}]
    grouped = rows(door, **whole, group_by="path", limit=2)
    assert [(row["path"], row["count"]) for row in grouped] == [("/", 2), ("/pricing", 2)]


def test_limit_is_the_number_of_groups_or_else_of_rows_with_a_cursor(door: Door) -> None:
    assert {row["path"] for row in rows(door, group_by="path", limit=1)} == {"/"}
    first = door.read("/v1/stats?interval=hour&limit=2").json
    assert len(first["data"]) == 2
    rest = door.read(f"/v1/stats?interval=hour&limit=2&cursor={first['next_cursor']}").json
    assert first["data"] + rest["data"] == rows(door, interval="hour")
    assert rest["next_cursor"] is None


def test_bots_are_left_out_unless_asked_for(door: Door) -> None:
    by_path = {"group_by": "path", "until": day(21)}
    assert {row["path"]: row["count"] for row in rows(door, **by_path, bots="include")} == {
        "/": 2,
        "/pricing": 2,
    }
    assert [row["count"] for row in rows(door, **by_path, bots="only")] == [1]
    assert [row["count"] for row in rows(door, metric="visitors", bots="include")] == [3, 1]


def test_a_filter_is_answered_alone_and_with_other_groups(door: Door) -> None:
    assert [row["count"] for row in rows(door, path="/pricing")] == [2]
    assert [row["count"] for row in rows(door, path="/pricing", metric="visitors")] == [2]
    assert rows(door, path="/pricing", group_by="browser") == [
        {"time": day(20), "browser": "Chrome", "count": 1}
    ]
    both = rows(door, path="/pricing", campaign="spring", interval="hour", metric="sessions")
    assert both == [{"time": "2026-11-20T10:00:00Z", "count": 1}]
    assert rows(door, path="/nowhere") == rows(door, path="/nowhere", group_by="os") == []


def test_another_site_counts_for_itself(door: Door) -> None:
    assert rows(door, token=GUARDED_TOKEN) == rows(door)
    assert rows(door, token=ALL_TOKEN, site="guarded") == rows(door)
    assert rows(door, token=ALL_TOKEN, site="nothing-there") == []


def test_what_browsers_counted_and_what_arrived_is_told_by_day(door: Door) -> None:
    answer = door.read("/v1/delivery")
    assert answer.json == {
        "data": [
            {"time": day(20), "expected": 3, "arrived": 3},
            {"time": day(21), "expected": 2, "arrived": 1},
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    "question",
    [
        "metric=hits",
        "interval=week",
        "group_by=user_id",
        "limit=0",
        "limit=1001",
        "since=yesterday",
        "bots=no",
        "cursor=zzz",
        "group_by=",
    ],
)
def test_a_wrong_parameter_is_named(door: Door, question: str) -> None:
    problem = assert_problem(door.read(f"/v1/stats?{question}"), 400, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == [question.split("=", maxsplit=1)[0]]


def test_counts_take_a_read_token(door: Door) -> None:
    for path in ("/v1/stats", "/v1/delivery"):
        assert_problem(door("GET", path), 401, "unknown_read_token")


def test_the_command_line_tells_the_same_and_counts_anew(door: Door) -> None:
    where = ("--data", str(door.server.data), "--site", "open")
    env = settings()
    shown = tracker("stats", *where, "--by", "path", "--interval", "total", env=env)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[0].split() == [
        *("TIME", "(UTC)", "PATH", "EVENTS", "PAGE", "VIEWS", "VISITORS", "SESSIONS")
    ]
    assert shown.stdout.splitlines()[2].split()[-5:] == ["/pricing", "2", "2", "2", "2"]
    before = tracker("stats", *where, "--json", env=env).stdout
    assert json.loads(before.splitlines()[0]) == {
        "time": day(20),
        "events": 3,
        "page_views": 3,
        "visitors": 2,
        "sessions": 2,
    }
    done = tracker("recount", *where, env=env)
    assert done.stdout == "6 events of site open are counted anew.\n", done.stderr
    assert tracker("stats", *where, "--json", env=env).stdout == before
