"""The read API's answers on this moment: `tracker.live` and `tracker.status` → JSON."""

import logging
from hashlib import blake2b

import msgspec

from tracker import live as here
from tracker import status as report
from tracker import timestamps
from tracker.event import Bots
from tracker.http import Request, Response, json
from tracker.parts import Parts
from tracker.reading import answer_size, parameters

log = logging.getLogger(__name__)


def status(_request: Request, parts: Parts, site: str) -> Response:
    """``GET /v1/status``"""
    found = report.status(parts, [site])
    if found.unknown is not None:
        log.warning("status: %s", found.unknown)  # it may name what is nobody's business
        found.unknown = "How old the queue's messages are cannot be found out: the log says why."
    return json(found)


def live(request: Request, parts: Parts, site: str) -> Response:
    """``GET /v1/live``: who has the newest already is told so, by one look into the store."""
    parameters.refuse_mistaken(request.query)
    bots = parameters.bots(request.query)
    limit = parameters.limit(request.query)
    now = parts.clock()
    headers = {"etag": _etag(parts, site, now, bots, limit)}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    found = here.live(parts.store, site, now, bots, limit)
    found.events = answer_size.fitting(map(bytes, found.events))
    return json(found, headers=headers)


def _etag(parts: Parts, site: str, now: int, bots: Bots, limit: int) -> str:
    newest = here.newest(parts.store, site, now, bots)
    told = (site, bots.value, limit, timestamps.format(here.start(now)), newest)
    return f'"{blake2b(msgspec.msgpack.encode(told), digest_size=12).hexdigest()}"'
