"""A way between browser and server that can be broken as networks and servers break."""

import json
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.engines.ports import LOOPBACK, free_port
from tracker.errors import Problem
from tracker.http import problem

# What an answer of one connection does not hand on to another.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Fault(Enum):
    """What happens to a request."""

    NONE = "it is answered"
    BUSY = "it is refused with 503, and does not come to the server"
    HANG = "it is taken, but not answered until the fault is over; it does not come to the server"
    CUT = "the server answers it, but the answer is lost"
    HALF_A_HEAD = "the server answers it, but the answer breaks off in its first line"
    HALF_A_BODY = "the server answers it, but the answer breaks off in its body"


class Refusal(NamedTuple):
    """The server's words for a status, without the server: the request does not come to it."""

    status: int
    retry_after: int | None = None
    """Seconds."""

    def answer(self) -> tuple[Mapping[str, str], bytes]:
        told = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        response = problem(Problem(self.status, "refused", "Refused by the proxy.", headers=told))
        exposed = {"access-control-expose-headers": "Retry-After"}
        return {"access-control-allow-origin": "*", **exposed, **response.headers}, response.body


class Post(NamedTuple):
    """A POST as it came, and the status that was answered, or lost on the way."""

    path: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    status: int

    @property
    def unpacked(self) -> bytes:
        packed = self.headers.get("content-encoding") == "gzip"
        return zlib.decompress(self.body, wbits=31) if packed else self.body

    @property
    def json(self) -> Any:
        return json.loads(self.unpacked)


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
        self.posts: list[Post] = []
        """The POSTs that were answered, or whose answer was lost."""
        self.next_posts: deque[Fault | Refusal] = deque()
        """What happens to the POSTs that come next, one each; whatever else comes goes through."""
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

    def spare_the_next(self) -> None:
        """Requests to come are answered; one that hangs goes on hanging."""
        self.fault = Fault.NONE

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
        proxy = self.proxy
        fault: Fault | Refusal = proxy.fault
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        proxy.methods.append(self.command)
        if body:
            proxy.tries.append(body)
        if self.command == "POST" and proxy.next_posts:
            fault = proxy.next_posts.popleft()
        if fault is Fault.BUSY:
            return self._answer(503, {"access-control-allow-origin": "*", **proxy.busy_headers})
        if fault is Fault.HANG:
            return proxy.wait_until_mended()
        if isinstance(fault, Refusal):
            self._record(body, fault.status)
            return self._answer(fault.status, *fault.answer())
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        status, kept, answer = proxy.pass_on(self.command, self.path, headers, body)
        if body:
            proxy.bodies.append(body)
        self._record(body, status)
        if fault is Fault.HALF_A_HEAD:
            self.wfile.write(b"HTTP/1.0 20")
        elif fault is not Fault.CUT:
            missing = len(answer) // 2 if fault is Fault.HALF_A_BODY else 0
            self._answer(status, kept, answer, missing)
        return None

    def _record(self, body: bytes, status: int) -> None:
        if self.command == "POST":
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.proxy.posts.append(Post(self.path, headers, body, status))

    def _answer(
        self, status: int, headers: Mapping[str, str], body: bytes = b"", missing: int = 0
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - missing])

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
