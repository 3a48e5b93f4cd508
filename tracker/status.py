"""Whether it works: the queue, what failed, the last event."""

from collections.abc import Sequence

from msgspec import Struct

from tracker import activity, timestamps
from tracker.errors import Unavailable
from tracker.event import Bots
from tracker.parts import Parts
from tracker.queues import Delays
from tracker.stores import Store

COUNTED = 100
"""Failed events are counted up to here: to count more says no more, and costs reading them."""

LATE_SECONDS = 300
"""An event that waits longer needs attention; on AWS, an alarm says the same."""
COUNTED_LATE_SECONDS = 900
"""So do counts that are further behind."""


class SiteStatus(Struct, rename="camel"):
    """What is kept of one site."""

    last_event: str | None
    failed_events: int
    more_failed_events: bool
    """There are more than were counted."""
    last_failed_event: str | None
    last_failed_reason: str | None


class Status(Struct, rename="camel"):
    """The whole report. Sites share one queue: what is said of it is said of all."""

    waiting: int
    in_flight: int
    dead_letters: int
    oldest_seconds: float | None
    lag_seconds: float | None
    lag_of: str | None
    counting_seconds: float | None
    """How far counts are behind what is stored; ``None`` in a folder, where they are not."""
    unknown: str | None
    """Why age and lag are not known."""
    sites: dict[str, SiteStatus]
    attention: list[str]
    """What somebody has to look at, and how."""


def status(parts: Parts, sites: Sequence[str], where: str = "") -> Status:
    """The report on some sites. ``where`` are the options that lead a command to the same place.
    Raises `Unavailable`."""
    depth = parts.queue.depth()
    found = Status(
        waiting=depth.waiting,
        in_flight=depth.in_flight,
        dead_letters=depth.dead,
        oldest_seconds=None,
        lag_seconds=None,
        lag_of=None,
        counting_seconds=None,
        unknown=None,
        sites={name: _site(parts.store, name) for name in sites},
        attention=[],
    )
    try:
        delays = _delays(parts)
    except Unavailable as error:  # the rest is worth showing
        found.unknown = str(error)
    else:
        # CloudWatch still knows the age of what is gone since.
        found.oldest_seconds = delays.oldest_seconds if depth.waiting + depth.in_flight else None
        found.lag_seconds = delays.lag_seconds
        found.counting_seconds = delays.counting_seconds
        found.lag_of = None if delays.lag_seconds is None else delays.lag_of
    if depth.dead:
        found.attention.append(
            f"{depth.dead} dead letters: when their cause is gone,"
            f" `python -m tracker replay --dead-letters{where}` gives them back to the consumer"
        )
    if (found.oldest_seconds or 0) > LATE_SECONDS:
        found.attention.append(
            "events wait for more than 5 minutes: the consumer does not run, or fails: see its log"
        )
    if (found.counting_seconds or 0) > COUNTED_LATE_SECONDS:
        found.attention.append(
            "counts are more than 15 minutes behind: the counter does not run, or fails: see its"
            f" log; after 24 hours, `python -m tracker recount{where}` counts what it has missed"
        )
    return found


def _delays(parts: Parts) -> Delays:
    if parts.ask_delays is not None:
        return parts.ask_delays()
    oldest = parts.queue.depth().oldest_seconds
    return Delays(oldest, oldest or 0.0, "the oldest event that is not stored yet")


def _site(store: Store, site: str) -> SiteStatus:
    newest = activity.events(store, activity.Question(site=site, bots=Bots.INCLUDE), 1).events
    page = store.failed(site, COUNTED)
    last = page.failed[0] if page.failed else None
    return SiteStatus(
        last_event=timestamps.format(newest[0].position.timestamp) if newest else None,
        failed_events=len(page.failed),
        more_failed_events=page.resume is not None,
        last_failed_event=timestamps.format(last.received_at) if last else None,
        last_failed_reason=f"{last.field} {last.reason}".strip() if last else None,
    )
