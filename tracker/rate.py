"""How often somebody may come: a token bucket for each, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

BURST_SECONDS = 10
"""Who was quiet may send what is allowed in so many seconds at once."""

REMEMBERED = 100_000
"""Of so many the bucket is known (about 18 MB). Beyond, who has been quiet for longest is taken
for somebody new, whose bucket is full; after some seconds it would be, anyway."""


class Rate:
    """So many times a second for each name, and ten seconds' worth at once.

    A bucket is kept as one number: when it will be full again (the generic cell rate algorithm,
    ITU-T I.371).
    """

    def __init__(
        self, per_second: int, clock: Callable[[], float], remembered: int = REMEMBERED
    ) -> None:
        self._cost = 1 / per_second
        self._clock = clock
        self._remembered = remembered
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def wait(self, name: str) -> float:
        """0 if it may come now, which is counted; else the seconds until it may, which is not."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(name, now), now)
            wait = full_at + self._cost - now - BURST_SECONDS
            self._full_at[name] = full_at if wait > 0 else full_at + self._cost
            self._full_at.move_to_end(name)  # the first is who was quiet for longest
            if len(self._full_at) > self._remembered:
                self._full_at.popitem(last=False)
            return max(0.0, wait)
