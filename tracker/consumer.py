"""From the queue to the store.

A message is done once everything in it is stored, as an event or as a failed event. Whatever
happens before that, it comes again, and storing it again changes nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import zip_longest
from typing import NamedTuple

import msgspec
from msgspec import Raw, structs

from tracker import batch, erasure, timestamps
from tracker.errors import NeverStorable, QueueUnavailable, Unavailable
from tracker.event import MAX_EVENT_BYTES, NULL, Event, person_of
from tracker.queues import Message, Queue
from tracker.stores import NO_SITE, Appended, FailedEvent, Store

log = logging.getLogger(__name__)

_members = msgspec.json.Decoder(dict[str, Raw])
_EMPTY = Raw(b'""')

RECEIVE_MESSAGES = 2500
"""So many are stored together, where they are small: the more they are, the more of them share what
is written. A queue may give fewer."""
RECEIVE_SECONDS = 1.0
RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)


class Consumed(NamedTuple):
    """What became of some messages."""

    stored: int
    duplicates: int
    failed: int


def consume(
    messages: Sequence[bytes],
    store: Store,
    clock: Callable[[], int] = timestamps.now,
    sent_at: Sequence[int | None] = (),
) -> Consumed:
    """Store what is in some messages. Raises `StoreUnavailable`: then give them again.

    ``sent_at`` is when each came into the queue, where that is known: what cannot be read is kept
    under it, once, however often it comes.
    """
    events: list[Event] = []
    failed: list[FailedEvent] = []
    batches: list[batch.Batch] = []
    for message, sent in zip_longest(messages, sent_at):
        try:
            queued = batch.decode(message)
            events += queued.read()
            failed += _rejected(queued)
            batches.append(queued)
        except Exception as error:  # whatever is in a message, its neighbours are stored
            failed.append(_unreadable(message, error, sent or clock()))
    try:
        stored, duplicates = _append(events, store) if events else (0, 0)
    except NeverStorable:
        stored, duplicates = 0, 0
        for queued in batches:
            for place, event in enumerate(queued.read()):
                try:
                    one = _append([event], store)
                    stored += one.stored
                    duplicates += one.duplicates
                except NeverStorable as error:
                    failed.append(_never_storable(queued, place, event, error))
    if failed:
        _keep(failed, store)
    replayed = {queued.replays for queued in batches if queued.replays}
    if settled := replayed - {event.key for event in failed}:
        store.forget_failed(sorted(settled))
    return Consumed(stored, duplicates, len(failed))


def _append(events: Sequence[Event], store: Store) -> Appended:
    """Store events, and follow those of people who are erased."""
    appended = store.append(events)
    if appended.stored + appended.duplicates < len(events):
        erasure.follow(store, events)
    return appended


def _keep(failed: Sequence[FailedEvent], store: Store) -> None:
    """Keep failed events, but for those of people who are erased; also by who came between."""
    erased = {one.key for one in erasure.erased_among(store, failed)}
    if erased:  # a run that stopped before its second look may have kept them
        store.forget_failed(sorted(erased))
    rest = [one for one in failed if one.key not in erased]
    if rest:
        store.append_failed(rest)
        if late := erasure.erased_among(store, rest):
            store.forget_failed([one.key for one in late])


def run(
    queue: Queue,
    store: Store,
    stopped: Callable[[], bool],
    tell: Callable[[Consumed], None] = lambda _: None,
) -> None:
    """Consume until told to stop. Waits out an unavailable queue or store, and loses nothing.
    ``tell`` is told what became of the messages of each round.

    It begins with one message at a time, and takes more as that goes well: where a message kills
    the process each time, only that one is received often enough to become a dead letter.
    """
    limit = 1
    failures = 0
    while not stopped():
        try:
            received = queue.receive(limit, RECEIVE_SECONDS)
        except QueueUnavailable as error:
            _pause(failures, error, stopped)
            failures += 1
            continue
        failures = 0
        if received:
            if not _finish(received, queue, store, stopped, tell):
                return
            limit = min(limit * 2, RECEIVE_MESSAGES)


def _finish(
    received: Sequence[Message],
    queue: Queue,
    store: Store,
    stopped: Callable[[], bool],
    tell: Callable[[Consumed], None],
) -> bool:
    """Store messages and delete them, however long the store is unavailable; if told to stop
    before, give them back."""
    receipts = [message.receipt for message in received]
    failures = 0
    while True:
        try:
            tell(consume([message.body for message in received], store))
            queue.delete(receipts)
        except Unavailable as error:
            _pause(failures, error, stopped)
            failures += 1
        else:
            return True
        if stopped():
            with suppress(Unavailable):  # then they come again when their hidden time is over
                queue.release(receipts)
            return False


def _pause(failures: int, error: Unavailable, stopped: Callable[[], bool]) -> None:
    pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
    log.warning("waiting %.1f s: %s", pause, error)
    _sleep(pause, stopped)


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stopped() and (left := until - time.monotonic()) > 0:
        time.sleep(min(0.1, left))


def _rejected(queued: batch.Batch) -> list[FailedEvent]:
    # A context over an event's limit is what is wrong with each event, and is not kept with each.
    origin = queued.without_events() if len(queued.context) <= MAX_EVENT_BYTES else None
    failed: list[FailedEvent] = []
    for rejection in queued.rejected:
        user_id, anonymous_id = person_of(rejection.payload)
        own_id = _own_id(rejection.payload) or f"{queued.id}-r{rejection.index}"
        event = FailedEvent(
            id=own_id,
            site=queued.site,
            received_at=queued.received_at,
            field=rejection.field,
            reason=rejection.reason,
            more=rejection.more,
            payload=rejection.payload,
            message_id=rejection.message_id,
            user_id=user_id,
            anonymous_id=anonymous_id,
            whole=rejection.whole and origin is not None,
            origin=origin and structs.replace(origin, id=own_id),
        )
        failed.append(event)
    return failed


def _own_id(payload: str) -> str | None:
    """The same in every retry of an event; ``None`` where its client gives it no message id, and
    each is another. That id alone would not do: what is wrong may be that many share it."""
    if '"messageId"' not in payload:
        return None
    sent = payload.encode()
    with suppress(msgspec.MsgspecError, RecursionError):
        members = _members.decode(sent)
        if members.get("messageId", NULL) in (NULL, _EMPTY):
            return None
        of_this_try = ("sentAt", "_metadata")
        sent = msgspec.json.encode([one for one in members.items() if one[0] not in of_this_try])
    return blake2b(sent, digest_size=16).hexdigest()


def _unreadable(message: bytes, error: Exception, now: int) -> FailedEvent:
    return FailedEvent(
        id=blake2b(message, digest_size=16).hexdigest(),
        site=NO_SITE,
        received_at=now,
        field="",
        reason=str(error) or type(error).__name__,
        payload=(text := message.decode(errors="replace")),
        whole=text.encode() == message,
    )


def _never_storable(
    queued: batch.Batch, place: int, event: Event, error: NeverStorable
) -> FailedEvent:
    return FailedEvent(
        id=event.digest.hex(),
        site=event.site,
        received_at=event.received_at,
        field="",
        reason=str(error),
        payload=bytes(queued.events[place]).decode(),
        message_id=event.message_id,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        origin=structs.replace(queued.without_events(), start=queued.start + place),
    )
