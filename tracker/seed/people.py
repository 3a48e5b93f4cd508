"""Who comes to the shop: each visitor, with when they come."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from tracker import timestamps
from tracker.seed import shop
from tracker.timestamps import DAY

_APART = 6 * timestamps.HOUR
"""So far one's sessions begin from each other, at the least: none is longer."""

_RETURNS = 0.42
"""How many come again."""
_RETURN_DAYS = 4.5
_SIGNS_UP = 0.16
_SECOND_DEVICE = 0.3
"""How many of those who signed up come with another device, too."""

T = TypeVar("T")


class Weighted(Protocol):
    """Something that is more or less frequent than its like."""

    @property
    def weight(self) -> float:
        """How frequent."""


W = TypeVar("W", bound=Weighted)


class Device(Struct):
    """One browser of a visitor; the shop's client counts what it sends."""

    anonymous_id: str
    user_agent: str
    knows_user: bool = False
    """Whether its user has signed up, or logged in, here."""
    seq: int = 0


class Person(Struct):
    """A visitor, and what has become of them so far."""

    number: int
    country: str
    keen: float
    """How likely they are to buy, beside others."""
    devices: list[Device]
    signs_up: bool
    starts: list[int]
    """When their sessions begin."""
    user_id: str | None = None

    @property
    def locale(self) -> str:
        """What their browsers speak."""
        return shop.LOCALES.get(self.country, "en-GB")


def pick(random: Random, weights: Mapping[T, float]) -> T:
    """One of several, by its weight."""
    return random.choices(list(weights), list(weights.values()))[0]


def pick_weighted(random: Random, several: Sequence[W], count: int = 1) -> list[W]:
    """Some of several, by their weights."""
    return random.choices(several, [one.weight for one in several], k=count)


def identifier(random: Random) -> str:
    """An id as clients make them."""
    return str(UUID(int=random.getrandbits(128), version=4))


def person(random: Random, number: int, since: int, until: int) -> Person:
    """One visitor, who comes first between the two times."""
    signs_up = random.random() < _SIGNS_UP
    devices = 2 if signs_up and random.random() < _SECOND_DEVICE else 1
    return Person(
        number,
        pick(random, shop.COUNTRIES),
        random.betavariate(2, 3) * 2,
        [
            Device(identifier(random), one.user_agent)
            for one in pick_weighted(random, shop.DEVICES, devices)
        ],
        signs_up,
        _starts(random, since, until, often=signs_up),
    )


def _starts(random: Random, since: int, until: int, *, often: bool) -> list[int]:
    starts = [_first(random, since, until)]
    again = 0.88 if often else _RETURNS
    while random.random() < again:
        soon = starts[-1] + int(random.expovariate(1 / _RETURN_DAYS) * DAY)
        day = random.choices(range(4), [_weekday(soon + day * DAY) for day in range(4)])[0]
        following = _at_some_hour(random, soon + day * DAY)
        starts.append(max(following, starts[-1] + _APART))
        again = 0.88 if often else 0.6
    return [start for start in starts if start < until]


def _first(random: Random, since: int, until: int) -> int:
    days = max(1, -(-(until - since) // DAY))
    day = random.choices(range(days), _busy(since, days))[0]
    start = _at_some_hour(random, since + day * DAY)
    # The last day is not over yet.
    return start if since <= start < until else random.randrange(max(since, until - DAY), until)


def _busy(since: int, days: int) -> Sequence[float]:
    when, factor = shop.TALKED_ABOUT
    return [
        _weekday(since + day * DAY)
        * (1 + shop.GROWTH * day / days)
        * (factor if day == int(days * when) else 1)
        for day in range(days)
    ]


def _weekday(time: int) -> float:
    return shop.WEEKDAYS[(time // DAY + 3) % 7]  # 1970 began on a Thursday


def _at_some_hour(random: Random, time: int) -> int:
    hour = random.choices(range(24), shop.HOURS)[0]
    within = random.randrange(timestamps.HOUR // 1000) * 1000  # clocks of browsers: milliseconds
    return time // DAY * DAY + hour * timestamps.HOUR + within
