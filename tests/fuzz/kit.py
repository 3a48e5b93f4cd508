"""The whole kit in one process: any request in, its answer out, and what must hold of both."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.events import NOON
from tracker import batch, consumer, dimensions, routes, timestamps
from tracker.config import Config, Keys, Site, hash_token
from tracker.errors import Problem
from tracker.event import EVENT_TYPES, Event
from tracker.http import Pending, Request, Response
from tracker.parts import Parts
from tracker.queues.sqlite import SqliteQueue
from tracker.router import Router
from tracker.stores.sqlite.store import SqliteStore

KEY = "fuzz-key"
STRICT_KEY = "fuzz-key-of-a-site-that-keeps-little"
TOKEN = "fuzz-token"
READ = {"authorization": f"Bearer {TOKEN}"}
STATUSES = {200, 400, 401, 403, 404, 405, 408, 413, 415, 422}

SITES = {
    "open": Site([KEY]),
    "strict": Site([STRICT_KEY], ip="hashed", drop=["secret"], hash=["email"]),
}


class Kit:
    """Two sites in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        keys = Keys(sites=SITES, read_tokens={hash_token(TOKEN): "*"})
        config = Config(keys=keys, folder=folder, secret="s" * 32)
        self.folder = folder
        self.store = SqliteStore(folder / "store.db", clock=lambda: NOON)
        self._parts = Parts(
            config,
            lambda: SqliteQueue(folder / "queue.db", clock=lambda: NOON),
            lambda: self.store,
            clock=lambda: NOON,
        )
        self._config = config
        self._router = Router(routes.routes(self._parts))
        self._messages: list[bytes] = []
        self._rejected = 0
        self._events: list[Event] = []

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """The answer: never a 5xx, always what its content type says. What was accepted waits to
        be stored; what it will be is known already."""
        request = Request(method, path, dict(headers or {}), dict(query or {}), body)
        try:
            route, request.parameters = self._router.find(method, path)
            answer = routes.answer(route, request, self._config)
        except Problem as error:
            answer = routes.refusal(error, request, self._config)
        if isinstance(answer, Pending):
            self._accept(answer)
            answer = answer.response
        assert answer.status in STATUSES, (method, path, query, body, answer)
        if "json" in answer.headers.get("content-type", ""):
            strict(answer.body)
        return answer

    def read(self, path: str, query: str = "") -> Any:
        """A list, or an object, of the site that is open to all."""
        asked = {"site": "open"} | dict(parse_qsl(query, keep_blank_values=True))
        answer = self.ask("GET", path, asked, READ)
        return strict(answer.body) if answer.body else None

    def _accept(self, pending: Pending) -> None:
        queued = batch.decode(pending.message)
        events = queued.read()
        assert len(events) == pending.accepted
        for event in events:
            check(event)
        self._events += events
        self._rejected += len(queued.rejected)
        self._messages.append(pending.message)

    @property
    def waiting(self) -> int:
        """How many events are not stored yet."""
        return len(self._events) + self._rejected

    def store_all(self) -> None:
        """Store what was accepted, and read all of it back."""
        done = consumer.consume(self._messages, self.store, lambda: NOON)
        assert done.stored + done.duplicates == len(self._events), done
        assert done.failed == self._rejected, done
        for site in SITES:
            sent = {event.message_id for event in self._events if event.site == site}
            found = self._all(site)
            assert {event["messageId"] for event in found} == sent
            assert len(found) == len(sent)
        often = Counter((event.site, event.message_id) for event in self._events)
        once = [event for event in self._events if often[event.site, event.message_id] == 1]
        for event in once[:: max(1, len(once) // 3)]:
            self._read_about(event)
        self._messages, self._events, self._rejected = [], [], 0

    def _all(self, site: str) -> list[dict[str, Any]]:
        query = {"site": site, "limit": "1000", "bots": "include"}
        found: list[dict[str, Any]] = []
        while True:
            page = strict(self.ask("GET", "/v1/events", query, READ).body)
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def _read_about(self, event: Event) -> None:
        """Whatever is in it, each way to it gives an answer."""
        query = {"site": event.site, "bots": "include"}
        ids = {"user_id": event.user_id, "anonymous_id": event.anonymous_id}
        for name, value in ids.items():
            if value is not None:
                person = query | {name: value, "limit": "1000"}
                page = strict(self.ask("GET", "/v1/events", person, READ).body)
                assert event.message_id in {found["messageId"] for found in page["data"]}
                assert strict(self.ask("GET", "/v1/sessions", person, READ).body)["data"]
        if event.user_id:
            answer = self.ask("GET", f"/v1/users/{event.user_id}", query, READ)
            assert strict(answer.body)["userId"] == event.user_id
        for name in dimensions.NAMES:
            self.ask("GET", "/v1/stats", query | {"group_by": name, "interval": "hour"}, READ)
        for path in ("/v1/live", "/v1/retention", "/v1/delivery", "/v1/failed-events"):
            self.ask("GET", path, query, READ)


def check(event: Event) -> None:
    """What holds of every event that is accepted."""
    assert event.type in EVENT_TYPES
    assert event.user_id or event.anonymous_id
    assert len(event.digest) == 16
    assert timestamps.EARLIEST <= event.timestamp <= NOON + timestamps.CLOCK_AHEAD
    document = strict(event.document)
    assert document["messageId"] == event.message_id
    assert document["type"] == event.type
    assert document.get("userId") == event.user_id
    assert document.get("anonymousId") == event.anonymous_id
    assert isinstance(document["context"], dict)
    assert timestamps.parse(document["timestamp"]) == event.timestamp


def strict(body: bytes) -> Any:
    """JSON as the standard has it: no NaN, no half of a surrogate pair, valid UTF-8."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads(body.decode(), parse_constant=refuse)
    json.dumps(found, ensure_ascii=False).encode()
    return found


class Kits:
    """A new kit after so many events: what is read back stays short."""

    def __init__(self, folder: Path, events: int = 1_000) -> None:
        self._events = events
        self._folders = (folder / str(number) for number in count())
        self.kit = Kit(next(self._folders))

    def turn(self, *, now: bool = False) -> None:
        """Store and read back, if there is enough of it."""
        if now or self.kit.waiting >= self._events:
            self.kit.store_all()
            shutil.rmtree(self.kit.folder)
            self.kit = Kit(next(self._folders))
