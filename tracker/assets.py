"""The files that browsers fetch: the client, by its plain and its versioned name, and its parts."""

from base64 import b64encode
from functools import cache
from hashlib import sha384
from pathlib import Path
from typing import Literal

from tracker.http import Request, Response

WEB = Path(__file__).parent / "web"
YEAR = 365 * 24 * 3600

JAVASCRIPT = "text/javascript; charset=utf-8"

Part = Literal["stub", "auto", "errors", "vitals"]
PARTS: tuple[Part, ...] = ("stub", "auto", "errors", "vitals")
"""What a page may load beside the client, each a file of its own: the stub as one, for pages that
allow no inline script; links, downloads and clicks; uncaught errors; web vitals."""


@cache
def client(part: Part | None = None) -> bytes:
    """The browser client, or a part that goes beside it, as built."""
    return (WEB / (f"kit-{part}.js" if part else "kit.js")).read_bytes()


@cache
def client_integrity(part: Part | None = None) -> str:
    """Its SRI hash: ``sha384-…``."""
    return "sha384-" + b64encode(sha384(client(part)).digest()).decode()


@cache
def client_version(part: Part | None = None) -> str:
    """A name for exactly these bytes."""
    return sha384(client(part)).hexdigest()[:12]


def script(request: Request, part: Part | None = None) -> Response:
    """``GET /kit.js``: asked for again each time, but only sent when it has changed."""
    return _script(request, part, "public, max-age=3600")


def versioned_script(request: Request, part: Part | None = None) -> Response:
    """``GET /kit-<version>.js``: never changes, so browsers keep it."""
    return _script(request, part, f"public, max-age={YEAR}, immutable")


def _script(request: Request, part: Part | None, cache_control: str) -> Response:
    headers = {
        "etag": f'"{client_version(part)}"',
        "cache-control": cache_control,
        # A page may check the script's integrity, or run under COEP, only if it may read it.
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    return Response(200, client(part), {**headers, "content-type": JAVASCRIPT})


def part_name(script_name: str, part: Part) -> str:
    """What a part is called: ``kit-auto.js``."""
    return f"{script_name.removesuffix('.js')}-{part}.js"


def versioned_name(script_name: str, part: Part | None = None) -> str:
    """A script's name with its version in it: ``kit-0123456789ab.js``."""
    name = part_name(script_name, part) if part else script_name
    return f"{name.removesuffix('.js')}-{client_version(part)}.js"


def snippet(base_url: str, write_key: str, script_name: str = "kit.js") -> str:
    """The markup to paste into a page."""
    template = (WEB / "snippet.html").read_text()
    return (
        template.replace("{{base_url}}", base_url)
        .replace("{{write_key}}", write_key)
        .replace("{{script_name}}", script_name)
        .strip()
    )
