"""The accepted events of one request, at the consumer: JSON as it was sent → `Event`.

What the server knows is added to each. All of it follows from the message alone, so a redelivered
message gives the same events again.
"""

from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from tracker import dimensions, timestamps, visitor
from tracker.dimensions import Device
from tracker.event import NULL, Event, counter

Members = dict[str, Raw]


class Arrival(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What is known of a request, and its events."""

    id: str
    site: str
    received_at: int
    sent_at: str | None = None
    type: str | None = None
    """The type that a single-event path gave."""
    ip: str | None = None
    """As much of it as the site keeps."""
    user_agent: str | None = None
    """That of the request: it counts for events whose context tells none."""
    country: str | None = None
    context: Raw = NULL
    """The batch's own context, beneath that of each event."""
    events: list[Raw] = []
    start: int = 0
    """The place in the request of the first of the events: ids are made from places."""

    def read(self) -> list[Event]:
        """The accepted events, ready for the store."""
        reader = _Reader(self)
        return [reader.event(index, raw) for index, raw in enumerate(self.events, self.start)]


class _Sent(Struct, rename="camel"):
    """An event, as far as the server looks into it beside its context. It is checked already: see
    `event.WireEvent`."""

    type: Any = None
    anonymous_id: str | None = None
    user_id: str | None = None
    message_id: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    event: str | None = None
    previous_id: str | int | float | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None


_sent = msgspec.json.Decoder(_Sent)
_members = msgspec.json.Decoder(Members)
_object = msgspec.json.Decoder(dict[str, Any] | None)


class _Context(NamedTuple):
    """An event's context over the batch's over what the request itself tells."""

    document: Raw
    values: dict[str, Any]
    """What is in it; what the request tells of the device may be missing here."""
    own: dict[str, Any]
    """What the event itself says."""
    device: Device
    bot: str | None
    """The reason if this is a bot's event."""


class _Told(NamedTuple):
    """What a request tells of the device."""

    members: Members
    """Of the context. They are many requests' own: not to be changed."""
    device: Device
    bot: str | None


@lru_cache(1024)
def _told(user_agent: str | None, country: str | None) -> _Told:
    members: Members = {}
    bot = visitor.describe(members, user_agent, country)
    return _Told(members, dimensions.of_device(_values(members)), bot)


class _Reader:
    """Reads the events of one request, in their order; what they share is looked at once."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._sent = _micros(arrival.sent_at)
        self._received_at = timestamps.format(arrival.received_at)
        self._same_time: Counter[int] = Counter()
        """How many events of each device time there were."""
        self._beneath: Members = {}
        if arrival.ip:
            self._beneath["ip"] = Raw(msgspec.json.encode(arrival.ip))
        if arrival.context != NULL:
            self._beneath = _over(self._beneath, _members.decode(arrival.context))
        # Most clients leave it to the request to tell what the visitor uses.
        self._told = _told(arrival.user_agent, arrival.country)

    def event(self, index: int, raw: Raw) -> Event:
        """The event at a place of its request."""
        arrival = self._arrival
        sent = _sent.decode(raw)
        # Values that are kept as they were sent are raw, those that the server sets are not.
        members: dict[str, Any] = _members.decode(raw)
        if NULL in members.values():
            members = {name: value for name, value in members.items() if value != NULL}
        members.pop("writeKey", None)
        if not (user_id := sent.user_id or None):
            members.pop("userId", None)
        if not (anonymous_id := sent.anonymous_id or None):
            members.pop("anonymousId", None)
        previous_id = sent.previous_id
        if isinstance(previous_id, (int, float)):  # an id is text, wherever else it stands
            members["previousId"] = previous_id = str(previous_id)
        message_id = sent.message_id or f"{arrival.id}-{index}"
        device_text = sent.original_timestamp or sent.timestamp
        device_time = _micros(device_text)
        if device_time is None and not sent.message_id:
            device_time = arrival.received_at  # nobody can send this message again
        sent_time = _micros(sent.sent_at) if sent.sent_at else self._sent
        timestamp = timestamps.corrected(device_time, sent_time, arrival.received_at)
        context = self._context(members.get("context", NULL))
        type_ = arrival.type or sent.type or ""
        own_seq = seq = counted = counter(context.own)
        if not own_seq:
            # A client that counts nothing may still send several events of one millisecond, or
            # without a time: they keep the order in which they stand here.
            about = arrival.received_at if device_time is None else device_time
            seq = arrival.start + self._same_time[about]
            self._same_time[about] += 1
            if not sent.message_id:
                own_seq = seq
        members["type"] = type_
        members["messageId"] = message_id
        if device_text is not None:
            members["originalTimestamp"] = device_text
        members["timestamp"] = timestamps.format(timestamp)
        if sent_at := sent.sent_at or arrival.sent_at:
            members["sentAt"] = sent_at
        members["receivedAt"] = self._received_at
        members["context"] = context.document
        path = dimensions.page_path(context.values, sent.properties)
        return Event(
            site=arrival.site,
            message_id=message_id,
            digest=digest(message_id),
            type=type_,
            user_id=user_id,
            anonymous_id=anonymous_id,
            session_id=_session_id(context.values.get("sessionId")),
            event=sent.event,
            path=path,
            timestamp=timestamp,
            device_time=device_time,
            received_at=arrival.received_at,
            seq=seq,
            own_seq=own_seq,
            traits=_person_traits(sent.traits, context.own) if type_ == "identify" else None,
            previous_id=previous_id if type_ == "alias" else None,
            bot=context.bot,
            counter=counted,
            dimensions=dimensions.of_event(
                sent.event, path, context.device, context.values, sent.properties
            ),
            document=msgspec.json.encode(members),
        )

    def _context(self, raw: Raw) -> _Context:
        members = self._beneath if raw == NULL else _over(self._beneath, _members.decode(raw))
        own = _object.decode(raw) or {}
        if members.keys().isdisjoint(visitor.LOOKED_AT):
            document = Raw(msgspec.json.encode(members | self._told.members))
            values = own if self._arrival.context == NULL else _values(members)
            return _Context(document, values, own, self._told.device, self._told.bot)
        members = members.copy()
        bot = visitor.describe(members, self._arrival.user_agent, self._arrival.country)
        values = _values(members)
        document = Raw(msgspec.json.encode(members))
        return _Context(document, values, own, dimensions.of_device(values), bot)


def _over(beneath: Members, own: Members) -> Members:
    """Members over others; ``null`` says nothing of what is known."""
    if not beneath.keys().isdisjoint(own):
        own = {k: v for k, v in own.items() if v != NULL or k not in beneath}
    return beneath | own


def _values(members: Members) -> dict[str, Any]:
    return _object.decode(msgspec.json.encode(members)) or {}


def digest(message_id: str) -> bytes:
    """16 bytes that stand for a message id of any length in keys and cursors."""
    return blake2b(message_id.encode(), digest_size=16).digest()


def _micros(text: str | None) -> int | None:
    return timestamps.parse(text) if text else None


def _person_traits(traits: dict[str, Any] | None, context: dict[str, Any]) -> dict[str, Any] | None:
    """What an ``identify`` says of the person: RudderStack's clients say it in the context."""
    told = traits or context.get("traits")
    return told if isinstance(told, dict) else traits


def _session_id(value: Any) -> str | None:
    """RudderStack's clients send a number; what no key can hold is no session."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 1 <= len(value) <= 256 else None
