"""Failed events are sent through again: each is read anew, by the rules that hold now.

One that is valid goes into the queue, with all that was known of its request; the consumer
forgets the failed event once it is stored. So the event is always in one of the two, and whoever
stops half-way, or does it twice, loses nothing and stores nothing twice. One that is still wrong
stays what it is.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from msgspec import Raw, structs

from tracker import anonymise, batch, collector
from tracker.anonymise import Rules
from tracker.batch import Batch, Fault
from tracker.collector import Terms
from tracker.errors import Rejected
from tracker.event import NULL
from tracker.queues import Queue
from tracker.schemas import Schemas
from tracker.stores import NO_SITE, FailedEvent, Store

STEP = 100
"""How many are looked at before some are sent."""


class Step(NamedTuple):
    """What became of some failed events."""

    looked_at: int
    replayed: int
    """So many are in the queue."""
    rejected: list[FailedEvent]
    """These are still wrong, for the reason they say now. They stay."""
    resume: tuple[int, str] | None
    """Go on after this; ``None`` at the end."""


class Chosen(NamedTuple):
    """Which failed events."""

    site: str
    after: tuple[int, str] | None = None
    """Those that follow this place."""
    limit: int | None = None
    """Look at so many."""
    ids: Collection[str] | None = None
    rules: Rules = anonymise.USUAL
    """What the site keeps, as it is set now."""


def failed_events(
    store: Store, queue: Queue, chosen: Chosen, schemas: Schemas | None = None
) -> Iterator[Step]:
    """Send failed events through again, newest first. What fails again stands where it stood, so
    it is not met a second time. Raises `Unavailable`; then begin again."""
    site, after, limit, ids, rules = chosen
    missing = None if ids is None else set(ids)
    while missing is None or missing:
        page = store.failed(site, STEP if limit is None else min(STEP, limit), after)
        found = page.failed
        if missing is not None:
            found = [failed for failed in found if failed.id in missing]
            missing.difference_update(failed.id for failed in found)
        resume = None if missing is not None and not missing else page.resume
        yield _step(queue, found, rules, schemas, Step(len(page.failed), 0, [], resume))
        if limit is not None:
            limit -= len(page.failed)
        if resume is None or limit == 0:
            return
        after = resume


def _step(
    queue: Queue, found: list[FailedEvent], rules: Rules, schemas: Schemas | None, step: Step
) -> Step:
    messages: list[bytes] = []
    rejected: list[FailedEvent] = []
    for failed in found:
        try:
            messages.append(_message(failed, rules, schemas))
        except Rejected as error:
            more = [Fault(*fault) for fault in error.more]
            now = structs.replace(failed, field=error.field, reason=error.reason, more=more)
            rejected.append(now)
    if messages:
        queue.send(messages)
    return step._replace(replayed=len(messages), rejected=rejected)


def _message(failed: FailedEvent, rules: Rules, schemas: Schemas | None) -> bytes:
    """What is queued. Raises `Rejected` for an event that is still wrong."""
    # What was meant for another site is not this one's by any rule.
    if not failed.whole or failed.field == collector.WRITE_KEY:
        raise Rejected(failed.field, failed.reason, failed.more)
    payload = failed.payload.encode()
    is_message = failed.site == NO_SITE and failed.origin is None
    queued = _queued(payload) if is_message else _request(failed, payload, rules, schemas)
    return structs.replace(queued, replays=failed.key).encode()


def _queued(message: bytes) -> Batch:
    """A message that the consumer could not read."""
    try:
        queued = batch.decode(message)
        queued.read()
    except Exception as error:
        # The consumer's rule: nothing that stands in a message may stop what is beside it.
        raise Rejected("", str(error) or type(error).__name__) from None
    return queued


def _request(failed: FailedEvent, payload: bytes, rules: Rules, schemas: Schemas | None) -> Batch:
    """The request that the event came in, with this one event."""
    origin = failed.origin or Batch(id=failed.id, site=failed.site, received_at=failed.received_at)
    at = origin.received_at
    extra = len(origin.context) if origin.context != NULL else 0
    check = schemas.check(origin.site, origin.context) if schemas else None
    accepted = collector.accept(payload, origin.type, extra, Terms(rules, check, at))
    context = origin.context
    if context != NULL:
        context = Raw(rules.context(bytes(context), at))
    ip = rules.address(origin.ip, at)
    return structs.replace(origin, ip=ip, context=context, events=[Raw(accepted)])
