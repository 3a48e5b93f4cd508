"""Bots' events are kept, and left out of what is read and counted unless somebody asks: on every
store, through both hosts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import aws
from tests.door import OPEN_KEY, Door, assert_problem, settings, start
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.events import NOON, SECOND, SITE, ids, received, wire
from tests.test_commands import table
from tests.test_user_agent import GOOGLEBOT
from tracker import activity, export
from tracker.activity import Question
from tracker.erasure import Erasure
from tracker.event import Bots
from tracker.profile import profile
from tracker.queues.sqlite import SqliteQueue
from tracker.stores import Everyone, Person, Selection, Session, Store
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

BOT = {"bot": "webdriver", "sessionId": "s"}
PERSON = {"sessionId": "s"}


@pytest.fixture(params=["sqlite", "ministack", "dynamodb_local"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "store.db")
        return
    aws.use(request.getfixturevalue(request.param), monkeypatch)
    yield DynamoDbStore(aws.make_tables())


def walk(store: Store, selection: Selection, limit: int) -> list[str]:
    """The message ids of a whole list, page by page; pages may be short."""
    found: list[str] = []
    while True:
        page = store.read(selection, limit)
        assert len(page.events) <= limit
        found += ids([stored.document for stored in page.events])
        if page.resume is None:
            return found
        selection = msgspec.structs.replace(selection, after=page.resume)


@pytest.mark.parametrize("scope", [Everyone(), Person("a#v"), Session("s")])
@pytest.mark.parametrize("descending", [True, False])
def test_every_page_is_right_whatever_stands_between(
    store: Store,
    scope: Everyone | Person | Session,
    descending: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """A long run of bots' events, a few people's among them, and at both ends."""
    people = {0, 3, 150, 151, 299}
    sent = [
        wire(NOON - n * SECOND, messageId=f"{n:03}", context=PERSON if n in people else BOT)
        for n in range(300)
    ]
    store.append(received(*sent))
    order = range(300) if descending else range(299, -1, -1)
    for bots, shown in (
        (Bots.LEAVE_OUT, [n for n in order if n in people]),
        (Bots.ONLY, [n for n in order if n not in people]),
        (Bots.INCLUDE, list(order)),
    ):
        selection = Selection(site=SITE, scope=scope, bots=bots, descending=descending)
        for limit in (1, 2, 100, 1000) if len(shown) < 10 else (100,):
            assert walk(store, selection, limit) == [f"{n:03}" for n in shown]


def test_bots_count_for_nothing_in_a_profile(store: Store) -> None:
    who = {"userId": "ada"}
    store.append(
        received(
            wire(NOON, **who, context={"sessionId": "one"}),
            wire(NOON + SECOND, **who, type="identify", traits={"plan": "pro"}),
            wire(NOON - SECOND, **who, context={"sessionId": "two", "bot": "webdriver"}),
            wire(NOON + 9 * SECOND, **who, type="identify", traits={"plan": "?"}, context=BOT),
        )
    )
    seen = profile(store, SITE, "ada")
    assert seen is not None
    assert seen["counts"] == {"events": 2, "pageViews": 1, "sessions": 2}
    assert (seen["firstSeen"], seen["lastSeen"]) == (
        "2026-11-22T12:00:00.000Z",
        "2026-11-22T12:00:01.000Z",
    )
    assert seen["traits"] == {"plan": "pro"}
    everything = profile(store, SITE, "ada", Bots.INCLUDE)
    assert everything is not None
    assert everything["counts"] == {"events": 4, "pageViews": 2, "sessions": 4}
    assert everything["lastSeen"] == "2026-11-22T12:00:09.000Z"
    assert everything["traits"] == {"plan": "pro"}


def test_whom_only_bots_tell_of_is_unknown(store: Store) -> None:
    store.append(received(wire(userId="ada", type="identify", traits={"x": 1}, context=BOT)))
    assert profile(store, SITE, "ada") is None
    assert profile(store, SITE, "ada", Bots.INCLUDE) is not None


def test_an_export_and_an_erasure_hold_all_that_is_kept_bots_events_too(
    store: Store, tmp_path: Path
) -> None:
    store.append(received(wire(userId="ada", messageId="m", context=BOT)))
    whole = msgspec.json.decode(b"".join(export.person(store, SITE, "ada")))
    assert [event["messageId"] for event in whole["events"]] == ["m"]
    assert whole["user"]["counts"]["events"] == 1
    erasure = Erasure(store, SqliteQueue(tmp_path / "queue.db"), SITE, "ada")
    *_, erased = erasure.steps(NOON + SECOND)
    assert (erased.events, erased.complete) == (1, True)
    assert walk(store, Selection(site=SITE, scope=Everyone(), bots=Bots.INCLUDE), 10) == []


def test_what_a_bot_did_before_it_said_who_it_is_is_left_out_as_well(store: Store) -> None:
    store.append(
        received(
            wire(NOON, messageId="1", context=BOT),
            wire(NOON + SECOND, messageId="2", userId="ada", context=BOT),
            wire(NOON + 2 * SECOND, messageId="3", userId="ada"),
        )
    )

    def read(question: Question) -> list[str]:
        return ids([stored.document for stored in activity.events(store, question, 10).events])

    assert read(Question(site=SITE, user_id="ada")) == ["3"]
    assert read(Question(site=SITE, user_id="ada", bots=Bots.INCLUDE)) == ["3", "2", "1"]
    assert read(Question(site=SITE, anonymous_id="v", bots=Bots.ONLY)) == ["2", "1"]


# --- Through the door -----------------------------------------------------------------------------


@pytest.fixture
def door(server: Servers) -> Door:
    return Door(start(server, settings(), "--no-demo"))


def test_a_crawler_is_left_out_unless_asked_for(door: Door) -> None:
    def page(name: str) -> dict[str, Any]:
        return {"batch": [{"type": "page", "userId": "ada", "anonymousId": "v", "name": name}]}

    door.post(page("by a crawler"), headers={"user-agent": GOOGLEBOT})
    door.post(page("by a backend"), headers={"user-agent": "analytics-python/2.4.0"})

    def names(query: str) -> list[str]:
        return [event["name"] for event in door.read(f"/v1/events?{query}").json["data"]]

    eventually(lambda: len(names("bots=include")) == 2)
    for who in ("", "&user_id=ada", "&anonymous_id=v"):
        assert names(f"limit=10{who}") == ["by a backend"]
        assert names(f"bots=only{who}") == ["by a crawler"]
        assert sorted(names(f"bots=include{who}")) == ["by a backend", "by a crawler"]
    (crawled,) = door.read("/v1/events?bots=only").json["data"]
    assert crawled["context"]["bot"] == "user agent: Googlebot"
    assert door.read("/v1/users/ada").json["counts"]["events"] == 1
    assert door.read("/v1/users/ada?bots=include").json["counts"]["events"] == 2
    assert door.read("/v1/users/ada?bots=only").json["counts"]["events"] == 1


def test_a_user_whom_only_a_bot_was_is_not_found(door: Door) -> None:
    event = {"type": "page", "userId": "robot", "context": {"bot": "webdriver"}}
    door.post({"batch": [event]})
    eventually(lambda: door.read("/v1/events?bots=include").json["data"])
    assert_problem(door.read("/v1/users/robot"), 404, "unknown_user")
    assert door.read("/v1/users/robot?bots=include").status == 200


@pytest.mark.parametrize("value", ["", "exclude", "true", "1", "Include", "include,only"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/users/ada"])
def test_bots_takes_two_words_only(door: Door, path: str, value: str) -> None:
    problem = assert_problem(door.read(f"{path}?bots={value}"), 400, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == ["bots"]


def test_the_command_line_shows_them_when_told(door: Door) -> None:
    events = [
        {"type": "track", "event": "Crawled", "anonymousId": "v", "context": {"bot": "headless"}},
        {"type": "track", "event": "Clicked", "anonymousId": "v"},
    ]
    door.post({"batch": events}, f"/v1/batch?write_key={OPEN_KEY}")
    eventually(lambda: len(door.read("/v1/events?bots=include").json["data"]) == 2)
    where = ("--data", door.server.data, "--site", "open", "--anonymous", "v")
    assert [row.split()[3] for row in table(*where)] == ["Clicked"]
    assert [row.split()[3] for row in table(*where, "--bots", "only")] == ["Crawled"]
    both = [row.split()[3] for row in table(*where, "--bots", "include")]
    assert sorted(both) == ["Clicked", "Crawled"]
