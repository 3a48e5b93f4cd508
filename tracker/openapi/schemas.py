"""The shapes that bodies and answers have."""

from typing import Any

import msgspec

from tracker import dimensions
from tracker.body import MAX_BATCH_EVENTS
from tracker.erasure import Erased
from tracker.event import EVENT_TYPES
from tracker.live import Live
from tracker.openapi.answers import ref
from tracker.reading.parameters import MAX_LIMIT
from tracker.status import Status

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
COUNT = {"type": "integer", "minimum": 0}
INSTANT = {"type": "string", "format": "date-time"}
BOOLEAN = {"type": "boolean"}


def thing(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object; what else stands in it is not said."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
    }


def array(items: Any) -> dict[str, Any]:
    """An array of these."""
    return {"type": "array", "items": items}


def listed(items: Any) -> dict[str, Any]:
    """A page of a list."""
    return thing({"data": array(items), "next_cursor": TEXT_OR_NULL})


_FAULT = thing({"field": TEXT, "reason": TEXT})
_OBJECT = {"type": "object"}

_EVENT_AS_SENT = {
    "type": "object",
    "description": "Unknown members are kept. `null` is as good as absent.",
    "properties": {
        "type": {"description": "Required where the path does not give it.", "examples": ["track"]},
        "anonymousId": {"description": "This, or a `userId`, is required: 1 to 256 characters."},
        "userId": {"description": "Of a known user."},
        "messageId": {"description": "The client's id of this event, unique within the site."},
        "timestamp": {"description": "ISO 8601, by the device's clock."},
        "originalTimestamp": {"description": "The same; it is the one that counts."},
        "sentAt": {"description": "ISO 8601, by the device's clock."},
        "event": {"description": "The name: required for `track`."},
        "name": {"description": "Of a `page` or `screen`."},
        "category": {"description": "Of a `page` or `screen`."},
        "groupId": {"description": "Text or a number: required for `group`."},
        "previousId": {"description": "Text, or a number that becomes it: required for `alias`."},
        "properties": {"description": "An object."},
        "traits": {"description": "An object."},
        "context": {"description": "An object."},
        "integrations": {"description": "An object."},
    },
    "examples": [{"type": "track", "userId": "user-42", "event": "Order completed"}],
}

_EVENT_AS_READ = thing(
    {
        "type": {"enum": list(EVENT_TYPES)},
        "messageId": TEXT,
        "timestamp": INSTANT,
        "receivedAt": INSTANT,
        "context": thing({}, {"sessionId": {"type": ["string", "integer"]}}),
    },
    {
        "originalTimestamp": TEXT,
        "sentAt": TEXT,
        "anonymousId": TEXT,
        "userId": TEXT,
        "event": TEXT,
        "name": TEXT,
        "category": TEXT,
        "groupId": {"type": ["string", "number"]},
        "previousId": TEXT,
        "properties": _OBJECT,
        "traits": _OBJECT,
        "integrations": _OBJECT,
    },
)

