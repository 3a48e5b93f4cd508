"""A way between browser and server that can be broken as networks and servers break."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.engines.ports import LOOPBACK, free_port

# What an answer of one connection does not hand on to another.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Fault(Enum):
    """What happens to a request."""

    NONE = "it is answered"
    BUSY = "it is refused with 503, and does not come to the server"
    HANG = "it is taken, but not answered until the fault is over; it does not come to the server"
    CUT = "the server answers it, but the answer is lost"


class Proxy:
    """Hands requests on to the server at `port`, and keeps the bodies that came through."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.fault = Fault.NONE
        self.busy_headers: Mapping[str, str] = {}
        self.bodies: list[bytes] = []
        """Of the requests that the server has answered."""
        self.tries: list[bytes] = []
        """Of all requests."""
        self.methods: list[str] = []
        self._mended = threading.Event()
        self._target = port
        self._server: ThreadingHTTPServer | None = None
        self.accept()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def message_ids(self) -> list[str]:
        """Of the events that came to the server, as often as they came."""
        return [event["messageId"] for event in self.events]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came to the server, as often as they came."""
        return [event for body in self.bodies for event in json.loads(body)["batch"]]

    def named(self, beginning: str) -> list[str]:
        """The names of track events, as often as they came to the server."""
        names = [str(event.get("event")) for event in self.events if event["type"] == "track"]
        return [name for name in names if name.startswith(beginning)]

    def refuse(self) -> None:
        """From now on nothing listens."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def accept(self) -> None:
        """All is well again."""
        self.heal()
        if not self._server:
            handler = type("Way", (_Way,), {"proxy": self})
            self._server = ThreadingHTTPServer((LOOPBACK, self.port), handler)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def break_with(self, fault: Fault) -> None:
        self._mended.clear()
        self.fault = fault

    def heal(self) -> None:
        self.fault = Fault.NONE
        self._mended.set()

    def wait_until_mended(self) -> None:
        self._mended.wait(60)

    def pass_on(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection(LOOPBACK, self._target, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class _Way(BaseHTTPRequestHandler):
    proxy: Proxy

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_OPTIONS(self) -> None:
        self._handle()

    def _handle(self) -> None:
        proxy, fault = self.proxy, self.proxy.fault
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        proxy.methods.append(self.command)
        if body:
            proxy.tries.append(body)
        if fault is Fault.BUSY:
            return self._answer(503, {"access-control-allow-origin": "*", **proxy.busy_headers})
        if fault is Fault.HANG:
            return proxy.wait_until_mended()
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        status, kept, answer = proxy.pass_on(self.command, self.path, headers, body)
        if body:
            proxy.bodies.append(body)
        if fault is not Fault.CUT:
            self._answer(status, kept, answer)
        return None

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_proxy(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.heal()
        proxy.refuse()
