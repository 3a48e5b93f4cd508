"""What operations answer: each status with what it means."""

from typing import Any

Answers = dict[str, Any]

_RETRY = {"retry-after": {"schema": {"type": "string"}, "description": "Seconds."}}


def ref(name: str) -> dict[str, str]:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def ok(about: str, schema: Any, headers: dict[str, Any] | None = None) -> Answers:
    """200 with JSON."""
    return {"200": _json(about, schema, headers)}


def accepted(about: str, schema: Any) -> Answers:
    """202 with JSON."""
    return {"202": _json(about, schema, _RETRY)}


def content(about: str, *types: str) -> Answers:
    """200 with something else than JSON."""
    return {"200": {"description": about, "content": {one: {} for one in types}}}


def not_modified() -> Answers:
    """304."""
    return {"304": {"description": "It is what `If-None-Match` says is known already."}}


def bad(about: str) -> Answers:
    """400."""
    return {"400": _problem(about)}


def unknown_key() -> Answers:
    """401 and 403, for write keys."""
    return {
        "401": _problem("The write key is missing or unknown."),
        "403": _problem("The `Origin` is not one of the site's."),
    }


def unknown_token() -> Answers:
    """401 and 403, for read tokens."""
    challenge = {"www-authenticate": {"schema": {"const": "Bearer"}}}
    return {
        "401": _problem("The read token is missing or unknown.", challenge),
        "403": _problem("The token is for another site than `site`."),
    }


def not_found(about: str) -> Answers:
    """404."""
    return {"404": _problem(about)}


def bad_body() -> Answers:
    """408, 413 and 415."""
    return {
        "408": _problem("The body did not arrive whole, or in time: send it again.", _RETRY),
        "413": _problem("The request is over a limit: 500 KB unpacked, 2 500 events."),
        "415": _problem("The `Content-Encoding` is not gzip."),
    }


def not_now(about: str) -> Answers:
    """429 and 503."""
    return {
        "429": _problem(f"Too many requests. {about}", _RETRY),
        "503": _problem(f"Not now. {about}", _RETRY),
    }


def down() -> Answers:
    """503, for health."""
    return {"503": _problem("It names the part that is down.", _RETRY)}


def _json(about: str, schema: Any, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = {"description": about, "content": {"application/json": {"schema": schema}}}
    return answer | ({"headers": headers} if headers else {})


def _problem(about: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = {
        "description": about,
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
    return answer | ({"headers": headers} if headers else {})
