"""Show what a load would cost on AWS, beside the plain design."""

import argparse
import math
import sys
from dataclasses import replace

import msgspec

from tracker.aws import cost, prices, usage
from tracker.aws.cost import Bill, Saving
from tracker.aws.prices import Price
from tracker.aws.usage import Load
from tracker.config import DEFAULT_RETENTION_DAYS
from tracker.config.lambdas import LambdaSettings
from tracker.errors import ConfigError

_MAX_EVENTS = 10**12
_MAX_PER_REQUEST = 2_500
_MAX_MONTH = 120
_LATER = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``cost`` takes."""
    parser.add_argument(
        "--events-per-month", default="10000000", metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--events-per-request", default="10", metavar="N", help="on average; default: %(default)s"
    )
    parser.add_argument(
        "--month",
        default="1",
        metavar="N",
        help="of which month since the start, as what is kept grows; default: %(default)s",
    )
    parser.add_argument("--region", default=prices.REGION, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(given: argparse.Namespace) -> int:
    """Show it."""
    if given.region != prices.REGION:
        raise ConfigError(
            f"--region: only the prices of {prices.REGION} are known here: leave it out, and see"
            " AWS's price pages for how another region differs"
        )
    events = _number("--events-per-month", given.events_per_month, _MAX_EVENTS)
    per_request = _number("--events-per-request", given.events_per_request, _MAX_PER_REQUEST)
    month = _number("--month", given.month, _MAX_MONTH)
    for name, number in (("--events-per-month", events), ("--month", month)):
        if number != int(number):
            raise ConfigError(f"{name}: give a whole number")
    if per_request > events:
        raise ConfigError("--events-per-request: a request cannot hold more than the month does")
    load = Load(events_per_month=int(events), events_per_request=per_request, month=int(month))
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(_report(load)) + b"\n")
    else:
        print(_text(load))
    return 0


def _number(name: str, text: str, most: int) -> float:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not 1 <= number <= most:
        raise ConfigError(f"{name}: give a number from 1 to {most:,}, not {text[:40]!r}")
    return number


def _report(load: Load) -> dict[str, object]:
    return {
        "region": prices.REGION,
        "pricesAsOf": prices.AS_OF,
        "eventsPerMonth": load.events_per_month,
        "eventsPerRequest": load.events_per_request,
        "month": load.month,
        "kit": _bill_report(cost.of_kit(load)),
        "plainDesign": _bill_report(cost.of_plain_design(load)),
        "nextSavings": [
            {
                "what": saving.what,
                "dollarsPerMillionEvents": saving.per_million,
                "beforeAllowances": saving.full_per_million,
            }
            for saving in cost.next_savings(load)
        ],
        "assumptions": _assumptions(),
    }


def _bill_report(bill: Bill) -> dict[str, object]:
    return {
        "lines": [
            {
                "name": line.price.name,
                "usage": line.units,
                "unit": line.price.unit,
                "price": line.price.tiers[0][1],
                "per": line.price.per,
                "free": line.price.free,
                "dollars": line.dollars,
                "beforeAllowances": line.full_dollars,
            }
            for line in bill.lines
        ],
        "dollars": bill.dollars,
        "beforeAllowances": bill.full_dollars,
        "dollarsPerMillionEvents": bill.per_million(bill.dollars),
        "beforeAllowancesPerMillionEvents": bill.per_million(bill.full_dollars),
    }


def _text(load: Load) -> str:
    kit, plain = cost.of_kit(load), cost.of_plain_design(load)
    share = kit.dollars / plain.dollars if plain.dollars else 1.0
    lines = [
        f"{load.events_per_month:,} events a month, {load.events_per_request:g} a request;"
        f" {prices.REGION}, prices of {prices.AS_OF}; month {load.month}",
        "",
        *_table("The tracker", kit),
        "",
        *_table("The plain design: one request, one Lambda call, one write an event", plain),
        "",
        f"The tracker's bill is {share:.0%} of the plain design's.",
        "",
        *_growth(load),
        "",
        "What would save next, at most, for a million events (before the allowances):",
        *_savings(cost.next_savings(load)),
        "",
        "Bill: after AWS's always-free allowances, if nothing else in the account uses them.",
        "Full: before them. Taxes, a domain and reading are not in it.",
        "Assumed:",
        *(f"  - {assumption}" for assumption in _assumptions()),
    ]
    return "\n".join(lines)


def _table(title: str, bill: Bill) -> list[str]:
    rows = [
        f"  {line.price.name:<30}{_amount(line.units):>14} {line.price.unit:<11}"
        f"{_unit_price(line.price):>19}{line.dollars:>12,.2f}{line.full_dollars:>12,.2f}"
        for line in bill.lines
    ]
    total = f"{bill.dollars:>12,.2f}{bill.full_dollars:>12,.2f}"
    return [
        f"{title}",
        f"  {'':<30}{'usage':>14} {'':<11}{'price, $':>19}{'bill, $':>12}{'full, $':>12}",
        *rows,
        f"  {'Total':<74}{total}",
        f"  ${bill.per_million(bill.dollars):.2f} per million events"
        f" (${bill.per_million(bill.full_dollars):.2f} before the free allowances)",
    ]


def _amount(units: float) -> str:
    return f"{units:,.0f}" if units >= 100 or units == int(units) else f"{units:,.3f}"


def _unit_price(price: Price) -> str:
    dollars = f"{price.tiers[0][1]:g}"
    return f"{dollars} a million" if price.per == prices.MILLION else dollars


def _growth(load: Load) -> list[str]:
    """Events are kept for more than a year, so a later month costs more."""
    if load.month >= _LATER:
        return []
    later = cost.of_kit(replace(load, month=_LATER))
    return [
        f"In month {_LATER}, with all events since the first kept, the bill is"
        f" ${later.dollars:,.2f}: ${later.per_million(later.dollars):.2f} per million events."
    ]


def _savings(savings: list[Saving]) -> list[str]:
    return [
        f"  ${saving.per_million:.2f} (${saving.full_per_million:.2f})  {saving.what}"
        for saving in savings
    ]


def _assumptions() -> list[str]:
    collect = usage.COLLECT_MS + usage.COLD_MS
    consume = usage.CONSUME_MS + usage.COLD_MS
    return [
        f"Lambda, {usage.MEMORY_GB * 1024:.0f} MB, arm64: {collect:g} ms a request and"
        f" {usage.COLLECT_EVENT_MS:g} ms an event to take it; {consume:g} ms a message and"
        f" {usage.CONSUME_EVENT_MS:g} ms an event to store it; one message a call",
        f"counting: {usage.COUNT_MS + usage.COLD_MS:g} ms and {usage.PAGE_UNITS} write units a"
        f" batch, {usage.COUNT_VISITOR_MS:g} ms a request; {usage.SHARDS} shards of the stream,"
        f" each read once in {LambdaSettings().counter_window_seconds} seconds",
        f"a page view of {usage.EVENT_BYTES} bytes; the events of a request are one visitor's;"
        f" a session has {usage.EVENTS_PER_SESSION} events or one request;"
        f" events are kept for {DEFAULT_RETENTION_DAYS} days",
        "not counted: a user's first identify on a device (5 write units, once), and a device whose"
        " clock is wrong (one write unit more an event)",
        f"logs of {usage.LOG_LINES_BYTES + usage.METRICS_LINE_BYTES} bytes a Lambda call, kept for"
        " a month; an answer of"
        f" {usage.ANSWER_BYTES + usage.HEADER_BYTES} bytes",
        "the plain design: REST API and Lambda as above, one write unit an event, one table without"
        " an index, no reads, no backup, no metrics, no alarms; it cannot tell a duplicate",
    ]
