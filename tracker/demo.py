"""The demo: a small web site that is tracked, and shows its visitor what was stored of them."""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from tracker import activity
from tracker.assets import JAVASCRIPT, WEB, snippet
from tracker.errors import Problem
from tracker.event import Bots
from tracker.http import Request, Response, json
from tracker.parts import Parts
from tracker.reading import parameters

FOLDER = WEB / "demo"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": JAVASCRIPT,
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_LIMIT = 100
_HTML = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
}


def pages(parts: Parts) -> Iterator[tuple[str, Callable[[Request], Response]]]:
    """The demo's rows of the route table."""
    yield "/demo", lambda request: _page(parts, request, "index")
    yield "/demo/activity", lambda request: _activity(parts, request)
    yield "/demo/assets/{file}", lambda request: _asset(request.parameters["file"])
    yield "/demo/{page}", lambda request: _page(parts, request, request.parameters["page"])


def _page(parts: Parts, request: Request, name: str) -> Response:
    site = next(iter(parts.config.keys.sites.values()))
    key = site.write_keys[0]
    text = _file(FOLDER, f"{name}.html").read_text()
    for part in (FOLDER / "parts").iterdir():  # what every page has
        text = text.replace(f"{{{{{part.stem}}}}}", part.read_text())
    for placeholder, value in (
        ("{{snippet}}", _snippet(parts, request.base_url, key)),
        ("{{write_key}}", escape(key)),
        ("{{base_url}}", escape(request.base_url)),
    ):
        text = text.replace(placeholder, value)
    return Response(200, text.encode(), _HTML)


def _snippet(parts: Parts, base_url: str, key: str) -> str:
    api = escape(base_url + parts.config.path_prefix)
    return snippet(api, escape(key), parts.config.script_name)


def _asset(name: str) -> Response:
    path = _file(FOLDER / "assets", name)
    return Response(200, path.read_bytes(), {"content-type": _TYPES[path.suffix]})


def _file(folder: Path, name: str) -> Path:
    """A file of a folder: nothing that a path could point at elsewhere."""
    for path in folder.iterdir():
        if path.name == name and path.is_file():
            return path
    raise Problem(404, "not_found", f"There is no page {name!r}.")


def _activity(parts: Parts, request: Request) -> Response:
    """What one visitor did on the demo's own pages, and nothing else: this needs no token."""
    parts.limits.address(request.client_ip)
    anonymous_id = parameters.identifier(request.query, "anonymous_id")
    if anonymous_id is None:
        raise parameters.invalid("anonymous_id", "is required")
    site = next(iter(parts.config.keys.sites))
    # Whoever looks sees the own events, and is told if they are taken for a bot's.
    question = activity.Question(site=site, anonymous_id=anonymous_id, bots=Bots.INCLUDE)
    found = activity.events(parts.store, question, _LIMIT).events
    shown = [Raw(stored.document) for stored in found if _of_demo(stored.document)]
    return json({"data": shown, "next_cursor": None}, headers={"cache-control": "no-store"})


def _of_demo(document: bytes) -> bool:
    page: Any = msgspec.json.decode(document).get("context", {}).get("page")
    path = page.get("path") if isinstance(page, dict) else None
    return isinstance(path, str) and (path == "/demo" or path.startswith("/demo/"))
