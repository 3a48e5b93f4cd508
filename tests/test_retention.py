"""How long what is stored can be read, on every store: by a clock that the tests move."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests import aws
from tests.asking import all_of
from tests.engines.engine import Engine
from tests.events import HOUR, NOON, SECOND, SITE, ids, received, wire
from tracker import activity, profile, sessions, timestamps
from tracker.activity import Question
from tracker.stores import Everyone, Person, Selection, Session, Store
from tracker.stores.dynamodb.expiry import LEAST_RESERVE, RESERVE
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.retention import Retention
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY

MONTHS = 400 * DAY

Make = Callable[..., Store]


class Clock:
    """It stands still until a test moves it."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "ministack", "dynamodb_local"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> Make:
    """Opens one and the same store, with other settings each time."""
    prefix = ""
    if request.param != "sqlite":
        aws.use(request.getfixturevalue(request.param), monkeypatch)
        prefix = aws.make_tables()

    def make(days: int | None = 400, **others: int | None) -> Store:
        retention = Retention(lambda site: others.get(site, days), clock)
        if prefix:
            return DynamoDbStore(prefix, retention)
        return SqliteStore(tmp_path / "store.db", retention)

    return make


def found(store: Store, scope: Everyone | Person | Session, site: str = SITE) -> list[str]:
    """The message ids of a list, by pages of two."""
    selection = Selection(site=site, scope=scope, descending=False)
    whole: list[str] = []
    while True:
        page = store.read(selection, 2)
        whole += ids([stored.document for stored in page.events])
        if page.resume is None:
            return whole
        selection = structs.replace(selection, after=page.resume)


def swept(store: Store) -> Store:
    for _ in store.sweep():
        pass
    return store


def story(user: str = "u") -> list[dict[str, object]]:
    """An event of each kind, from which something else is made too."""
    session = {"sessionId": "s"}
    return [
        wire(NOON - 3 * SECOND, context=session),
        wire(NOON - 2 * SECOND, type="identify", userId=user, traits={"plan": "pro"}),
        wire(NOON - SECOND, type="alias", userId=user, previousId="earlier"),
        wire(NOON, userId="earlier"),
        wire(None, userId=user, context=session),
    ]


def everything(store: Store, site: str) -> dict[str, object]:
    """All that can be read of the story."""
    return {
        "events": [found(store, Everyone(), site), found(store, Session("s"), site)],
        "timelines": [found(store, Person(key), site) for key in ("a#v", "u#u", "u#earlier")],
        "answer": all_of(store, Question(site=site, user_id="u")),
        "links": sorted(link.user_id for link in store.links(site, anonymous_id="v")),
        "aliases": [store.aliases(site, "u"), store.aliases(site, "earlier")],
        "traits": store.traits(site, Person("u#u")),
        "profile": profile.profile(store, site, "u"),
    }


def nothing(store: Store) -> dict[str, object]:
    """What can be read where nothing was written."""
    return everything(store, "elsewhere")


@pytest.mark.parametrize("sweeps", ["before the sweep", "after the sweep"])
def test_each_site_keeps_its_events_for_its_days_and_not_a_moment_longer(
    make: Make, clock: Clock, sweeps: str
) -> None:
    store = make(short=10, always=None)
    for site in ("short", SITE, "always"):
        store.append(received(*story(), site=site))
    before = {site: everything(store, site) for site in ("short", SITE, "always")}
    for instant, gone in (
        (NOON + 10 * DAY - 1, set[str]()),
        (NOON + 10 * DAY, {"short"}),
        (NOON + 400 * DAY - 1, {"short"}),
        (NOON + 400 * DAY, {"short", SITE}),
        (timestamps.LATEST, {"short", SITE}),
    ):
        clock.now = instant
        if sweeps == "after the sweep":
            swept(store)
        for site, was in before.items():
            read = everything(store, site)
            if site not in gone:
                assert read == was
                continue
            if isinstance(store, DynamoDbStore):  # what leads to events is kept a little longer
                for name in ("links", "aliases"):
                    read.pop(name)
            assert read.items() <= nothing(store).items()


def test_the_age_of_an_event_counts_from_when_it_was_received(make: Make, clock: Clock) -> None:
    store = make()
    ancient, of_today = wire(timestamps.EARLIEST), wire(NOON)
    ahead = wire(timestamps.LATEST)
    store.append(received(of_today, at=NOON))
    store.append(received(ancient, ahead, at=NOON + DAY))
    clock.now = NOON + MONTHS
    later = [ancient["messageId"], ahead["messageId"]]
    assert found(swept(store), Everyone()) == found(store, Person("a#v")) == later
    clock.now += DAY
    assert found(swept(store), Everyone()) == []


