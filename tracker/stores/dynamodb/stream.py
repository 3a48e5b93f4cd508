"""The stream of the events' table, as Lambda hands it over: which events are new.

An event's item is written once, so its insertion tells of it once, whoever has sent it how often.
"""

import base64
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracker import timestamps
from tracker.stores.dynamodb import keys, read, stream_runs
from tracker.stores.dynamodb.stream_runs import Numbered

log = logging.getLogger(__name__)

Image = Mapping[str, Mapping[str, str]]
"""An item: ``{"pk": {"S": …}, …}``."""
Record = Mapping[str, Any]


def events(records: Sequence[Record]) -> Iterator[Numbered]:
    """The events that some records tell of for the first time."""
    for record in records:
        change = record["dynamodb"]
        image: Image = change.get("NewImage", {})
        if "body" not in image or record["eventName"] == "REMOVE":  # it is a pointer, or is gone
            continue
        place = image.get("place", image["sk"])["S"]
        site = image["pk"]["S"].partition("#")[0]
        try:
            counted = read.countable(site, place, base64.b64decode(image["body"]["B"]))
        except Exception:
            # It would hold up all others for a day. What it is, only we can have written.
            log.exception("record %s is not counted", change["SequenceNumber"])
            continue
        if record["eventName"] == "INSERT" or _is_anew(change["OldImage"], counted.received_at):
            number = stream_runs.number_of(change["SequenceNumber"])
            yield Numbered(number, keys.position(place).digest, counted)


def _is_anew(old: Image, received_at: int) -> bool:
    """Whether an event took the place of one that was past its time already."""
    expires = old.get("expires")
    return expires is not None and int(expires["N"]) * timestamps.SECOND <= received_at
