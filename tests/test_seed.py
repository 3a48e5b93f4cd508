"""A made-up history: believable, the same each time, and nobody else's business."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.asking import all_of
from tests.engines.server import Servers
from tests.events import NOON, received, wire
from tests.test_commands import told, tracker
from tests.test_status_and_replay import on_a_terminal
from tracker import activity, identity, session_list, timestamps, wiring
from tracker.activity import Question
from tracker.event import Bots
from tracker.stores import Everyone, Selection, Store, Stored, merge
from tracker.stores.sqlite.store import SqliteStore

SITE = "default"
END = "2026-11-22T13:30:00Z"
SMALL = ("--days", "20", "--visitors", "300", "--until", END)


def everything(store: Store, site: str = SITE, bots: Bots = Bots.INCLUDE) -> list[Stored]:
    chosen = Selection(site=site, scope=Everyone(), bots=bots, descending=False)
    return list(merge.walk(store, [chosen], 5000))


def documents(store: Store, bots: Bots = Bots.LEAVE_OUT) -> list[dict[str, Any]]:
    return [msgspec.json.decode(stored.document) for stored in everything(store, bots=bots)]


@pytest.fixture(scope="module")
def seeded(_no_aws_account: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeded")
    shown = on_a_terminal("seed", *SMALL, "--data", folder)
    assert "Sessions" in shown
    return folder


@pytest.fixture
def store(seeded: Path) -> SqliteStore:
    return SqliteStore(seeded / wiring.STORE_FILE)


def test_the_same_seed_makes_the_same_history_and_another_another(
    seeded: Path, store: SqliteStore, tmp_path: Path
) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    assert tracker("seed", *SMALL, "--data", again).returncode == 0
    assert everything(SqliteStore(again / wiring.STORE_FILE)) == everything(store)
    before = len(everything(store))
    done = tracker("seed", *SMALL, "--data", seeded, "--yes")
    assert "has 0 made-up events more" in done.stdout
    assert len(everything(store)) == before
    assert tracker("seed", *SMALL, "--seed", "2", "--data", other).returncode == 0
    ids = {stored.position.digest for stored in everything(SqliteStore(other / wiring.STORE_FILE))}
    assert ids.isdisjoint({stored.position.digest for stored in everything(store)})


def test_it_looks_like_a_shop_s(store: SqliteStore) -> None:
    events = documents(store)
    times = [timestamps.parse(event["timestamp"]) for event in events]
    assert timestamps.parse("2026-11-03") <= min(times)
    assert max(times) < timestamps.parse(END)
    visitors = {event["anonymousId"] for event in events}
    users = {event["userId"] for event in events if event.get("userId")}
    assert 300 <= len(visitors) < 360, "some have two devices"
    assert 20 < len(users) < 100
    # Several come again.
    sessions = {(event["anonymousId"], event["context"]["sessionId"]) for event in events}
    assert len(sessions) > 1.2 * len(visitors)
    # The weekend is busy, and the night is not.
    of_hours = Counter(event["timestamp"][11:13] for event in events)
    assert of_hours["19"] > 3 * of_hours["03"]
    named = Counter(event["event"] for event in events if event["type"] == "track")
    funnel = [named[name] for name in ("Added to cart", "Checkout started", "Order completed")]
    assert funnel == sorted(funnel, reverse=True)
    assert funnel[-1] > 5
    for member, least in (("browser", 5), ("os", 4), ("device", 3), ("location", 6)):
        assert len({str(event["context"].get(member)) for event in events}) >= least, member
    assert len({str(event["context"].get("campaign")) for event in events}) == 4
    assert len({event["context"]["page"]["referrer"] for event in events}) > 7
    bots = documents(store, Bots.ONLY)
    assert {event["context"]["bot"] for event in bots} >= {"user agent: Googlebot"}
    failed = store.failed(SITE, 100).failed
    assert len({one.reason for one in failed}) > 1


def test_few_of_what_clients_counted_are_lost(store: SqliteStore) -> None:
    counted: dict[str, int] = {}
    arrived: Counter[str] = Counter()
    for event in documents(store):
        counted[event["anonymousId"]] = max(
            event["context"]["seq"], counted.get(event["anonymousId"], 0)
        )
        arrived[event["anonymousId"]] += 1
    lost = sum(counted.values()) - arrived.total()
    assert 0 < lost < 0.02 * arrived.total()


def test_a_user_is_one_person_on_all_their_devices(store: SqliteStore) -> None:
    devices = {
        event["userId"]: set(store_links(store, event["userId"]))
        for event in documents(store)
        if event.get("userId")
    }
    user_id, ids = max(devices.items(), key=lambda item: len(item[1]))
    assert len(ids) == 2
    question = Question(site=SITE, user_id=user_id)
    assert len(all_of(store, question)) > 5
    assert list(identity.parts(store, SITE, user_id))
    assert len(session_list.listed(store, question, 100).sessions) > 1
    traits = store.traits(SITE, next(iter(identity.parts(store, SITE, user_id))).person)
    assert traits["email"].value == f"{user_id}@example.org"


def store_links(store: Store, user_id: str) -> list[str]:
    return [link.anonymous_id for link in store.links(SITE, user_id=user_id)]


def test_counts_follow_from_it(seeded: Path, store: SqliteStore) -> None:
    since, until = ("--since", "2026-11-01"), ("--until", "2026-11-23")
    shown = tracker("stats", "--data", seeded, "--interval", "total", *since, *until, "--json")
    (row,) = map(msgspec.json.decode, shown.stdout.splitlines())
    assert row["events"] == len(documents(store))


def test_it_goes_to_a_served_folder_and_leaves_other_sites_alone(server: Servers) -> None:
    running = server()
    store = SqliteStore(running.data / wiring.STORE_FILE)
    store.append(received(wire(NOON, messageId="real"), site="other"))
    small = ("--days", "2", "--visitors", "10", "--data", running.data)
    assert tracker("seed", *small).returncode == 0
    assert all_of(store, activity.Question(site="other")) == ["real"]
    times = [stored.position.timestamp for stored in everything(store)]
    assert times
    now = timestamps.now()
    assert min(times) > now - 3 * 24 * timestamps.HOUR
    assert max(times) < now
    line = told(tracker("seed", *small))
    assert "--yes" in line, "there are events that somebody may care for"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--visitors", "0"), "from 1"),
        (("--days", "x"), "from 1"),
        (("--until", "tomorrow"), "ISO 8601"),
        (("--days", "999999"), "year 1"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    done = tracker("seed", "--data", tmp_path, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_go_to_aws(tmp_path: Path) -> None:
    assert "TRACKER_TABLES" in told(
        tracker("seed", "--data", tmp_path, env={"TRACKER_TABLES": "tracker-dev"})
    )
