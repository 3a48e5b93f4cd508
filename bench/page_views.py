"""Requests as the browser client sends them: what wrk's script makes, in Python."""

import uuid
from typing import Any

import msgspec

from tracker import timestamps

BROWSER = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)


def event(visitor: str, seq: int, at: int, session: int = 1) -> dict[str, Any]:
    """A visitor's event: page views and clicks take turns. ``at`` is in microseconds."""
    page = seq % 200
    kind: dict[str, Any] = {"type": "page", "properties": {}}
    if seq % 2 == 0:
        kind = {
            "type": "track",
            "event": "Added to cart",
            "properties": {"product": "Honest trowel", "price": 24},
        }
    return {
        **kind,
        "messageId": uuid.uuid4().hex,
        "originalTimestamp": timestamps.format(at - at % 1000),
        "anonymousId": visitor,
        "context": {
            "page": {
                "url": f"https://shop.example/products/{page}?colour=green",
                "path": f"/products/{page}",
                "search": "?colour=green",
                "referrer": "https://shop.example/products",
                "title": f"Honest trowel no. {page} - The Example Garden Shop",
            },
            "locale": "en-GB",
            "sessionId": f"{visitor}-{session}",
            "seq": seq,
            "library": {"name": "kit", "version": "1.0.0"},
        },
    }


def events(visitor: str, first: int, count: int, at: int, session: int = 1) -> list[bytes]:
    """The JSON of so many events, a millisecond apart; ``first`` is the counter of the first."""
    return [
        msgspec.json.encode(event(visitor, first + n, at + n * 1000, session)) for n in range(count)
    ]


def body(write_key: str, visitor: str, first: int, count: int, at: int) -> str:
    """The body of a request with so many events of one visitor."""
    batch = [event(visitor, first + n, at + n * 1000) for n in range(count)]
    return msgspec.json.encode({"writeKey": write_key, "batch": batch}).decode()
