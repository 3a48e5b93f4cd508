"""The events that wait for their answer: a bounded queue in memory."""

from collections import deque
from collections.abc import Sequence
from threading import Condition

from tracker.errors import ClientError

BATCH_EVENTS = 100
BATCH_BYTES = 480_000
"""The collector takes 500 KB a request."""
"""How long the first event of a batch waits for others."""
MAX_BYTES = 32 * 1024 * 1024


class Outbox:
    """Events in the order they came. Any thread may put and wait; one takes.

    An event counts as waiting until it is settled. A batch in hand belongs to whoever gets it
    from `claim` or `abandon`: so each event is reported once, also when the client is closed in
    the middle of an attempt.
    """

    def __init__(self, max_events: int, linger: float) -> None:
        self._max_events = max_events
        self._linger = linger
        self._changed = Condition()
        self._waiting: deque[bytes] = deque()
        self._in_hand: list[bytes] = []
        self._bytes = 0
        self._queued = 0
        """How many events ever came in; ``_settled``: how many of them are done with."""
        self._settled = 0
        self._urged = 0
        """Events up to this one do not linger."""
        self._closed = self._over = False
        self.urges = 0
        """Grows whenever somebody begins to wait for an answer."""

    def put(self, event: bytes) -> bool:
        """Add an event: false if there is no room. Raises `ClientError` once it is closed."""
        with self._changed:
            if self._closed:
                raise ClientError("the client is closed")
            if len(self) >= self._max_events or self._bytes + len(event) > MAX_BYTES:
                return False
            self._waiting.append(event)
            self._queued += 1
            self._bytes += len(event)
            if len(self._waiting) in (1, BATCH_EVENTS):  # what `take` waits for
                self._changed.notify_all()
            return True

    def __len__(self) -> int:
        """How many events wait."""
        return self._queued - self._settled

    def take(self) -> list[bytes]:
        """Wait for the next batch; an empty one says that there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            self._changed.wait_for(self._is_due, self._linger)
            size = 0
            while self._waiting and len(self._in_hand) < BATCH_EVENTS:
                size += len(self._waiting[0]) + 1
                if size > BATCH_BYTES:
                    break
                self._in_hand.append(self._waiting.popleft())
            return list(self._in_hand)

    def _is_due(self) -> bool:
        full = len(self._waiting) >= BATCH_EVENTS
        return full or self._settled < self._urged or self._closed

    def claim(self) -> list[bytes]:
        """The batch in hand, to be reported and settled; empty if it was abandoned."""
        with self._changed:
            batch, self._in_hand = self._in_hand, []
            return batch

    def settle(self, events: Sequence[bytes]) -> None:
        """These are answered."""
        with self._changed:
            self._settled += len(events)
            self._bytes -= sum(map(len, events))
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until all that is here now is settled: false if it is not within ``timeout``."""
        with self._changed:
            self._urged = target = self._queued
            self.urges += 1
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled >= target, timeout)

    def pause(self, seconds: float, urges: int | None) -> None:
        """Wait; not on if somebody waits for an answer since ``urges``, or all is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._over or (urges is not None and self.urges != urges), seconds
            )

    def close(self) -> bool:
        """Take no more events. False if it was closed already."""
        with self._changed:
            was_open = not self._closed
            self._closed = True
            self._changed.notify_all()
            return was_open

    def abandon(self) -> list[bytes]:
        """End the taking; what is left, to be reported and settled."""
        with self._changed:
            self._over = True
            left = [*self._in_hand, *self._waiting]
            self._in_hand = []
            self._waiting.clear()
            self._changed.notify_all()
            return left

    @property
    def over(self) -> bool:
        """Nobody waits for any event here any more."""
        return self._over
