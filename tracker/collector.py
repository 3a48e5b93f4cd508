"""A write request → accepted and rejected events → the queue.

This is the path of a cold Lambda: nothing is imported here that it does not need.
"""

import base64
import binascii
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Raw

from tracker import anonymise, body, event, timestamps
from tracker.batch import Batch, Rejection
from tracker.config import Config
from tracker.errors import Problem, Rejected
from tracker.http import Pending, Request, Response, json, problem

RETRY_SECONDS = 5

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""


class Collector:
    """Takes events for the sites of a configuration."""

    def __init__(
        self, config: Config, *, clock: Callable[[], int], new_id: Callable[[], str]
    ) -> None:
        self._config = config
        self._clock = clock
        self._new_id = new_id

    def collect(self, request: Request, path_type: str | None = None) -> Pending | Response:
        """Read a batch, or one event of the type its path gives. Raises `Problem`."""
        received_at = self._clock()
        unpacked = body.decompress(request.body, request.headers.get("content-encoding"))
        envelope = body.read_event(unpacked) if path_type else body.read_batch(unpacked)
        site = self._site(request, envelope)
        if not envelope.batch:
            return _answer(0, [])
        return self._pending(request, envelope, site, received_at, path_type)

    def collect_pixel(self, request: Request) -> Pending | Response:
        """Read one event from a query string. The answer is the GIF, whatever becomes of it."""
        received_at = self._clock()
        try:
            envelope = body.read_event(_unquoted(request.query.get("data", "")))
            site = self._site(request, envelope)
        except Problem as error:
            return _pixel(error)
        pending = self._pending(request, envelope, site, received_at)
        unavailable = Problem(503, "unavailable", "the queue cannot take it now")
        return replace(pending, response=_pixel(), otherwise=_pixel(unavailable))

    def _site(self, request: Request, envelope: body.Envelope) -> str:
        """The site a request writes to: by Basic user name, else body, else query."""
        key = (
            _basic_user(request.headers.get("authorization"))
            or envelope.key()
            or request.query.get("write_key")
            or request.query.get("writeKey")
        )
        name = self._config.site_of(key)
        if name is None:
            raise Problem(
                401,
                "unknown_write_key",
                "The write key is missing or unknown: give it as Basic user name, as writeKey in"
                " the body or as ?write_key=.",
            )
        origin = request.headers.get("origin")
        if not self._config.keys.sites[name].allows(origin):
            raise Problem(
                403, "origin_not_allowed", f"Pages of {origin!r} may not send to this site."
            )
        return name

    def _pending(
        self,
        request: Request,
        envelope: body.Envelope,
        site: str,
        received_at: int,
        path_type: str | None = None,
    ) -> Pending:
        context = envelope.context
        if context != event.NULL:
            context = Raw(anonymise.context(context))
        extra = len(context) if context != event.NULL else 0
        accepted: list[Raw] = []
        rejected: list[Rejection] = []
        for index, raw in enumerate(envelope.batch):
            sent = bytes(raw)
            try:
                accepted.append(Raw(accept(sent, path_type, extra)))
            except Rejected as error:
                rejected.append(_rejection(index, sent, error))
        queued = Batch(
            id=self._new_id(),
            site=site,
            received_at=received_at,
            sent_at=envelope.sent_at or _instant(request.query.get("sentAt")),
            type=path_type,
            ip=anonymise.truncate_ip(request.client_ip),
            user_agent=request.headers.get("user-agent"),
            context=context,
            events=accepted,
            rejected=rejected,
        )
        return Pending(
            queued.encode(),
            _answer(len(accepted), rejected),
            _unavailable(),
            queued.id,
            len(accepted),
            [rejection.field for rejection in rejected],
        )


def accept(sent: bytes, path_type: str | None, extra: int) -> bytes:
    """An event as it is queued. Raises `Rejected`. See `event.decode` for the parameters."""
    wire = event.decode(sent, path_type, extra)
    return anonymise.event(sent) if anonymise.needs_change(sent, wire.context) else sent


def _answer(accepted: int, rejected: list[Rejection]) -> Response:
    listed: list[dict[str, Any]] = [
        {
            "index": rejection.index,
            "messageId": rejection.message_id,
            "field": rejection.field,
            "reason": rejection.reason,
        }
        for rejection in rejected
    ]
    return json({"success": True, "accepted": accepted, "rejected": listed})


def _unavailable() -> Response:
    return problem(
        Problem(
            503,
            "unavailable",
            "The events cannot be taken now; nothing was stored. Send the same bytes again.",
            headers={"retry-after": str(RETRY_SECONDS)},
        )
    )


def _rejection(index: int, sent: bytes, error: Rejected) -> Rejection:
    original = sent
    payload = sent = sent.decode(errors="replace").encode()  # it is kept as text
    # Where it has no readable context, there is nothing to take out of it.
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        payload = anonymise.event(sent)
    return Rejection(
        index=index,
        field=error.field,
        reason=error.reason,
        payload=payload.decode(),
        message_id=event.message_id_of(sent),
        whole=sent == original,
    )


def _basic_user(authorization: str | None) -> str | None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(":")[0] or None


def _instant(text: str | None) -> str | None:
    """When this try was sent, where the address tells: a body that stays the same cannot."""
    try:
        return text if text and timestamps.parse(text) is not None else None
    except (ValueError, OverflowError):
        return None


def _unquoted(data: str) -> bytes:
    """base64url, with or without padding; or base64, where ``+`` came through as a space."""
    text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Problem(400, "invalid_data", "data is not base64url") from None


def _pixel(error: Problem | None = None) -> Response:
    headers = {"content-type": "image/gif", "cache-control": "no-store"}
    if error is not None:
        headers["x-rejected"] = error.code
    return Response(200, PIXEL, headers)
