"""Instants: ISO 8601 text ↔ microseconds since 1970 (UTC), and wrong device clocks.

Inside the kit an instant is an ``int`` of microseconds: Python clients send microseconds, and
two events of one millisecond must keep their order.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z
LATEST = 253_402_300_800 * SECOND - 1  # 9999-12-31T23:59:59.999999Z

_LONGEST = 64
"""Characters: a second may have 30 decimal places."""

CLOCK_AHEAD = MINUTE
"""A request cannot arrive before it was sent: past this much, the device's clock is ahead."""

CLOCK_BEHIND = HOUR
"""A request may arrive late because its sending stalled (a retry, a closed laptop), and then the
device's clock is right. Only past this much is the clock taken to be behind."""


def now() -> int:
    """The time of this machine's clock."""
    return time.time_ns() // 1000


def parse(text: str) -> int:
    """Read an ISO 8601 date or date-time; one without an offset is UTC.

    Raises ``ValueError`` for anything else, and for instants outside the years 1 to 9999.
    """
    if len(text) > _LONGEST:  # it is kept as it was sent, a batch's with each of its events
        raise ValueError("too long")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = _from_rarer_format(text.upper())
    if len(text) > 10 and text[10] not in "Tt 0123456789W-":
        raise ValueError(text)  # fromisoformat takes any separator; ISO 8601 does not
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    since = instant - _EPOCH  # dividing it by a microsecond takes twice as long
    micros = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
    if not EARLIEST <= micros <= LATEST:
        raise ValueError(text)
    return micros


_LEAP_SECOND = re.compile(r"([T ]\d\d:?(?:[25]9|[14]4):?)60(?=[.,Z+-]|$)")
"""The last of a day in UTC: in some zones the hour does not end with it."""

_END_OF_DAY = re.compile(r"(?<=[T ])24(?=:?00(?::?00(?:[.,]0+)?)?(?![\d:]))")


def _from_rarer_format(text: str) -> datetime:
    """``24:00`` is the end of a day, ``23:59:60`` a leap second (RFC 3339, 5.6) and a small ``z``
    a ``Z``: Python reads the first from 3.14 on, the others never."""
    next_day, midnights = _END_OF_DAY.subn("00", text)
    usual, leaps = _LEAP_SECOND.subn(r"\g<1>59", next_day)
    return datetime.fromisoformat(usual) + timedelta(days=midnights, seconds=leaps)


def format(micros: int) -> str:  # noqa: A001  (timestamps.parse and timestamps.format are a pair)
    """``2026-11-22T10:00:00.123Z``, with six digits only where they say more than three."""
    seconds, fraction = divmod(micros, SECOND)
    millis, rest = divmod(fraction, 1000)
    return f"{_second(seconds)}.{fraction:06}Z" if rest else f"{_second(seconds)}.{millis:03}Z"


@lru_cache(4096)
def _second(seconds: int) -> str:
    """What is written of a second: of those that come together, most are the same few."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]


def format_second(micros: int) -> str:
    """``2026-11-22T10:00:00Z``: without what is less than a second."""
    return f"{_second(micros // SECOND)}Z"


def sortable(micros: int) -> str:
    """27 characters whose order as text is the order in time: ``2026-11-22T10:00:00.123456Z``."""
    seconds, fraction = divmod(micros, SECOND)
    return f"{_second(seconds)}.{fraction:06}Z"


def corrected(original: int | None, sent: int | None, received: int) -> int:
    """When an event happened, by the server's clock.

    The contract's formula, ``received - (sent - original)``, folds the delay of a stalled send
    into the event's time and so reorders one device's own events. It is therefore used only where
    the device's clock is clearly wrong; otherwise the device's word stands. No event is put
    later than it was received, but for the little that clocks always differ: to cut that off
    would give a device's newest events one time, and lose their order.
    """
    if original is None:
        return received
    if sent is not None and not -CLOCK_AHEAD <= received - sent <= CLOCK_BEHIND:
        by_formula = received - (sent - original)
        if by_formula >= EARLIEST:  # a sentAt in the year 9999 says nothing about the clock
            original = by_formula
    return received if original > received + CLOCK_AHEAD else original
