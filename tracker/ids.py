"""Random ids, that never come twice."""

import os
from collections.abc import Callable

_BYTES = 16


def new() -> str:
    """One, from the system."""
    return os.urandom(_BYTES).hex()


def drawn(together: int = 256) -> Callable[[], str]:
    """Draws so many at once: to ask the system for each costs a request more than anything else,
    as other threads run meanwhile. Not for what may be frozen and thawed as several, as a Lambda
    (SnapStart): these would draw the same."""
    kept: list[str] = []

    def one() -> str:
        while True:
            try:
                return kept.pop()  # threads may draw at the same time
            except IndexError:
                text = os.urandom(_BYTES * together).hex()
                kept.extend(text[at : at + 2 * _BYTES] for at in range(0, len(text), 2 * _BYTES))

    return one
