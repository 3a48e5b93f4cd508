"""The body of a write request: bytes → envelope → the raw JSON of each event.

Everything here is about the request as a whole; what is wrong with it is answered with a 4xx.
What is wrong with one event is found later, event by event, and costs only that event.
"""

import re
import zlib
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tracker import almost_json, timestamps
from tracker.errors import Problem
from tracker.event import BRACKET_OR_STRING, MAX_DEPTH, MAX_EVENT_BYTES, NULL, depth

MAX_BODY_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500
MAX_COPIED_BYTES = 4 * 1024 * 1024
"""What a batch's own context may come to, as it becomes part of each event: many hundred times what
was sent, otherwise."""

_PRUNE_DEPTH = 100


class Envelope(Struct, rename="camel"):
    """A batch as it came: the events are still raw JSON."""

    batch: list[Raw]
    sent_at: str | None = None
    context: Raw = NULL
    write_key: str | None = None

    def keys(self) -> dict[int, str]:
        """The write keys of single events, by their place: where the batch has none, they count."""
        return {
            place: key
            for place, raw in enumerate(self.batch)
            if b'"writeKey"' in bytes(raw) and (key := _write_key(raw))
        }


class _WriteKey(Struct, rename="camel"):
    write_key: str | None = None


_envelopes = msgspec.json.Decoder(Envelope)
_objects = msgspec.json.Decoder(dict[str, Raw])
_contexts = msgspec.json.Decoder(dict[str, Any])
_write_keys = msgspec.json.Decoder(_WriteKey)


def decompress(body: bytes, encoding: str | None) -> bytes:
    """The body without its ``Content-Encoding``. Raises `Problem` 400, 413 or 415.

    A small body that unpacks to a huge one costs no more than the limit.
    """
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    encoding = (encoding or "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Problem(
            415,
            "unsupported_encoding",
            f"Content-Encoding {encoding!r} is not understood: use gzip",
        )
    unpacked = b""
    try:
        while body:
            stream = zlib.decompressobj(wbits=31)
            unpacked += stream.decompress(body, MAX_BODY_BYTES + 1 - len(unpacked))
            if len(unpacked) > MAX_BODY_BYTES:
                raise too_large()
            if not stream.eof:
                raise zlib.error("the stream ends too early")
            body = stream.unused_data
    except zlib.error:
        raise Problem(400, "invalid_gzip", "The body is not valid gzip.") from None
    return unpacked


def too_large() -> Problem:
    """The answer to a request over the size limit."""
    return Problem(
        413,
        "request_too_large",
        f"The request is larger than {MAX_BODY_BYTES // 1024} KB: send smaller batches.",
    )


def read_batch(body: bytes) -> Envelope:
    """Read ``{"batch": [...], ...}``. Raises `Problem` 400 or 413."""
    body = _whole_surrogates(body)
    try:
        try:
            envelope = _envelope(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            aside = almost_json.SetAside(_pruned(body))
            envelope = _envelopes.decode(aside.rest)
            envelope.batch = aside.put_back(envelope.batch)
    except msgspec.ValidationError as error:
        raise Problem(
            400, "invalid_batch", f'The body is not {{"batch": [event, …]}}: {error}'
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None
    if envelope.sent_at is not None:
        try:
            timestamps.parse(envelope.sent_at)
        except (ValueError, OverflowError):
            raise _invalid("sentAt", "is not an ISO 8601 date") from None
    if envelope.context != NULL:
        _check_context(envelope.context)
    if len(envelope.batch) > MAX_BATCH_EVENTS:
        raise Problem(
            413, "too_many_events", f"The batch has more than {MAX_BATCH_EVENTS} events: split it."
        )
    # One over an event's limit is what is wrong with each event, and is not copied.
    if len(envelope.context) * len(envelope.batch) > MAX_COPIED_BYTES and (
        len(envelope.context) <= MAX_EVENT_BYTES
    ):
        raise Problem(
            413,
            "context_too_large",
            f"The context of the batch becomes part of each of its {len(envelope.batch)} events,"
            f" {MAX_COPIED_BYTES // 1024**2} MB at the most: send smaller batches.",
        )
    return envelope


def _envelope(body: bytes) -> Envelope:
    try:
        return _envelopes.decode(body)
    except RecursionError:
        return _envelopes.decode(_pruned(body))


def _check_context(raw: Raw) -> None:
    """It becomes part of every event, so it is held to what holds for theirs."""
    try:
        _contexts.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid("context", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _not_json() from None
    except RecursionError:
        raise _context_too_deep() from None
    if depth(bytes(raw)) >= MAX_DEPTH:  # the event it becomes part of is one level more
        raise _context_too_deep()


def _context_too_deep() -> Problem:
    return _invalid("context", f"nests deeper than {MAX_DEPTH - 1} levels")


def _invalid(field: str, reason: str) -> Problem:
    return Problem(
        400, "invalid_batch", f"The batch's {field}: {reason}.", errors=[(field, reason)]
    )


def read_event(body: bytes) -> Envelope:
    """Read a body that is one event, as a batch of one. Raises `Problem` 400."""
    body = _whole_surrogates(body)
    try:
        try:
            _objects.decode(body)
        except RecursionError:
            body = _pruned(body)
            _objects.decode(body)
    except msgspec.ValidationError:
        raise Problem(400, "invalid_event", "The body is not a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None
    return Envelope([Raw(body)])


def _not_json() -> Problem:
    return Problem(400, "invalid_json", "The body is not valid JSON.")


def _write_key(raw: bytes) -> str | None:
    try:
        return _write_keys.decode(raw).write_key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _whole_surrogates(body: bytes) -> bytes:
    r"""Put U+FFFD where a ``\uD800`` stands without its other half.

    Browsers write these for a title that was cut inside an emoji (well-formed JSON.stringify),
    and they cannot be kept as UTF-8: one of them must not cost the whole batch.
    """
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], body)


def _pruned(body: bytes) -> bytes:
    """Put ``null`` in place of what nests deeper than any valid event.

    The decoder gives up on the whole body when one event nests thousands of levels; without the
    deepest ones it can tell that event from the others, and `event.decode` rejects it.
    """
    kept: list[bytes] = []
    depth = copied = 0
    for token in BRACKET_OR_STRING.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth == _PRUNE_DEPTH:
                kept += (body[copied : token.start()], b"null")
        elif first in b"]}":
            if depth == _PRUNE_DEPTH:
                copied = token.end()
            depth -= 1
    if depth >= _PRUNE_DEPTH:
        return b""  # the brackets never close: not JSON
    return b"".join((*kept, body[copied:]))
