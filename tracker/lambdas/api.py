"""The API as a Lambda: a request → the route's answer, with its log lines and metrics."""

import logging
import time

from tracker import deadline, logs, routes
from tracker.http import Pending, Request, Response
from tracker.lambdas import metrics
from tracker.parts import Parts
from tracker.router import Route

log = logging.getLogger(__name__)

ANSWER_SECONDS = 22
"""By then a read gives up: API Gateway waits 29 seconds, and a call under way may take 6."""


def answer(route: Route, request: Request, parts: Parts, request_id: str) -> Response:
    """Answer one request; ``request_id`` is the invocation's. What it took is durable then."""
    logs.begin(request_id)
    with deadline.until(time.monotonic() + ANSWER_SECONDS):
        result = routes.answer(route, request, parts.config)
        response = routes.finish(result, parts)
    about: dict[str, object] = {"status": response.status}
    if isinstance(result, Pending) and response is result.response:
        about |= {
            "batch_id": result.batch_id,
            "accepted": result.accepted,
            "rejected": len(result.rejected),
        }
        lines = metrics.taken(
            parts.config.tables or "", parts.clock(), result.accepted, result.rejected
        )
        metrics.write(lines)
    # The path of the route, not of the request: that may hold a user's id.
    log.info("%s %s", request.method, route.path, extra=about)
    return response
