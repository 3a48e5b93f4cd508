"""The Lambdas' own code, against the engines: API → SQS → consumer → DynamoDB → API."""

import base64
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from chalice.test import Client

from tests import aws
from tests.engines.engine import REGION, Engine
from tests.events import wire
from tracker.config import hash_token
from tracker.errors import StoreUnavailable

ROOT = Path(__file__).parents[1]
READ = {"Authorization": "Bearer token"}

EM_AARCH64 = 183
"""What an ELF file says of its processor (elf.h)."""


@pytest.fixture
def stack(ministack: Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A queue and tables on the emulator, as the template's outputs name them."""
    aws.use(ministack, monkeypatch)
    return {"QueueUrl": aws.make_queue(), "Tables": aws.make_tables()}


@pytest.fixture
def app(stack: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The app as a new Lambda has it."""
    monkeypatch.setenv("TRACKER_SITES", '{"shop": {"write_keys": ["key"]}}')
    monkeypatch.setenv("TRACKER_READ_TOKENS", json.dumps({hash_token("token"): "shop"}))
    monkeypatch.setenv("TRACKER_QUEUE_URL", stack["QueueUrl"])
    monkeypatch.setenv("TRACKER_TABLES", stack["Tables"])
    monkeypatch.delitem(sys.modules, "app", raising=False)
    yield import_module("app")
    sys.modules.pop("app", None)


def post(client: Client, *events: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"batch": events, "writeKey": "key"}).encode()
    answer = client.http.post("/v1/batch", headers={"Content-Type": "text/plain"}, body=body)
    assert answer.status_code == 200
    taken: dict[str, Any] = answer.json_body
    return taken


class Invocation:
    """What Lambda tells a function beside the event."""

    def __init__(self, request_id: str = "request") -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def queued(url: str) -> list[dict[str, Any]]:
    """What waits in the queue, as Lambda gives it to a function."""
    sqs: Any = boto3.client("sqs")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for message in received
    ]


def read(client: Client, path: str) -> Any:
    answer = client.http.get(path, headers=READ)
    assert answer.status_code == 200, answer.body
    return answer.json_body


def test_an_event_goes_through_sqs_and_dynamodb_and_is_read_back(
    app: ModuleType, stack: dict[str, str]
) -> None:
    with Client(app.app, project_dir=str(ROOT)) as client:
        sent = [wire(userId="u1", type="identify", traits={"plan": "pro"}), wire()]
        large = [wire(properties={"text": "x" * 30_000}) for _ in range(5)]
        assert post(client, *sent, 5)["accepted"] == 2  # type: ignore[arg-type]
        assert post(client, *large)["accepted"] == 5
        records = queued(stack["QueueUrl"])
        assert len(records) == 2
        app.consume({"Records": records}, Invocation())
        app.consume({"Records": records}, Invocation())  # SQS delivers at least once

        mine = read(client, "/v1/events?user_id=u1")["data"]
        assert {event["messageId"] for event in mine} == {
            event["messageId"] for event in (*sent, *large)
        }
        assert read(client, "/v1/users/u1")["counts"]["events"] == 7
        (failed,) = read(client, "/v1/failed-events")["data"]
        assert failed["payload"] == "5"
        assert read(client, "/health") == {"status": "ok"}


def test_poison_in_a_batch_does_not_stop_its_neighbours(
    app: ModuleType, stack: dict[str, str]
) -> None:
    with Client(app.app, project_dir=str(ROOT)) as client:
        sent = wire()
        post(client, sent)
        records = queued(stack["QueueUrl"])
        records.insert(0, {**records[0], "messageId": "poison", "body": "not of ours"})
        app.consume({"Records": records}, Invocation())
        (event,) = read(client, "/v1/events?anonymous_id=v")["data"]
        assert event["messageId"] == sent["messageId"]


def test_an_unavailable_store_gives_the_batch_again(
    app: ModuleType, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(app.app, project_dir=str(ROOT)) as client:
        post(client, wire())
        records = queued(stack["QueueUrl"])
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
        with pytest.raises(StoreUnavailable):
            app.consume({"Records": records}, Invocation())


def test_an_unavailable_queue_is_a_503_and_nothing_is_stored(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    with Client(app.app, project_dir=str(ROOT)) as client:
        body = json.dumps({"batch": [wire()], "writeKey": "key"}).encode()
        answer = client.http.post("/v1/batch", headers={"Content-Type": "text/plain"}, body=body)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert json.loads(answer.body)["code"] == "unavailable"


def test_consumer_and_counter_are_fed_as_the_settings_say(
    stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_CONSUMER_BATCH", "7")
    monkeypatch.setenv("TRACKER_CONSUMER_WINDOW_SECONDS", "3")
    monkeypatch.setenv("TRACKER_CONSUMER_CONCURRENCY", "9")
    monkeypatch.delitem(sys.modules, "app", raising=False)
    monkeypatch.setenv("TRACKER_COUNTER_BATCH", "500")
    monkeypatch.setenv("TRACKER_COUNTER_WINDOW_SECONDS", "4")
    monkeypatch.setenv("TRACKER_STREAM", "arn:aws:dynamodb:::table/t-events/stream/now")
    source, stream = import_module("app").app.event_sources
    sys.modules.pop("app", None)
    assert source.batch_size == 7
    assert source.maximum_batching_window_in_seconds == 3
    assert source.maximum_concurrency == 9
    assert stream.stream_arn == "arn:aws:dynamodb:::table/t-events/stream/now"
    assert (stream.batch_size, stream.maximum_batching_window_in_seconds) == (500, 4)
    assert stream.starting_position == "TRIM_HORIZON", "all is counted that a stream has"


def test_the_policies_allow_what_the_functions_call() -> None:
    """Chalice cannot see the calls behind the seams, so each function has its policy file."""
    settings = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["dev"]
    policies = {
        function: json.loads((ROOT / ".chalice" / how["iam_policy_file"]).read_text())
        for function, how in settings["lambda_functions"].items()
    }
    allowed = {
        function: {action for rule in policy["Statement"] for action in rule["Action"]}
        for function, policy in policies.items()
    }
    assert "sqs:SendMessage" in allowed["api_handler"]
    assert "dynamodb:BatchWriteItem" in allowed["consume"]
    # It erases, and says so; it never reads what waits to be stored.
    assert "dynamodb:BatchWriteItem" in allowed["api_handler"]
    assert "sqs:ReceiveMessage" not in {
        action
        for rule in policies["api_handler"]["Statement"]
        if rule["Resource"] == {"Fn::GetAtt": ["Queue", "Arn"]}
        for action in rule["Action"]
    }


def test_the_pixel_comes_as_bytes_through_api_gateway(app: ModuleType) -> None:
    with Client(app.app, project_dir=str(ROOT)) as client:
        data = base64.urlsafe_b64encode(json.dumps(wire()).encode()).decode()
        answer = client.http.get(
            f"/v1/i.gif?write_key=key&data={data}", headers={"Accept": "image/avif,*/*"}
        )
        assert answer.status_code == 200
        assert answer.body.startswith(b"GIF89a")


def test_what_chalice_ships_is_the_code_that_is_here(tmp_path: Path) -> None:
    """Chalice ships app.py, vendor/ and the requirements; vendor/tracker is a link to tracker/."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tracker", project / "tracker", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(ROOT / "vendor", project / "vendor", symlinks=True)
    shutil.copytree(
        ROOT / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deploy*")
    )
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, project)
    subprocess.run(
        [
            Path(sys.executable).with_name("chalice"),
            "package",
            "--stage",
            "dev",
            str(tmp_path / "out"),
        ],
        cwd=project,
        env=os.environ | {"AWS_DEFAULT_REGION": REGION},
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(tmp_path / "out" / "deployment.zip") as package:
        names = package.namelist()
        shipped = {
            name: package.read(name)
            for name in names
            if name.startswith("tracker/") or name == "app.py"
        }
        machines = {
            name: int.from_bytes(package.read(name)[18:20], "little")
            for name in names
            if name.endswith(".so")
        }
    assert len(machines) > 1
    assert set(machines.values()) == {EM_AARCH64}, "the settings ask for arm64"
    assert not [name for name in names if name.startswith("botocore/")], "the runtime has it"
    sources = [ROOT / "app.py", *(p for p in (ROOT / "tracker").rglob("*") if p.is_file())]
    here = {p.relative_to(ROOT).as_posix(): p.read_bytes() for p in sources if p.suffix != ".pyc"}
    assert shipped == here
