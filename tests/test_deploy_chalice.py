"""Provision, and plain ``chalice deploy``: what it makes works, is proved, and can be gone back
from. Permissions are enforced."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engines.engine import Engine
from tests.engines.eventually import eventually
from tests.engines.rest_apis import running_rest_apis
from tests.events import wire
from tests.project import Project, broken_template
from tracker.aws import chalice
from tracker.config import hash_token

PATIENCE = 60


@pytest.fixture
def project(tmp_path: Path, cloud: Engine) -> Iterator[Project]:
    project = Project(tmp_path, cloud)
    with running_rest_apis(cloud.port) as url:
        project.environment["AWS_ENDPOINT_URL_API_GATEWAY"] = url
        yield project
        for stage in ("dev", "qa"):
            project.try_to("destroy", "--stage", stage, "--yes")


def invoke(project: Project, function: str, event: dict[str, Any]) -> Any:
    """Call a function, as API Gateway or a queue does."""
    answer = project.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def api_event(method: str, path: str, body: str = "", **headers: str) -> dict[str, Any]:
    """A request, as API Gateway hands it to the function."""
    path, _, query = path.partition("?")
    parameters = dict(pair.split("=") for pair in query.split("&")) if query else None
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": parameters,
        "multiValueQueryStringParameters": parameters and {k: [v] for k, v in parameters.items()},
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": path,
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_after_provision_a_plain_chalice_deploy_is_enough(project: Project) -> None:
    printed = project.run("provision", "--stage", "qa", "--yes")
    token = re.search(r"\brt_[\w-]+", printed)
    assert token
    environment = project.settings()["stages"]["qa"]["environment_variables"]
    assert hash_token(token[0]) in json.loads(environment["TRACKER_READ_TOKENS"])
    done = subprocess.run(
        [Path(sys.executable).with_name("chalice"), "deploy", "--stage", "qa"],
        cwd=project.folder,
        env=os.environ | project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    (write_key,) = json.loads(environment["TRACKER_SITES"])["default"]["write_keys"]
    events = [wire(anonymousId="visitor") for _ in range(5)]
    body = json.dumps({"batch": events, "writeKey": write_key})
    answer = invoke(project, "tracker-qa", api_event("POST", "/v1/batch", body))
    assert (answer["statusCode"], json.loads(answer["body"])["accepted"]) == (200, 5)
    sqs = project.client("sqs")
    sqs.send_message(QueueUrl=environment["TRACKER_QUEUE_URL"], MessageBody="poison")

    def stored() -> list[str]:
        asked = api_event(
            "GET", "/v1/events?anonymous_id=visitor", authorization=f"Bearer {token[0]}"
        )
        data = json.loads(invoke(project, "tracker-qa", asked)["body"])["data"]
        return sorted(event["messageId"] for event in data)

    eventually(lambda: stored() == sorted(event["messageId"] for event in events), PATIENCE)
    status = json.loads(project.run("status", "--stage", "qa", "--json"))
    assert status["deadLetters"] == 0
    listed = project.run("events", "--stage", "qa", "--anonymous", "visitor", "--json")
    assert len(listed.splitlines()) == 5


def test_a_second_provision_changes_nothing(project: Project) -> None:
    project.run("provision", "--stage", "qa", "--yes")
    before = project.settings()
    printed = project.run("provision", "--stage", "qa")  # there is nothing to ask about
    assert "as it should be" in printed
    assert project.settings() == before
    changed = project.run("provision", "--stage", "qa", "--log-retention-days", "30", "--yes")
    assert "~ ApiLogs" in changed
    assert "as it should be" in project.run("provision", "--stage", "qa"), "it stays at 30"


def test_it_asks_before_it_changes_anything(project: Project) -> None:
    tables = project.client("dynamodb").list_tables
    said = project.asked("provision", answers="no\n")
    assert "+ Events" in said.stdout
    assert "nothing was changed" in said.stderr
    assert project.client("cloudformation").describe_stacks()["Stacks"] == []
    assert project.asked("provision", answers="yes\n").returncode == 0
    assert len(tables()["TableNames"]) == 2
    for answers in ("no\n", "yes\nno\n", "yes\nyes\n"):
        said = project.asked("destroy", answers=answers)
        assert "nothing was changed" in said.stderr
    assert len(tables()["TableNames"]) == 2
    assert project.asked("destroy", answers="yes\ntracker-dev\n").returncode == 0
    assert tables()["TableNames"] == []


def test_the_alarms_tell_whom_they_are_told_to_tell(project: Project) -> None:
    topic = project.client("sns").create_topic(Name="on-call")["TopicArn"]
    project.run("provision", "--alarm-topic", topic, "--yes")
    alarms = project.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix("tracker-dev-") for alarm in alarms} == {
        "dead-letters",
        "oldest-message",
        "consumer-errors",
        "api-throttles",
        "consumer-throttles",
        "write-throttles",
        "server-errors",
    }
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms)


def test_the_functions_may_send_traces_only_where_those_are_switched_on(project: Project) -> None:
    def actions() -> str:
        policies = (project.folder / ".chalice").glob("policy-dev-*.json")
        return " ".join(policy.read_text() for policy in policies)

    project.run("provision", "--yes")
    assert "xray" not in actions()
    project.change_settings(xray=True)
    project.run("provision")
    assert "xray:PutTraceSegments" in actions()


def test_a_token_for_a_stage_is_known_from_the_next_deploy_on(project: Project) -> None:
    project.run("provision", "--yes")
    token = re.search(r"\brt_[\w-]+", project.run("token", "--stage", "dev"))
    assert token
    environment = project.settings()["stages"]["dev"]["environment_variables"]
    assert json.loads(environment["TRACKER_READ_TOKENS"])[hash_token(token[0])] == "default"


def version(project: Project) -> str:
    """What the deployed code says of itself."""
    answer = invoke(project, "tracker-dev", api_event("GET", "/kit.js"))
    return str(answer["headers"]["etag"])


def release(project: Project, mark: str) -> str:
    """Deploy a changed browser client; what the API then says of it."""
    client = project.folder / "tracker" / "web" / "kit.js"
    client.write_text(client.read_text() + f"\n// {mark}\n")
    printed = project.run("deploy", "--yes")
    assert "It was stored, and read back" in printed
    return version(project)


def test_deploy_proves_itself_and_rollback_goes_back(project: Project) -> None:
    first, second = release(project, "first"), release(project, "second")
    assert first != second
    _the_gateway_answers_as_the_contract_says(project)
    assert "--yes" in project.refused("rollback")
    assert version(project) == second
    printed = project.run("rollback", "--yes")
    assert "tracker-dev: back to version 1" in printed
    assert "It was stored, and read back" in printed
    assert version(project) == first
    assert "no version before" in project.refused("rollback", "--yes")


def _the_gateway_answers_as_the_contract_says(project: Project) -> None:
    gateway = project.client("apigateway")
    (api,) = (a for a in gateway.get_rest_apis()["items"] if a["name"] != "gone")
    answer = gateway.get_gateway_response(restApiId=api["id"], responseType="THROTTLED")
    assert answer["statusCode"] == "429"
    assert answer["responseParameters"]["gatewayresponse.header.Retry-After"] == "'5'"
    assert json.loads(answer["responseTemplates"]["application/json"])["code"]


# What goes wrong, and what is said of it


def test_without_credentials_it_says_how_to_get_some(project: Project) -> None:
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    for verb in ("provision", "deploy", "rollback", "destroy"):
        assert "no AWS credentials" in project.refused(verb, "--yes", env=none)


def test_a_wrong_region_is_named(project: Project) -> None:
    elsewhere = {"AWS_REGION": "eu west", "AWS_DEFAULT_REGION": "eu west"}
    assert "AWS_DEFAULT_REGION" in project.refused("provision", "--yes", env=elsewhere)
    elsewhere = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert "not deployed" in project.refused("rollback", "--yes", env=elsewhere)


def test_what_answers_nothing_is_said_to_be_unreachable(project: Project) -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    assert "cannot be reached" in project.refused("provision", "--yes", env=nowhere)


def someone(project: Project, name: str, *statements: dict[str, str]) -> dict[str, str]:
    """Another user of the account, with a policy; their credentials."""
    iam = project.client("iam")
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def test_a_missing_permission_is_named_and_nothing_is_changed(project: Project) -> None:
    theirs = someone(project, "intern")
    settings = project.settings()
    for verb in ("provision", "deploy", "rollback", "destroy"):
        line = project.refused(verb, "--yes", env=theirs)
        assert "intern may not do" in line
        assert "add that permission" in line
    assert project.settings() == settings
    with pytest.raises(ClientError):
        project.client("cloudformation").describe_stacks(StackName="tracker-dev")


def test_what_chalice_may_not_do_is_one_line_as_well(project: Project) -> None:
    theirs = someone(
        project,
        "no-lambda",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"},
    )
    line = project.refused("deploy", "--yes", env=theirs)
    assert line.startswith("`chalice deploy` failed: ")
    assert "lambda:" in line
    assert project.run("deploy", "--yes").count("It was stored") == 1, "once it may, it goes on"


def test_a_half_made_stack_is_removed_and_made_again(project: Project) -> None:
    with broken_template(project):
        line = project.refused("provision", "--yes")
    assert line.startswith("stack tracker-dev: Broken: ")
    assert "VisibilityTimeout" in line
    (stack,) = project.client("cloudformation").describe_stacks(StackName="tracker-dev")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    printed = project.run("provision", "--yes")
    assert "never made whole" in printed
    assert "The settings of stage dev are in" in printed


def test_a_stage_that_is_not_there_is_named(project: Project) -> None:
    for verb in ("status", "events", "replay"):
        line = project.refused(verb, "--stage", "nowhere")
        assert "provision --stage nowhere" in line
    assert "nothing to go back from" in project.refused("rollback", "--stage", "nowhere")
    assert "letters" in project.refused("provision", "--stage", "no/where", "--yes")


def test_in_another_folder_it_says_where_to_be(project: Project) -> None:
    settings = project.folder / ".chalice" / "config.json"
    settings = settings.rename(settings.with_suffix(".away"))
    assert "app.py" in project.refused("provision", "--yes")
    settings.rename(settings.with_suffix(".json"))


def test_tables_in_use_are_not_removed_without_an_answer(project: Project) -> None:
    project.run("provision", "--yes")
    assert "--yes" in project.refused("destroy")
    assert project.client("dynamodb").list_tables()["TableNames"]


def test_the_package_brings_bytecode_and_leaves_out_what_no_function_uses(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("package")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environment.items():
            patch.setenv(name, value)
        made = chalice.package("dev", out, project=project.folder, say=said.append)
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
        archive.extractall(out / "task")
    tag = sys.implementation.cache_tag
    assert {"app.py", "tracker/collector.py", f"tracker/__pycache__/collector.{tag}.pyc"} <= names
    assert not [name for name in names if name.startswith(("boto", "requests"))]
    assert made.stat().st_size < 2 * 1024 * 1024
    assert "msgspec" in said[-1]
    kept = (project.folder / chalice.PACKAGES).glob("*.zip")
    assert [zipped.read_bytes() for zipped in kept] == [made.read_bytes()]
    again = chalice.package("dev", out, project=project.folder, say=said.append)
    assert again.read_bytes() == made.read_bytes()
