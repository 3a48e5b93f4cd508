"""From the package to a rollback, with the functions run for real and their permissions enforced:
as one stack, that changes all at once."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec import Raw

from tests.engines.engine import Engine
from tests.engines.eventually import eventually
from tests.events import wire
from tests.project import FOR_THE_EMULATOR, Project, broken_template
from tracker import dashboard, timestamps
from tracker.batch import Batch
from tracker.client import Client
from tracker.stores import FailedEvent
from tracker.stores.dynamodb.store import DynamoDbStore

NAME = "tracker-dev"
BUCKET = "tracker-releases"
PATIENCE = 120


@pytest.fixture
def project(tmp_path: Path, cloud: Engine) -> Project:
    project = Project(tmp_path, cloud)
    project.client("s3").create_bucket(Bucket=BUCKET)
    return project


class Api:
    """The deployed API, with its keys."""

    def __init__(self, project: Project, read_token: str) -> None:
        stack = project.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        environment = project.settings()["stages"]["dev"]["environment_variables"]
        self.url = project.url(outputs["RestAPIId"])
        self.queue_url: str = outputs["QueueUrl"]
        self.release: str = outputs["Release"]
        self.write_key: str = json.loads(environment["TRACKER_SITES"])["default"]["write_keys"][0]
        self.read_token = read_token

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.read_token}"}
        return requests.get(self.url + path, headers=headers, timeout=120).json()

    def post(self, *events: dict[str, Any]) -> bool:
        """Whether they were taken."""
        body: Any = {"batch": events, "writeKey": self.write_key}
        answer = requests.post(self.url + "/v1/batch", json=body, timeout=120)
        return answer.status_code == 200 and answer.json()["accepted"] == len(events)

    def stored(self, visitor: str) -> list[str]:
        with Client(self.url, read_token=self.read_token) as client:
            return [event["messageId"] for event in client.events(anonymous_id=visitor)]


@contextmanager
def load(api: Api, visitor: str) -> Iterator[list[str]]:
    """Send one batch after the other, as a page does that has much to tell, from two threads; the
    message ids that were taken."""
    taken: list[str] = []
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            batch = [wire(anonymousId=visitor) for _ in range(3)]
            if api.post(*batch):
                taken.extend(event["messageId"] for event in batch)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield taken
    finally:
        over.set()
        for thread in threads:
            thread.join()


def read_token(printed: str) -> str:
    found = re.search(r"\brt_[\w-]+", printed)
    assert found
    return found[0]


def test_from_the_package_to_a_rollback(project: Project) -> None:
    printed = project.run("deploy", "--stage", "dev", "--bucket", BUCKET, "--yes")
    assert "It was stored, and read back" in printed
    api = Api(project, read_token(printed))
    assert f"The tracker serves http://{project.cloud.url.removeprefix('http://')}/api" in printed

    mappings = project.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    of_stream, of_queue = sorted(mappings, key=lambda one: str(one["EventSourceArn"]))
    assert of_queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert of_stream["StartingPosition"] == "TRIM_HORIZON"
    _real_clients_are_read_back(api)
    _what_is_stored_is_counted(api, project)
    _poison_ends_as_a_failed_event_and_its_neighbours_are_stored(api, project)
    _the_gateways_own_errors_are_the_contracts(api)
    _only_what_is_allowed_is_done_and_only_what_is_done_is_allowed(api, project)

    # The emulator kills a function that it changes, with what it has in hand. That comes again
    # after the queue's visibility timeout: let it be less than the six minutes.
    project.client("sqs").set_queue_attributes(
        QueueUrl=api.queue_url, Attributes={"VisibilityTimeout": "15"}
    )
    first = api.release
    with load(api, "under-load") as taken:
        eventually(lambda: len(taken) > 20, PATIENCE)
        (project.folder / "tracker" / "aws" / "changed.py").write_text('"""A new version."""\n')
        before = len(taken)
        project.run("deploy", "--stage", "dev", "--bucket", BUCKET, "--yes")
        eventually(lambda: len(taken) > before, PATIENCE)
    second = Api(project, api.read_token)
    assert second.release > first
    _all_are_there_once(api, "under-load", taken)

    with load(api, "while-going-back") as taken:
        eventually(lambda: len(taken) > 20, PATIENCE)
        printed = project.run("rollback", "--stage", "dev", "--yes")
    assert f"Back to release {first}" in printed
    assert "It was stored, and read back" in printed
    assert Api(project, api.read_token).release == first
    _all_are_there_once(api, "while-going-back", taken)
    assert "no release of tracker-dev before" in project.refused("rollback", "--yes")

    _a_failed_update_leaves_the_old_one_running(api, project)
    _a_checkout_without_the_settings_takes_up_the_keys_in_use(api, project)
    _destroy_and_come_back_to_the_kept_tables(api, project)


def _all_are_there_once(api: Api, visitor: str, taken: list[str]) -> None:
    """Everything that was acknowledged; what was not may be there as well."""

    def missing() -> set[str]:
        stored = api.stored(visitor)
        assert len(stored) == len(set(stored))
        return set(taken) - set(stored)

    eventually(lambda: not missing(), PATIENCE)


def _real_clients_are_read_back(api: Api) -> None:
    with Client(api.url, write_key=api.write_key) as client:
        client.identify("user-1", traits={"plan": "pro"})
        client.track("user-1", "Order placed", {"total": 12.5, "note": "größer als €5"})
        client.page("user-1", "Home")
    with Client(api.url, read_token=api.read_token) as reader:
        eventually(lambda: len(list(reader.events(user_id="user-1"))) == 3, PATIENCE)
        found = {event["type"]: event for event in reader.events(user_id="user-1")}
    assert found["track"]["properties"] == {"total": 12.5, "note": "größer als €5"}
    assert api.get("/v1/users/user-1")["traits"] == {"plan": "pro"}
    before = wire(anonymousId="device-1", context={"seq": 2})
    assert api.post(before, wire(anonymousId="device-1", userId="user-1"))
    eventually(lambda: before["messageId"] in _messages(api, "user_id=user-1"), PATIENCE)


def _what_is_stored_is_counted(api: Api, project: Project) -> None:
    """By way of the table's stream and the third function; and anew, by hand."""

    def counted(question: str) -> list[tuple[str, int]]:
        rows = api.get(f"/v1/stats?interval=total&bots=include&{question}")["data"]
        return sorted((row.get("event", ""), row["count"]) for row in rows)

    eventually(lambda: counted("metric=events") == [("", 5)], PATIENCE)
    assert counted("metric=visitors") == [("", 2)]
    assert counted("metric=events&group_by=event") == [("Order placed", 1)]
    (delivery,) = api.get("/v1/delivery")["data"]
    assert (delivery["expected"], delivery["arrived"]) == (2, 1), "of its device's, one is missing"
    before = counted("metric=sessions")
    assert "5 events" in project.run("recount", "--stage", "dev")
    assert counted("metric=events") == [("", 5)]
    assert counted("metric=sessions") == before


