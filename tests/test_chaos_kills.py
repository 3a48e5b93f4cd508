"""A 200 is a promise: whatever is killed, and when, what was answered with it is stored once."""

import os
import random
import signal
from functools import partial
from pathlib import Path

from tests.conftest import Rounds
from tests.engines.eventually import eventually
from tests.engines.program import Program
from tests.engines.server import Server, Servers
from tests.ledger import EVENTS_A_BATCH, Load, check, stored


def _another_consumer(server: Server, killed: int) -> bool:
    return server.consumer() != killed


def test_whatever_is_killed_nothing_is_lost_and_nothing_is_stored_twice(
    server: Servers, rounds: Rounds
) -> None:
    running = server()
    chance = random.Random(5)
    orphaned: list[Program] = []
    victims = ["server", "consumer", "both"]
    load = Load(running)
    try:
        for number in range(rounds(6, 50)):
            load.more(chance.randrange(EVENTS_A_BATCH, 60 * EVENTS_A_BATCH))
            victim = victims[number] if number < len(victims) else chance.choice(victims)
            if victim == "consumer":
                killed = eventually(running.consumer)
                os.kill(killed, signal.SIGKILL)
                eventually(partial(_another_consumer, running, killed))
            elif victim == "both":
                running.kill()
                running.start()
            else:  # its consumer ends when it has stored what it has in hand, beside the next one
                orphaned.append(running.program)
                running.process.kill()
                running.process.wait()
                running.start()
    finally:
        load.stop()
        for program in orphaned:
            program.kill()
    check(running, load.acknowledged)
    assert load.statuses == {200}


def test_a_server_that_is_stopped_under_load_has_stored_what_it_accepted(server: Servers) -> None:
    running = server()
    load = Load(running)
    try:
        load.more(50 * EVENTS_A_BATCH)
        assert running.stop() == 0
    finally:
        load.stop()
    assert load.statuses <= {200, 503}
    running.start()
    found = [event["messageId"] for event in stored(running)]
    assert set(found) >= set(load.acknowledged), "at once: nothing is left to be consumed"
    check(running, load.acknowledged)


def test_the_consumer_ends_with_its_server(server: Servers) -> None:
    running = server()
    consumer = running.consumer()
    running.kill()
    eventually(lambda: not Path(f"/proc/{consumer}").exists())
