"""Cross-origin requests: which pages may send, and read the answer.

No cookie is ever used, so an answer is never allowed *with credentials*.
"""

from tracker.config import ANY_ORIGIN, Config
from tracker.http import Request, Response

DAY = 24 * 3600

# What clients are known to send, for browsers that do not know the star (Safari before 15.4). The
# star is for what their users add; it never stands for Authorization.
ALLOWED_HEADERS = ", ".join(
    (
        "authorization",
        "content-type",
        "x-retry-count",  # @segment/analytics-next, when it tries again
        "anonymousid",  # this and the others: @rudderstack/analytics-js
        "sentat",
        "rsa-recovered",
        "rsa-retry-attempt",
        "rsa-retry-reason",
        "rsa-since-first-attempt",
        "rsa-since-last-attempt",
        "*",
    )
)


def headers(config: Config, request: Request) -> dict[str, str]:
    """What every answer carries. A preflight has no write key, so what is allowed is what any
    site allows; the collector then holds each site to its own origins."""
    allowed = config.origins
    # A page of another origin cannot see when to try again, unless told that it may.
    exposed = {"access-control-expose-headers": "Retry-After"}
    if ANY_ORIGIN in allowed or not allowed:
        return {"access-control-allow-origin": "*", **exposed}
    origin = request.headers.get("origin")
    if origin in allowed:
        return {"access-control-allow-origin": origin, "vary": "Origin", **exposed}
    return {"vary": "Origin"}


def preflight(methods: str) -> Response:
    """The answer to ``OPTIONS``."""
    return Response(
        204,
        b"",
        {
            "access-control-allow-methods": methods,
            "access-control-allow-headers": ALLOWED_HEADERS,
            "access-control-max-age": str(DAY),
        },
    )
