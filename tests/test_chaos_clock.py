"""The machine's clock jumps, forward and back, while events come and are stored."""

import random
from pathlib import Path

from tests.conftest import Rounds
from tests.engines.clock import Clock
from tests.engines.server import Servers
from tests.events import HOUR, MINUTE, SECOND
from tests.ledger import EVENTS_A_BATCH, Load, check, stored
from tracker.timestamps import parse

JUMPS = [90 * SECOND, -90 * SECOND, 5 * HOUR, -26 * HOUR, 30 * 24 * HOUR, 0, -MINUTE, 0]


def test_a_clock_that_jumps_loses_nothing_and_stores_nothing_twice(
    server: Servers, tmp_path: Path, rounds: Rounds
) -> None:
    clock = Clock(tmp_path)
    running = server(env=clock.environment)
    chance = random.Random(7)
    load = Load(running)
    try:
        for number in range(rounds(len(JUMPS), 50)):
            jump = JUMPS[number] if number < len(JUMPS) else chance.choice(JUMPS)
            clock.put(jump // SECOND)
            load.more(chance.randrange(20) * EVENTS_A_BATCH)
            if number % 3 == 2:
                running.kill()
                running.start()
        assert load.statuses == {200}
    finally:
        load.stop()
    check(running, load.acknowledged)
    received = sorted(event["receivedAt"] for event in stored(running))
    assert parse(received[-1]) - parse(received[0]) > 30 * 24 * HOUR, "the clock did jump"
    assert "Traceback" not in running.program.printed()
