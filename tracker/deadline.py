"""Until when work may go on.

A Lambda is killed when its time is over, in the middle of whatever it does. Who calls a store sets
a deadline before that; a store that speaks over a network looks at it before each try.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tracker.errors import StoreUnavailable

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def until(instant: float) -> Iterator[None]:
    """Work inside has to end by this instant of `time.monotonic`."""
    token = _deadline.set(instant)
    try:
        yield
    finally:
        _deadline.reset(token)


def check() -> None:
    """Raise `StoreUnavailable` where the deadline is over."""
    instant = _deadline.get()
    if instant is not None and time.monotonic() >= instant:
        raise StoreUnavailable("there is no time left for it in this invocation")
