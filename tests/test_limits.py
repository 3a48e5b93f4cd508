"""Who comes too often is told so, in the contract's words, and costs nobody else anything."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    OPEN_KEY,
    Answer,
    Door,
    assert_problem,
    settings,
    some_servers,
    start,
)
from tests.engines.leash import Leash
from tests.engines.server import Servers
from tests.events import wire
from tracker.rate import BURST_SECONDS, Rate

AT_ONCE = BURST_SECONDS  # with one request a second


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(rate: Rate, name: str, times: int) -> list[float]:
    return [rate.wait(name) for _ in range(times)]


def test_a_bucket_holds_ten_seconds_worth_and_fills_steadily() -> None:
    clock = Clock()
    rate = Rate(2, clock)
    assert waits(rate, "a", 20) == [0.0] * 20
    assert waits(rate, "a", 2) == [0.5, 0.5], "who is refused is not held longer for asking"
    assert rate.wait("b") == 0.0
    clock.now += 0.25
    assert rate.wait("a") == 0.25
    clock.now += 0.25
    assert waits(rate, "a", 2) == [0.0, 0.5]
    clock.now += 3600
    assert waits(rate, "a", 21) == [0.0] * 20 + [0.5], "no more than ten seconds' worth"


def test_memory_is_bounded_and_who_is_busy_is_not_forgotten() -> None:
    rate = Rate(1, Clock(), remembered=100)
    waits(rate, "busy", AT_ONCE)
    for number in range(10_000):
        rate.wait(f"one of many {number}")
        assert rate.wait("busy") > 0
    assert rate.wait("one of many 0") == 0.0


@pytest.fixture(scope="module")
def servers(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Servers]:
    with some_servers(tmp_path_factory.mktemp("limits"), leash) as servers:
        yield servers


@pytest.fixture(scope="module")
def slow(servers: Servers) -> Door:
    """One request a second from an address: after ten, most are refused."""
    return Door(start(servers, settings() | {"TRACKER_RATE_PER_ADDRESS": "1"}))


def post(door: Door, address: str, key: str = OPEN_KEY) -> Answer:
    headers = {"x-forwarded-for": address}
    return door.post({"batch": [wire()]}, f"/v1/batch?write_key={key}", headers)


def statuses(answers: Iterator[Answer]) -> set[int]:
    return {answer.status for answer in answers}


def exhaust(door: Door, address: str) -> Answer:
    """Post until it is refused."""
    for _ in range(1000):
        if (answer := post(door, address)).status != 200:
            return answer
    raise AssertionError("it never was")


def test_an_address_that_comes_too_often_is_told_when_to_come_again(slow: Door) -> None:
    assert statuses(post(slow, "203.0.113.1") for _ in range(AT_ONCE)) == {200}
    refused = exhaust(slow, "203.0.113.1")
    assert "from this address" in assert_problem(refused, 429, "too_many_requests")["detail"]
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["access-control-allow-origin"] == "*"
    assert post(slow, "203.0.113.2").status == 200, "its neighbour may"


def test_a_limited_address_can_neither_read_nor_guess_tokens(slow: Door) -> None:
    address = {"x-forwarded-for": "203.0.113.3"}
    exhaust(slow, "203.0.113.3")
    for token in (ALL_TOKEN, "guessed"):
        headers = {**address, "authorization": f"Bearer {token}"}
        read = slow("GET", "/v1/events?site=open", headers=headers)
        assert_problem(read, 429, "too_many_requests")
    event = base64.urlsafe_b64encode(json.dumps(wire()).encode()).decode()
    gif = slow("GET", f"/v1/i.gif?write_key={OPEN_KEY}&data={event}", headers=address)
    assert (gif.status, gif.headers["x-rejected"]) == (200, "too_many_requests")
    assert slow("GET", "/health", headers=address).status == 200
    assert slow("GET", "/kit.js", headers=address).status == 200


def test_addresses_of_one_ipv6_household_count_together(slow: Door) -> None:
    answers = (post(slow, f"2001:db8::{number:x}") for number in range(1, 40))
    assert statuses(answers) == {200, 429}
    assert post(slow, "2001:db8:0:1::1").status == 200


def test_a_proxys_own_address_is_nobodys(slow: Door) -> None:
    """A proxy that does not tell whom it was asked by must not stop everybody."""
    assert statuses(post(slow, "127.0.0.1") for _ in range(40)) == {200}


def test_one_sites_key_leaves_room_for_the_others(servers: Servers) -> None:
    door = Door(start(servers, settings() | {"TRACKER_RATE_PER_KEY": "1"}))
    answers = [post(door, f"203.0.113.{number}") for number in range(40)]
    assert [answer.status for answer in answers[:AT_ONCE]] == [200] * AT_ONCE
    refused = next(answer for answer in answers if answer.status != 200)
    assert "with this write key" in assert_problem(refused, 429, "too_many_requests")["detail"]
    assert post(door, "203.0.113.1", GUARDED_KEY).status == 200
