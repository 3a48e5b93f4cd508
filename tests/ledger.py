"""What was acknowledged, and whether just that can be read: all of it, once, and counted right."""

import random
import threading
import uuid
from collections import Counter, defaultdict
from itertools import count
from typing import Any

import requests

from tests.engines.eventually import eventually
from tests.engines.server import Server
from tests.events import HOUR, NOON
from tests.test_user_agent import CHROME, GOOGLEBOT
from tracker import dimensions, timestamps

SENDERS = 3
EVENTS_A_BATCH = 20
METRICS = ("events", "page_views", "visitors", "sessions")

Counts = Counter[tuple[str, str | None]]
"""How many, by the interval's start and the value in the dimension they are grouped by."""


class Load:
    """Sends batches as fast as they are answered, each again until it is, as clients do."""

    def __init__(self, server: Server, *, pause: float = 0.0) -> None:
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        """Of all answers."""
        self._server = server
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def more(self, events: int, timeout: float = 60) -> None:
        """Wait until so many more are acknowledged."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) >= before + events, timeout)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, sender: int) -> None:
        session = requests.Session()
        session.auth = (self._server.write_key, "")
        chance = random.Random(sender)
        for number in count():
            first = number * EVENTS_A_BATCH + 1
            batch = [event(chance, sender, first + n) for n in range(EVENTS_A_BATCH)]
            while not self._sent(session, {"batch": batch}):
                if self._stop.wait(0.02):
                    return
            self.acknowledged += (event["messageId"] for event in batch)
            if self._stop.wait(self._pause):
                return

    def _sent(self, session: requests.Session, body: Any) -> bool:
        try:
            answer = session.post(f"{self._server.url}/v1/batch", json=body, timeout=30)
        except requests.RequestException:
            return False
        self.statuses.add(answer.status_code)
        return answer.ok


def event(chance: random.Random, sender: int, seq: int) -> dict[str, Any]:
    """One of three visitors of a sender, who are here on three days, with or without sessions of
    their own."""
    visitor = f"v{sender}-{chance.randrange(3)}"
    path = chance.choice(["/", "/pricing", "/docs"])
    page = {"path": path, "url": f"https://shop.example{path}"}
    page["referrer"] = chance.choice(["", "https://news.example/a", "https://shop.example/"])
    context: dict[str, Any] = {"page": page, "seq": seq}
    context["userAgent"] = GOOGLEBOT if chance.random() < 0.1 else CHROME
    if chance.random() < 0.5:
        context["sessionId"] = f"s-{visitor}-{chance.randrange(2)}"
    if chance.random() < 0.5:
        context["campaign"] = {"name": chance.choice(["spring", "autumn"])}
    happened = NOON - chance.randrange(72 * 60) * HOUR // 60
    return {
        **chance.choice([{"type": "page"}, {"type": "track", "event": f"Bought {seq % 3}"}]),
        "messageId": uuid.uuid4().hex,
        "anonymousId": visitor,
        "originalTimestamp": timestamps.format(happened),
        "context": context,
    }


def ask(server: Server, path: str, **query: str) -> list[dict[str, Any]]:
    """All rows of a list."""
    headers = {"authorization": f"Bearer {server.read_token}"}
    rows: list[dict[str, Any]] = []
    while True:
        answer = requests.get(f"{server.url}{path}", query, headers=headers, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        query["cursor"] = page["next_cursor"]


def stored(server: Server) -> list[dict[str, Any]]:
    """All events."""
    return ask(server, "/v1/events", limit="1000", bots="include")


def check(server: Server, acknowledged: list[str]) -> None:
    """What was acknowledged is there, nothing is there twice, and every count is a recount."""
    check_counts(server, check_events(server, acknowledged))


def check_events(server: Server, acknowledged: list[str]) -> list[dict[str, Any]]:
    """What was acknowledged is there, and nothing is there twice. All that is there."""
    assert acknowledged

    def everything() -> list[dict[str, Any]]:
        found = stored(server)
        missing = set(acknowledged) - {event["messageId"] for event in found}
        return [] if missing else found

    events = eventually(everything, timeout=600)
    assert max(Counter(event["messageId"] for event in events).values()) == 1
    return events


def check_counts(server: Server, events: list[dict[str, Any]]) -> None:
    """Every count is a recount."""
    for metric in METRICS:
        for interval in ("hour", "day"):
            for group in (None, *dimensions.NAMES):
                found = stats(server, metric, interval, group)
                assert found == recount(events, metric, interval, group), (metric, interval, group)


def stats(server: Server, metric: str, interval: str, group: str | None) -> Counts:
    """What the server counted."""
    query = {"metric": metric, "interval": interval, "bots": "include", "limit": "1000"}
    rows = ask(server, "/v1/stats", **query | ({"group_by": group} if group else {}))
    return Counter({(row["time"], row[group] if group else None): row["count"] for row in rows})


def recount(events: list[dict[str, Any]], metric: str, interval: str, group: str | None) -> Counts:
    """The same from the events themselves."""
    found: Counts = Counter()
    who: defaultdict[tuple[str, str | None], set[object]] = defaultdict(set)
    for event in events:
        start = event["timestamp"][: 13 if interval == "hour" else 10]
        time = start + (":00:00Z" if interval == "hour" else "T00:00:00Z")
        value = getattr(dimensions.of_document(event), group) if group else None
        if (group and value is None) or (metric == "page_views" and event["type"] != "page"):
            continue
        found[time, value] += 1
        visitor = event["anonymousId"]
        session = event["context"]["sessionId"]
        who[time, value].add(visitor if metric == "visitors" else (visitor, session))
    if metric in ("visitors", "sessions"):
        return Counter({place: len(people) for place, people in who.items()})
    return found
