"""What an event is: the wire form, its limits, every rule a single event must keep.

The wire form is that of Segment's tracking spec (https://segment.com/docs/connections/spec/),
with the limits of our HTTP contract. `decode` reads and checks one event in one pass.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from tracker import almost_json, timestamps
from tracker.dimensions import Dimensions
from tracker.errors import Rejected

MAX_EVENT_BYTES = 32 * 1024
MAX_DEPTH = 32
"""How deep an event's JSON may nest; the event itself is the first level."""

EVENT_TYPES = ("page", "track", "screen", "identify", "group", "alias")

NULL = msgspec.Raw(b"null")
"""JSON kept raw, where there is none: msgspec reads no union with ``Raw``."""

MAX_ID = 256
PersonId = Annotated[str, Meta(max_length=MAX_ID)]
MessageId = Annotated[str, Meta(max_length=256)]


class WireEvent(Struct, rename="camel"):
    """One event as a client sends it. ``null`` means absent, as does an empty id; unknown members
    are allowed."""

    type: Any = None
    """One of `EVENT_TYPES`, or anything at all where the path gives the type."""
    anonymous_id: PersonId | None = None
    user_id: PersonId | None = None
    message_id: MessageId | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | int | float | None = None
    """Clients that make text of the other ids leave this one, and the next, the number it was."""
    previous_id: str | int | float | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        # RudderStack's clients send "" for a user who is not known.
        if self.user_id == "":
            self.user_id = None
        if self.anonymous_id == "":
            self.anonymous_id = None


class Event(Struct, frozen=True, kw_only=True):
    """One event as the kit keeps it: what it is found by, and the document that is read back."""

    site: str
    message_id: str
    digest: bytes
    """16 bytes that stand for the message id, whatever its length."""
    type: str
    user_id: str | None
    anonymous_id: str | None
    session_id: str | None
    event: str | None
    path: str | None
    timestamp: int
    """When it happened, by the server's clock (microseconds)."""
    device_time: int | None
    """When it happened, by the device's clock: the same in every retry of this message."""
    received_at: int
    seq: int
    """Orders events of equal time: the client's own counter, else the place in the batch."""
    own_seq: int
    """The counter as far as every retry of this message repeats it; else 0."""
    traits: dict[str, Any] | None
    """Of an identify."""
    previous_id: str | None
    """Of an alias: the user id, or the anonymous id, that is the same person's."""
    bot: str | None
    """Why this is a program's doing rather than a person's, if it is."""
    counter: int
    """What its client has counted up to for it, from 1 on; 0 where it counts nothing."""
    dimensions: Dimensions
    """By what it is counted."""
    document: bytes
    """The event as JSON, in the shape the read API answers with."""

    @property
    def person(self) -> str:
        """The key of the timeline it belongs to: the user's, else the anonymous visitor's."""
        return person_of_user(self.user_id) if self.user_id else f"a#{self.anonymous_id}"

    @property
    def stream(self) -> str:
        """The device, as far as it is known: sessions are made of what one device sends."""
        return stream_of(self.user_id, self.anonymous_id)


class Bots(Enum):
    """Whether bots' events are among those that are read or counted."""

    LEAVE_OUT = "leave out"
    INCLUDE = "include"
    ONLY = "only"

    def shows(self, bot: str | None) -> bool:
        """Whether an event is, given what it says of a bot."""
        return self is Bots.INCLUDE or (bot is not None) == (self is Bots.ONLY)


def person_of_user(user_id: str) -> str:
    """The key of a known user's timeline."""
    return f"u#{user_id}"


def user_of_person(person: str) -> str | None:
    """The user id of a known user's timeline; ``None`` for a visitor's."""
    return person[2:] if person.startswith("u#") else None


def visitor_of_person(person: str) -> str | None:
    """The anonymous id of a visitor's timeline; ``None`` for a known user's."""
    return person[2:] if person.startswith("a#") else None


def person_of_visitor(anonymous_id: str) -> str:
    """The key of the timeline of what an anonymous visitor did without a user id."""
    return f"a#{anonymous_id}"


def stream_of(user_id: str | None, anonymous_id: str | None) -> str:
    """The device of an event with these ids: that of the anonymous id, whoever the user."""
    return person_of_visitor(anonymous_id) if anonymous_id else person_of_user(user_id or "")


MAX_COUNTER = 9_999_999_999


def counter(context: Mapping[str, Any]) -> int:
    """What an event's client has counted up to for it (``context.seq``); 0 where it tells none."""
    value = context.get("seq")
    return value if type(value) is int and 0 < value <= MAX_COUNTER else 0


