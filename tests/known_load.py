"""A load of which every byte is known: page views as the browser client sends them."""

import uuid
from typing import Any

from tests.events import NOON, SECOND, wire


def page_view(visitor: str, session: str, seq: int, **members: Any) -> dict[str, Any]:
    """What the browser client sends for a page view, with the longest values that are usual."""
    path = f"/products/kitchen/knives-and-scissors/chef-knife-{seq}"
    return wire(
        NOON + seq * SECOND,
        messageId=str(uuid.uuid4()),
        anonymousId=visitor,
        properties={},
        context={
            "page": {
                "url": f"https://www.example.com{path}?utm_source=newsletter&utm_medium=email",
                "path": path,
                "search": "?utm_source=newsletter&utm_medium=email",
                "title": f"Chef's knife no. {seq}, 21 cm, hand-forged - The Example Kitchen Shop",
                "referrer": "https://www.example.com/products/kitchen/knives-and-scissors",
            },
            "campaign": {"source": "newsletter", "medium": "email"},
            "library": {"name": "tracker-kit", "version": "1.0.0"},
            "locale": "en-GB",
            "timezone": "Europe/London",
            "screen": {"width": 2560, "height": 1440},
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "ip": "203.0.113.0",
            "sessionId": session,
            "seq": seq,
        },
        **members,
    )
