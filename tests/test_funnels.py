"""Funnels and retention: people are followed across log-ins and devices, in order, in time."""

import subprocess
import uuid
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from msgspec import json, structs

from tests.door import ALL_TOKEN, Answer, Door, assert_problem, settings, some_servers, start
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, received, wire
from tests.test_commands import told, tracker
from tests.test_user_agent import GOOGLEBOT
from tracker import activity, identity, timestamps
from tracker.activity import Question
from tracker.event import Bots
from tracker.journeys import funnel, returning
from tracker.journeys.funnel import Stage
from tracker.journeys.walk import Walk
from tracker.stores import Everyone, Selection, Store
from tracker.stores.sqlite.store import SqliteStore

DAY = 24 * HOUR
PRICING, SIGNED_UP, ORDERED = (
    Stage("page", "/pricing"),
    Stage("event", "Signed up"),
    Stage("event", "Ordered"),
)
BUYING = (PRICING, SIGNED_UP, ORDERED)


def walk(store: Store, site: str = SITE, patience: float = 60, page: int = 100) -> Walk:
    everything = Selection(site=site, scope=Everyone(), descending=False, until=NOON + 40 * DAY)
    return Walk(store, everything, patience, page)


def view(at: int, path: str = "/pricing", **members: Any) -> dict[str, Any]:
    return wire(NOON + at, context={"page": {"path": path}}, **members)


def did(at: int, event: str, **members: Any) -> dict[str, Any]:
    return wire(NOON + at, type="track", event=event, **members)


ADA = {"userId": "ada"}
PHONE = {"anonymousId": "phone", "userId": "ada"}


def test_a_person_is_followed_across_log_in_and_devices(store: Store) -> None:
    crawler = {"userAgent": GOOGLEBOT, "page": {"path": "/pricing"}}
    store.append(
        received(
            # Ada looks, signs up, and orders on her phone; her server-side event counts as well.
            view(0, anonymousId="laptop"),
            did(MINUTE, "Signed up", anonymousId="laptop", **ADA),
            did(2 * MINUTE, "Ordered", **PHONE),
            # Bob does it in another order; Carl takes too long; Dora stops; Eve begins again.
            did(0, "Ordered", anonymousId="bob"),
            did(1, "Signed up", anonymousId="bob"),
            view(2, anonymousId="bob"),
            view(0, anonymousId="carl"),
            did(8 * DAY, "Signed up", anonymousId="carl"),
            view(0, anonymousId="dora"),
            did(7 * DAY, "Signed up", anonymousId="dora"),
            view(0, anonymousId="eve"),
            view(2 * DAY, anonymousId="eve"),
            did(3 * DAY, "Signed up", anonymousId="eve"),
            did(9 * DAY, "Ordered", anonymousId="eve"),
            # Somebody never looked; a page that only mentions it is no view of it.
            did(0, "Signed up", anonymousId="frank"),
            did(0, "/pricing", anonymousId="frank"),
            view(0, "/pricing/more", anonymousId="frank"),
            wire(NOON, anonymousId="crawler", context=crawler),
            at=NOON + 10 * DAY,
        )
    )
    store.append(received(view(0, anonymousId="other"), site="other"))
    assert funnel.count(walk(store), BUYING, 7 * DAY) == [5, 3, 2]
    assert funnel.count(walk(store), (PRICING, PRICING), 7 * DAY) == [5, 1], "two views, not one"
    assert funnel.count(walk(store, "nobody"), BUYING, DAY) == [0, 0, 0]


def test_people_come_again_in_later_weeks(store: Store) -> None:
    monday = timestamps.parse("2026-11-16T00:00:00Z")
    week = returning.WEEK
    store.append(
        received(
            wire(monday, anonymousId="stays"),
            wire(monday + week - 1, anonymousId="stays"),
            wire(monday + week, anonymousId="stays"),
            wire(monday + 3 * week, anonymousId="stays"),
            wire(monday + 1, anonymousId="laptop"),
            wire(monday + 2 * week, anonymousId="laptop", userId="ada"),
            wire(monday + week, anonymousId="phone", userId="ada"),
            wire(monday + week + 5, anonymousId="once"),
            at=monday + 5 * week,
        )
    )
    found = returning.cohorts(walk(store), monday, monday + 3 * week + 1)
    assert found == [(monday, [2, 2, 1, 1]), (monday + week, [1, 0, 0])]


def test_a_walk_that_takes_too_long_tells_how_far_it_came(store: Store) -> None:
    visitors = [view(n * SECOND, anonymousId=f"v{n}") for n in range(250)]
    store.append(received(*visitors, at=NOON + DAY))
    hasty = walk(store, patience=0)
    (reached,) = funnel.count(hasty, [PRICING], DAY)
    assert 0 < reached < 250
    assert not hasty.complete
    assert hasty.reached == NOON + (reached - 1) * SECOND
    patient = walk(store)
    assert funnel.count(patient, [PRICING], DAY) == [250]
    assert patient.complete


