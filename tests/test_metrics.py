"""What the embedded server tells Prometheus, read with Prometheus' own parser."""

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.door import (
    ALL_TOKEN,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Door,
    assert_problem,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Servers
from tests.events import wire

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture(scope="module")
def servers(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Servers]:
    with some_servers(tmp_path_factory.mktemp("metrics"), leash) as servers:
        yield servers


@pytest.fixture
def door(servers: Servers) -> Door:
    return Door(start(servers, settings()))


def metrics(door: Door, token: str = ALL_TOKEN) -> Samples:
    answer = door.read("/metrics", token)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    found: Samples = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def one(samples: Samples, name: str) -> float:
    ((labels, value),) = samples[f"tracker_{name}"]
    assert labels == {}
    return value


def answers(samples: Samples) -> Counter[tuple[str, str, str]]:
    return Counter(
        {
            (labels["method"], labels["route"], labels["status"]): int(value)
            for labels, value in samples["tracker_requests_total"]
        }
    )


def test_requests_events_and_the_queue_are_counted(door: Door) -> None:
    again = wire(messageId="again")
    assert door.post({"batch": [wire(), again, {"type": "track"}]}).json["accepted"] == 2
    door.post({"batch": [again]})
    door.read("/v1/users/somebody")
    door.read("/v1/users/somebody%20else")
    door("BREW", '/no"thing\\here')
    assert door("GET", "/v1/events").status == 401

    samples = eventually(
        lambda: found if one(found := metrics(door), "events_duplicate_total") else {}
    )
    assert one(samples, "events_accepted_total") == 3
    assert one(samples, "events_rejected_total") == 1
    assert one(samples, "events_stored_total") == 2
    assert one(samples, "events_failed_total") == 1
    assert one(samples, "consumer_starts_total") == 1
    counted = answers(samples)
    assert counted["POST", "/v1/batch", "200"] == 2
    assert counted["GET", "/v1/users/{user_id}", "404"] == 2, "no path is a label: it names people"
    assert counted["GET", "/v1/events", "401"] == 1
    assert counted["OTHER", "", "404"] == 1, "nobody can make up labels"
    times = [
        (labels["le"], value)
        for labels, value in samples["tracker_request_duration_seconds_bucket"]
        if labels["route"] == "/v1/batch"
    ]
    assert times[-1] == ("+Inf", 2.0)
    assert [value for _, value in times] == sorted(value for _, value in times)
    settled = eventually(lambda: found if not one(found := metrics(door), "queue_waiting") else {})
    assert one(settled, "queue_dead_letters") == 0
    assert one(settled, "queue_oldest_seconds") >= 0


def test_counts_of_a_consumer_that_died_are_kept(door: Door) -> None:
    door.post({"batch": [wire()]})
    eventually(lambda: one(metrics(door), "events_stored_total") == 1)
    os.kill(door.server.consumer(), signal.SIGKILL)
    door.post({"batch": [wire()]})
    eventually(lambda: one(metrics(door), "events_stored_total") == 2)
    assert one(metrics(door), "consumer_starts_total") == 2


def test_only_who_may_read_every_site_sees_them(door: Door, servers: Servers) -> None:
    assert_problem(door("GET", "/metrics"), 401, "unknown_read_token")
    assert_problem(door("GET", f"/metrics?write_key={OPEN_KEY}"), 401, "unknown_read_token")
    assert_problem(door.read("/metrics", GUARDED_TOKEN), 403, "site_not_allowed")
    sites = {"TRACKER_SITES": '{"open": {"write_keys": ["k"]}}'}
    tokens = {"TRACKER_READ_TOKENS": settings()["TRACKER_READ_TOKENS"].replace("guarded", "open")}
    alone = Door(start(servers, sites | tokens))
    assert metrics(alone, OPEN_TOKEN)
