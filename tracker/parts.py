"""What the handlers work with. `tracker.wiring` says what stands behind each part."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tracker import timestamps
from tracker.config import Config

if TYPE_CHECKING:
    from tracker.queues import Queue
    from tracker.stores import Store


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass
class Parts:
    """A configuration, and a queue and a store that are made when first used: a cold Lambda that
    takes an event makes no DynamoDB client."""

    config: Config
    make_queue: "Callable[[], Queue]"
    make_store: "Callable[[], Store]"
    clock: Callable[[], int] = timestamps.now
    new_id: Callable[[], str] = _new_id
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    """What else has to work, by name; each raises `Unavailable` if it does not."""

    @cached_property
    def queue(self) -> "Queue":
        """Where events wait."""
        return self.make_queue()

    @cached_property
    def store(self) -> "Store":
        """Where events are kept."""
        return self.make_store()
