"""``GET /openapi.json``: the HTTP contract as OpenAPI 3.1, as it is served here.

The operations are written down beside each other, by who they are for; prefix, script names and
base URL are those of the configuration and the request. `tests/test_openapi.py` holds it to the
route table, to what the handlers look at, and to what they answer.
"""

from functools import lru_cache
from typing import Any

import msgspec

from tracker import __version__
from tracker.config import Config
from tracker.http import JSON, Request, Response
from tracker.openapi import pages, reading, writing
from tracker.openapi.parameters import PARAMETERS
from tracker.openapi.schemas import SCHEMAS

_ABOUT = """\
Events are written by Segment's HTTP Tracking API, and read by person, session, site, or as counts.

Every path answers `HEAD` where it answers `GET`, and `OPTIONS`. Errors are RFC 9457 problems with \
a `code` for programs. Other query parameters than these change nothing, but `user`, `anonymous` \
and `session` are refused: they are mistaken for ids.
"""


def openapi(config: Config, request: Request) -> Response:
    """The document."""
    content = _document(config.path_prefix, config.script_name, request.base_url)
    return Response(200, content, {"content-type": JSON, "cache-control": "no-cache"})


@lru_cache(8)
def _document(prefix: str, script: str, base_url: str) -> bytes:
    return msgspec.json.encode(document(prefix, script, base_url))


def document(prefix: str, script: str, base_url: str) -> dict[str, Any]:
    """The same, as it is before it is text."""
    under_prefix = writing.paths() | reading.paths() | pages.scripts(script)
    paths = {prefix + path: item for path, item in under_prefix.items()} | pages.paths()
    return {
        "openapi": "3.1.0",
        "info": {"title": "The tracker kit", "version": __version__, "description": _ABOUT},
        "servers": [{"url": base_url or "/"}],
        "tags": [
            {"name": "writing", "description": "Taking events: with a write key."},
            {"name": "reading", "description": "Reading what was stored: with a read token."},
            {"name": "pages", "description": "What browsers load, and whether it works."},
        ],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
            "securitySchemes": {
                "readToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A read token: it reads one site, or all.",
                },
                "writeKeyAsUser": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name, without a password.",
                },
                "writeKeyInQuery": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "write_key",
                    "description": "The write key; `writeKey` in the body does as well.",
                },
            },
        },
    }
