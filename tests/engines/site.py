"""A web site of another origin than the server's, whose pages are tracked."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.engines.server import Server
from tracker import assets


class Site(BaseHTTPRequestHandler):
    """Every path is a page with the snippet in it."""

    html: ClassVar[str]
    headers_sent: ClassVar[Mapping[str, str]]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.html.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def snippet(collector: Server, attributes: str = "") -> str:
    """What is pasted, with more attributes for the script's tag."""
    text = assets.snippet(collector.url, collector.write_key)
    return text.replace("data-write-key", f"{attributes} data-write-key")


@contextmanager
def site(
    collector: Server,
    body: str = "",
    *,
    attributes: str = "",
    head: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The URL of a site whose pages are tracked."""
    head = snippet(collector, attributes) if head is None else head
    html = f"<!doctype html><title>A page</title>{head}{body}"
    handler = type("TrackedSite", (Site,), {"html": html, "headers_sent": headers or {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http, ThreadPoolExecutor(1) as thread:
        thread.submit(http.serve_forever, 0.05)
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
