"""An event as one row: its columns, in their order."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from tracker import dimensions, timestamps
from tracker.stores import Stored

Kind = Literal["text", "number", "time", "json"]


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind
    about: str


COLUMNS = (
    Column("timestamp", "time", "when it happened, by the server's clock"),
    Column("received_at", "time", "when it was received"),
    Column("type", "text", "`page`, `track`, `screen`, `identify`, `group` or `alias`"),
    Column("event", "text", "the name of a track event"),
    Column("name", "text", "the name of a page or screen"),
    Column("user_id", "text", "who it was, as the client said at that time"),
    Column("anonymous_id", "text", "the device's id"),
    Column("session_id", "text", "the session, its client's own or a made one"),
    Column("message_id", "text", "the event's own id, unique within the site"),
    Column("path", "text", "the page's path"),
    Column("title", "text", "the page's title"),
    Column("url", "text", "the page's address"),
    Column("referrer", "text", "the host that the page was come from, if another site's"),
    Column("country", "text", "two letters (ISO 3166)"),
    Column("browser", "text", "the browser's name"),
    Column("os", "text", "the operating system's name"),
    Column("device", "text", "the kind of device, such as `mobile`"),
    Column("campaign", "text", "the campaign's name, or else its source"),
    Column("bot", "text", "why it is a program's doing, if it is (`--bots include`)"),
    Column("seq", "number", "the client's own counter (`context.seq`)"),
    Column("group_id", "text", "of a group"),
    Column("previous_id", "text", "of an alias"),
    Column("properties", "json", "the properties, as JSON"),
    Column("traits", "json", "the traits, as JSON"),
    Column("context", "json", "the whole context, as JSON"),
)

_MAX_NUMBER = 2**63 - 1


def row(stored: Stored) -> Sequence[str | int | None]:
    """An event's cells; times in microseconds."""
    document: dict[str, Any] = msgspec.json.decode(stored.document)
    context = _object(document.get("context"))
    properties = _object(document.get("properties"))
    page = _object(context.get("page"))
    counted = dimensions.of_document(document)
    return (
        stored.position.timestamp,
        _time(document.get("receivedAt")),
        _text(document.get("type")),
        _text(document.get("event")),
        _text(document.get("name")),
        _text(document.get("userId")),
        _text(document.get("anonymousId")),
        _text(context.get("sessionId")),
        _text(document.get("messageId")),
        counted.path,
        _text(page.get("title")) or _text(properties.get("title")),
        _text(page.get("url")) or _text(properties.get("url")),
        counted.referrer,
        counted.country,
        counted.browser,
        counted.os,
        counted.device,
        counted.campaign,
        _text(context.get("bot")),
        _number(context.get("seq")),
        _text(document.get("groupId")),
        _text(document.get("previousId")),
        _json(document.get("properties")),
        _json(document.get("traits")),
        _json(document.get("context")),
    )


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: Any) -> str | None:
    """What is text; a number where clients send one in the place of text, as RudderStack's do."""
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else None


def _number(found: Any) -> int | None:
    return found if type(found) is int and 0 <= found <= _MAX_NUMBER else None


def _time(found: Any) -> int | None:
    return timestamps.parse(found) if isinstance(found, str) else None


def _json(found: Any) -> str | None:
    return None if found is None else msgspec.json.encode(found).decode()
