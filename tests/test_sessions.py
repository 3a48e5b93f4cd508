"""Sessions, on both stores: those that clients name, and those that are made of 30 idle minutes."""

import base64
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import aws
from tests.engines.engine import Engine
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, received, wire
from tests.known_load import page_view
from tests.metering import Meter
from tracker import activity, session_list, timestamps
from tracker.activity import Question
from tracker.erasure import Erasure
from tracker.event import Event, person_of_visitor
from tracker.profile import profile
from tracker.queues.sqlite import SqliteQueue
from tracker.session_list import Place
from tracker.stores import Everyone, Selection, Store, stretches
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore
from tracker.stores.stretches import Span

IDLE = 30 * MINUTE
LATER = NOON + 400 * HOUR
"""When what happened around noon is received."""


@pytest.fixture(params=["sqlite", "dynamodb_local"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "store.db")
        return
    aws.use(request.getfixturevalue(request.param), monkeypatch)
    yield DynamoDbStore(aws.make_tables())


Document = dict[str, Any]


def events(store: Store, limit: int = 1000, **question: Any) -> list[Document]:
    """All events that answer a question, page by page, newest first unless told otherwise."""
    asked = Question(**{"site": SITE, **question})
    found: list[Document] = []
    while True:
        page = activity.events(store, asked, limit)
        found += [msgspec.json.decode(stored.document) for stored in page.events]
        if page.resume is None:
            return found
        asked = msgspec.structs.replace(asked, after=page.resume)


def sessions(store: Store, limit: int = 1000, **question: Any) -> list[Document]:
    """All sessions that answer a question, page by page."""
    asked = Question(**{"site": SITE, **question})
    found: list[Document] = []
    after: Place | None = None
    while True:
        page = session_list.listed(store, asked, limit, after)
        assert len(page.sessions) <= limit
        found += [session.document() for session in page.sessions]
        after = page.resume
        if after is None:
            return found


def ids(documents: Sequence[Document]) -> list[str]:
    """The session of each event."""
    return [document["context"]["sessionId"] for document in documents]


def views(*times: int, **members: Any) -> list[Document]:
    return [wire(at, **members) for at in times]


# --- Where a session ends -------------------------------------------------------------------------


@pytest.mark.parametrize("start", [NOON, NOON + 11 * HOUR + 45 * MINUTE, NOON - 12 * HOUR])
def test_exactly_30_idle_minutes_end_no_session_and_a_moment_more_does(
    store: Store, start: int
) -> None:
    at = [start, start + IDLE, start + 2 * IDLE, start + 3 * IDLE + 1, start + 4 * IDLE + 1]
    store.append(received(*views(*at), at=LATER))
    found = ids(events(store, anonymous_id="v", descending=False))
    assert found[0] == found[1] == found[2]
    assert found[3] == found[4]
    assert found[2] != found[3]


def test_a_session_goes_on_over_midnight_and_over_days(store: Store) -> None:
    times = [NOON + n * 29 * MINUTE for n in range(400)]  # eight days
    mixed = random.Random(1).sample(times, len(times))
    for n in range(0, 400, 40):
        store.append(received(*views(*mixed[n : n + 40]), at=LATER + n))
    store.append(received(*views(NOON - HOUR, times[-1] + HOUR), at=LATER + 1000))
    found = ids(events(store, anonymous_id="v", limit=30))
    assert len(set(found)) == 3
    assert len(set(found[1:-1])) == 1
    assert found[1:-1] == ids(events(store, session_id=found[1], limit=30))
    long = sessions(store, anonymous_id="v")[1]
    assert long["events"] == 400
    assert long["duration"] == 399 * 29 * 60
    # also where only its middle is looked at
    near = {"since": NOON + 90 * HOUR, "until": NOON + 92 * HOUR}
    assert set(ids(events(store, anonymous_id="v", **near))) == {found[1]}


def test_sessions_at_the_first_and_the_last_instants_are_found(store: Store) -> None:
    store.append(received(*views(timestamps.EARLIEST, timestamps.LATEST), at=timestamps.LATEST))
    last, first = ids(events(store, anonymous_id="v"))
    assert len(events(store, session_id=first)) == len(events(store, session_id=last)) == 1
    assert [one["id"] for one in sessions(store, anonymous_id="v")] == [last, first]


# --- What a session's id is -----------------------------------------------------------------------


def test_the_id_stays_when_events_are_added_before_and_after(store: Store) -> None:
    first = wire(NOON)
    store.append(received(first, at=LATER))
    (before,) = ids(events(store, anonymous_id="v"))
    for n, at in enumerate((NOON - 20 * MINUTE, NOON + 25 * MINUTE, NOON - 49 * MINUTE)):
        store.append(received(wire(at), at=LATER + n * SECOND + SECOND))
        assert set(ids(events(store, anonymous_id="v"))) == {before}
    assert "v" not in base64.urlsafe_b64decode(before.removeprefix("auto_") + "=").decode("latin-1")


def test_two_sessions_that_grow_together_are_found_by_both_their_ids(store: Store) -> None:
    store.append(received(wire(NOON + 50 * MINUTE), at=LATER))
    store.append(received(wire(NOON), at=LATER + SECOND))
    elder, younger = ids(events(store, anonymous_id="v"))
    assert elder != younger
    store.append(received(wire(NOON + 25 * MINUTE), at=LATER + 2 * SECOND))
    assert set(ids(events(store, anonymous_id="v"))) == {elder}
    assert len(events(store, session_id=elder)) == 3
    assert events(store, session_id=elder) == events(store, session_id=younger)
    (session,) = sessions(store, anonymous_id="v")
    assert (session["id"], session["events"]) == (elder, 3)


def test_a_clients_own_session_id_is_left_as_it_is(store: Store) -> None:
    kit = page_view("v", "kit-session", 0)
    numbered = wire(NOON + SECOND, context={"sessionId": 1234567890123})
    empty = wire(NOON + 2 * SECOND, context={"sessionId": "", "page": {"path": "/x"}})
    store.append(received(kit, numbered, empty))
    made, number, own = events(store, anonymous_id="v")
    assert own["context"]["sessionId"] == "kit-session"
    assert number["context"]["sessionId"] == 1234567890123
    assert made["context"]["sessionId"].startswith("auto_")
    assert made["context"]["page"] == {"path": "/x"}
    assert [event["messageId"] for event in events(store, session_id="1234567890123")] == [
        numbered["messageId"]
    ]
    assert [one["id"] for one in sessions(store, anonymous_id="v")] == [
        made["context"]["sessionId"],
        "1234567890123",
        "kit-session",
    ]


def test_a_made_id_that_a_client_sends_is_its_own(store: Store) -> None:
    store.append(received(wire(NOON), site="one"))
    (exported,) = events(store, site="one", anonymous_id="v")
    store.append(received(exported, site="two"))
    (imported,) = events(store, site="two", anonymous_id="v")
    assert imported["context"] == exported["context"]
    session = exported["context"]["sessionId"]
    assert len(events(store, site="two", session_id=session)) == 1
    assert [one["id"] for one in sessions(store, site="two", anonymous_id="v")] == [session]


@pytest.mark.parametrize(
    "strange",
    [
        "auto_",
        "auto_x",
        "auto_" + "A" * 27,
        "auto_" + "_" * 27,
        "auto_" + "é" * 27,
        "auto_" + "\u0000" * 27,
        "auto_" * 50,
        "auto_" + base64.urlsafe_b64encode(b"k" * 12 + (2**63 - 1).to_bytes(8, "big")).decode(),
        "auto_" + base64.urlsafe_b64encode(b"k" * 12 + b"\x80" + b"\0" * 7).decode().rstrip("="),
    ],
)
def test_an_id_that_leads_nowhere_finds_nothing(store: Store, strange: str) -> None:
    store.append(received(wire(NOON)))
    assert events(store, session_id=strange) == []


def test_equal_people_of_two_sites_share_no_session(store: Store) -> None:
    store.append(received(*views(NOON, NOON + MINUTE, userId="u"), at=LATER, site="one"))
    store.append(received(*views(NOON + 20 * MINUTE, userId="u"), at=LATER, site="two"))
    (one,) = sessions(store, site="one", user_id="u")
    (two,) = sessions(store, site="two", user_id="u")
    assert (one["events"], two["events"]) == (2, 1)
    assert len(events(store, site="one", session_id=one["id"])) == 2
    assert events(store, site="two", session_id=one["id"]) == []
    assert store.forget_stretches("one", person_of_visitor("v")) == 1
    assert sessions(store, site="two", user_id="u") == [two]


# --- Whose a session is ---------------------------------------------------------------------------


def test_a_session_is_a_devices_and_its_numbers_are_the_persons(store: Store) -> None:
    """A shared computer: A, then B, within one session of the device."""
    store.append(
        received(
            wire(NOON, userId="A"),
            wire(NOON + 10 * MINUTE, userId="B"),
            wire(NOON + 20 * MINUTE, userId="B"),
            wire(NOON + 10 * MINUTE, userId="A", anonymousId="phone"),
            wire(NOON + 15 * MINUTE, userId="A", anonymousId=None),
            at=LATER,
        )
    )
    (of_b,) = sessions(store, user_id="B")
    assert (of_b["events"], of_b["duration"]) == (2, 600)
    assert len(events(store, session_id=of_b["id"])) == 3
    of_a = sessions(store, user_id="A")
    assert [(one["events"], one["anonymousId"]) for one in of_a] == [
        (1, None),
        (1, "phone"),
        (1, "v"),
    ]
    assert of_a[2]["id"] == of_b["id"]
    assert [one["events"] for one in sessions(store, anonymous_id="v")] == [3]


def test_what_was_done_before_identify_is_in_the_users_session(store: Store) -> None:
    store.append(received(*views(NOON, NOON + MINUTE), at=LATER))
    store.append(received(wire(NOON + 2 * MINUTE, type="identify", userId="u"), at=LATER))
    (session,) = sessions(store, user_id="u")
    assert (session["events"], session["pageViews"]) == (3, 2)
    assert sessions(store, anonymous_id="v") == [session]


def test_a_session_has_its_pages_and_where_it_came_from(store: Store) -> None:
    page = {"path": "/a", "referrer": "https://search.example/", "url": "https://x.example/a"}
    store.append(
        received(
            wire(NOON, type="track", event="Opened"),
            wire(NOON + SECOND, context={"page": page}),
            wire(NOON + 2 * SECOND, properties={"url": "https://x.example/b?c"}),
            wire(NOON + 3 * SECOND + 1, type="track", event="Left", context={"page": page}),
        )
    )
    (session,) = sessions(store, anonymous_id="v")
    assert session == {
        "id": session["id"],
        "userId": None,
        "anonymousId": "v",
        "start": "2026-11-22T12:00:00.000Z",
        "end": "2026-11-22T12:00:03.000001Z",
        "duration": 3.000001,
        "pageViews": 2,
        "events": 4,
        "entryPage": "/a",
        "exitPage": "/b",
        "referrer": "https://search.example/",
    }


@pytest.mark.parametrize(
    "members",
    [
        {"context": {"page": 7}, "properties": {"referrer": 1, "path": []}},
        {"context": {"page": {"path": None, "referrer": {}}}},
        {"context": {"page": {"url": "http://[", "referrer": ""}}},
        {"type": "screen", "name": "Home"},
        {"type": "track", "event": "Opened"},
    ],
)
def test_a_session_without_a_usable_page_has_none(store: Store, members: Document) -> None:
    store.append(received(wire(NOON, **members)))
    (session,) = sessions(store, anonymous_id="v")
    assert (session["entryPage"], session["exitPage"], session["referrer"]) == (None, None, None)
    assert session["duration"] == 0


def test_since_and_until_choose_sessions_whose_numbers_stay_whole(store: Store) -> None:
    for start in (NOON, NOON + 2 * HOUR, NOON + 4 * HOUR):
        store.append(received(*views(*(start + n * MINUTE for n in range(30))), at=LATER))
    third, second, first = sessions(store, anonymous_id="v")
    assert sessions(store, anonymous_id="v", since=NOON + 29 * MINUTE) == [third, second, first]
    assert sessions(store, anonymous_id="v", since=NOON + 29 * MINUTE + 1) == [third, second]
    assert sessions(store, anonymous_id="v", until=NOON + 2 * HOUR + 1) == [second, first]
    assert sessions(store, anonymous_id="v", until=NOON + 2 * HOUR) == [first]
    assert sessions(store, anonymous_id="v", since=NOON, until=NOON) == []
    assert second["events"] == 30


def test_of_an_unknown_person_there_are_no_sessions(store: Store) -> None:
    assert sessions(store, user_id="nobody") == sessions(store, anonymous_id="nobody") == []


# --- In whatever order events come ----------------------------------------------------------------

_event = st.builds(
    lambda at, who, own, n: wire(
        NOON + at,
        anonymousId=who[0],
        userId=who[1],
        messageId=f"m{n}",
        context={"sessionId": own} if own else {},
        type="identify" if n % 7 == 0 else "page",
    ),
    st.integers(-8, 60).map(lambda tens: tens * 10 * MINUTE)
    | st.integers(0, 3 * 10**10)
    | st.sampled_from([IDLE, IDLE + 1, 2 * IDLE + 1, 12 * HOUR, 12 * HOUR - 1]),
    st.sampled_from(
        [("v", None), ("v", "u"), ("w", None), ("w", "u"), ("w", "t"), (None, "u"), (None, "t")]
    ),
    st.sampled_from([None, None, None, "own", "other"]),
    st.integers(0, 40),
)
_request = st.tuples(st.lists(_event, min_size=1, max_size=6), st.integers(0, 5))
_history = st.lists(_request, min_size=1, max_size=10)
_order = st.randoms(use_true_random=False)

History = list[tuple[list[Document], int]]
"""Requests, and how many seconds each arrives later than the first may."""


Name = tuple[object, ...]


def name(event: Document) -> Name:
    """What no two stored events share: DynamoDB knows a message by its person and time as well."""
    return tuple(event.get(n) for n in ("messageId", "userId", "anonymousId", "originalTimestamp"))


def naive(documents: Sequence[Document]) -> dict[Name, str]:
    """The session of each event, by counting what is stored."""
    found: dict[Name, str] = {}

    def device(event: Document) -> tuple[str, str]:
        kind = "anonymousId" if "anonymousId" in event else "userId"
        return kind, event[kind]

    def time(event: Document) -> int:
        return timestamps.parse(event["timestamp"])

    own = [event for event in documents if event["context"]["sessionId"] in ("own", "other")]
    found.update({name(event): event["context"]["sessionId"] for event in own})
    rest = sorted((e for e in documents if e not in own), key=lambda e: (device(e), time(e)))
    for whose, of_device in groupby(rest, key=device):
        parts: list[list[Document]] = []
        for event in of_device:
            if not parts or time(event) - time(parts[-1][-1]) > IDLE:
                parts.append([])
            parts[-1].append(event)
        for part in parts:
            first = min((timestamps.parse(e["receivedAt"]), time(e)) for e in part)
            found.update(dict.fromkeys(map(name, part), f"{whose}{first[1]}"))
    return found


def same_parts(one: dict[Name, str], other: dict[Name, str]) -> bool:
    """Whether two name the same sessions, each in its way."""
    pairs = {(one[event], other[event]) for event in one | other}
    return len(pairs) == len(set(one.values())) == len(set(other.values()))


def anchor(session_id: str) -> int:
    place = base64.urlsafe_b64decode(session_id.removeprefix("auto_") + "=")
    return int.from_bytes(place[12:], "big", signed=True)


def check(store: Store, site: str) -> None:
    """That all that can be read of a site agrees."""
    everything = events(store, site=site, limit=7)
    read = {name(event): event["context"]["sessionId"] for event in everything}
    assert len(read) == len(everything)
    counted = naive(everything)
    assert same_parts(read, counted)
    for event, session in read.items():
        assert session in ("own", "other") or counted[event].endswith(str(anchor(session)))
    for session in set(read.values()):
        found = {name(event) for event in events(store, site=site, session_id=session, limit=3)}
        assert found == {event for event, its in read.items() if its == session}
    for who in ({"user_id": "u"}, {"user_id": "t"}, {"anonymous_id": "v"}, {"anonymous_id": "w"}):
        for descending in (True, False):
            asked: dict[str, Any] = {"site": site, "descending": descending, **who}
            of_person = events(store, **asked)
            expected = list(dict.fromkeys(ids(of_person)))
            assert [one["id"] for one in sessions(store, 2, **asked)] == expected
            listed = sessions(store, **asked)
            assert [one["id"] for one in listed] == expected
            if "user_id" in who and expected:
                user = profile(store, site, who["user_id"])
                assert user
                assert user["counts"]["sessions"] == len(expected)
            for one in listed:
                mine = [e for e in of_person if e["context"]["sessionId"] == one["id"]]
                times = sorted(timestamps.parse(e["timestamp"]) for e in mine)
                assert one["events"] == len(mine)
                assert one["pageViews"] == len([e for e in mine if e["type"] == "page"])
                assert timestamps.parse(one["start"]) == times[0]
                assert timestamps.parse(one["end"]) == times[-1]


def arrived(history: History, site: str) -> list[list[Event]]:
    """What the consumer gets of some requests, that came at different times."""
    return [received(*sent, at=LATER + late * SECOND, site=site) for sent, late in history]


def try_many(store: Store, body: Callable[..., None], **made_up: st.SearchStrategy[Any]) -> None:
    """Call it with many made-up arguments; with fewer where each call of a store takes long."""
    some = settings(
        max_examples=25 if isinstance(store, SqliteStore) else 6,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    some(given(**made_up)(body))()


def test_in_whatever_order_events_come_their_sessions_are_what_a_recount_says(
    store: Store,
) -> None:
    def body(history: History, order: random.Random) -> None:
        site = uuid.uuid4().hex
        requests = arrived(history, site)
        for _ in range(2):  # the second time, all is delivered again
            order.shuffle(requests)
            for n in range(0, len(requests), 2):  # two messages at a time
                store.append([event for request in requests[n : n + 2] for event in request])
            check(store, site)

    try_many(store, body, history=_history, order=_order)


def test_another_order_of_the_same_events_gives_the_same_ids(store: Store) -> None:
    """Each message once: which of two that differ is stored is decided by who comes first."""

    def body(history: History, order: random.Random) -> None:
        seen: set[str] = set()
        once: History = []
        for sent, late in history:
            new = {e["messageId"]: e for e in sent if e["messageId"] not in seen}
            once.append((list(new.values()), late))
            seen |= new.keys()
        sites = [uuid.uuid4().hex, uuid.uuid4().hex]
        for site in sites:
            requests = arrived(once, site)
            order.shuffle(requests)
            for request in requests:
                store.append(request)
        one, other = (
            {e["messageId"]: e["context"]["sessionId"] for e in events(store, site=site)}
            for site in sites
        )
        assert one == other

    try_many(store, body, history=_history, order=_order)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("who", [{"user_id": "u"}, {"anonymous_id": "w"}])
def test_a_list_that_is_walked_while_events_arrive_has_every_session_once(
    store: Store,
    descending: bool,  # noqa: FBT001  (a parameter of the test)
    who: dict[str, Any],
) -> None:
    def body(history: History, later: History, limit: int) -> None:
        site = uuid.uuid4().hex
        for request in arrived(history, site):
            store.append(request)
        asked = Question(site=site, descending=descending, **who)
        there = {one.id for one in session_list.listed(store, asked, 1000).sessions}
        arriving = iter(arrived([(sent, 10 + n) for n, (sent, _) in enumerate(later)], site))
        found: list[str] = []
        after: Place | None = None
        while True:
            page = session_list.listed(store, asked, limit, after)
            found += [one.id for one in page.sessions]
            after = page.resume
            if after is None:
                break
            store.append(next(arriving, []))
        assert len(found) == len(set(found))
        # All that was there is listed, but for what has become a part of another session.
        now = {one.id for one in session_list.listed(store, asked, 1000).sessions}
        assert there & now <= set(found)

    try_many(store, body, history=_history, later=_history, limit=st.integers(1, 3))


# --- What is written, and what it costs -----------------------------------------------------------


def test_two_consumers_at_the_same_time_lose_nothing_of_a_session(store: Store) -> None:
    batches = [[wire(NOON + (n * 8 + k) * 5 * MINUTE) for n in range(12)] for k in range(8)]

    def consume(batch: list[Document]) -> None:
        for event in batch:
            store.append(received(event, at=LATER))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(consume, batches))
    assert len(set(ids(events(store, anonymous_id="v")))) == 1
    (session,) = sessions(store, anonymous_id="v")
    assert session["events"] == 96


def test_what_is_forgotten_of_a_device_is_gone_and_of_no_other(store: Store) -> None:
    day = 24 * HOUR
    store.append(received(*views(NOON, NOON + day), *views(NOON, anonymousId="w"), at=LATER))
    span = [Span(stretches.key("a#v"), NOON - day, NOON + 3 * day)]
    assert store.stretches(SITE, span) != [None]
    assert store.forget_stretches(SITE, "a#v") == 2
    assert store.forget_stretches(SITE, "a#v") == 0
    assert store.stretches(SITE, span) == [None]
    (left,) = events(store, anonymous_id="w")
    assert left["context"]["sessionId"]
    # What is read of events whose sessions are forgotten has none, and is still read.
    assert [event["context"] for event in events(store, anonymous_id="v")] == [{}, {}]
    assert sessions(store, anonymous_id="v") == []


def test_an_erased_person_leaves_no_session_and_takes_nobody_elses(
    store: Store, tmp_path: Path
) -> None:
    """A's phone is A's alone; the computer is shared with B."""
    store.append(
        received(
            wire(NOON, userId="A", anonymousId="phone"),
            wire(NOON, userId="A", anonymousId=None),
            wire(NOON, userId="A"),
            wire(NOON + MINUTE, userId="B"),
            at=LATER,
        )
    )
    (of_b,) = sessions(store, user_id="B")
    for _ in Erasure(store, SqliteQueue(tmp_path / "queue.db"), SITE, "A").steps(LATER + HOUR):
        pass
    names = ("a#phone", "u#A", "a#v")
    spans = [Span(stretches.key(stream), NOON, NOON + HOUR) for stream in names]
    gone, gone_too, shared = store.stretches(SITE, spans)
    assert (gone, gone_too) == (None, None)
    assert shared is not None
    assert sessions(store, user_id="A") == []
    assert sessions(store, user_id="B") == [of_b]
    assert len(events(store, session_id=of_b["id"])) == 1


def test_an_aliass_sessions_are_listed_of_both_user_ids(store: Store) -> None:
    store.append(
        received(
            *views(NOON, userId="old", anonymousId=None),
            *views(NOON + HOUR, userId="new", anonymousId="v"),
            wire(NOON + HOUR, type="alias", userId="new", previousId="old", anonymousId="v"),
            at=LATER,
        )
    )
    listed = sessions(store, user_id="old")
    assert [(one["userId"], one["events"]) for one in listed] == [("new", 2), ("old", 1)]
    assert sessions(store, user_id="new") == listed


def test_messages_of_one_id_that_tell_different_devices_are_one_event(store: Store) -> None:
    """The second is of the same user, and on a device that the first does not tell."""
    store.append(received(wire(NOON, userId="u", anonymousId=None, messageId="m")))
    store.append(received(wire(NOON, userId="u", anonymousId="v", messageId="m")))
    assert len(events(store, user_id="u")) == 1
    (session,) = sessions(store, user_id="u")
    assert session["events"] == 1


@pytest.fixture
def metered(dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> DynamoDbStore:
    aws.use(dynamodb_local, monkeypatch)
    store = DynamoDbStore(aws.make_tables())
    store.append(received(wire(NOON, anonymousId="x")))  # the day is known from its first event on
    return store


def test_a_batch_without_session_ids_costs_one_unit_more_a_device(metered: DynamoDbStore) -> None:
    meter = Meter(metered)
    for visit in range(3):
        batch = [page_view("v", "", visit * 10 + n) for n in range(10)]
        metered.append(received(*batch, at=LATER))
        assert meter.written() == {"events": 10, "index": 2}  # the listing entry, the device's day
        metered.append(received(*batch, at=LATER))
        assert meter.written() == {}
    metered.append(received(*[page_view(f"v{n}", "", n) for n in range(5)], at=LATER))
    assert meter.written() == {"events": 5, "index": 6}


def test_events_with_a_session_id_write_and_read_no_stretches(metered: DynamoDbStore) -> None:
    metered.append(received(page_view("v", "s", 0)))
    meter = Meter(metered)
    metered.append(received(*[page_view("v", "s", n) for n in range(1, 11)], at=LATER))
    assert meter.written() == {"events": 10, "index": 1}
    events(metered, anonymous_id="v")
    calls = meter.calls
    events(metered, anonymous_id="v")
    assert meter.calls == calls + 2  # the timeline, the links


def test_a_page_of_many_devices_is_filled_with_one_call(metered: DynamoDbStore) -> None:
    metered.append(received(*[page_view(f"v{n}", "", n) for n in range(60)], at=LATER))
    before = Selection(site=SITE, scope=Everyone())
    meter = Meter(metered)
    metered.read(before, 100)
    reading = meter.calls
    assert len(set(ids(events(metered, limit=100)))) == 61
    assert meter.calls == 2 * reading + 1


# --- Much of it -----------------------------------------------------------------------------------


def test_a_page_ends_in_time_and_the_next_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve sessions, and no time at all: each request still comes some way."""
    for n in range(12):
        own = {"sessionId": f"s{n}"} if n % 2 else {}
        times = [NOON + n * HOUR + k * SECOND for k in range(30)]
        store.append(received(*views(*times, context=own), at=LATER))
    whole = sessions(store, anonymous_id="v")
    assert len(whole) == 12
    monkeypatch.setattr(session_list, "SECONDS", 0.0)
    monkeypatch.setattr(session_list, "CHUNK", 7)
    assert sessions(store, anonymous_id="v") == whole
    assert sessions(store, anonymous_id="v", descending=False) == whole[::-1]


def test_more_sessions_at_once_than_a_cursor_names_are_listed_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_list, "MAX_NAMED", 3)
    sent = [
        wire(NOON + (n * 20 + k) * SECOND, context={"sessionId": f"s{k}"})
        for n in range(5)
        for k in range(20)
    ]
    store.append(received(*sent, at=LATER))
    newest_first = [f"s{k}" for k in reversed(range(20))]
    for limit in (1, 4, 1000):
        found = sessions(store, limit=limit, user_id=None, anonymous_id="v")
        assert [one["id"] for one in found] == newest_first
        found = sessions(store, limit=limit, anonymous_id="v", descending=False)
        assert [one["id"] for one in found] == newest_first[::-1]
        between = {"since": NOON + 15 * SECOND, "until": NOON + 95 * SECOND}
        found = sessions(store, limit=limit, anonymous_id="v", **between)
        assert len({one["id"] for one in found}) == len(found) == 20
