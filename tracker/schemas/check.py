"""Events against their schemas, for one request."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from tracker.batch import Fault
from tracker.errors import Rejected
from tracker.event import NULL, WireEvent

if TYPE_CHECKING:
    from tracker.schemas.validator import Validator

MAX_FAULTS = 10
"""So many faults of an event are named."""

MAX_LISTED_VALUES = 5_000
"""Of events with so many values in a request all faults are looked for, which costs some 10 µs a
fault; of the rest only the first, whatever a client sends."""

MARK = "violations"
"""Where a flagged event's context says what is wrong with it."""

Find = Callable[[str, str | None], "list[Validator]"]
"""Type and name → the schemas that hold for such an event."""

_members = msgspec.json.Decoder(dict[str, Raw])


class Check:
    """Checks the events of one request."""

    def __init__(self, find: Find, context: Raw, *, flags: bool) -> None:
        self._find = find
        self._context = context
        self._flags = flags
        self._listed_values = 0

    def __call__(self, sent: bytes, wire: WireEvent) -> bytes:
        """The event, marked if it is not as it should be. Raises `Rejected` if such are not to be
        taken. ``wire`` is the same event, read."""
        schemas = self._find(wire.type, wire.event)
        faults = self._faults(schemas, sent, wire) if schemas else []
        if not faults:
            return sent
        if self._flags:
            return _marked(sent, faults)
        first, *more = faults
        raise Rejected(first.field, first.reason, more)

    def _faults(self, schemas: "list[Validator]", sent: bytes, wire: WireEvent) -> list[Fault]:
        instance = self._instance(sent, wire)
        broken = [schema for schema in schemas if not schema.holds_for(instance)]
        if not broken:
            return []
        self._listed_values += sent.count(b",") + 1
        if self._listed_values > MAX_LISTED_VALUES:
            return [broken[0].first_fault(instance)]
        faults = [fault for schema in broken for fault in schema.faults(instance)]
        return list(dict.fromkeys(faults))[:MAX_FAULTS]

    def _instance(self, sent: bytes, wire: WireEvent) -> dict[str, Any]:
        """The event as its schema sees it: ``null`` is absent, the path's type and the batch's
        context are its own."""
        event: dict[str, Any] = msgspec.json.decode(sent)
        event = {name: value for name, value in event.items() if value is not None}
        event.pop("writeKey", None)
        event["type"] = wire.type
        if self._context != NULL:
            context: dict[str, Any] = msgspec.json.decode(self._context)
            own = (wire.context or {}).items()
            context |= {k: v for k, v in own if v is not None or k not in context}
            event["context"] = context
        return event


def _marked(sent: bytes, faults: Sequence[Fault]) -> bytes:
    members = _members.decode(sent)
    own = members.get("context", NULL)
    context = {} if own == NULL else _members.decode(own)
    context[MARK] = Raw(msgspec.json.encode([fault._asdict() for fault in faults]))
    members["context"] = Raw(msgspec.json.encode(context))
    return msgspec.json.encode(members)
