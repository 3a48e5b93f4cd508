"""An SQS and a DynamoDB that refuse, fail, hang, repeat and break off: nothing lost, none twice."""

from functools import partial

import pytest

from tests import aws
from tests.conftest import Rounds
from tests.door import Door, assert_problem, settings, start
from tests.engines.aws_proxy import AwsFault, AwsProxy, running_aws_proxy
from tests.engines.engine import Engine, aws_environment
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.ledger import EVENTS_A_BATCH, Load, check_counts, check_events
from tests.test_commands import tracker

LIKELIHOOD = 0.25


def _all_seen(proxy: AwsProxy) -> bool:
    return set(AwsFault) - {AwsFault.SHUFFLED} <= proxy.seen.keys()


def test_whatever_aws_answers_nothing_is_lost_and_nothing_is_stored_twice(
    server: Servers,
    ministack: Engine,
    dynamodb_local: Engine,
    monkeypatch: pytest.MonkeyPatch,
    rounds: Rounds,
) -> None:
    """Two consumers share one queue, whose messages come again while the first still works."""
    aws.use(ministack, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_local.url)
    queue = aws.make_queue(visibility_seconds=2, max_receives=1000)
    tables = aws.make_tables()
    with (
        running_aws_proxy(ministack, 11) as (sqs, sqs_url),
        running_aws_proxy(dynamodb_local, 12) as (dynamodb, dynamodb_url),
    ):
        env = {
            **aws_environment(sqs_url, dynamodb=dynamodb_url),
            "TRACKER_QUEUE_URL": queue,
            "TRACKER_TABLES": tables,
        }
        running, other = server(env=env), server(env=env)
        sqs.likelihood = dynamodb.likelihood = LIKELIHOOD
        load = Load(running, pause=0.1)
        try:
            load.more(rounds(20, 300) * EVENTS_A_BATCH, timeout=600)
            for proxy in (sqs, dynamodb):
                eventually(partial(_all_seen, proxy), timeout=600)
        finally:
            load.stop()
            sqs.likelihood = dynamodb.likelihood = 0
        events = check_events(running, load.acknowledged)
        # On AWS the counts come from the tables' stream, which needs Lambdas; here, from a recount.
        assert tracker("recount", env=env).returncode == 0
        check_counts(running, events)
        assert load.statuses <= {200, 503}
        for one in (running, other):
            assert "Traceback" not in one.program.printed()


def test_an_answer_that_breaks_off_is_none_and_not_an_empty_one(
    server: Servers, ministack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(ministack, monkeypatch)
    with running_aws_proxy(ministack, 13) as (proxy, url):
        env = {
            **aws_environment(url),
            "TRACKER_QUEUE_URL": aws.make_queue(),
            "TRACKER_TABLES": aws.make_tables(),
        }
        running = start(server, settings() | env)
        door = Door(running)
        batch = {"batch": [{"type": "page", "anonymousId": "v"}]}
        for fault in (AwsFault.DONE_AND_HALF, AwsFault.DONE_AND_CUT):
            proxy.only = fault
            assert_problem(door.read("/v1/events"), 503, "unavailable")
            assert_problem(door.post(batch), 503, "unavailable")
        proxy.only = None
        door.post({"batch": [{"type": "page", "anonymousId": "after"}]})
        eventually(lambda: door.events("after"), timeout=120)
        assert "Traceback" not in running.program.printed()
