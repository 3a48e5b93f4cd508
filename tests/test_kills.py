"""A 200 is a promise: whatever is killed, and when, what was answered with it is stored once."""

import os
import random
import signal
import threading
import uuid
from collections import Counter
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import requests

from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers

KILLS = 6
CONSUMER_KILLS = 3  # it is started again after a pause, longer each time
EVENTS_A_BATCH = 20


class Load:
    """Sends batches as fast as they are answered, each again until it is, as clients do."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: list[str] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(3)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, sender: int) -> None:
        session = requests.Session()
        session.auth = (self._server.write_key, "")
        for number in count():
            ids = [uuid.uuid4().hex for _ in range(EVENTS_A_BATCH)]
            batch = [
                {
                    "type": "track",
                    "event": "Load",
                    "messageId": message_id,
                    "anonymousId": f"sender-{sender}",
                    "originalTimestamp": "2026-11-22T12:00:00Z",
                    "context": {"seq": number * EVENTS_A_BATCH + n + 1},
                }
                for n, message_id in enumerate(ids)
            ]
            while not self._sent(session, {"batch": batch}):
                if self._stop.wait(0.02):
                    return
            self.acknowledged += ids
            if self._stop.is_set():
                return

    def _sent(self, session: requests.Session, body: Any) -> bool:
        try:
            return session.post(f"{self._server.url}/v1/batch", json=body, timeout=5).ok
        except requests.RequestException:
            return False


def stored(server: Server) -> Counter[str]:
    """How often each message id is read back."""
    found: Counter[str] = Counter()
    headers = {"authorization": f"Bearer {server.read_token}"}
    query: dict[str, str] = {"limit": "1000"}
    while True:
        answer = requests.get(f"{server.url}/v1/events", query, headers=headers, timeout=30).json()
        found.update(event["messageId"] for event in answer["data"])
        if answer["next_cursor"] is None:
            return found
        query["cursor"] = answer["next_cursor"]


def check(server: Server, load: Load) -> None:
    """Everything that was acknowledged is there, and nothing is there twice."""
    acknowledged = set(load.acknowledged)
    assert acknowledged
    eventually(lambda: acknowledged <= stored(server).keys(), timeout=60)
    assert max(stored(server).values()) == 1


def consumer_of(server: Server) -> int:
    """The process id of the consumer beside a server."""
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            if b"tracker.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise LookupError("the server has no consumer")


def _more_than(load: Load, acknowledged: int) -> bool:
    return len(load.acknowledged) > acknowledged


def _another_consumer(server: Server, killed: int) -> bool:
    return consumer_of(server) != killed


def test_a_killed_server_loses_nothing_and_stores_nothing_twice(server: Servers) -> None:
    running = server()
    load = Load(running)
    chance = random.Random(5)
    try:
        for _ in range(KILLS):
            before = len(load.acknowledged)
            enough = before + chance.randrange(EVENTS_A_BATCH, 100 * EVENTS_A_BATCH)
            eventually(partial(_more_than, load, enough))
            running.kill()
            running.start()
    finally:
        load.stop()
    check(running, load)


def test_a_killed_consumer_loses_nothing_and_stores_nothing_twice(server: Servers) -> None:
    running = server()
    load = Load(running)
    try:
        for _ in range(CONSUMER_KILLS):
            before = len(load.acknowledged)
            eventually(partial(_more_than, load, before))
            killed = eventually(lambda: consumer_of(running))
            os.kill(killed, signal.SIGKILL)
            eventually(partial(_another_consumer, running, killed))
    finally:
        load.stop()
    check(running, load)


def test_a_stopped_server_has_stored_what_it_accepted(server: Servers) -> None:
    running = server()
    load = Load(running)
    eventually(lambda: len(load.acknowledged) > 50 * EVENTS_A_BATCH)
    load.stop()
    assert running.stop() == 0
    running.start()
    found = stored(running)  # at once: nothing is left to be consumed
    assert found.keys() >= set(load.acknowledged)
    assert max(found.values()) == 1


def test_the_consumer_ends_with_its_server(server: Servers) -> None:
    running = server()
    consumer = consumer_of(running)
    running.kill()
    eventually(lambda: not Path(f"/proc/{consumer}").exists())