def test_fewer_days_hide_at_once_what_is_stored_and_more_days_keep_it(
    make: Make, clock: Clock
) -> None:
    old, new = wire(NOON), wire(NOON + 5 * DAY)
    make().append(received(old, at=NOON))
    make().append(received(new, at=NOON + 5 * DAY))
    both = [old["messageId"], new["messageId"]]
    clock.now = NOON + 7 * DAY
    for scope in (Everyone(), Person("a#v")):
        assert found(make(3), scope) == both[1:]
        assert found(make(6), scope) == both[1:]
        assert found(make(8), scope) == found(make(None), scope) == both
    assert make(3).summary(SITE, Person("a#v")).events == 1
    swept(make(6))
    for scope in (Everyone(), Person("a#v")):
        assert found(make(6), scope) == both[1:]
    clock.now = NOON + 399 * DAY
    assert found(make(500), Person("a#v"))[-1:] == both[1:]


def test_pages_give_everything_that_is_kept_once_and_in_order(make: Make, clock: Clock) -> None:
    """Old and new stand between each other: history was imported."""
    store = make(30)
    events = [wire(NOON - n * HOUR, context={"sessionId": "s"}) for n in range(24)]
    kept = [event["messageId"] for event in events[::-1] if events.index(event) % 3 == 0]
    for n, event in enumerate(events):
        store.append(received(event, at=NOON + (DAY if n % 3 == 0 else 0)))
    clock.now = NOON + 30 * DAY
    for scope in (Everyone(), Person("a#v"), Session("s")):
        assert found(store, scope) == kept
    swept(store)
    for scope in (Everyone(), Person("a#v"), Session("s")):
        assert found(store, scope) == kept


def test_a_message_that_is_sent_anew_after_its_time_is_a_new_one(make: Make, clock: Clock) -> None:
    """Somebody imports again what they have exported: 200 is a promise for that too."""
    store = make(30)
    sent = wire(type="identify", userId="u", traits={"plan": "pro"})
    some = [wire(NOON + n * SECOND) for n in range(4)]
    store.append(received(sent, *some))
    clock.now = NOON + 30 * DAY
    assert store.append(received(sent, *some, at=NOON + 30 * DAY)) == (5, 0)
    assert store.append(received(sent, *some, at=NOON + 30 * DAY + 1)) == (0, 5)
    clock.now = NOON + 60 * DAY - 1
    swept(store)
    assert len(found(store, Everyone())) == 5
    assert found(store, Person("u#u")) == [sent["messageId"]]
    assert store.traits(SITE, Person("u#u"))["plan"].value == "pro"


def test_a_redelivered_message_whose_time_is_over_stays_hidden(make: Make, clock: Clock) -> None:
    store = make(30)
    message = received(wire(), wire(NOON + SECOND, userId="u"))
    store.append(message)
    clock.now = NOON + 30 * DAY
    for _ in range(2):
        store.append(message)
        assert found(store, Everyone()) == found(store, Person("u#u")) == []
        swept(store)


def test_a_link_lasts_as_long_as_what_the_visitor_did(make: Make, clock: Clock) -> None:
    """A used the shared computer before B. What A did, and an offline device sent late, is not
    B's once A's link is past."""
    store = make(100)
    of_a = wire(NOON - HOUR, userId="A", type="identify")
    before_a, of_b = wire(NOON - 2 * HOUR), wire(NOON + DAY, userId="B", type="identify")
    store.append(received(of_a))
    store.append(received(of_b, at=NOON + DAY))
    store.append(received(before_a, at=NOON + 10 * DAY))
    clock.now = NOON + 105 * DAY
    swept(store)
    assert all_of(store, Question(site=SITE, user_id="B")) == []
    assert all_of(store, Question(site=SITE, user_id="A")) == [before_a["messageId"]]


def test_traits_last_as_long_as_their_users_newest_identify(make: Make, clock: Clock) -> None:
    store = make(100)

    def identify(day: int, happened: int, **traits: object) -> None:
        event = wire(NOON + happened * DAY, type="identify", userId="u", traits=traits)
        store.append(received(event, at=NOON + day * DAY))

    def known() -> dict[str, object]:
        swept(store)
        return {name: trait.value for name, trait in store.traits(SITE, Person("u#u")).items()}

    identify(0, 0, plan="free", name="U")
    identify(50, -10, plan="older")  # late, and no newer than what is known
    clock.now = NOON + 120 * DAY
    assert known() == {"plan": "free", "name": "U"}
    clock.now = NOON + 150 * DAY
    identify(150, 150, plan="pro")  # what was past does not come back
    assert known() == {"plan": "pro"}


def test_an_event_keeps_the_session_that_was_made_for_it(make: Make, clock: Clock) -> None:
    """It was sent by a device that was offline for months, between what had arrived before."""
    store = make(100)
    store.append(received(wire(NOON - SECOND), wire(NOON + SECOND)))
    clock.now = NOON + 70 * DAY
    store.append(received(wire(NOON), at=clock.now))
    question = Question(site=SITE, anonymous_id="v")
    before = [event.document for event in activity.events(store, question, 10).events[1:2]]
    clock.now = NOON + 165 * DAY
    swept(store)
    if isinstance(store, DynamoDbStore):
        reap(store, clock.now)
    after = [event.document for event in activity.events(store, question, 10).events]
    assert after == before
    for document in after:
        assert msgspec.json.decode(document)["context"]["sessionId"].startswith(sessions.PREFIX)


