"""The clients that are run, and what is asked of each."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from tests.clients.pages import page_client
from tests.clients.programs import Call, node_client, python_client
from tests.clients.set_up import Way
from tests.engines.proxy import Fault, Refusal
from tracker.event import MAX_EVENT_BYTES

Client = Callable[[Sequence[Call]], list[str]]

PROPERTIES = {
    "price": 12.5,
    "count": 3,
    "gift": True,
    "name": "Grüne Kelle 🌱",
    "lines": [{"sku": "a/1"}, {"sku": "<b>"}],
}
TRAITS = {"plan": "pro", "address": {"city": "Graz"}}


class Asked(NamedTuple):
    """A call, and the members that its event then has. ``None``: it makes no event."""

    call: Call
    members: dict[str, Any] | None


@dataclass(frozen=True)
class Kind:
    """One client, in one of its set-ups."""

    run: Callable[[Way], AbstractContextManager[Client]]
    everything: Callable[[str], list[Asked]]
    """Every call it has. Its parameter makes the ids of people unlike those of others."""
    track: Callable[..., Call]
    """A track event of a name, and maybe of some more text."""
    request: int = 1
    """How many events make a request at once."""
    batches: bool = True
    gzip: bool = False
    tries: Sequence[Fault | Refusal] = (Refusal(429, 1), Refusal(503), Fault.CUT)
    """What its requests meet; it waits longer and longer, so the slow ones meet less."""
    gave_up: str | None = None
    """What is true in a page once nothing waits to be sent again."""
    largest: Sequence[int] = (MAX_EVENT_BYTES,)
    """How large the events are of the largest request it makes."""
    refuses: bool = False
    """Whether it does not even send an event over the limit."""
    tells: bool = True
    """Whether it tells what it could not send."""


def said(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """The events that are asked for."""
    return [one.members for one in asked if one.members is not None]


# --- Clients of servers: each call names its person -----------------------------------------------


def _of_a_server(who: str) -> list[Asked]:
    visitor, user = {"anonymousId": f"visitor-{who}"}, {"userId": f"user-{who}"}
    page = {"name": "Pricing", "category": "Shop", "properties": {"url": "https://a.example/b?c=d"}}
    screen = {"name": "Cart", "category": "Shop", "properties": {"items": 2}}
    context = {"locale": "de-AT", "ip": "198.51.100.7", "sessionId": f"session-{who}"}
    properties = PROPERTIES | {"coupon": None}
    track = {"event": "Added to cart", "properties": properties, "context": context}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("page", visitor | page),
        ("screen", visitor | screen),
        ("track", visitor | track | {"integrations": {"All": False}}),
        ("identify", visitor | user | {"traits": TRAITS}),
        ("track", user | {"event": "Ordered", "messageId": f"message-{who}"}),
        ("group", user | {"groupId": "guild", "traits": {"size": 3}}),
        ("alias", {"userId": f"new-{who}", "previousId": f"user-{who}"}),
    ]
    return [Asked(call, {"type": call[0]} | call[1]) for call in calls]


def _in_python(asked: Asked) -> Asked:
    """Its arguments are called as Python calls them."""
    method, message = asked.call
    named = {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name): v for name, v in message.items()}
    return asked._replace(call=(method, named))


def _python(version: str) -> Kind:
    return Kind(
        run=lambda way: python_client(version, way),
        everything=lambda who: [_in_python(one) for one in _of_a_server(who)],
        track=lambda name, text="": (
            "track",
            {"user_id": "someone", "event": name, "properties": {"text": text}},
        ),
        gzip=True,
        # It sends once it has 475 000 bytes: this is one short of that, and one event more.
        largest=(*[MAX_EVENT_BYTES] * 14, 474_999 - 14 * MAX_EVENT_BYTES, MAX_EVENT_BYTES),
        refuses=True,
    )


NODE = Kind(
    run=node_client,
    everything=_of_a_server,
    track=lambda name, text="": (
        "track",
        {"userId": "someone", "event": name, "properties": {"text": text}},
    ),
    largest=[MAX_EVENT_BYTES] * 15,  # 480 KB
)

# --- Clients of pages: they know who is there -----------------------------------------------------


def _of_a_page(who: str, *more: Asked, reset: Sequence[Any] = ()) -> list[Asked]:
    user = {"userId": f"user-{who}"}
    nobody: dict[str, Any] = {"userId": ...}
    made: list[tuple[str, Sequence[Any], dict[str, Any] | None]] = [
        (
            "page",
            ["Shop", "Pricing", {"a": 1}],
            nobody | {"category": "Shop", "name": "Pricing", "properties": {"a": 1}},
        ),
        (
            "track",
            ["Added to cart", PROPERTIES],
            nobody | {"event": "Added to cart", "properties": PROPERTIES},
        ),
        ("identify", [f"user-{who}", TRAITS], user),
        ("track", ["Ordered"], user | {"event": "Ordered"}),
        ("group", ["guild", {"size": 3}], user | {"groupId": "guild", "traits": {"size": 3}}),
        ("reset", reset, None),
        # Segment's client sends the present user id, if there is one, whatever alias is given.
        (
            "alias",
            [f"new-{who}", f"user-{who}"],
            {"userId": f"new-{who}", "previousId": f"user-{who}"},
        ),
        ("track", ["After reset"], nobody | {"event": "After reset"}),
    ]
    return [
        *more,
        *(
            Asked((method, given), None if members is None else {"type": method} | members)
            for method, given, members in made
        ),
    ]


SCREEN = Asked(
    ("screen", ["Shop", "Cart", {"items": 2}]),
    {"type": "screen", "category": "Shop", "name": "Cart", "properties": {"items": 2}},
)


def _page(maker: str, number: int, **differences: Any) -> Kind:
    def run(way: Way) -> AbstractContextManager[Client]:
        return page_client(maker, number, way)

    return Kind(run=run, track=_track_in_a_page, **differences)


def _track_in_a_page(name: str, text: str = "") -> Call:
    return ("track", [name, {"text": text}])


_segment = partial(_page, "@segment/analytics-next", everything=lambda who: _of_a_page(who, SCREEN))
_rudderstack = partial(
    _page,
    "@rudderstack/analytics-js",
    everything=lambda who: _of_a_page(who, reset=[True]),
    tells=False,
    gave_up="""() => Object.entries(localStorage).every(([name, value]) =>
        !/\\.(queue|inProgress)$/.test(name) || ["[]", "{}"].includes(JSON.parse(value)))""",
)

BEACON = "RudderStack, beacons"
SEGMENT_BATCHES = "Segment, browser, batches"

KINDS = {
    "Segment, Python 2.4.0": _python("2.4.0"),
    "Segment, Python 2.3.4": _python("2.3.4"),
    "Segment, Node.js": NODE,
    "Segment, browser": _segment(0, batches=False, tries=(Refusal(429, 1), Refusal(503))),
    SEGMENT_BATCHES: _segment(1, request=10, tells=False, largest=[MAX_EVENT_BYTES] * 10),
    "RudderStack": _rudderstack(0, batches=False, tries=(Refusal(429, 1), Refusal(503))),
    "RudderStack, batches": _rudderstack(
        1, request=10, tries=(Fault.CUT,), largest=[MAX_EVENT_BYTES] * 4
    ),
    BEACON: _rudderstack(2, request=10),
}
