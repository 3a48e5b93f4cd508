"""What the Lambdas write: JSON lines, metrics among them, and nothing about anybody."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import aws
from tests.engines.engine import Engine, aws_environment
from tests.events import wire
from tracker.config import hash_token

ROOT = Path(__file__).parents[1]
FUNCTION = "tracker-test"

# What AWS's runtime does with a function: import it once, and call it for each event.
RUNTIME = """
import json, logging, sys

class Invocation:
    def __init__(self, request_id):
        self.aws_request_id = request_id
    def get_remaining_time_in_millis(self):
        return 20_000

logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))  # the runtime's own, plain text
import app
for function, event, request_id in json.load(sys.stdin):
    try:
        getattr(app, function)(event, Invocation(request_id))
    except Exception as error:
        print("RAISED", type(error).__name__, error, file=sys.stderr)
"""


def run(
    environment: dict[str, str], *invocations: tuple[str, dict[str, Any], str]
) -> list[dict[str, Any]]:
    """Run a new Lambda; the lines of its log."""
    settings = {
        "TRACKER_SITES": '{"shop": {"write_keys": ["secret-key"]}}',
        "TRACKER_READ_TOKENS": json.dumps({hash_token("secret-token"): "shop"}),
        "TRACKER_TABLES": FUNCTION,
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNTIME],
        cwd=ROOT,
        env={**os.environ, **settings, **environment},
        input=json.dumps(invocations),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def http(method: str, path: str, resource: str = "", **members: Any) -> dict[str, Any]:
    """What API Gateway gives a function."""
    return {
        "requestContext": {
            "resourcePath": resource or path,
            "httpMethod": method,
            "path": path,
            "identity": {"sourceIp": "198.51.100.77"},
        },
        "path": path,
        "headers": {
            "content-type": "application/json",
            "authorization": "Bearer secret-token",
            "user-agent": "Secret/1.0",
        },
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": None,
        **members,
    }


def post(*events: object) -> dict[str, Any]:
    body = json.dumps({"batch": events, "writeKey": "secret-key"})
    return http("POST", "/v1/batch", body=body)


def poison(*messages: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{n}", "receiptHandle": f"r{n}", "body": body}
            for n, body in enumerate(messages)
        ]
    }


@pytest.fixture
def environment(ministack: Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Everything there, and everything written."""
    environment = aws.use(ministack, monkeypatch)
    return environment | {
        "TRACKER_QUEUE_URL": aws.make_queue(),
        "TRACKER_TABLES": aws.make_tables(),
        "TRACKER_LOG_SAMPLE": "1",
        "TRACKER_PARTIAL_FAILURES": "1",
    }


NOTHING_THERE = {
    **aws_environment("http://127.0.0.1:9"),
    "TRACKER_QUEUE_URL": "http://127.0.0.1:9/1/queue",
    "TRACKER_LOG_SAMPLE": "0",
    "TRACKER_PARTIAL_FAILURES": "1",
}