def _messages(api: Api, question: str) -> list[str]:
    return [event["messageId"] for event in api.get(f"/v1/events?{question}")["data"]]


def _poison_ends_as_a_failed_event_and_its_neighbours_are_stored(
    api: Api, project: Project
) -> None:
    sqs = project.client("sqs")
    for n in range(3):
        sqs.send_message(QueueUrl=api.queue_url, MessageBody=f"poison {n}")
    invalid = wire(anonymousId="neighbour", type="nonsense")
    good = [wire(anonymousId="neighbour") for _ in range(5)]
    assert not api.post(*good, invalid)  # five of six
    eventually(lambda: len(api.stored("neighbour")) == 5, PATIENCE)
    eventually(lambda: len(api.get("/v1/failed-events")["data"]) == 1, PATIENCE)
    (failed,) = api.get("/v1/failed-events")["data"]
    assert failed["messageId"] == invalid["messageId"]
    assert [error["field"] for error in failed["errors"]] == ["type"]
    listed = json.loads(project.run("status", "--stage", "dev", "--json"))
    assert "-" in listed["sites"], "the unreadable messages are kept, at no site"
    assert listed["deadLetters"] == 0


def _the_gateways_own_errors_are_the_contracts(api: Api) -> None:
    answer = requests.get(api.url + "/nothing/here", timeout=30)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("not_found", 404)
    assert problem["message"] == problem["detail"]


