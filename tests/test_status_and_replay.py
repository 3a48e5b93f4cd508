"""`status` and `replay` on the command line: on a folder, and on a stage in AWS."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest

from tests import aws
from tests.engines.engine import Engine, aws_environment
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.events import HOUR, NOON, SECOND, ids, wire
from tests.test_commands import ROOT, told, tracker
from tracker import consumer, timestamps, wiring
from tracker.batch import Batch
from tracker.queues.sqlite import SqliteQueue
from tracker.queues.sqs import SqsQueue
from tracker.stores import Everyone, FailedEvent, Selection, Store
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

SITE = "default"
AN_HOUR_AGO = timestamps.now() - HOUR
Say = Callable[..., "subprocess.CompletedProcess[str]"]


def failed_event(number: int, payload: object = None) -> FailedEvent:
    event = wire(NOON + number * SECOND, messageId=f"m{number}") if payload is None else payload
    return FailedEvent(
        id=f"f{number}",
        site=SITE,
        received_at=AN_HOUR_AGO + number,
        field="event",
        reason="was not understood\x1b[2J",
        payload=msgspec.json.encode(event).decode(),
    )


def message(number: int) -> bytes:
    event = msgspec.json.encode(wire(messageId=f"d{number}"))
    return Batch(id=f"b{number}", site=SITE, received_at=NOON, events=[msgspec.Raw(event)]).encode()


def folder_with_dead_letters(folder: Path, count: int) -> None:
    queue = SqliteQueue(folder / wiring.QUEUE_FILE, visibility_seconds=0, max_receives=1)
    queue.send([message(n) for n in range(count)])
    while queue.depth().dead < count:
        queue.receive(100, 0)


def stored(store: Store) -> list[str]:
    page = store.read(Selection(site=SITE, scope=Everyone()), 10_000)
    return ids([found.document for found in page.events])


def consume(queue: SqliteQueue | SqsQueue, store: Store) -> None:
    consumer.run(queue, store, lambda: queue.depth()[:2] == (0, 0))


def on_a_terminal(*arguments: str | Path) -> str:
    """What a person sees of standard error."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tracker", *map(str, arguments)]
    try:
        subprocess.run(command, cwd=ROOT, stderr=theirs, check=True, timeout=60, stdout=-3)
        return os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_dead_letters_of_a_folder_need_attention_until_they_are_replayed(tmp_path: Path) -> None:
    folder_with_dead_letters(tmp_path, 3)
    store = SqliteStore(tmp_path / wiring.STORE_FILE)
    store.check()
    data = ("--data", tmp_path)
    shown = tracker("status", *data)
    assert (shown.returncode, shown.stderr) == (1, "")
    assert "Dead letters          3" in shown.stdout
    assert f"replay --dead-letters --data {tmp_path}" in shown.stdout
    done = tracker("replay", *data, "--dead-letters")
    assert (done.stdout, done.stderr) == ("Dead letters: 3 given back to the consumer.\n", "")
    again = tracker("replay", *data)
    assert again.stdout.splitlines() == [
        "Dead letters: none given back to the consumer.",
        "Failed events: none sent through again.",
    ]
    report = json.loads(tracker("status", *data, "--json").stdout)
    assert (report["waiting"], report["deadLetters"], report["attention"]) == (3, 0, [])
    assert report["lagSeconds"] == report["oldestSeconds"] > 0
    consume(SqliteQueue(tmp_path / wiring.QUEUE_FILE), store)
    assert sorted(stored(store)) == ["d0", "d1", "d2"]


def test_failed_events_go_through_a_running_server_and_the_wrong_ones_stay(
    server: Servers,
) -> None:
    running = server()
    store = SqliteStore(running.data / wiring.STORE_FILE)
    store.append_failed([failed_event(1), failed_event(2), failed_event(3, {"type": "page"})])
    data = ("--data", running.data)
    done = tracker("replay", *data)
    assert done.stdout.splitlines() == [
        "Dead letters: none given back to the consumer.",
        "Failed events: 2 sent through again.",
        "  Each leaves the failed events when the consumer has stored it.",
        "  1 are still wrong, and stay:",
        "       1  userId userId or anonymousId is required",
    ]
    assert done.stderr == ""
    eventually(lambda: sorted(stored(store)) == ["m1", "m2"])
    eventually(lambda: [one.id for one in store.failed(SITE, 10).failed] == ["f3"])
    shown = tracker("status", *data).stdout
    assert "was not understood\N{REPLACEMENT CHARACTER}[2J" in shown, "harmless for a terminal"


