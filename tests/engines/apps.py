"""Single-page applications as users build them, with the client from its npm package: tests/spa."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from typing import ClassVar

from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK, answers, free_port
from tests.engines.program import Program
from tests.engines.proxy import HOP
from tests.engines.required import required
from tests.engines.server import Server

# Next.js reports to its makers unless told not to.
ENVIRONMENT = os.environ | {"NEXT_TELEMETRY_DISABLED": "1"}
PATIENCE = 300  # seconds; Next's build takes about 15

Answer = tuple[int, Mapping[str, str], bytes]
App = Callable[[str, Mapping[str, str]], Answer]
"""Answers a path and a request's headers."""


def built_apps(root: Path) -> Path:
    """The folder of the apps, built anew when they or the client have changed."""
    folder, client = root / "tests" / "spa", root / "client-js"
    if not (folder / "node_modules" / "next").is_dir():
        required("the packages of tests/spa", "run scripts/install-engines")
    now = _state_of(folder, client)
    stamp = folder / "node_modules" / ".built"
    if stamp.exists() and stamp.read_text() == now:
        return folder
    name = _run(client, "npm", "pack", "--silent", "--pack-destination", folder / "node_modules")
    package = folder / "node_modules" / name.split()[-1]
    _run(folder, "npm", "install", "--no-save", "--offline", "--no-audit", "--silent", package)
    _run(folder, "npm", "run", "build")
    stamp.write_text(now)
    return folder


def _state_of(folder: Path, client: Path) -> str:
    made = {"node_modules", "dist", ".next"}
    texts = [path for path in folder.rglob("*") if not made & set(path.relative_to(folder).parts)]
    texts += [*client.glob("src/**/*"), *client.glob("*.json"), *client.glob("*.mjs")]
    whole = hashlib.sha256()
    for path in sorted(filter(Path.is_file, texts)):
        whole.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _run(cwd: Path, *command: str | Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def built_page(folder: Path, page: str) -> App:
    """A folder of static files: every path that is none of them is the page, as SPA hosts do it."""

    def app(path: str, headers: Mapping[str, str]) -> Answer:
        file = folder / path.partition("?")[0].lstrip("/")
        file = file if file.is_file() else folder / page
        kind = guess_type(file.name)[0] or "application/octet-stream"
        return 200, {"content-type": kind}, file.read_bytes()

    return app


@contextmanager
def running_next(folder: Path, scratch: Path, leash: Leash) -> Iterator[App]:
    """Next's own server."""
    port = free_port()
    next_js = folder / "node_modules" / "next" / "dist" / "bin" / "next"
    program = Program(
        ["node", next_js, "start", "next", "--hostname", LOOPBACK, "--port", str(port)],
        leash=leash,
        output=scratch / "next.log",
        env=ENVIRONMENT,
        cwd=folder,
    )

    def app(path: str, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection(LOOPBACK, port, timeout=30)
        try:
            connection.request("GET", path, headers={**headers, "accept-encoding": "identity"})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    try:
        program.wait_until(lambda: answers(port, "/") == 200)
        yield app
    finally:
        program.stop()


class _Front(BaseHTTPRequestHandler):
    app: ClassVar[App]
    collector: ClassVar[Server]
    asked: ClassVar[list[Mapping[str, str]]]

    def do_GET(self) -> None:
        given = {name.lower(): value for name, value in self.headers.items()}
        status, headers, body = type(self).app(self.path, given)
        self.asked.append({"path": self.path, **given})
        # What the documents say, for the server of this test.
        body = body.replace(b"https://events.example", self.collector.url.encode())
        body = body.replace(b"WRITE_KEY", self.collector.write_key.encode())
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def front(app: App, collector: Server) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """The URL of an app whose events go to this collector, and what it is asked, with headers."""
    asked: list[Mapping[str, str]] = []
    members = {"app": staticmethod(app), "collector": collector, "asked": asked}
    handler = type("Front", (_Front,), members)
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as http, ThreadPoolExecutor(1) as thread:
        thread.submit(http.serve_forever, 0.05)
        try:
            yield f"http://{LOOPBACK}:{http.server_port}", asked
        finally:
            http.shutdown()