# What DynamoDB deletes by itself.


def reap(store: DynamoDbStore, now: int) -> None:
    """Do as DynamoDB does, at the first moment at which it may."""
    for model in store.tables:
        for item in model.scan():
            if (item.expires or 10**12) * timestamps.SECOND < now:
                item.delete()


def items(store: DynamoDbStore) -> Iterator[tuple[str, float | None]]:
    for model in store.tables:
        for item in model.scan():
            yield f"{item.pk} {item.sk}", item.expires


@pytest.fixture
def dynamodb(dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    aws.use(dynamodb_local, monkeypatch)
    return aws.make_tables()


def opened(prefix: str, days: Mapping[str, int | None], clock: Clock) -> DynamoDbStore:
    return DynamoDbStore(prefix, Retention(lambda site: days.get(site, 400), clock))


def test_everything_written_for_an_event_has_its_end(dynamodb: str, clock: Clock) -> None:
    store = opened(dynamodb, {}, clock)
    store.append(received(*story()))
    store.append(received(wire(NOON + 30 * DAY)))  # moved: its clock was ahead
    end = (NOON + MONTHS) // timestamps.SECOND
    ends = dict(items(store))
    for kind in (">", "#l#", "#days", "#s#", " traits", "a#v u#u", "u#earlier u#u"):
        assert any(kind in key for key in ends)
    assert set(ends.values()) == {end, end + RESERVE}


def test_what_is_kept_for_ever_has_no_end(dynamodb: str, clock: Clock) -> None:
    store = opened(dynamodb, {SITE: None}, clock)
    store.append(received(*story()))
    assert set(dict(items(store)).values()) == {None}


def assert_found(
    store: Store, scope: Everyone | Session, events: Sequence[Mapping[str, Any]]
) -> None:
    assert sorted(found(store, scope)) == sorted(event["messageId"] for event in events)


def test_nothing_is_lost_while_dynamodb_deletes_what_it_may(dynamodb: str, clock: Clock) -> None:
    """Half a year of two users on a shared computer and another, with Lambdas that come and go."""
    choose = random.Random(5)
    days = 40
    store = opened(dynamodb, {SITE: days}, clock)
    sent: list[tuple[int, dict[str, Any]]] = []
    for day in range(0, 200, 4):
        clock.now = NOON + day * DAY
        if choose.random() < 0.3:
            store = opened(dynamodb, {SITE: days}, clock)  # it knows nothing yet
        user = choose.choice([None, "u", "w"])
        event = wire(
            clock.now - choose.choice([0, HOUR, 20 * DAY]),
            anonymousId=choose.choice(["v", "other"]),
            userId=user,
            context={"sessionId": choose.choice(["s1", "s2"])},
        )
        store.append(received(event, at=clock.now))
        sent.append((clock.now, event))
        reap(store, clock.now)
        kept = [event for at, event in sent if at > clock.now - days * DAY]
        assert_found(store, Everyone(), kept)
        for session in ("s1", "s2"):
            of_it = [e for e in kept if e["context"]["sessionId"] == session]
            assert_found(store, Session(session), of_it)
        for visitor in ("v", "other"):
            answer = all_of(store, Question(site=SITE, anonymous_id=visitor))
            mine = [e["messageId"] for e in kept if e["anonymousId"] == visitor]
            assert sorted(answer) == sorted(mine)
    clock.now += (days + 1) * DAY + RESERVE * timestamps.SECOND
    reap(store, clock.now)
    assert list(items(store)) == []


def guides(store: DynamoDbStore) -> list[float | None]:
    """When what leads to events expires."""
    found = store.tables.others.scan()
    return [item.expires for item in found if "#l#" not in item.pk and item.sk != "traits"]


def test_what_leads_to_events_lasts_a_month_longer_than_they_do(
    dynamodb: str, clock: Clock
) -> None:
    store = opened(dynamodb, {}, clock)
    for day in range(0, 130, 13):
        clock.now = NOON + day * DAY
        store.append(received(wire(NOON, userId="u", context={"sessionId": "s"}), at=clock.now))
        end = (clock.now + MONTHS) // timestamps.SECOND
        assert len(guides(store)) == 4
        for expires in guides(store):
            assert expires is not None
            assert LEAST_RESERVE <= expires - end <= RESERVE


def test_other_days_count_for_what_leads_to_events_too(dynamodb: str, clock: Clock) -> None:
    """First nothing had an end (as in an earlier version), then this site had, then it has not."""
    for days in (None, 10, None):
        store = opened(dynamodb, {SITE: days}, clock)
        store.append(received(wire(NOON, userId="u", context={"sessionId": "s"})))
        end = None if days is None else (NOON + days * DAY) // timestamps.SECOND + RESERVE
        assert guides(store) == [end] * 4