# --- Compared with what the person's own timeline says ----------------------------------------

USERS = ("ada", "bob")
DEVICES = ("laptop", "phone", "bob")  # an anonymous id may look like a user id

_ids = st.one_of(
    st.fixed_dictionaries({"anonymousId": st.sampled_from(DEVICES)}),
    st.fixed_dictionaries({"anonymousId": st.none(), "userId": st.sampled_from(USERS)}),
    st.fixed_dictionaries(
        {"anonymousId": st.sampled_from(DEVICES), "userId": st.sampled_from(USERS)}
    ),
)
_what = st.one_of(
    st.sampled_from(
        [
            {"type": "page", "context": {"page": {"path": "/pricing"}}},
            {"type": "track", "event": "Signed up"},
            {"type": "track", "event": "Ordered"},
            {"type": "page"},
        ]
    ),
)
_events = st.builds(lambda at, ids, what: (at, ids | what), st.integers(0, 40), _ids, _what)
_aliases = st.builds(
    lambda at, user, previous: (
        at,
        {"type": "alias", "anonymousId": None, "userId": user, "previousId": previous},
    ),
    st.integers(0, 40),
    st.sampled_from(USERS),
    st.sampled_from((*USERS, *DEVICES)),
)
HISTORIES = st.lists(st.one_of(_events, _events, _events, _events, _aliases), max_size=12)


