"""Metrics as log lines: CloudWatch's embedded metric format.

CloudWatch reads them out of the log, so that no call is made and nothing is imported. A metric
costs $0.30 a month and a line its bytes: there are few of them, none is written where nothing
happened, and a dimension has few values.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tracker import timestamps
from tracker.event import WireEvent

NAMESPACE = "Tracker"

MAX_VALUES = 100
"""How many values of one metric a line may hold."""

OTHER = "other"
_REASONS = frozenset(WireEvent.__struct_encode_fields__)

Values = Mapping[str, int | Sequence[int]]


def taken(deployment: str, now: int, accepted: int, rejected: Iterable[str]) -> list[str]:
    """The lines about one request: how many events were taken, and how many were not. ``rejected``
    names the field at fault of each of these; ``now`` is in microseconds."""
    reasons = Counter(field if field in _REASONS else OTHER for field in rejected)
    here = {"Deployment": deployment}
    return [
        *_line(now, here, {"Accepted": accepted, "Rejected": reasons.total()}),
        *(
            line
            for reason, count in reasons.items()
            for line in _line(now, {**here, "Reason": reason}, {"Rejected": count})
        ),
    ]


def consumed(deployment: str, now: int, values: Values) -> list[str]:
    """The line about one batch of the queue's messages, if there is anything to say."""
    return _line(now, {"Deployment": deployment}, values)


def _line(now: int, dimensions: Mapping[str, str], values: Values) -> list[str]:
    said = {
        name: value if isinstance(value, int) else value[:MAX_VALUES]
        for name, value in values.items()
        if value
    }
    if not said:
        return []
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name} for name in said],
    }
    about = {
        "Timestamp": now // (timestamps.SECOND // 1000),
        "CloudWatchMetrics": [directive],
    }
    return [msgspec.json.encode({"_aws": about, **dimensions, **said}).decode()]


def write(lines: Iterable[str]) -> None:
    """Put lines into the log of this Lambda."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