def test_how_far_it_is_shows_on_a_terminal(tmp_path: Path) -> None:
    folder_with_dead_letters(tmp_path, 150)
    store = SqliteStore(tmp_path / wiring.STORE_FILE)
    store.append_failed([failed_event(n) for n in range(150)])
    shown = on_a_terminal("replay", "--data", tmp_path)
    for label in ("Dead letters", "Failed events"):
        for done in (0, 100, 150):
            assert f" {done} of 150" in shown[shown.index(label) :]


def test_a_replay_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    count = 3000
    folder_with_dead_letters(tmp_path, count)
    store = SqliteStore(tmp_path / wiring.STORE_FILE)
    store.append_failed([failed_event(n) for n in range(count)])
    queue = SqliteQueue(tmp_path / wiring.QUEUE_FILE)
    command = [sys.executable, "-m", "tracker", "replay", "--data", str(tmp_path)]
    for more in (0, count):  # in the middle of each of the two
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        # All of it takes a moment only: so it is looked at often.
        eventually(lambda more=more: queue.depth().waiting > more, interval=0.0005)  # type: ignore[misc]
        process.kill()
        process.wait()
        assert queue.depth().waiting < more + count
    assert tracker("replay", "--data", tmp_path).returncode == 0
    consume(queue, store)
    found = stored(store)
    assert len(found) == len(set(found)) == 2 * count
    assert queue.depth()[:3] == (0, 0, 0)
    assert store.failed(SITE, 10).failed == []


def test_a_site_is_for_failed_events_only(tmp_path: Path) -> None:
    SqliteStore(tmp_path / wiring.STORE_FILE).append_failed([failed_event(1)])
    data = ("--data", tmp_path)
    line = told(tracker("replay", *data, "--dead-letters", "--site", SITE))
    assert "leave out --site" in line
    done = tracker("replay", *data, "--site", SITE)
    assert done.stdout.splitlines()[0] == "Failed events: 1 sent through again."
    sites = {"TRACKER_SITES": '{"one": {"write_keys": ["k"]}}'}
    assert "one" in told(tracker("replay", *data, "--site", "two", env=sites))


# On AWS


