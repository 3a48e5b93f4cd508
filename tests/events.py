"""Events for tests of the parts behind the collector, made the way the collector makes them."""

import uuid
from typing import Any

import msgspec
from msgspec import Raw

from tracker import timestamps
from tracker.batch import Batch
from tracker.event import Event

SITE = "shop"
NOON = timestamps.parse("2026-11-22T12:00:00Z")
SECOND = timestamps.SECOND
MINUTE = timestamps.MINUTE
HOUR = timestamps.HOUR


def wire(at: int | None = NOON, **members: Any) -> dict[str, Any]:
    """An event as a client sends it: a page view of visitor ``v``, unless told otherwise."""
    event = {"type": "page", "anonymousId": "v", "messageId": uuid.uuid4().hex, **members}
    if at is not None:
        event["originalTimestamp"] = timestamps.format(at)
    return event


def received(
    *events: dict[str, Any], at: int | None = None, sent: int | None = None, site: str = SITE
) -> list[Event]:
    """What the consumer gets of one request. It arrives at noon, unless told otherwise."""
    batch = Batch(
        id=uuid.uuid4().hex,
        site=site,
        received_at=NOON if at is None else at,
        sent_at=None if sent is None else timestamps.format(sent),
        events=[Raw(msgspec.json.encode(event)) for event in events],
    )
    return batch.read()


def ids(documents: list[bytes]) -> list[str]:
    """The message ids of some documents."""
    return [msgspec.json.decode(document)["messageId"] for document in documents]
