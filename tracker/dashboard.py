"""The dashboard: files that a browser puts together. It reads the API with its user's own token."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache, partial
from hashlib import sha384
from typing import NamedTuple
from urllib.parse import urlsplit

from tracker.assets import JAVASCRIPT, WEB, YEAR
from tracker.config import Config
from tracker.errors import Problem
from tracker.http import Request, Response
from tracker.router import Handler

FOLDER = WEB / "dashboard"
_FOLDERS = ("", "views/", "vendor/")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": JAVASCRIPT,
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

# Nothing inline, nothing from elsewhere, in nobody's frame. No text can become markup or code.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_GUARDED = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class _File(NamedTuple):
    type: str
    content: bytes


@cache
def _files() -> dict[str, _File]:
    """What may be asked for, by its path in the folder."""
    return {
        path.relative_to(FOLDER).as_posix(): _File(_TYPES[path.suffix], path.read_bytes())
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }


@cache
def version() -> str:
    """A name for exactly these files: it stands in their address, so browsers keep them."""
    digest = sha384()
    for name, file in _files().items():
        digest.update(name.encode() + b"\0" + file.content + b"\0")
    return digest.hexdigest()[:12]


def page(config: Config, request: Request) -> Response:
    """``GET /``"""
    content = _page(_base(request), config.path_prefix)
    headers = {
        **_GUARDED,
        "etag": f'"{sha384(content).hexdigest()[:12]}"',
        "cache-control": "no-cache",
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    return Response(200, content, {**headers, "content-type": "text/html; charset=utf-8"})


def files() -> Iterator[tuple[str, Handler]]:
    """The page's files, as rows of the route table, below ``/dashboard/{version}/``. Folders are
    named: beside ``{file}``, API Gateway takes no other parameter."""
    for folder in _FOLDERS:
        yield f"{folder}{{file}}", partial(_file, folder)


def _file(folder: str, request: Request) -> Response:
    wanted = request.parameters
    is_current = wanted["version"] == version()
    found = _files().get(folder + wanted["file"]) if is_current else None
    if found is None:
        raise Problem(404, "not_found", "This file is of another version: load the page again.")
    headers = {
        "content-type": found.type,
        "cache-control": f"public, max-age={YEAR}, immutable",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(200, found.content, headers)


def _base(request: Request) -> str:
    """What the page's addresses are relative to. At the root that is the page's own address,
    whatever a proxy has cut off before it; with a stage on AWS the page may have no slash at its
    end (``…/api``)."""
    path = urlsplit(request.base_url).path
    return f"{path}/" if re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII) else "./"


@lru_cache(8)
def _page(base: str, prefix: str) -> bytes:
    files = f"dashboard/{version()}"
    # The modules that every view needs, at once: each would else be known of only when the one
    # that imports it has come.
    modules = [name for name in _files() if name.endswith(".js") and "/" not in name]
    preloads = "\n".join(
        f'<link rel="modulepreload" href="{files}/{name}">' for name in sorted(modules)
    )
    text = (FOLDER / "index.html").read_text()
    for placeholder, value in (
        ("{{base}}", base),
        ("{{files}}", files),
        ("{{prefix}}", prefix),
        ("{{preloads}}", preloads),
    ):
        text = text.replace(placeholder, value)
    return text.encode()
