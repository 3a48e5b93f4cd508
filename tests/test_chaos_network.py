"""Clients that stall, vanish, lie about their length or come by the thousand."""

import json
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.door import OPEN_KEY, Door, assert_problem, settings, some_servers, start
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.server import Server, Servers

IDLE = 10_000
ESTABLISHED = "01"  # the kernel's TCP_ESTABLISHED
BODY = json.dumps({"batch": [{"type": "page", "anonymousId": "whole"}]}).encode()
GET = b"GET /health HTTP/1.1\r\nhost: x\r\n"


def post(body: bytes = BODY, length: int | None = None, path: str = "/v1/batch") -> bytes:
    size = len(body) if length is None else length
    head = f"POST {path}?write_key={OPEN_KEY} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n"
    return head.encode() + body


CHUNKED = (
    f"POST /v1/batch?write_key={OPEN_KEY} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    """A server that waits two seconds."""
    with some_servers(tmp_path_factory.mktemp("impatient"), leash) as servers:
        yield start(servers, settings() | {"TRACKER_REQUEST_SECONDS": "2"})


def connected(server: Server) -> socket.socket:
    return socket.create_connection((LOOPBACK, server.port), timeout=60)


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionResetError:
        pass
    return received


def drip(connection: socket.socket, endless: Iterator[bytes]) -> bytes:
    """Send a little at a time until the server has had enough of it."""
    connection.settimeout(0.2)
    received = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection.sendall(next(endless))
            more = connection.recv(65_536)
        except TimeoutError:
            continue
        except OSError:
            return received
        if not more:
            return received
        received += more
    raise TimeoutError("the server still listens")


def forget(connection: socket.socket) -> None:
    """Be gone, as a machine that loses its power: the other side gets a reset, and no end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def fill(door: Door) -> None:
    """Store as much as no connection holds on its way."""
    events = [{"type": "page", "anonymousId": "large", "name": "n" * 30_000}] * 10
    for _ in range(10):
        assert door.post({"batch": events}).status == 200
    door.stored("large", 100)


def ask_for_much(connection: socket.socket) -> None:
    """Ask for all of that, often, and take nothing of it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    asked = (
        b"GET /v1/events?limit=100&anonymous_id=large HTTP/1.1\r\nhost: x\r\n"
        b"authorization: Bearer token-open\r\n\r\n"
    )
    connection.sendall(asked * 10)


def connections(server: Server) -> int:
    """How many the server's side has open, with or without data under way."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = f":{server.port:04X}"
    return sum(line[1].endswith(ours) and line[3] == ESTABLISHED for line in lines)


STALLED = {
    "it says nothing": b"",
    "a head that breaks off": GET,
    "a body that breaks off": post(length=len(BODY) + 10),
    "a body that never begins": post(b"", length=10),
    "a chunk that breaks off": CHUNKED + b"fff\r\n{",
    "chunks that never end": CHUNKED + b"%x\r\n%s\r\n" % (len(BODY), BODY),
}


def test_a_client_that_stalls_is_let_go_and_keeps_nobody_waiting(impatient: Server) -> None:
    door = Door(impatient)
    with ExitStack() as open_ones:
        stalled = [open_ones.enter_context(connected(impatient)) for _ in STALLED]
        for connection, said in zip(stalled, STALLED.values(), strict=True):
            connection.sendall(said)
        assert door.post(BODY).status == 200
        for connection, name in zip(stalled, STALLED, strict=True):
            answer = rest(connection)
            assert (b"408 Request Timeout" in answer) == name.startswith(("a body", "c", "a chunk"))
    assert "Traceback" not in impatient.program.printed()


def test_a_client_that_says_a_little_at_a_time_is_let_go(impatient: Server) -> None:
    with connected(impatient) as connection:
        connection.sendall(GET)
        assert not drip(connection, (b"x-%d: y\r\n" % n for n in count()))
    with connected(impatient) as connection:
        connection.sendall(post(b"", length=100_000))
        assert b'"incomplete_body"' in drip(connection, iter(lambda: b" ", b""))


def test_a_client_that_does_not_take_its_answer_is_let_go(impatient: Server) -> None:
    door = Door(impatient)
    fill(door)
    before = connections(impatient)
    with connected(impatient) as deaf:
        ask_for_much(deaf)
        eventually(lambda: connections(impatient) > before)
        eventually(lambda: connections(impatient) == before)
    assert door.post(BODY).status == 200


def test_a_body_shorter_than_its_length_is_not_taken_for_a_whole_one(impatient: Server) -> None:
    """What has arrived is valid JSON each time: to store it would be to guess."""
    door = Door(impatient)
    for path in ("/v1/batch", "/v1/page"):
        body = BODY if path == "/v1/batch" else b'{"anonymousId": "short"}'
        with connected(impatient) as connection:
            connection.sendall(post(body.replace(b"whole", b"short"), len(body) + 10, path))
            connection.shutdown(socket.SHUT_WR)
            head, _, told = rest(connection).partition(b"\r\n\r\n")
        assert b" 408 " in head.splitlines()[0]
        assert json.loads(told)["code"] == "incomplete_body"
        assert b"retry-after: 1" in head.lower().splitlines()
    door.post({"batch": [{"type": "page", "anonymousId": "after"}]})
    door.stored("after")
    assert door.events("short") == []
    assert door.failed() == []


def test_pipelined_requests_are_answered_in_their_order(running: Server) -> None:
    paths = ["/health", "/nothing", "/kit.js", "/v1/events"] * 50
    asked = b"".join(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in paths)
    with connected(running) as connection:
        connection.sendall(asked + GET + b"connection: close\r\n\r\n")
        answers = rest(connection).split(b"HTTP/1.1 ")[1:]
    assert [int(answer[:3]) for answer in answers] == [200, 404, 200, 401] * 50 + [200]


def test_clients_that_vanish_leave_no_trace(running: Server) -> None:
    for said in (GET + b"\r\n", GET, post(length=1_000), post(), CHUNKED, b"\x16\x03\x01\x00\xa5"):
        for _ in range(20):
            connection = connected(running)
            connection.sendall(said)
            forget(connection)
    eventually(lambda: Door(running)("GET", "/health").status == 200)
    log = running.program.printed()
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_ten_thousand_connections_that_say_nothing_keep_nobody_waiting(server: Servers) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = IDLE + 1_000
    assert hard == resource.RLIM_INFINITY or hard >= needed, (
        f"this takes {needed} open files and the system allows {hard}: raise `ulimit -Hn`"
    )
    running = start(server, settings() | {"TRACKER_REQUEST_SECONDS": "600"})
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        with ExitStack() as idle:
            for _ in range(IDLE):
                idle.enter_context(connected(running))
            door = Door(running)
            assert door.post(BODY).status == 200
            door.stored("whole")
            assert running.stop() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    running.start()
    assert len(Door(running).events("whole")) == 1


def test_who_neither_sends_on_nor_reads_on_does_not_keep_the_server_from_stopping(
    server: Servers,
) -> None:
    running = start(server, settings())
    door = Door(running)
    fill(door)
    with connected(running) as stalled, connected(running) as deaf:
        stalled.sendall(post(length=1_000))
        ask_for_much(deaf)
        deaf.recv(1)
        assert_problem(door("GET", "/nothing"), 404, "not_found")
        assert running.stop() == 0
