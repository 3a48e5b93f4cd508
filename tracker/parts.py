"""What the handlers work with. `tracker.wiring` says what stands behind each part."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tracker import ids, schemas, timestamps
from tracker.config import Config
from tracker.limits import Limits

if TYPE_CHECKING:
    from tracker.queues import Delays, Queue
    from tracker.schemas import Schemas
    from tracker.stores import Store


class Parts(Struct, dict=True):
    """A configuration, and a queue and a store that are made when first used: a cold Lambda that
    takes an event makes no DynamoDB client."""

    config: Config
    make_queue: "Callable[[], Queue]"
    make_store: "Callable[[], Store]"
    clock: Callable[[], int] = timestamps.now
    new_id: Callable[[], str] = ids.new
    limits: Limits = field(default_factory=Limits)
    """How often somebody may come."""
    checks: Mapping[str, Callable[[], None]] = {}
    """What else has to work, by name; each raises `Unavailable` if it does not."""
    ask_delays: "Callable[[], Delays] | None" = None
    """How late it is, where the queue itself does not tell. Raises `Unavailable`."""

    @cached_property
    def queue(self) -> "Queue":
        """Where events wait."""
        return self.make_queue()

    @cached_property
    def schemas(self) -> "Schemas | None":
        """What events should be like, where somebody has said so. Raises `ConfigError`."""
        return schemas.load(self.config)

    @cached_property
    def store(self) -> "Store":
        """Where events are kept."""
        return self.make_store()
