"""The parameters that several operations have."""

from typing import Any, get_args

from tracker import dimensions
from tracker.event import EVENT_TYPES, MAX_ID
from tracker.journeys import funnel
from tracker.reading.parameters import DEFAULT_LIMIT, MAX_LIMIT
from tracker.stats import Interval, Metric

_ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID}
_TEXT = {"type": "string"}
_INSTANT = {
    "type": "string",
    "anyOf": [{"format": "date-time"}, {"format": "date"}],
    "examples": ["2026-11-22T10:00:00Z", "2026-11-22"],
}


def _one_of(*words: str, default: str | None = None) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)} | ({"default": default} if default else {})


def _limit(default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": default}


_QUERY: dict[str, tuple[dict[str, Any], str]] = {
    "site": (_TEXT, "Which site, for a token that reads all; required if there are several."),
    "since": (_INSTANT, "Not earlier than this (ISO 8601; UTC unless it says otherwise)."),
    "until": (_INSTANT, "Earlier than this."),
    "user_id": (_ID, "Of this user, what was done before `identify` included."),
    "anonymous_id": (_ID, "Of this visitor."),
    "session_id": (_ID, "Of this session."),
    "type": (_one_of(*EVENT_TYPES), "Only events of this type."),
    "event": (_TEXT, "Only track events of this name."),
    "path": (_TEXT, "Only of the page with this path."),
    "bots": (_one_of("include", "only"), "Bots' events too, or nothing else."),
    "order": (_one_of("asc", "desc", default="desc"), "The oldest or the newest first."),
    "limit": (_limit(DEFAULT_LIMIT), "How many rows."),
    "limit_of_counts": (_limit(MAX_LIMIT), "How many rows; with `group_by` groups, 100 of them."),
    "cursor": (_TEXT, "The `next_cursor` of the page before."),
    "field": (_TEXT, "Only with this field at fault."),
    "reason": (_TEXT, "Only with this reason."),
    "message_id": (_TEXT, "Only of this message."),
    "group_of_failed": (_one_of("reason", "field", default="reason"), "What to count by."),
    "metric": (_one_of(*get_args(Metric), default="events"), "What is counted."),
    "interval": (_one_of(*get_args(Interval), default="day"), "A row for each, or one for all."),
    "group_by": (_one_of(*dimensions.NAMES), "A row for each value of this."),
    **{
        name: (_TEXT, f"Only events with this {name}.")
        for name in dimensions.NAMES
        if name not in ("path", "event")
    },
    "steps": (
        {"type": "string", "minLength": 1, "examples": ["/pricing,Signed up"]},
        f"1 to {funnel.MAX_STEPS} steps, with commas between them, or a JSON array of strings:"
        " what begins with a slash is a page view of that path, else a track event's name;"
        " `page:` and `event:` before it say it outright.",
    ),
    "window": (
        {"type": "string", "pattern": "^[1-9][0-9]{0,5}[mhdw]$", "default": "7d"},
        "How long after the first step the last may be, a year at the most.",
    ),
    "write_key": (_TEXT, "The write key."),
    "writeKey": (_TEXT, "The same, as other makers' clients call it."),
    "sentAt": (_TEXT, "When this try was sent (ISO 8601), where the body does not say."),
    "data": (_TEXT, "One event, as base64url of its JSON."),
}
_NAMES = {"limit_of_counts": "limit", "group_of_failed": "group_by"}
_REQUIRED = {"steps"}

PARAMETERS: dict[str, Any] = {
    key: {
        "name": _NAMES.get(key, key),
        "in": "query",
        "required": key in _REQUIRED,
        "schema": schema,
        "description": about,
    }
    for key, (schema, about) in _QUERY.items()
} | {
    "userIdInPath": {
        "name": "user_id",
        "in": "path",
        "required": True,
        "schema": _ID,
        "description": "The user id, percent-encoded.",
    },
    "writeKeyInPath": {"name": "write_key", "in": "path", "required": True, "schema": _TEXT},
    "ifNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "schema": _TEXT,
        "description": "The `ETag` of what is known already.",
    },
}


def query(*names: str) -> list[dict[str, str]]:
    """Some of them."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
