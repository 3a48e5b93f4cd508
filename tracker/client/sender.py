"""Events on their way: the thread that delivers them, and what is done when it cannot."""

import atexit
import json
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock, Thread, current_thread
from typing import Any
from weakref import WeakSet

import requests

from tracker.client.door import Door, Outcome, pack
from tracker.client.outbox import Outbox
from tracker.errors import ClientError

log = logging.getLogger("tracker.client")

OnError = Callable[[ClientError, list[dict[str, Any]]], object]
"""Told of events that will not arrive, and why. Called in the sending thread, or in the caller's
where the queue is full or the client closes; what it raises is logged."""

EXIT_SECONDS = 5.0
"""How long the end of the program may wait, for all clients together."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait, and how long."""

    queued: int = 10_000
    """Events that may wait in memory (and 32 MB of them); further ones are dropped."""
    linger: float = 0.5
    """Seconds that an event waits for others to share its request."""
    timeout: float = 10.0
    """Seconds for the server to answer one request."""
    give_up_after: float = 1800.0
    """Seconds from a batch's first attempt to its last. Stay below an hour: the bytes keep their
    ``sentAt``, and the collector takes an older one for a wrong clock."""


class Sender:
    """Takes events at once, and delivers them in the order they came.

    Every event is answered in the end: taken by the collector, or lost, and then counted, logged
    and told to ``on_error``.
    """

    def __init__(self, door: Door, limits: Limits, on_error: OnError | None) -> None:
        self._door = door
        self._limits = limits
        self._on_error = on_error
        self._closed = False
        self.begin()
        _senders.add(self)

    def begin(self) -> None:
        """Nothing queued, no thread. After a fork the child starts here: what was queued is the
        parent's to send, and threads and held locks do not live on in the child."""
        self._outbox = Outbox(self._limits.queued, self._limits.linger)
        if self._closed:
            self._outbox.close()
        self._lock = RLock()  # a signal's handler may come in between
        self._thread: Thread | None = None
        self._setback: ClientError | None = None
        """Why events have to wait."""
        self._dropping = False
        self._unraised: tuple[int, ClientError] | None = None
        """Losses since the last flush: how many, and the first reason."""
        self.lost = 0

    def put(self, event: bytes) -> bool:
        """Queue an event: false if it was dropped."""
        try:
            if self._outbox.put(event):
                self._dropping = False
                self._start()
                return True
        except RuntimeError as error:  # no more threads: Python 3.12 starts none at its end
            log.warning("events wait for a thread: %s", error)
            return True
        full = ClientError(f"dropped, too many events wait{self._because()}")
        self._lose([event], full, quietly=self._dropping)
        self._dropping = True
        return False

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = Thread(target=self._run, name="tracker-client", daemon=True)
                thread.start()
                self._thread = thread

    def flush(self, timeout: float) -> None:
        """Wait until what is queued now is answered. Raises `ClientError` if it is not within
        ``timeout`` seconds (it stays queued), or if events were lost since the last flush."""
        if current_thread() is self._thread:
            raise ClientError("on_error cannot wait for the thread that calls it")
        if not self._outbox.wait(timeout):
            waiting = len(self._outbox)
            raise ClientError(f"{_events(waiting)} not delivered yet{self._because()}")
        self._raise_losses()

    def close(self, timeout: float) -> None:
        """Take no more events, wait as `flush` does, and give up what is then left."""
        self._closed = True
        if not self._outbox.close():
            return
        from_outside = current_thread() is not self._thread
        delivered = from_outside and self._outbox.wait(timeout)
        left = self._outbox.abandon()
        if left:
            self._lose(left, ClientError(f"the client was closed first{self._because()}"))
            self._outbox.settle(left)
        if delivered and self._thread is not None:
            self._thread.join(timeout)
        self._raise_losses()

    def _because(self) -> str:
        return f": {self._setback}" if self._setback else ""

    def _raise_losses(self) -> None:
        with self._lock:
            unraised, self._unraised = self._unraised, None
        if unraised:
            count, first = unraised
            raise ClientError(f"{_events(count)} not delivered: {first}", first.status)

    def _run(self) -> None:
        with requests.Session() as session:
            while batch := self._outbox.take():
                try:
                    outcome = self._deliver(session, batch)
                except Exception as error:
                    log.exception("the sender failed")
                    outcome = Outcome(ClientError(f"the sender failed: {error!r}"))
                self._finish(outcome)

    def _deliver(self, session: requests.Session, batch: Sequence[bytes]) -> Outcome:
        """Send the same bytes until they are answered or it is time to give up."""
        body = pack(batch)
        deadline = time.monotonic() + self._limits.give_up_after
        pause = _FIRST_PAUSE
        while True:
            urges = self._outbox.urges
            outcome = self._door.post(session, body)
            left = deadline - time.monotonic()
            if not outcome.again or left <= 0 or self._outbox.over:
                return outcome
            if self._setback is None:
                log.warning("%s waiting: %s", _events(len(batch)), outcome.error)
            self._setback = outcome.error
            if outcome.after is None:
                wait = pause * random.uniform(0.5, 1.0)  # noqa: S311
                self._outbox.pause(min(wait, left), urges)
            else:  # what the server asks for, nobody cuts short
                self._outbox.pause(min(max(outcome.after, pause / 2), left), None)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _finish(self, outcome: Outcome) -> None:
        """The batch in hand is answered."""
        batch = self._outbox.claim()
        if not outcome.again:
            self._setback = None
        if batch and outcome.error is not None:
            self._lose(batch, outcome.error)
        for index, error in outcome.rejected:
            self._lose(batch[index : index + 1], error)
        self._outbox.settle(batch)

    def _lose(self, events: Sequence[bytes], error: ClientError, *, quietly: bool = False) -> None:
        if not events:
            return
        with self._lock:
            self.lost += len(events)
            count, first = self._unraised or (0, error)
            self._unraised = (count + len(events), first)
        if not quietly:
            log.warning("%s not delivered: %s", _events(len(events)), error)
        if self._on_error is not None:
            try:
                self._on_error(error, [json.loads(event) for event in events])
            except Exception:
                log.exception("on_error failed")


def _events(count: int) -> str:
    return "1 event is" if count == 1 else f"{count} events are"


_senders: "WeakSet[Sender]" = WeakSet()


def _begin_again() -> None:
    for sender in list(_senders):
        sender.begin()


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for sender in list(_senders):
        with suppress(ClientError):  # it was logged
            sender.close(max(0.0, deadline - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
atexit.register(_close_all)