_WRITTEN: dict[str, Any] = {
    "Problem": thing(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "code": {**TEXT, "description": "A stable word for programs."},
            "message": {**TEXT, "description": "The detail, under the name that clients look for."},
        },
        {"errors": array(_FAULT), "sites": array(TEXT)},
    ),
    "Batch": {
        **thing(
            {
                "batch": {
                    "type": "array",
                    "maxItems": MAX_BATCH_EVENTS,
                    "items": {"anyOf": [ref("EventAsSent"), {}]},
                    "description": "What is no event is kept as a failed event, and told as"
                    " rejected; the others go on.",
                },
            },
            {
                "sentAt": {
                    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
                    "description": "When this try was sent, by the device's clock.",
                },
                "context": {
                    "type": ["object", "null"],
                    "description": "Beneath the context of each event.",
                },
                "writeKey": TEXT_OR_NULL,
            },
        ),
        "examples": [{"batch": [{"type": "page", "anonymousId": "a1"}], "writeKey": "wk_shop"}],
    },
    "EventAsSent": _EVENT_AS_SENT,
    "Taken": thing(
        {
            "success": {"const": True},
            "accepted": {**COUNT, "description": "So many events are durably queued."},
            "rejected": array(
                thing({"index": COUNT, "messageId": TEXT_OR_NULL, "field": TEXT, "reason": TEXT})
            ),
        }
    ),
    "Event": _EVENT_AS_READ,
    "Session": thing(
        {
            "id": TEXT,
            "userId": TEXT_OR_NULL,
            "anonymousId": TEXT_OR_NULL,
            "start": INSTANT,
            "end": INSTANT,
            "duration": {"type": "number", "minimum": 0, "description": "Seconds."},
            "pageViews": COUNT,
            "events": COUNT,
            "entryPage": TEXT_OR_NULL,
            "exitPage": TEXT_OR_NULL,
            "referrer": TEXT_OR_NULL,
        }
    ),
    "Profile": thing(
        {
            "userId": TEXT,
            "aliases": array(TEXT),
            "traits": _OBJECT,
            "anonymousIds": array(TEXT),
            "devices": array(
                thing(
                    {
                        "anonymousId": TEXT,
                        "firstSeen": INSTANT,
                        "lastSeen": INSTANT,
                        "events": COUNT,
                    }
                )
            ),
            "firstSeen": INSTANT,
            "lastSeen": INSTANT,
            "counts": thing({"events": COUNT, "pageViews": COUNT, "sessions": COUNT}),
        }
    ),
    "Counts": {
        **listed(
            thing({"time": INSTANT, "count": COUNT}, dict.fromkeys(dimensions.NAMES, TEXT_OR_NULL))
        )
    },
    "Delivery": listed(thing({"time": INSTANT, "expected": COUNT, "arrived": COUNT})),
    "FailedEvent": thing(
        {
            "id": TEXT,
            "site": TEXT,
            "receivedAt": INSTANT,
            "messageId": TEXT_OR_NULL,
            "userId": TEXT_OR_NULL,
            "anonymousId": TEXT_OR_NULL,
            "errors": {**array(_FAULT), "minItems": 1},
            "payload": {**TEXT, "description": "What was sent."},
        }
    ),
    "FailedCount": thing(
        {
            "field": TEXT,
            "count": {"type": "integer", "minimum": 1},
            "firstSeen": INSTANT,
            "lastSeen": INSTANT,
        },
        {"reason": TEXT},
    ),
    "ChosenFailures": {
        **thing({}, {"ids": {**array(TEXT), "maxItems": MAX_LIMIT}}),
        "additionalProperties": False,
    },
    "Replayed": thing(
        {
            "replayed": COUNT,
            "rejected": array(
                thing({"id": TEXT, "messageId": TEXT_OR_NULL, "field": TEXT, "reason": TEXT})
            ),
            "next_cursor": TEXT_OR_NULL,
        }
    ),
    "Funnel": thing(
        {
            "data": array(
                thing(
                    {
                        "step": {"type": "integer", "minimum": 1},
                        "name": TEXT,
                        "visitors": COUNT,
                        "conversion": {"type": "number", "minimum": 0, "maximum": 1},
                    }
                )
            ),
            "since": INSTANT,
            "until": INSTANT,
            "complete": BOOLEAN,
        }
    ),
    "Retention": thing(
        {
            "data": array(thing({"week": INSTANT, "visitors": COUNT, "returned": array(COUNT)})),
            "since": INSTANT,
            "until": INSTANT,
            "complete": BOOLEAN,
        }
    ),
    "Health": thing({"status": {"const": "ok"}}),
}


def _of_structs() -> dict[str, Any]:
    """Of what is a struct in the code."""
    wanted = {"Status": Status, "Live": Live, "ErasedUser": Erased}
    _, found = msgspec.json.schema_components(
        wanted.values(), ref_template="#/components/schemas/{name}"
    )
    found["Live"]["properties"]["events"] = array(ref("Event"))
    erased = found.pop("Erased")
    erased["properties"] = {"userId": TEXT} | erased["properties"]
    return found | {"ErasedUser": erased}


SCHEMAS: dict[str, Any] = _WRITTEN | _of_structs()
