"""The files that browsers fetch: the client, under its plain and its versioned name."""

from base64 import b64encode
from functools import cache
from hashlib import sha384
from pathlib import Path

from tracker.http import Request, Response

WEB = Path(__file__).parent / "web"
YEAR = 365 * 24 * 3600

JAVASCRIPT = "text/javascript; charset=utf-8"


@cache
def client() -> bytes:
    """The browser client, as built."""
    return (WEB / "kit.js").read_bytes()


@cache
def client_integrity() -> str:
    """The client's SRI hash: ``sha384-…``."""
    return "sha384-" + b64encode(sha384(client()).digest()).decode()


@cache
def client_version() -> str:
    """A name for exactly these bytes."""
    return sha384(client()).hexdigest()[:12]


def script(request: Request) -> Response:
    """``GET /kit.js``: asked for again each time, but only sent when it has changed."""
    return _script(request, "public, max-age=3600")


def versioned_script(request: Request) -> Response:
    """``GET /kit-<version>.js``: never changes, so browsers keep it."""
    return _script(request, f"public, max-age={YEAR}, immutable")


def _script(request: Request, cache_control: str) -> Response:
    headers = {
        "etag": f'"{client_version()}"',
        "cache-control": cache_control,
        # A page may check the script's integrity, or run under COEP, only if it may read it.
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    return Response(200, client(), {**headers, "content-type": JAVASCRIPT})


def versioned_name(script_name: str) -> str:
    """The script's name with its version in it: ``kit-0123456789ab.js``."""
    return f"{script_name.removesuffix('.js')}-{client_version()}.js"


def snippet(base_url: str, write_key: str, script_name: str = "kit.js") -> str:
    """The markup to paste into a page."""
    template = (WEB / "snippet.html").read_text()
    return (
        template.replace("{{base_url}}", base_url)
        .replace("{{write_key}}", write_key)
        .replace("{{script_name}}", script_name)
        .strip()
    )
