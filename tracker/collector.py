"""A write request → accepted and rejected events → the queue.

This is the path of a cold Lambda: nothing is imported here that it does not need.
"""

import base64
import binascii
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Raw, structs

from tracker import almost_json, anonymise, body, country, event, timestamps
from tracker.anonymise import Rules
from tracker.batch import Batch, Fault, Rejection
from tracker.config import Config
from tracker.errors import ConfigError, Problem, Rejected
from tracker.http import Pending, Request, Response, json, problem
from tracker.limits import Limits

if TYPE_CHECKING:
    from tracker.schemas import Schemas
    from tracker.schemas.check import Check

log = logging.getLogger(__name__)

RETRY_SECONDS = 5

MAX_USER_AGENT = 512
"""Characters of a request's user agent: it becomes part of each of its events, and no more of it is
looked at (`user_agent`)."""

_NOT_KEPT = (
    "(what was sent is not kept: it cannot be read, so what this site drops or hashes cannot be"
    " taken out)"
)

WRITE_KEY = "writeKey"
"""The field at fault in an event that is meant for another site."""
_ANOTHER_SITE = "is not of the site that the others are for: send this in a request of its own"

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""


class Collector:
    """Takes events for the sites of a configuration. Raises `ConfigError`."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        schemas: "Callable[[], Schemas | None]" = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        self._config = config
        self._rules = {name: anonymise.of_site(config, name) for name in config.keys.sites}
        self._clock = clock
        self._new_id = new_id
        self._read_schemas = schemas
        self._limits = limits or Limits()

    @cached_property
    def _schemas(self) -> "Schemas | None":
        """What events should be like. Where that cannot be read, events are worth more."""
        try:
            return self._read_schemas()
        except ConfigError as error:
            log.error("events are taken without a look at their schemas: %s", error)  # noqa: TRY400
            return None

    def collect(self, request: Request, path_type: str | None = None) -> Pending | Response:
        """Read a batch, or one event of the type its path gives. Raises `Problem`."""
        received_at = self._clock()
        self._limits.address(request.client_ip)
        unpacked = body.decompress(request.body, request.headers.get("content-encoding"))
        envelope = body.read_event(unpacked) if path_type else body.read_batch(unpacked)
        door = self._door(request, envelope)
        if not envelope.batch:
            return _answer(0, [])
        return self._pending(request, envelope, door, received_at, path_type)

    def collect_pixel(self, request: Request) -> Pending | Response:
        """Read one event from a query string. The answer is the GIF, whatever becomes of it."""
        received_at = self._clock()
        try:
            self._limits.address(request.client_ip)
            envelope = body.read_event(_unquoted(request.query.get("data", "")))
            door = self._door(request, envelope)
        except Problem as error:
            return _pixel(error)
        pending = self._pending(request, envelope, door, received_at)
        unavailable = Problem(503, "unavailable", "the queue cannot take it now")
        return structs.replace(pending, response=_pixel(), otherwise=lambda: _pixel(unavailable))

    def _door(self, request: Request, envelope: body.Envelope) -> "Door":
        """Where a request's events go: by Basic user name, else body, else query. Raises
        `Problem`."""
        key = basic_user(request) or envelope.write_key
        own = {} if key else envelope.keys()
        known = filter(self._config.site_of, own.values())
        key = (
            key
            or next(known, None)
            or next(iter(own.values()), None)
            or request.query.get("write_key")
            or request.query.get("writeKey")
        )
        site = site_to_write(self._config, key, request)
        self._limits.key(key)
        return Door(site, {place for place in own if self._config.site_of(own[place]) != site})

    def _pending(
        self,
        request: Request,
        envelope: body.Envelope,
        door: "Door",
        received_at: int,
        path_type: str | None = None,
    ) -> Pending:
        rules = self._rules[door.site]
        context = envelope.context
        if context != event.NULL:
            context = Raw(rules.context(context, received_at))
        extra = len(context) if context != event.NULL else 0
        check = self._schemas.check(door.site, context) if self._schemas else None
        terms = Terms(rules, check, received_at)
        accepted: list[Raw] = []
        rejected: list[Rejection] = []
        for index, raw in enumerate(envelope.batch):
            sent = bytes(raw)
            try:
                if index in door.strangers:
                    raise Rejected(WRITE_KEY, _ANOTHER_SITE)
                accepted.append(Raw(accept(sent, path_type, extra, terms)))
            except Rejected as error:
                rejected.append(_rejection(index, sent, error, rules, received_at))
        queued = Batch(
            id=self._new_id(),
            site=door.site,
            received_at=received_at,
            sent_at=envelope.sent_at or _instant(request.query.get("sentAt")),
            type=path_type,
            ip=rules.address(request.client_ip, received_at),
            user_agent=request.headers.get("user-agent", "")[:MAX_USER_AGENT] or None,
            country=country.of(request.headers, self._config.country_header),
            context=context,
            events=accepted,
            rejected=rejected,
        )
        return Pending(
            queued.encode(),
            _answer(len(accepted), rejected),
            _unavailable,
            queued.id,
            len(accepted),
            [rejection.field for rejection in rejected],
        )


class Door(NamedTuple):
    """Where a request's events go."""

    site: str
    strangers: AbstractSet[int]
    """The places of the events whose own write key is none of this site's."""


class Terms(NamedTuple):
    """On what terms a site takes an event."""

    rules: Rules
    """What it keeps."""
    check: "Check | None"
    """What its schemas ask for."""
    received_at: int


def accept(sent: bytes, path_type: str | None, extra: int, terms: Terms) -> bytes:
    """An event as it is queued. Raises `Rejected`. See `event.decode` for the parameters."""
    wire = event.decode(sent, path_type, extra)
    if terms.check is not None:
        sent = terms.check(sent, wire)
    return terms.rules.event(sent, wire.context, terms.received_at)


def site_to_write(config: Config, key: str | None, request: Request) -> str:
    """The site a write key belongs to. Raises `Problem` if there is none, or if it takes nothing
    from the page that asks."""
    name = config.site_of(key)
    if name is None:
        raise Problem(
            401,
            "unknown_write_key",
            "The write key is missing or unknown: give it as Basic user name, as writeKey in"
            " the body or as ?write_key=.",
        )
    origin = request.headers.get("origin")
    if not config.keys.sites[name].allows(origin):
        raise Problem(403, "origin_not_allowed", f"Pages of {origin!r} may not send to this site.")
    return name


def basic_user(request: Request) -> str | None:
    """The user name of HTTP Basic authentication, if there is one."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(":")[0] or None


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


def _rejection(
    index: int, sent: bytes, error: Rejected, rules: anonymise.Rules, at: int
) -> Rejection:
    text = almost_json.legible(sent)
    payload = rules.payload(text, at)
    return Rejection(
        index=index,
        field=error.field,
        reason=error.reason if payload is not None else f"{error.reason} {_NOT_KEPT}",
        payload=(payload or b"").decode(),
        message_id=event.message_id_of(text),
        whole=payload is not None and text == sent,
        more=[Fault(*fault) for fault in error.more],
    )


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
