"""The embedded host: the route table behind a native-code HTTP server, on one machine."""

import asyncio
import logging
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import parse_qsl

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from tracker import cors, routes
from tracker.embedded import connections, request_body
from tracker.embedded.group_commit import GroupCommit
from tracker.embedded.listener import Listener
from tracker.embedded.metrics import ServerMetrics
from tracker.embedded.proxies import FOR, Proxies, plain
from tracker.errors import ConfigError, Problem, QueueUnavailable
from tracker.http import Pending, Request, Response
from tracker.parts import Parts
from tracker.router import Access, Route, Router

log = logging.getLogger(__name__)
access = logging.getLogger(f"{__name__}.access")

READERS = 4

HEAD_BYTES = 128 * 1024
"""The largest head of a request: twice the longest address that the HTTP server takes."""

STOP_SECONDS = 5.0
"""How long requests that were begun may take to end once the server is told to stop."""


class _Scope(Protocol):
    """What the HTTP server tells of a request (RSGI)."""

    method: str
    path: str
    query_string: str
    scheme: str
    client: str
    authority: str | None
    headers: Any


class _Exchange(request_body.Exchange, Protocol):
    """Its body, and the way to answer (RSGI)."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...


class Host:
    """Serves the route table."""

    def __init__(self, parts: Parts, metrics: ServerMetrics) -> None:
        self._config = parts.config
        self._metrics = metrics
        self._router = Router([*routes.routes(parts), _metrics_route(parts, metrics)])
        self._commit = GroupCommit(parts.queue)
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._proxies = Proxies(parts.config.server.trusted_proxies)

    async def __rsgi__(self, scope: _Scope, exchange: _Exchange) -> None:
        began = time.perf_counter()
        request = _request(scope, self._proxies)
        taken: Pending | None = None
        try:
            response, taken = await self._respond(request, scope, exchange)
        except Problem as error:
            response = routes.refusal(error, request, self._config)
        except Exception:
            log.exception("%s %s", request.method, request.route)
            response = routes.refusal(routes.our_fault(), request, self._config)
        headers = list(response.headers.items())
        if response.body and request.method != "HEAD":
            exchange.response_bytes(response.status, headers, response.body)
        else:
            exchange.response_empty(response.status, headers)
        self._tell(request, response.status, taken, time.perf_counter() - began)

    def _tell(self, request: Request, status: int, taken: Pending | None, seconds: float) -> None:
        """What is known of a request once it is answered: nothing that says whose it was."""
        self._metrics.answered(request, status, seconds)
        about: dict[str, object] = {"status": status, "milliseconds": round(seconds * 1000, 1)}
        if taken is not None:
            self._metrics.taken(taken.accepted, len(taken.rejected))
            about |= {
                "batch_id": taken.batch_id,
                "accepted": taken.accepted,
                "rejected": len(taken.rejected),
            }
        if self._config.server.access_log:
            line = "%s %s %d"
            access.info(line, request.method, request.route or "-", status, extra=about)

    async def _respond(
        self, request: Request, scope: _Scope, exchange: _Exchange
    ) -> tuple[Response, Pending | None]:
        """The answer; also what the queue has taken."""
        if request.method == "OPTIONS":
            response = cors.preflight(self._router.methods(request.path))
            response.headers |= cors.headers(self._config, request)
            return response, None
        route, found = self._router.find(request.method, request.path)
        request.parameters = found
        request.route = route.path
        if route.method == "POST":
            patience = self._config.server.request_seconds
            request.body = await request_body.read(scope.headers, exchange, patience)
        result = await self._call(route, request)
        if isinstance(result, Response):
            return result, None
        try:
            await self._commit.send(result.message)
        except QueueUnavailable as error:
            log.warning("not queued: %s", error)
            return result.otherwise(), None
        return result.response, result

    async def _call(self, route: Route, request: Request) -> Response | Pending:
        if route.access is Access.WRITE_KEY:
            return routes.answer(route, request, self._config)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._readers, routes.answer, route, request, self._config
        )

    def close(self) -> None:
        """Finish what was begun."""
        self._commit.close()
        self._readers.shutdown()


def _metrics_route(parts: Parts, metrics: ServerMetrics) -> Route:
    """Whoever may read all may see what happens here; a token for one of several sites may not."""

    def handler(request: Request) -> Response:
        routes.reads_everything(request, parts)
        return metrics.page(parts)

    return Route("GET", "/metrics", handler, Access.READ_TOKEN)


def _request(scope: _Scope, proxies: Proxies) -> Request:
    headers = {name.lower(): value for name, value in scope.headers.items()}
    authority = scope.authority or headers.get("host", "")
    peer = plain(scope.client.rpartition(":")[0]) or ""
    forwarded = ",".join(scope.headers.get_all(FOR)) if FOR in headers else ""
    scheme = proxies.scheme(peer, headers, scope.scheme)
    query = parse_qsl(scope.query_string, keep_blank_values=True)
    last = dict(query)
    return Request(
        scope.method,
        scope.path,
        headers,
        last,
        client_ip=proxies.client(peer, forwarded),
        base_url=f"{scheme}://{authority}",
        repeated=() if len(last) == len(query) else _repeated(query),
    )


def _repeated(query: list[tuple[str, str]]) -> list[str]:
    return [name for name, times in Counter(name for name, _ in query).items() if times > 1]


def free_address(host: str, port: int) -> int:
    """The port, or a free one for 0. Raises `ConfigError` if it cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            found: int = probe.getsockname()[1]
            return found
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "ports are 0 to 65535"
        raise ConfigError(
            f"cannot listen on {host}:{port} ({reason}): give another --host or --port"
        ) from None


def serve(
    parts: Parts, metrics: ServerMetrics, host: str, port: int, ready: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted. ``ready`` is called once
    requests are answered."""
    uvloop.run(_serve(parts, metrics, host, port, ready))


async def _serve(
    parts: Parts, metrics: ServerMetrics, host: str, port: int, ready: Callable[[], None]
) -> None:
    application = Host(parts, metrics)
    patience = parts.config.server.request_seconds
    server = Listener(
        application,
        host,
        port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=connections.most(),
        http1_settings=HTTP1Settings(
            header_read_timeout=patience * 1000,
            max_buffer_size=HEAD_BYTES,
        ),
        log_enabled=False,
        silence=patience,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve())
    try:
        await _until_listening(host, port, serving)
        ready()
        await asyncio.wait(
            [asyncio.create_task(stop.wait()), serving], return_when=asyncio.FIRST_COMPLETED
        )
        server.stop()  # type: ignore[no-untyped-call]
        # Who neither sends on nor reads on is not waited for.
        done, _ = await asyncio.wait([serving], timeout=STOP_SECONDS)
        for task in done:
            task.result()
    finally:
        application.close()


async def _until_listening(host: str, port: int, serving: "asyncio.Task[None]") -> None:
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
