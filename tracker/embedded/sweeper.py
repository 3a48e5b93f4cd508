"""Keeps a store rid of what is past its site's retention, beside the consumer."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tracker import timestamps
from tracker.errors import TrackerError
from tracker.stores import Store
from tracker.timestamps import DAY

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
PAUSE_SECONDS = 0.1
"""Between two slices: the consumer writes to the same file."""


MOST_AHEAD = DAY
"""How far a clock may be put forward before nothing is removed by it."""


class Watch:
    """Notices that the clock is put forward: by a wrong one all would be past its time at once."""

    def __init__(self, difference: int, clock: Callable[[], int] = timestamps.now) -> None:
        """Since ``difference`` was what it is between the clock and what has `passed`."""
        self._difference = difference
        self._clock = clock

    @property
    def ahead(self) -> int:
        """By how much it was put forward since then, in microseconds."""
        return self._clock() - passed() - self._difference


def passed() -> int:
    """Microseconds since some time, by a clock of the machine's that nobody puts, and which goes
    on in sleep."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


@contextmanager
def sweeping(store: Store, watch: Watch) -> Iterator[None]:
    """Sweep now and every hour, in a thread, until the block ends: at most a slice later."""
    stopping = Event()

    def run() -> None:
        while not stopping.is_set():
            sweep(store, watch, lambda: stopping.wait(PAUSE_SECONDS))
            stopping.wait(EVERY_SECONDS)

    thread = Thread(target=run, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def sweep(store: Store, watch: Watch, stopped: Callable[[], bool] = lambda: False) -> None:
    """Sweep once, until told to stop: `stopped` is asked after each slice."""
    removed = 0
    try:
        steps = _steps(store)
        while watch.ahead <= MOST_AHEAD:
            gone = next(steps, None)
            if gone is None:
                break
            removed += gone
            if stopped():
                return
        else:
            log.error(
                "the clock was put forward by %d days: until it is put back, nothing is removed as"
                " past its time; if it is right now, restart the tracker",
                round(watch.ahead / DAY),
            )
    except TrackerError as error:
        log.warning("not swept, and tried again in an hour: %s", error)
    if removed:
        log.info("removed what was past its site's retention: %d", removed)


def _steps(store: Store) -> Iterator[int]:
    yield from store.sweep()
    while removed := store.forget_expired_failed():
        yield removed
