"""A month's bill, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tracker.aws import prices, usage
from tracker.aws.prices import Price
from tracker.aws.usage import Load, Usage, Variant


class Line(NamedTuple):
    """One line: how much is used, and the dollars after the account's free allowances and
    before them."""

    price: Price
    units: float
    dollars: float
    full_dollars: float


@dataclass(frozen=True)
class Bill:
    """The bill of one month."""

    load: Load
    lines: Sequence[Line]

    @property
    def dollars(self) -> float:
        """What is to be paid, if nothing else in the account uses the free allowances."""
        return sum(line.dollars for line in self.lines)

    @property
    def full_dollars(self) -> float:
        """What is to be paid where other uses have taken the free allowances."""
        return sum(line.full_dollars for line in self.lines)

    def per_million(self, dollars: float) -> float:
        """So many dollars of the month as dollars for a million events."""
        return dollars / self.load.events_per_month * prices.MILLION


class Saving(NamedTuple):
    """What a change would save, in dollars for a million events: after and before the free
    allowances."""

    what: str
    per_million: float
    full_per_million: float


_VARIANTS = (
    ("pack the events that one visitor sends together into one item", Variant(packed=True)),
    (
        "an HTTP API instead of the REST API, which is the only one Chalice makes",
        Variant(gateway=prices.HTTP_API),
    ),
    ("a Lambda function URL instead of API Gateway", Variant(gateway=None)),
    (
        "a longer batching window at the consumer, so that ten messages share one call",
        Variant(messages_per_invocation=10),
    ),
)


def of_kit(load: Load) -> Bill:
    """The kit's bill."""
    return _bill(load, usage.of_kit(load))


def of_plain_design(load: Load) -> Bill:
    """The bill of the design that the kit replaces."""
    return _bill(load, usage.of_plain_design(load))


def next_savings(load: Load) -> list[Saving]:
    """What is not done yet, the largest saving first. What would save nothing is left out."""
    now = of_kit(load)
    savings = []
    for what, variant in _VARIANTS:
        then = _bill(load, usage.of_kit(load, variant))
        saved = now.dollars - then.dollars, now.full_dollars - then.full_dollars
        savings.append(Saving(what, *map(now.per_million, saved)))
    found = [saving for saving in savings if saving.full_per_million > 0]
    return sorted(found, key=lambda saving: saving.full_per_million, reverse=True)


def _bill(load: Load, used: Usage) -> Bill:
    return Bill(
        load,
        [
            Line(price, units, price.dollars(max(0.0, units - price.free)), price.dollars(units))
            for price, units in used.items()
        ],
    )
