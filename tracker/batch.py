"""What stands in the queue: the accepted and the rejected events of one request.

The collector keeps each event's JSON as it was sent; `Batch.read` turns it into `Event`s at the
consumer. All that is decided at that point follows from the message alone, so a redelivered
message gives the same events again.
"""

from collections import Counter
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct, structs

from tracker import timestamps
from tracker.event import NULL, Event, WireEvent

Members = dict[str, Raw]


class Rejection(Struct, rename="camel", omit_defaults=True):
    """An event that breaks a rule: what was wrong, and its JSON as it was sent."""

    index: int
    field: str
    reason: str
    payload: str
    message_id: str | None = None
    whole: bool = True
    """Whether the payload is all that was sent: bytes that are no text are not kept."""


class FailedKey(NamedTuple):
    """What a failed event is found by."""

    site: str
    received_at: int
    id: str


class Batch(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One request's events on their way from the collector to the consumer."""

    id: str
    site: str
    received_at: int
    sent_at: str | None = None
    type: str | None = None
    """The type that a single-event path gave."""
    ip: str | None = None
    """Already truncated."""
    user_agent: str | None = None
    context: Raw = NULL
    """The batch's own context, beneath that of each event."""
    events: list[Raw] = []
    rejected: list[Rejection] = []
    start: int = 0
    """The place in the request of the first of the events: ids are made from places."""
    replays: FailedKey | None = None
    """The failed event that is sent through again: it goes when this is stored."""

    def without_events(self) -> "Batch":
        """What is known of the request itself."""
        return structs.replace(self, events=[], rejected=[], replays=None)

    def encode(self) -> bytes:
        """The queue's message."""
        return msgspec.json.encode(self)

    def read(self) -> list[Event]:
        """The accepted events, ready for the store."""
        same_time: Counter[int] = Counter()
        return [
            self._event(index, raw, same_time) for index, raw in enumerate(self.events, self.start)
        ]

    def _event(self, index: int, raw: Raw, same_time: Counter[int]) -> Event:
        """``same_time`` counts the batch's events of each device time so far."""
        wire = _wire.decode(raw)
        members = {name: value for name, value in _members.decode(raw).items() if value != NULL}
        members.pop("writeKey", None)
        message_id = wire.message_id or f"{self.id}-{index}"
        device_time = _micros(wire.device_time)
        if device_time is None and not wire.message_id:
            device_time = self.received_at  # nobody can send this message again
        sent_at = wire.sent_at or self.sent_at
        timestamp = timestamps.corrected(device_time, _micros(sent_at), self.received_at)
        context, document = self._context(members.get("context", NULL))
        own_seq = seq = _seq((wire.context or {}).get("seq"))
        if not own_seq:
            # A client that counts nothing may still send several events of one millisecond, or
            # without a time: they keep the order in which they stand here.
            about = self.received_at if device_time is None else device_time
            seq = self.start + same_time[about]
            same_time[about] += 1
            if not wire.message_id:
                own_seq = seq
        _set(members, "type", self.type or wire.type)
        _set(members, "messageId", message_id)
        _set(members, "originalTimestamp", wire.device_time)
        _set(members, "timestamp", timestamps.format(timestamp))
        _set(members, "sentAt", sent_at)
        _set(members, "receivedAt", timestamps.format(self.received_at))
        members["context"] = document
        return Event(
            site=self.site,
            message_id=message_id,
            digest=digest(message_id),
            type=self.type or wire.type or "",
            user_id=wire.user_id,
            anonymous_id=wire.anonymous_id,
            session_id=_session_id(context.get("sessionId")),
            event=wire.event,
            path=_path(context, wire.properties),
            timestamp=timestamp,
            device_time=device_time,
            received_at=self.received_at,
            seq=seq,
            own_seq=own_seq,
            traits=wire.traits if (self.type or wire.type) == "identify" else None,
            document=msgspec.json.encode(members),
        )

    def _context(self, raw: Raw) -> tuple[dict[str, Any], Raw]:
        """The event's context over the batch's over what the request itself tells."""
        members: Members = {}
        if self.ip:
            _set(members, "ip", self.ip)
        if self.user_agent:
            _set(members, "userAgent", self.user_agent)
        for layer in (self.context, raw):
            if layer != NULL:
                own = _members.decode(layer)
                members |= {k: v for k, v in own.items() if v != NULL or k not in members}
        document = Raw(msgspec.json.encode(members))
        return msgspec.json.decode(document), document


_batches = msgspec.json.Decoder(Batch)
_wire = msgspec.json.Decoder(WireEvent)
_members = msgspec.json.Decoder(Members)


def decode(message: bytes) -> Batch:
    """Read a queue's message. Raises ``ValueError`` for what is none of ours."""
    try:
        return _batches.decode(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message of the tracker's collector: {error}") from None


def halves(message: bytes) -> list[bytes]:
    """A message as two, whose events have the ids and the order that they have in the one. Raises
    ``ValueError`` for what is none of ours, or holds a single event."""
    whole = decode(message)
    accepted, rejected = len(whole.events), len(whole.rejected)
    if accepted + rejected < 2:
        raise ValueError("a message of one event cannot be split")
    # Of one accepted and one rejected event, each goes its own way.
    cut, cut_rejected = (accepted + 1) // 2, rejected // 2
    first = structs.replace(
        whole, events=whole.events[:cut], rejected=whole.rejected[:cut_rejected]
    )
    second = structs.replace(
        whole,
        events=whole.events[cut:],
        start=whole.start + cut,
        rejected=whole.rejected[cut_rejected:],
    )
    return [first.encode(), second.encode()]


def digest(message_id: str) -> bytes:
    """16 bytes that stand for a message id of any length in keys and cursors."""
    return blake2b(message_id.encode(), digest_size=16).digest()


def _set(members: Members, name: str, value: str | None) -> None:
    if value is not None:
        members[name] = Raw(msgspec.json.encode(value))


def _micros(text: str | None) -> int | None:
    return timestamps.parse(text) if text else None


def _session_id(value: Any) -> str | None:
    """RudderStack's clients send a number; what no key can hold is no session."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 1 <= len(value) <= 256 else None


MAX_SEQ = 9_999_999_999


def _seq(value: Any) -> int:
    return value if type(value) is int and 0 < value <= MAX_SEQ else 0


def _path(context: dict[str, Any], properties: dict[str, Any] | None) -> str | None:
    """The page's path: server-side clients put it, or only the URL, into the properties."""
    for source in (context.get("page"), properties):
        if not isinstance(source, dict):
            continue
        if isinstance(path := source.get("path"), str):
            return path
        if isinstance(url := source.get("url"), str):
            try:
                return urlsplit(url).path or "/"
            except ValueError:
                continue
    return None