def project(folder: Path, **environment: str) -> Path:
    """A folder as Chalice has it, with one stage."""
    (folder / ".chalice").mkdir(parents=True)
    settings = {
        "version": "2.0",
        "app_name": "tracker",
        "stages": {"dev": {"environment_variables": environment}},
    }
    (folder / ".chalice" / "config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def aws_env(
    ministack: Engine, dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    aws.use(ministack, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_local.url)
    return aws_environment(ministack.url, dynamodb=dynamodb_local.url)


def test_a_stage_is_shown_and_replayed_as_a_folder_is(
    aws_env: Mapping[str, str], tmp_path: Path
) -> None:
    url, prefix = aws.make_queue(visibility_seconds=1, max_receives=1), aws.make_tables()
    folder = project(tmp_path, TRACKER_QUEUE_URL=url, TRACKER_TABLES=prefix)

    def say(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return tracker(*arguments, "--stage", "dev", env=aws_env, cwd=folder)

    queue, store = SqsQueue(url), DynamoDbStore(prefix)
    queue.send([message(n) for n in range(12)])

    def dead() -> bool:
        queue.receive(10, 0.5)
        return queue.depth().dead == 12

    eventually(dead)
    store.append_failed([failed_event(1), failed_event(2, {})])
    put_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": url.split("/")[-1]}, 42)
    for milliseconds in (100, 300):
        put_metric("Tracker", "LagMilliseconds", {"Deployment": prefix}, milliseconds)

    put_metric("AWS/Lambda", "IteratorAge", {"FunctionName": f"{prefix}-count"}, 960_000)
    shown = say("status")
    assert (shown.returncode, shown.stderr) == (1, "")
    rows = shown.stdout.splitlines()
    assert "Dead letters          12" in rows
    assert "  failed events       2" in rows
    assert any(row.startswith("Lag                   0.2 s") for row in rows)
    assert "Counts are behind     16 min" in rows
    assert "replay --dead-letters --stage dev" in shown.stdout
    assert "`python -m tracker recount --stage dev` counts what it has missed" in shown.stdout

    done = say("replay")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Dead letters: 12 given back" in done.stdout
    assert "Failed events: 1 sent" in done.stdout
    report = json.loads(say("status", "--json").stdout)
    assert (report["waiting"], report["deadLetters"], report["oldestSeconds"]) == (13, 0, 42.0)
    consume(queue, store)
    assert len(stored(store)) == 13
    assert [one.id for one in store.failed(SITE, 10).failed] == ["f2"]
    assert say("replay").returncode == 0
    report = json.loads(say("status", "--json").stdout)
    assert (report["waiting"], report["oldestSeconds"]) == (0, None)
    assert len(stored(store)) == 13


def put_metric(namespace: str, name: str, dimension: Mapping[str, str], value: float) -> None:
    cloudwatch: Any = boto3.client("cloudwatch")
    ((key, of),) = dimension.items()
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": of}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
                "Value": value,
            }
        ],
    )


def test_status_of_a_stage_shows_the_rest_where_cloudwatch_does_not_answer(
    aws_env: dict[str, str], tmp_path: Path
) -> None:
    url, prefix = aws.make_queue(), aws.make_tables()
    folder = project(tmp_path, TRACKER_QUEUE_URL=url, TRACKER_TABLES=prefix)
    env = aws_env | {"AWS_ENDPOINT_URL_CLOUDWATCH": "http://127.0.0.1:9"}
    shown = tracker("status", "--stage", "dev", env=env, cwd=folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Age and lag unknown   CloudWatch: AWS cannot be reached" in shown.stdout
    assert "Dead letters          0" in shown.stdout


@pytest.mark.parametrize("verb", ["status", "replay"])
def test_what_is_wrong_with_a_stage_is_one_line_that_says_what_to_do(
    aws_env: dict[str, str], tmp_path: Path, verb: str
) -> None:
    url, prefix = aws.make_queue(), aws.make_tables()
    good = project(tmp_path / "good", TRACKER_QUEUE_URL=url, TRACKER_TABLES=prefix)
    no_tables = project(tmp_path / "a", TRACKER_QUEUE_URL=url, TRACKER_TABLES="nothing-here")
    no_queue = project(tmp_path / "b", TRACKER_QUEUE_URL=url + "x", TRACKER_TABLES=prefix)
    not_provisioned = project(tmp_path / "c")
    no_credentials = {k: v for k, v in aws_env.items() if "KEY" not in k}
    no_region = {k: v for k, v in aws_env.items() if "REGION" not in k}

    def line(env: Mapping[str, str], folder: Path = good, stage: str = "dev") -> str:
        return told(tracker(verb, "--stage", stage, env=env, cwd=folder))

    with pytest.MonkeyPatch.context() as patch:
        for name in aws_env:
            patch.delenv(name, raising=False)
        assert "aws configure" in line(no_credentials)
        assert "AWS_DEFAULT_REGION" in line(no_region)
        assert "AWS_DEFAULT_REGION" in line(aws_env | {"AWS_DEFAULT_REGION": "eu-north-1"})
        assert "list-profiles" in line(aws_env | {"AWS_PROFILE": "nobody"})
        assert "cannot be reached" in line(aws_environment("http://127.0.0.1:9"))
        assert "provision" in line(aws_env, no_tables)
        assert "provision" in line(aws_env, no_queue)
        assert "provision --stage dev" in line(aws_env, not_provisioned)
        assert "provision --stage prod" in line(aws_env, stage="prod")
        assert "app.py" in line(aws_env, tmp_path)