def metrics(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The metrics among the lines, each as CloudWatch understands it."""
    found = []
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Tracker"
            (dimensions,) = directive["Dimensions"]
            names = [metric["Name"] for metric in directive["Metrics"]]
            assert line["_aws"]["Timestamp"] > 1.7e12
            found.append({name: line[name] for name in (*dimensions, *names)})
    return found


def test_what_was_taken_is_one_line_of_metrics(environment: dict[str, str]) -> None:
    name = environment["TRACKER_TABLES"]
    lines = run(environment | {"TRACKER_LOG_SAMPLE": "0"}, ("app", post(wire(), wire()), "r1"))
    assert metrics(lines) == [{"Deployment": name, "Accepted": 2}]
    assert len(lines) == 1
    assert len(json.dumps(lines[0])) < 250


def test_what_was_rejected_is_counted_by_the_field_at_fault(environment: dict[str, str]) -> None:
    name = environment["TRACKER_TABLES"]
    wrong = [wire(type="track"), wire(type="track"), wire(timestamp="noon"), 5, "x" * 40_000]
    lines = run(environment, ("app", post(wire(), *wrong), "r1"))
    assert metrics(lines) == [
        {"Deployment": name, "Accepted": 1, "Rejected": 5},
        {"Deployment": name, "Reason": "event", "Rejected": 2},
        {"Deployment": name, "Reason": "timestamp", "Rejected": 1},
        {"Deployment": name, "Reason": "other", "Rejected": 2},
    ]


def test_nothing_is_counted_where_nothing_was_taken(environment: dict[str, str]) -> None:
    unknown = http("POST", "/v1/batch", body=json.dumps({"batch": [wire()]}))
    assert metrics(run(environment, ("app", unknown, "r1"), ("app", post(), "r2"))) == []
    assert metrics(run(NOTHING_THERE, ("app", post(wire()), "r1"))) == []


def test_the_consumer_counts_what_it_stored_and_how_late(environment: dict[str, str]) -> None:
    name = environment["TRACKER_TABLES"]
    body = json.dumps(
        {"id": "b", "site": "shop", "receivedAt": 1_795_000_000_000_000, "events": [wire(), wire()]}
    )
    lines = run(
        environment | {"TRACKER_LOG_SAMPLE": "0"},
        ("consume", poison(body, "not of ours"), "r1"),
        ("consume", poison(body), "r2"),
    )
    first, again = metrics(lines)
    lag = first.pop("LagMilliseconds")
    assert first == {"Deployment": name, "Stored": 2, "Failed": 1, "BatchSize": 2}
    assert len(lag) == 1  # how late poison is, nobody knows
    again.pop("LagMilliseconds")
    assert again == {"Deployment": name, "Duplicates": 2, "BatchSize": 1}
    assert len(lines) == 2
    assert all(len(json.dumps(line)) < 350 for line in lines)


def test_a_line_tells_which_invocation_and_which_messages_it_is_about(
    environment: dict[str, str],
) -> None:
    lines = run(environment, ("app", post(wire(), 5), "r1"), ("consume", poison("x", "y"), "r2"))
    taken, consumed = (line for line in lines if "_aws" not in line)
    assert (taken["function"], taken["request_id"], taken["level"]) == (FUNCTION, "r1", "INFO")
    assert (taken["status"], taken["accepted"], taken["rejected"]) == (200, 1, 1)
    assert taken["message"] == "POST /v1/batch"
    assert taken["batch_id"]
    assert consumed["request_id"] == "r2"
    assert consumed["message_ids"] == ["m0", "m1"]
    assert consumed["failed"] == 2


def test_info_lines_are_a_sample_and_warnings_are_not() -> None:
    script = http("GET", "/kit.js")
    many = [("app", script, f"request-{n}") for n in range(200)]
    lines = run(NOTHING_THERE | {"TRACKER_LOG_SAMPLE": "0.1"}, *many)
    assert 5 < len(lines) < 50
    failing = [("app", post(wire()), "r1"), ("consume", poison("x"), "r2")]
    warnings = [line for line in run(NOTHING_THERE, *failing) if "_aws" not in line]
    assert {line["level"] for line in warnings} == {"WARNING"}
    assert {line["request_id"] for line in warnings} == {"r1", "r2"}


def test_an_exception_is_a_field_of_its_line() -> None:
    """An endpoint that is no address: nobody foresaw this."""
    environment = NOTHING_THERE | {"AWS_ENDPOINT_URL": "nowhere"}
    lines = run(environment, ("consume", poison("x"), "r1"))
    (line, *_) = [line for line in lines if line.get("level") == "ERROR"]
    assert line["exception"].startswith("Traceback")
    assert line["request_id"] == "r1"


def test_no_line_tells_about_anybody(environment: dict[str, str]) -> None:
    secret = wire(userId="secret-user", event="Secret Event", timestamp="secret time")
    read = http(
        "GET",
        "/v1/users/secret-user",
        "/v1/users/{user_id}",
        pathParameters={"user_id": "secret-user"},
    )
    invocations = [
        ("app", post(secret, wire(userId="secret-user", type="track")), "r1"),
        ("app", read, "r2"),
        ("consume", poison('{"secret": 1}'), "r3"),
    ]
    for where in (environment, NOTHING_THERE | {"TRACKER_LOG_SAMPLE": "1"}):
        said = json.dumps(run(where, *invocations)).lower()
        assert "secret" not in said
        assert "198.51.100" not in said
