"""Who comes too often is told when to come again (429)."""

import math
import time
from collections.abc import Callable
from ipaddress import ip_address

from tracker.errors import Problem
from tracker.rate import Rate


class Limits:
    """What an address may do, and what a write key may; without rates, anything."""

    def __init__(
        self,
        per_address: int = 0,
        per_key: int = 0,
        *,
        free: Callable[[str], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Requests a second, 0: no limit. ``free`` tells of an address that it is nobody's in
        particular: that of a proxy, which everybody comes through."""
        self._addresses = Rate(per_address, clock) if per_address else None
        self._keys = Rate(per_key, clock) if per_key else None
        self._free = free

    def address(self, address: str | None) -> None:
        """Count a request of an address. Raises `Problem` 429."""
        if self._addresses is None or address is None or self._free(address):
            return
        _hold(self._addresses.wait(_household(address)), "from this address")

    def key(self, key: str | None) -> None:
        """Count a request with a write key that is known. Raises `Problem` 429."""
        if self._keys is not None and key is not None:
            _hold(self._keys.wait(key), "with this write key")


def _hold(wait: float, whose: str) -> None:
    if not wait:
        return
    seconds = math.ceil(wait)
    raise Problem(
        429,
        "too_many_requests",
        f"There are too many requests {whose}; of this one nothing was stored."
        f" Send it again in {seconds} s.",
        headers={"retry-after": str(seconds)},
    )


def _household(address: str) -> str:
    """A provider gives each of its customers a whole /64 of IPv6."""
    if ":" not in address:
        return address
    return f"{int(ip_address(address)) >> 64:x}"
