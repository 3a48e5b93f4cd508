"""The Python client: tells the collector what users do, and reads it back.

    from tracker.client import Client

    with Client("http://127.0.0.1:8000", write_key="wk_…", read_token="rt_…") as client:
        client.identify("u1", {"plan": "pro"})
        client.track("u1", "Order Placed", {"total": 12})
        client.flush()
        for event in client.events(user_id="u1"):
            ...

It needs ``requests`` and nothing else of the kit. ``client`` is what an application uses;
``message`` makes an event's JSON, ``outbox`` holds it, ``sender`` delivers it with patience,
``door`` makes one attempt, ``reading`` asks.
"""

from tracker.client.client import Client
from tracker.client.message import Common, Id
from tracker.client.reading import Filters
from tracker.client.sender import Limits
from tracker.errors import ClientError

__all__ = ["Client", "ClientError", "Common", "Filters", "Id", "Limits"]
