"""The kit's HTTP door as a client without manners sees it: whatever it says is sent as it is."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.server import Server, Servers

ROOT = Path(__file__).parents[1]

OPEN_KEY = "key-open"
SECOND_KEY = "key-open-second"
GUARDED_KEY = "key-guarded"
OPEN_TOKEN = "token-open"
GUARDED_TOKEN = "token-guarded"
ALL_TOKEN = "token-all"
ALLOWED = "https://shop.example"


def settings(*, any_origin: bool = True) -> dict[str, str]:
    """Two sites; the second takes events from one origin only, the first from any or none."""
    sites = {
        "open": {
            "write_keys": [OPEN_KEY, SECOND_KEY],
            "origins": ["*"] if any_origin else [],
        },
        "guarded": {"write_keys": [GUARDED_KEY], "origins": [ALLOWED]},
    }
    tokens = {OPEN_TOKEN: "open", GUARDED_TOKEN: "guarded", ALL_TOKEN: "*"}
    hashed = {hashlib.sha256(token.encode()).hexdigest(): site for token, site in tokens.items()}
    return {"TRACKER_SITES": json.dumps(sites), "TRACKER_READ_TOKENS": json.dumps(hashed)}


def start(servers: Servers, env: Mapping[str, str], *arguments: str) -> Server:
    """A server whose keys come from the environment: its own key and token are left empty."""
    return servers("--write-key=", "--read-token=", *arguments, env=env)


@contextmanager
def some_servers(scratch: Path, leash: Leash) -> Iterator[Servers]:
    """Like the fixture `server`, for whoever needs it longer than one test."""
    servers = Servers(ROOT, scratch, leash)
    try:
        yield servers
    finally:
        servers.stop()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """Speaks HTTP to one server, a connection each time."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = HTTPConnection(LOOPBACK, self.server.port, timeout=30)
        chunked = isinstance(body, Iterator)
        try:
            connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
            response = connection.getresponse()
            sent = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, sent, response.read())
        finally:
            connection.close()

    def post(
        self,
        body: object,
        path: str = f"/v1/batch?write_key={OPEN_KEY}",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self("POST", path, raw, headers)

    def read(self, path: str, token: str = OPEN_TOKEN) -> Answer:
        return self("GET", path, headers={"authorization": f"Bearer {token}"})

    def events(self, anonymous_id: str, token: str = OPEN_TOKEN) -> list[dict[str, Any]]:
        """What an anonymous visitor did, the first first."""
        answer = self.read(f"/v1/events?order=asc&anonymous_id={quote(anonymous_id)}", token)
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.json["data"]
        return found

    def stored(self, anonymous_id: str, count: int = 1) -> list[dict[str, Any]]:
        """The same, as soon as there are so many."""
        return eventually(
            lambda: events if len(events := self.events(anonymous_id)) == count else []
        )

    def failed(self, token: str = OPEN_TOKEN) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.read("/v1/failed-events?limit=1000", token).json["data"]
        return found


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The contract's error format, whatever went wrong."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json
    assert problem["status"] == status
    assert problem["code"] == code
    for member in ("type", "title", "detail", "message"):
        assert problem[member], member
        assert isinstance(problem[member], str), member
    assert "Traceback" not in answer.body.decode()
    for error in problem.get("errors", []):
        assert sorted(error) == ["field", "reason"]
    return problem


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
