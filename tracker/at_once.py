"""Several calls over a network at once: most of the time of each is spent waiting."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

AT_ONCE = 8
"""As many as botocore's client keeps connections for, and two less."""

Given = TypeVar("Given")
Answer = TypeVar("Answer")


def each(call: Callable[[Given], Answer], given: Sequence[Given]) -> list[Answer]:
    """What each call answers, in their order; all know the caller's deadline. Raises what the first
    of them raises, once all have ended."""
    if len(given) < 2:
        return [call(one) for one in given]
    with ThreadPoolExecutor(min(AT_ONCE, len(given))) as threads:
        begun = [threads.submit(copy_context().run, call, one) for one in given]
    return [one.result() for one in begun]
