"""Waiting on a condition: tests never wait on time."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

# Short beside anything that is waited for, long beside one check of it.
INTERVAL = 0.05


def eventually(
    check: Callable[[], Answer], timeout: float = 30, *, interval: float = INTERVAL
) -> Answer:
    """Return what `check` returns as soon as that is true; an exception counts as not yet."""
    deadline = time.monotonic() + timeout
    while True:
        error: Exception | None = None
        last = "nothing"
        try:
            answer = check()
        except Exception as exception:
            error = exception
            last = f"{type(exception).__name__}: {exception}"
        else:
            if answer:
                return answer
            last = repr(answer)
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {timeout:g} s, the last was {last}") from error
        time.sleep(interval)
