"""The embedded host: the route table behind a native-code HTTP server, on one machine."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import parse_qsl

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from tracker import body, cors, routes
from tracker.errors import ConfigError, Problem, QueueUnavailable
from tracker.group_commit import GroupCommit
from tracker.http import Pending, Request, Response
from tracker.parts import Parts
from tracker.routes import Access, Route, Router

log = logging.getLogger(__name__)

READERS = 4

DISCARDED_BYTES = 10 * 1024 * 1024
"""The largest request API Gateway takes."""


class _Scope(Protocol):
    """What the HTTP server tells of a request (RSGI)."""

    method: str
    path: str
    query_string: str
    scheme: str
    client: str
    authority: str | None
    headers: Any


class _Exchange(Protocol):
    """Its body, and the way to answer (RSGI)."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...


class Host:
    """Serves the route table."""

    def __init__(self, parts: Parts) -> None:
        self._config = parts.config
        self._router = Router(routes.routes(parts))
        self._commit = GroupCommit(parts.queue)
        self._readers = ThreadPoolExecutor(READERS, "reader")

    async def __rsgi__(self, scope: _Scope, exchange: _Exchange) -> None:
        request = _request(scope)
        try:
            response = await self._respond(request, scope, exchange)
        except Problem as error:
            response = routes.refusal(error, request, self._config)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = routes.refusal(routes.our_fault(), request, self._config)
        headers = list(response.headers.items())
        if response.body and scope.method != "HEAD":
            exchange.response_bytes(response.status, headers, response.body)
        else:
            exchange.response_empty(response.status, headers)

    async def _respond(self, request: Request, scope: _Scope, exchange: _Exchange) -> Response:
        if request.method == "OPTIONS":
            response = cors.preflight(self._router.methods(request.path))
            response.headers |= cors.headers(self._config, request)
            return response
        route, found = self._router.find(request.method, request.path)
        request.parameters = found
        if route.method == "POST":
            request.body = await _read(scope, exchange)
        result = await self._call(route, request)
        if isinstance(result, Response):
            return result
        try:
            await self._commit.send(result.message)
        except QueueUnavailable as error:
            log.warning("not queued: %s", error)
            return result.otherwise
        return result.response

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


def _request(scope: _Scope) -> Request:
    headers = {name.lower(): value for name, value in scope.headers.items()}
    authority = scope.authority or headers.get("host", "")
    return Request(
        "GET" if scope.method == "HEAD" else scope.method,
        scope.path,
        headers,
        dict(parse_qsl(scope.query_string, keep_blank_values=True)),
        client_ip=scope.client.rpartition(":")[0].strip("[]"),
        base_url=f"{scope.scheme}://{authority}",
    )


async def _read(scope: _Scope, exchange: _Exchange) -> bytes:
    """The body. Of one that is too large no more is read than it takes to be understood: a client
    that is still sending when the connection closes may never see the answer, and try for ever."""
    length = scope.headers.get("content-length") or "0"
    waits = "expect" in scope.headers
    if length.isdigit() and int(length) > (body.MAX_BODY_BYTES if waits else DISCARDED_BYTES):
        raise body.too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in exchange:
        size += len(chunk)
        if size <= body.MAX_BODY_BYTES:
            chunks.append(chunk)
        elif size > DISCARDED_BYTES:
            break
    if size > body.MAX_BODY_BYTES:
        raise body.too_large()
    return b"".join(chunks)


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


def serve(parts: Parts, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted. ``ready`` is called once
    requests are answered."""
    asyncio.run(_serve(parts, host, port, ready))


async def _serve(parts: Parts, host: str, port: int, ready: Callable[[], None]) -> None:
    application = Host(parts)
    server = Server(
        application,
        host,
        port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_enabled=False,
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
        await serving
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
