"""The operations that take events."""

from typing import Any

from tracker.event import EVENT_TYPES
from tracker.openapi import answers
from tracker.openapi.answers import ref
from tracker.openapi.operation import WRITING, Operation, Paths, operation
from tracker.openapi.parameters import query

_STORED = "Nothing was stored: send the same bytes again after `Retry-After`."


def paths() -> Paths:
    """All of them, by path."""
    batches = {
        "/v1/batch": "writeBatch",
        "/v1/b": "writeB",
        "/v1/import": "writeImport",
        "/beacon/v1/batch": "writeBeaconBatch",
    }
    singles = {f"/v1/{name}": (f"write{name.title()}", name) for name in EVENT_TYPES}
    singles |= {f"/v1/{name[0]}": (f"write{name[0].upper()}", name) for name in EVENT_TYPES}
    return {
        **{path: {"post": _batch(name)} for path, name in batches.items()},
        **{path: {"post": _single(*about)} for path, about in singles.items()},
        "/v1/i.gif": {"get": _pixel()},
        "/v1/projects/{write_key}/settings": {"get": _settings_of_segment()},
        "/sourceConfig": {"get": _settings_of_rudderstack()},
    }


def _batch(name: str) -> Operation:
    return _write(name, "Take up to 2 500 events; a bad one never costs its batch", "Batch")


def _single(name: str, kind: str) -> Operation:
    return _write(name, f"Take one {kind} event", "EventAsSent")


def _write(name: str, summary: str, schema: str) -> Operation:
    return operation(
        WRITING,
        name,
        summary,
        answers.ok("Every event is durably queued, or kept as a failed event.", ref("Taken")),
        answers.bad("The body is not JSON, or not of this shape."),
        answers.unknown_key(),
        answers.bad_body(),
        answers.not_now(_STORED),
        parameters=query("write_key", "writeKey", "sentAt"),
        body=_body(schema),
    )


def _body(schema: str) -> dict[str, Any]:
    """JSON, whatever it is called: beacons send it as plain text."""
    as_text = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": ref(schema),
    }
    kinds = {"application/json": ref(schema), "text/plain": as_text}
    content = {kind: {"schema": shape} for kind, shape in kinds.items()}
    about = "At most 500 KB, unpacked; `Content-Encoding: gzip` is understood."
    return {"description": about, "required": True, "content": content}


def _pixel() -> Operation:
    return operation(
        WRITING,
        "writePixel",
        "Take one event from a page or mail without JavaScript; the answer is always the GIF",
        answers.content(
            "A GIF of one pixel; `X-Rejected` has the code of what is wrong.", "image/gif"
        ),
        parameters=query("data", "write_key", "writeKey", "sentAt"),
    )


def _settings_of_segment() -> Operation:
    return operation(
        WRITING,
        "readSettingsOfSegment",
        "What Segment's browser client asks for at its start",
        answers.ok("Where to send.", {"type": "object"}),
        answers.unknown_key(),
        parameters=query("writeKeyInPath"),
    )


def _settings_of_rudderstack() -> Operation:
    return operation(
        WRITING,
        "readSettingsOfRudderstack",
        "What RudderStack's browser client asks for at its start",
        answers.ok("What to do: nothing beside.", {"type": "object"}),
        answers.unknown_key(),
        parameters=query("writeKey"),
    )
