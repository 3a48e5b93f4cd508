"""The consumer: redelivery, poison, and what stops half-way."""

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests import aws
from tests.engines.engine import Engine
from tests.events import NOON, SITE, ids, wire
from tracker.batch import Batch, Rejection
from tracker.consumer import consume, run
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.queues.sqlite import MAX_RECEIVES, SqliteQueue
from tracker.stores import NO_SITE, Appended, Everyone, Selection, Store, traits
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore


def message(*events: dict[str, Any], name: str = "b1", **members: Any) -> bytes:
    raw = [Raw(msgspec.json.encode(event)) for event in events]
    return Batch(id=name, site=SITE, received_at=NOON, events=raw, **members).encode()


def stored(store: Store) -> list[str]:
    page = store.read(Selection(site=SITE, scope=Everyone()), 1000)
    return ids([found.document for found in page.events])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return SqliteStore(tmp_path / "store.db")


def test_a_redelivered_message_is_stored_once(store: Store) -> None:
    sent = message(wire(), wire(messageId=None))
    assert consume([sent], store) == (2, 0, 0)
    assert consume([sent, sent], store) == (0, 4, 0)
    assert len(stored(store)) == 2


@pytest.mark.parametrize(
    "poison",
    [b"", b"poison", b"{}", b'{"id":1}', b"\xff\xfe", message({"type": "page"})[:-9]],
)
def test_poison_becomes_a_failed_event_and_its_neighbours_are_stored(
    store: Store, poison: bytes
) -> None:
    good = wire()
    assert consume([poison, message(good)], store) == (1, 0, 1)
    assert consume([poison], store) == (0, 0, 1)
    assert stored(store) == [good["messageId"]]
    (failed,) = store.failed(NO_SITE, 10).failed
    assert failed.payload == poison.decode(errors="replace")
    assert failed.reason


def test_a_rejected_event_is_kept_with_its_reason(store: Store) -> None:
    rejection = Rejection(index=1, field="event", reason="is required", payload='{"type":"track"}')
    consume([message(rejected=[rejection])], store)
    (failed,) = store.failed(SITE, 10).failed
    assert (failed.field, failed.reason, failed.payload) == (
        "event",
        "is required",
        '{"type":"track"}',
    )


class Interrupted(SqliteStore):
    """A store that is unavailable at first, as a locked file is, after it was written to."""

    def __init__(self, path: Path, failures: int) -> None:
        super().__init__(path)
        self._failures = failures

    def append(self, events: Sequence[Event]) -> Appended:
        appended = super().append(events)
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable("the answer was lost")
        return appended


def test_an_unavailable_store_is_waited_out_and_nothing_is_stored_twice(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    queue.send([message(wire(), name=f"b{n}") for n in range(3)])
    store = Interrupted(tmp_path / "store.db", failures=2)
    run(queue, store, lambda: queue.depth()[:2] == (0, 0))
    assert len(stored(store)) == 3


class Locked(SqliteStore):
    """A store that is unavailable, and knows when it was tried."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.tried = False

    def append(self, events: Sequence[Event]) -> Appended:
        self.tried = True
        raise StoreUnavailable(f"{len(events)} events wait")


def test_restarts_while_the_store_is_unavailable_bring_nothing_to_the_dead_letters(
    tmp_path: Path,
) -> None:
    queue = SqliteQueue(tmp_path / "queue.db", max_receives=2)
    queue.send([message(wire())])
    for _ in range(5):
        locked = Locked(tmp_path / "store.db")
        run(queue, locked, lambda locked=locked: locked.tried)  # type: ignore[misc]
    assert queue.depth()[:3] == (1, 0, 0)
    store = SqliteStore(tmp_path / "store.db")
    run(queue, store, lambda: queue.depth()[:2] == (0, 0))
    assert len(stored(store)) == 1


class Deadly(SqliteStore):
    """A store that ends the process over one event, as running out of memory does."""

    def append(self, events: Sequence[Event]) -> Appended:
        if any(event.message_id == "deadly" for event in events):
            raise SystemExit
        return super().append(events)


def test_a_message_that_kills_the_consumer_takes_no_other_with_it(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    store = Deadly(tmp_path / "store.db")
    names = [f"m{n}" for n in range(40)]
    names[20] = "deadly"
    queue.send([message(wire(messageId=name), name=name) for name in names])
    for _ in range(MAX_RECEIVES + 10):
        queue.show_hidden()  # as a consumer does that is started again
        with suppress(SystemExit):
            run(queue, store, lambda: queue.depth()[:2] == (0, 0))
    assert queue.depth()[:3] == (0, 0, 1)
    assert set(stored(store)) == set(names) - {"deadly"}


def test_what_dynamodb_never_takes_becomes_a_failed_event(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's traits are one item of at most 400 KB: without their bound, an identify that would
    make it larger can never be stored, and its neighbours can."""
    aws.use(dynamodb_local, monkeypatch)
    monkeypatch.setattr(traits, "MAX_BYTES", 10**9)
    store = DynamoDbStore(aws.make_tables(), clock=lambda: NOON)
    many = [
        wire(type="identify", userId="u", traits={f"t{n}": _noise(n)}, messageId=f"m{n}")
        for n in range(40)
    ]
    neighbour = wire()
    consume([message(*many, neighbour)], store)
    found = stored(store)
    failed = store.failed(SITE, 100).failed
    assert neighbour["messageId"] in found
    assert failed
    assert {f.message_id for f in failed} | set(found) == {
        *(event["messageId"] for event in many),
        neighbour["messageId"],
    }
    assert len(failed) + len(found) == 41


def _noise(seed: int) -> str:
    """20 000 characters that do not compress."""
    return random.Random(seed).randbytes(10_000).hex()