@given(HISTORIES, st.integers(1, 40))
@how(max_examples=100, deadline=None)
def test_every_history_is_counted_as_the_timelines_of_its_people_tell(
    scratch: SqliteStore, history: list[tuple[int, dict[str, Any]]], days: int
) -> None:
    site = uuid.uuid4().hex
    events = [wire(NOON + at * DAY + n, **members) for n, (at, members) in enumerate(history)]
    scratch.append(received(*events, at=NOON + 50 * DAY, site=site))
    timelines = [timeline for one in _people(scratch, site) if (timeline := _steps(scratch, one))]
    expected = [
        sum(_did(timeline, depth, days * DAY) for timeline in timelines) for depth in (1, 2, 3)
    ]
    until = NOON + 60 * DAY
    everything = Selection(
        site=site, scope=Everyone(), descending=False, until=until, bots=Bots.INCLUDE
    )
    assert funnel.count(Walk(scratch, everything), BUYING, days * DAY) == expected
    since = returning.week_of(NOON)
    cohorts = returning.cohorts(Walk(scratch, everything), since, until)
    weeks = [{(time - since) // returning.WEEK for time, _ in timeline} for timeline in timelines]
    assert sum(cohort.returned[0] for cohort in cohorts) == len(timelines)
    for cohort in cohorts:
        first = (cohort.week - since) // returning.WEEK
        theirs = [one for one in weeks if min(one) == first]
        assert cohort.returned == [
            sum(first + later in one for one in theirs) for later in range(len(cohort.returned))
        ]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> SqliteStore:
    return SqliteStore(Path(tmp_path_factory.mktemp("funnels")) / "store.db")


def _people(store: Store, site: str) -> list[Question]:
    persons = {frozenset(identity.user_ids(store, site, user)) for user in (*USERS, *DEVICES)}
    found = [Question(site=site, user_id=min(ids), bots=Bots.INCLUDE) for ids in persons]
    unknown = [device for device in DEVICES if not store.links(site, anonymous_id=device)]
    found += [Question(site=site, anonymous_id=one, bots=Bots.INCLUDE) for one in unknown]
    return found


def _steps(store: Store, person: Question) -> list[tuple[int, str | None]]:
    """When somebody did what, the first first."""

    question = structs.replace(person, descending=False)
    steps = []
    for stored in activity.events(store, question, 1000).events:
        event = json.decode(stored.document)
        name = event.get("event") or event["context"].get("page", {}).get("path")
        steps.append((stored.position.timestamp, name))
    return steps


def _did(timeline: list[tuple[int, str | None]], depth: int, window: int) -> bool:
    wanted = tuple(stage.name for stage in BUYING[:depth])
    return any(
        tuple(name for _, name in several) == wanted and several[-1][0] - several[0][0] <= window
        for several in combinations(timeline, depth)
    )


# --- Over HTTP ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def door(_no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Any:
    with some_servers(tmp_path_factory.mktemp("funnels"), leash) as servers:
        door = Door(start(servers, settings()))
        now = timestamps.now()
        for event in (
            wire(now - 2 * HOUR, messageId="1", context={"page": {"path": "/a, b"}}),
            wire(now - HOUR, messageId="2", type="track", event="page: one"),
            wire(now - HOUR, messageId="3", anonymousId="w", type="track", event="/a, b"),
        ):
            door.post({"batch": [event]})
        eventually(lambda: len(door.read("/v1/events").json["data"]) == 3)
        yield door


def ask(door: Door, query: str, path: str = "funnels") -> Answer:
    return door.read(f"/v1/{path}?site=open&{query}", ALL_TOKEN)


def test_steps_are_named_in_several_ways(door: Door) -> None:
    found = ask(door, "steps=" + quote('["/a, b", "event:page: one"]')).json
    assert found["data"] == [
        {"step": 1, "name": "/a, b", "visitors": 1, "conversion": 1.0},
        {"step": 2, "name": "page: one", "visitors": 1, "conversion": 1.0},
    ]
    assert found["complete"]
    assert [row["visitors"] for row in ask(door, "steps=event:/a,/b").json["data"]] == [0, 0]
    only = ask(door, "steps=" + quote('["event:/a, b", "nothing"]')).json["data"]
    assert [(row["visitors"], row["conversion"]) for row in only] == [(1, 1.0), (0, 0.0)]
    late = ask(door, "window=30m&steps=" + quote('["/a, b", "event:page: one"]')).json["data"]
    assert late[1]["visitors"] == 0
    past = ask(door, "since=2020-01-01&until=2020-02-01&steps=/x").json
    assert (past["since"], past["until"]) == (
        "2020-01-01T00:00:00.000Z",
        "2020-02-01T00:00:00.000Z",
    )


def test_the_command_counts_the_same(door: Door) -> None:
    where = ("--data", door.server.data, "--site", "open")

    def shown(*words: str) -> "subprocess.CompletedProcess[str]":
        return tracker("funnel", *words, *where, env=settings())

    done = shown("/a, b", "event:page: one", "Never")
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["1", "/a,", "b", "1", "100.0%"],
        ["2", "page:", "one", "1", "100.0%"],
        ["3", "Never", "0", "0.0%"],
    ]
    assert json.decode(shown("/a, b", "--json").stdout)["data"][0]["visitors"] == 1
    assert "window must be" in told(shown("/a", "--window", "long"))
    assert "steps must" in told(shown(""))
    assert "since must be" in told(shown("/a", "--since", "x"))


def test_retention_is_of_the_last_weeks_unless_told_otherwise(door: Door) -> None:
    found = ask(door, "", "retention").json
    assert [(row["visitors"], row["returned"]) for row in found["data"]] == [(2, [2])]
    assert found["data"][0]["week"] in (_monday(0), _monday(1))
    past = ask(door, "since=2020-01-01&until=2020-02-01", "retention").json
    assert (past["data"], past["since"]) == ([], "2019-12-30T00:00:00.000Z")


def _monday(weeks_ago: int) -> str:
    week = returning.week_of(timestamps.now() - weeks_ago * returning.WEEK)
    return timestamps.format_second(week)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("funnels", "", "steps"),
        ("funnels", "steps=", "steps"),
        ("funnels", "steps=a,,b", "steps"),
        ("funnels", "steps=page:", "steps"),
        ("funnels", "steps=" + ",".join("abcdefghijk"), "steps"),
        ("funnels", "steps=[", "steps"),
        ("funnels", "steps=[]", "steps"),
        ("funnels", "steps=[1]", "steps"),
        ("funnels", "steps=[%ff", "steps"),
        ("funnels", "steps=" + "x" * 1025, "steps"),
        ("funnels", "steps=a&window=7", "window"),
        ("funnels", "steps=a&window=0d", "window"),
        ("funnels", "steps=a&window=999999w", "window"),
        ("funnels", "steps=a&window=%D9%A1d", "window"),
        ("funnels", "steps=a&since=x", "since"),
        ("funnels", "steps=a&since=2026-01-02&until=2026-01-01", "until"),
        ("funnels", "steps=a&until=0001-01-01", "until"),
        ("funnels", "steps=a&bots=no", "bots"),
        ("funnels", "steps=a&user=ada", "user"),
        ("retention", "since=x", "since"),
        ("retention", "since=2020-01-01&until=2026-01-01", "since"),
        ("retention", "until=0001-01-01", "until"),
        ("retention", "bots=no", "bots"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    door: Door, path: str, query: str, field: str
) -> None:
    problem = assert_problem(ask(door, query, path), 400, "invalid_parameter")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["funnels?steps=a", "retention"])
def test_it_takes_a_read_token(door: Door, path: str) -> None:
    assert_problem(door("GET", f"/v1/{path}"), 401, "unknown_read_token")


@pytest.mark.parametrize("query", ["since=0001-01-01&until=0001-01-08", "until=9999-12-31"])
def test_the_ends_of_time_are_no_trouble(door: Door, query: str) -> None:
    assert ask(door, query, "retention").status == 200
    assert ask(door, f"steps=a&{query}").status == 200