BRACKET_OR_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""The tokens that tell how deep JSON nests. A string that never ends is one token, so that no
input makes the search start over."""


class _OnlyMessageId(Struct, rename="camel"):
    message_id: MessageId | None = None


class _OnlyIds(Struct, rename="camel"):
    user_id: Any = None
    anonymous_id: Any = None


class _KnownEvent(WireEvent, forbid_unknown_fields=True):
    """An event with the members of the specification only, as most are."""


_known_decoder = msgspec.json.Decoder(_KnownEvent)
_decoder = msgspec.json.Decoder(WireEvent)
_any_decoder = msgspec.json.Decoder()
_ids_decoder = msgspec.json.Decoder(_OnlyIds)
_message_id_decoder = msgspec.json.Decoder(_OnlyMessageId)


def decode(raw: bytes, path_type: str | None = None, extra_bytes: int = 0) -> WireEvent:
    """Read and check one event.

    ``path_type`` is the type a single-event path gives. ``extra_bytes`` is what the batch's own
    ``context`` adds to every event. Raises `Rejected` with the field at fault and the reason.
    """
    if len(raw) + extra_bytes > MAX_EVENT_BYTES:
        raise Rejected("", f"the event is larger than {MAX_EVENT_BYTES // 1024} KB")
    try:
        event = _decoded(raw)
    except msgspec.ValidationError as error:
        raise _rejection(str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    except msgspec.DecodeError as error:
        raise Rejected("", almost_json.fault(raw) or f"not valid JSON: {error}") from None
    except UnicodeDecodeError:
        raise Rejected("", "not valid UTF-8") from None
    # No event nests deeper than it has brackets: most need no closer look.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and depth(raw) > MAX_DEPTH:
        raise _too_deep()
    if path_type is not None:
        event.type = path_type
    _check(event)
    return event


def _decoded(raw: bytes) -> WireEvent:
    try:
        return _known_decoder.decode(raw)
    except msgspec.ValidationError as error:
        if not str(error).startswith("Object contains unknown field"):
            raise
    # Unknown members are only skipped. What is not seen there (text that is not UTF-8, a number
    # too large for any reader) would be stored, and spoil the answer it is read in.
    _any_decoder.decode(raw)
    return _decoder.decode(raw)


def message_id_of(raw: bytes) -> str | None:
    """The message id of an event that was rejected, where it can still be read."""
    try:
        return _message_id_decoder.decode(raw).message_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def person_of(raw: str) -> tuple[str | None, str | None]:
    """The user id and the anonymous id of an event that was rejected, where they can still be
    read. A number is what it is as text: it may be the very reason."""
    try:
        found = _ids_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None, None
    return as_id(found.user_id), as_id(found.anonymous_id)


def as_id(value: Any) -> str | None:
    """An id; a number is what it is as text. ``None`` for what can be nobody's."""
    if type(value) is int and -(2**63) <= value < 2**64:  # a longer one may have no text
        value = str(value)
    return value if isinstance(value, str) and 1 <= len(value) <= MAX_ID else None


def _check(event: WireEvent) -> None:
    """The rules that are not about one member's type alone."""
    if event.type is None:
        raise Rejected("type", "is required")
    if event.type not in EVENT_TYPES:
        raise Rejected("type", "must be one of " + ", ".join(EVENT_TYPES))
    if event.user_id is None and event.anonymous_id is None:
        raise Rejected("userId", "userId or anonymousId is required")
    if event.type == "track" and not event.event:
        raise Rejected("event", "is required for track: the event's name")
    if event.type == "group" and event.group_id in (None, ""):
        raise Rejected("groupId", "is required for group")
    if event.type == "alias":
        if event.previous_id in (None, ""):
            raise Rejected("previousId", "is required for alias")
        if len(str(event.previous_id)) > MAX_ID:
            raise Rejected("previousId", f"is longer than {MAX_ID} characters")
    _check_times(event)


def _check_times(event: WireEvent) -> None:
    for field, text in (
        ("timestamp", event.timestamp),
        ("originalTimestamp", event.original_timestamp),
        ("sentAt", event.sent_at),
    ):
        if text is not None:
            try:
                timestamps.parse(text)
            except (ValueError, OverflowError):
                raise Rejected(field, "is not an ISO 8601 date") from None


def _too_deep() -> Rejected:
    return Rejected("", f"the event nests deeper than {MAX_DEPTH} levels")


def depth(raw: bytes) -> int:
    """How many levels some JSON nests."""
    level = deepest = 0
    for token in BRACKET_OR_STRING.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif first in b"]}":
            level -= 1
    return deepest


_WHERE = re.compile(r" - at `\$\.?([A-Za-z]*)[^`]*`$")
_TYPE_NAMES = {
    "str": "a string",
    "object": "an object",
    "int": "a number",
    "float": "a number",
    "array": "an array",
    "bool": "a boolean",
    "null": "null",
}
_EXPECTED = re.compile(r"^Expected `([\w |]+?)(?: \| null)?`, got `(\w+)`$")
_LENGTH = re.compile(r"^Expected `str` of length (>=|<=) (\d+)$")


def _rejection(message: str) -> Rejected:
    """msgspec's words, in ours: the wire name of the member, and what it should be."""
    where = _WHERE.search(message)
    field = where[1] if where else ""
    reason = message[: where.start()] if where else message
    if expected := _EXPECTED.match(reason):
        names = {_TYPE_NAMES.get(word, word): None for word in expected[1].split(" | ")}
        got = _TYPE_NAMES.get(expected[2], expected[2])
        reason = f"must be {' or '.join(reversed(names))}, not {got}"
    elif length := _LENGTH.match(reason):
        least = length[1] == ">="
        reason = "must not be empty" if least else f"is longer than {length[2]} characters"
    else:
        reason = reason[:1].lower() + reason[1:]
    return Rejected(field, reason)