# What Lambda does in a function's name: the pollers of queue and stream, and the log.
BY_LAMBDA = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "dynamodb:ListStreams",
}


def _the_dashboard_is_served(api: Api) -> None:
    page = requests.get(f"{api.url}/", timeout=30)
    assert page.status_code == 200
    files = [part for part in page.text.split('"') if part.startswith("dashboard/")]
    font = next(path for path in files if path.endswith(".woff2"))
    for path in (font, files[-1]):
        file = requests.get(f"{api.url}/{path}", timeout=30)
        assert file.content == (dashboard.FOLDER / path.split("/", 2)[2]).read_bytes()


def _only_what_is_allowed_is_done_and_only_what_is_done_is_allowed(
    api: Api, project: Project
) -> None:
    """The emulator refuses what a policy does not allow, so what was done was allowed."""
    assert api.get("/health") == {"status": "ok"}
    _the_dashboard_is_served(api)
    assert api.get("/v1/events?limit=5")["data"]
    assert api.get("/v1/live")["complete"]
    assert api.get("/v1/funnels?steps=Order placed")["data"][0]["visitors"] == 1
    assert api.get("/v1/retention")["complete"]
    status = api.get("/v1/status")
    assert status["sites"]["default"]["lastEvent"]
    assert status["unknown"] is None, "CloudWatch was asked"
    _replay_what_is_valid_now(api, project)
    _erase_a_person(api, project)
    done = _calls_by_function(project)
    allowed = {name: _allowed(project, name) for name in ("api", "consume", "count")}
    assert done["api"] <= allowed["api"]
    assert done["consume"] <= allowed["consume"]
    assert done["count"] <= allowed["count"]
    assert allowed["api"] - done["api"] <= {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert allowed["consume"] - done["consume"] <= BY_LAMBDA
    assert allowed["count"] - done["count"] <= BY_LAMBDA


def _replay_what_is_valid_now(api: Api, project: Project) -> None:
    """As after a rule was relaxed: what failed then is taken now."""
    event = wire(anonymousId="valid-now")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environment.items():
            patch.setenv(name, value)
        failed = FailedEvent(
            id="failed-before",
            site="default",
            received_at=timestamps.now(),
            field="type",
            reason="was not known",
            payload=json.dumps(event),
        )
        DynamoDbStore(NAME).append_failed([failed])
    headers = {"Authorization": f"Bearer {api.read_token}"}
    answer = requests.post(api.url + "/v1/failed-events/replay", headers=headers, timeout=30)
    assert answer.json()["replayed"] == 1
    eventually(lambda: api.stored("valid-now") == [event["messageId"]], PATIENCE)


def _erase_a_person(api: Api, project: Project) -> None:
    """From the tables, from dead letters, and for what is still on its way."""
    theirs = wire(userId="erased", anonymousId="of-erased")
    api.post(theirs)
    eventually(lambda: api.stored("of-erased"), PATIENCE)
    sqs = project.client("sqs")
    dead_letters = sqs.get_queue_url(QueueName=f"{NAME}-dead-letters")["QueueUrl"]
    for event in (theirs, wire(anonymousId="another")):
        queued = Batch(
            id="dead",
            site="default",
            received_at=timestamps.now(),
            events=[Raw(json.dumps(event).encode())],
        )
        sqs.send_message(QueueUrl=dead_letters, MessageBody=queued.encode().decode())
    mixed = Batch(
        id="mixed",
        site="default",
        received_at=timestamps.now(),
        events=[Raw(json.dumps(event).encode()) for event in (theirs, wire(anonymousId="another"))],
    )
    sqs.send_message(QueueUrl=dead_letters, MessageBody=mixed.encode().decode())
    headers = {"Authorization": f"Bearer {api.read_token}"}
    answer = requests.delete(api.url + "/v1/users/erased", headers=headers, timeout=30).json()
    assert answer.get("complete"), answer
    assert (answer["events"], answer["deadLetters"]) == (1, 2)
    assert api.stored("of-erased") == []
    # What names the person is not written any more. What their device sends is, and is taken back.
    unnamed = wire(anonymousId="of-erased")
    assert api.post(theirs, unnamed)
    eventually(lambda: "dynamodb:DeleteItem" in _calls_by_function(project)["consume"], PATIENCE)
    eventually(lambda: api.stored("of-erased") == [], PATIENCE)


def _allowed(project: Project, function: str) -> set[str]:
    """Every action of a policy; none of them on just anything."""
    path = project.folder / ".chalice" / f"policy-dev-{function}.json"
    actions: set[str] = set()
    for statement in json.loads(path.read_text())["Statement"]:
        if statement["Sid"] == FOR_THE_EMULATOR:
            continue
        if statement["Action"] == ["cloudwatch:GetMetricData"]:  # AWS knows it of everything only
            actions.update(statement["Action"])
            continue
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            # The streams of one log group have no other name, and a table's is its time.
            assert "*" not in resource.removesuffix(":log-stream:*").removesuffix("/stream/*")
            assert NAME in resource
        actions.update(statement["Action"])
    assert not [action for action in actions if "*" in action]
    return actions


ONLY_IT_DOES = {"api": "SendMessage", "consume": "UpdateItem", "count": "GetRecords"}


def _calls_by_function(project: Project) -> dict[str, set[str]]:
    """What CloudTrail has of calls with the functions' own keys, whichever worker had them."""
    operations = [
        (service, operation)
        for service in ("dynamodb", "dynamodbstreams", "sqs", "cloudwatch")
        for operation in project.client(service).meta.service_model.operation_names
    ]
    return {
        name: {
            # What is done to several SQS messages takes the permission to do it to one.
            f"{service.removesuffix('streams')}:"
            f"{operation.removesuffix('Batch') if service == 'sqs' else operation}"
            for service, operation in operations
            for key in of_function
            if _callers(project, operation, key)
        }
        for name, only_it_does in ONLY_IT_DOES.items()
        for of_function in [_callers(project, only_it_does)]
    }


def _callers(project: Project, operation: str, key: str | None = None) -> set[str]:
    """The keys of roles, not of users, in the newest calls."""
    wanted = {"EventName": operation} | ({"AccessKeyId": key} if key else {})
    attributes = [{"AttributeKey": k, "AttributeValue": v} for k, v in wanted.items()]
    events = project.client("cloudtrail").lookup_events(LookupAttributes=attributes)["Events"]
    return {event["AccessKeyId"] for event in events if event["AccessKeyId"].startswith("ASIA")}


def _a_failed_update_leaves_the_old_one_running(api: Api, project: Project) -> None:
    with broken_template(project):
        line = project.refused("deploy", "--stage", "dev", "--bucket", BUCKET, "--yes")
    assert "Broken" in line
    assert "as it was before" in line
    assert "no release of tracker-dev before" in project.refused("rollback", "--yes"), (
        "what was never in use is not before"
    )
    assert api.post(wire(anonymousId="still-there"))
    eventually(lambda: len(api.stored("still-there")) == 1, PATIENCE)


def _a_checkout_without_the_settings_takes_up_the_keys_in_use(api: Api, project: Project) -> None:
    settings = project.settings()
    settings["stages"]["dev"]["environment_variables"] = {}
    project.change_settings(**settings)
    printed = project.run("deploy", "--stage", "dev", "--bucket", BUCKET, "--yes")
    assert "rt_" not in printed
    assert Api(project, api.read_token).write_key == api.write_key
    assert api.post(wire(anonymousId="same-page"))


def _destroy_and_come_back_to_the_kept_tables(api: Api, project: Project) -> None:
    assert "nobody to ask" in project.refused("destroy", "--stage", "dev")
    printed = project.run("destroy", "--stage", "dev", "--keep-tables", "--yes")
    assert "Its tables are kept" in printed
    project.run("deploy", "--stage", "dev", "--bucket", BUCKET, "--yes")
    again = Api(project, api.read_token)
    assert len(again.stored("still-there")) == 1
    project.run("destroy", "--stage", "dev", "--yes")
    assert project.client("dynamodb").list_tables()["TableNames"] == []
    assert "nothing of tracker-dev here" in project.run("destroy", "--stage", "dev", "--yes")
