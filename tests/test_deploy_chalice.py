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
from tracker.aws import chalice, template
from tracker.config import hash_token

PATIENCE = 60


@pytest.fixture
def project(tmp_path: Path, cloud: Engine) -> Iterator[Project]:
    project = Project(tmp_path, cloud)
    with running_rest_apis(cloud.port) as url:
        project.environment["AWS_ENDPOINT_URL_API_GATEWAY"] = url
        yield project
        for stack in project.client("cloudformation").describe_stacks()["Stacks"]:
            stage = stack["StackName"].removeprefix("tracker-")
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

    def read(path: str) -> list[dict[str, Any]]:
        asked = api_event("GET", path, authorization=f"Bearer {token[0]}")
        found: list[dict[str, Any]] = json.loads(invoke(project, "tracker-qa", asked)["body"])[
            "data"
        ]
        return found

    def stored() -> list[str]:
        return sorted(event["messageId"] for event in read("/v1/events?anonymous_id=visitor"))

    eventually(lambda: stored() == sorted(event["messageId"] for event in events), PATIENCE)
    eventually(lambda: [row["count"] for row in read("/v1/stats?interval=total")] == [5], PATIENCE)
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
        "counter-errors",
        "counter-lag",
        "api-throttles",
        "consumer-throttles",
        "events-throttles",
        "index-throttles",
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
    answer = invoke(project, "tracker-dev", api_event("GET", "/m/kit.js"))
    return str(answer["headers"]["etag"])


def release(project: Project, mark: str) -> str:
    """Deploy a changed browser client; what the API then says of it."""
    client = project.folder / "tracker" / "web" / "kit.js"
    client.write_text(client.read_text() + f"\n// {mark}\n")
    printed = project.run("deploy", "--yes")
    assert "It was stored, and read back" in printed
    return version(project)


def test_deploy_proves_itself_and_rollback_goes_back(project: Project) -> None:
    settings = {"TRACKER_PATH_PREFIX": "/m", "TRACKER_RATE_PER_STAGE": "200"}
    change_stage(project, environment_variables=settings)
    first, second = release(project, "first"), release(project, "second")
    assert first != second
    _the_gateway_answers_as_the_contract_says(project)
    assert "--yes" in project.refused("rollback")
    assert version(project) == second
    token = re.search(r"\brt_[\w-]+", project.run("token", "--stage", "dev"))
    assert token
    printed = project.run("rollback", "--yes")
    assert "It was stored, and read back" in printed
    assert version(project) == first
    assert "no version of tracker-dev before" in project.refused("rollback", "--yes")

    third = release(project, "third")
    asked = api_event("GET", "/m/v1/events", authorization=f"Bearer {token[0]}")
    assert invoke(project, "tracker-dev", asked)["statusCode"] == 200
    _a_rollback_that_was_stopped_is_finished_by_the_next(project)
    assert version(project) == first, "not to the second, which was left"
    assert invoke(project, "tracker-dev", asked)["statusCode"] == 200, "keys stay as they are"
    assert third not in (first, second)
    _another_folder_is_told_so(project)
    _a_destroy_that_was_stopped_is_finished_by_the_next(project)


def _a_rollback_that_was_stopped_is_finished_by_the_next(project: Project) -> None:
    functions = project.client("lambda")
    described = functions.get_function_configuration(FunctionName="tracker-dev")["Description"]
    earlier = re.search(r"after (\S+)$", described)
    assert earlier
    functions.update_function_configuration(
        FunctionName="tracker-dev", Description=f"going back to {earlier[1]}"
    )
    assert f"Back to release {earlier[1]}" in project.run("rollback", "--yes")


def _another_folder_is_told_so(project: Project) -> None:
    record = project.folder / ".chalice" / "deployed" / "dev.json"
    away = record.rename(record.with_suffix(".away"))
    for verb in ("deploy", "rollback", "destroy"):
        assert "deployed from another folder" in project.refused(verb, "--yes")
    away.rename(record)


def _a_destroy_that_was_stopped_is_finished_by_the_next(project: Project) -> None:
    project.client("lambda").delete_function(FunctionName="tracker-dev")
    assert "tracker-dev is removed" in project.run("destroy", "--yes")
    assert project.client("lambda").list_functions()["Functions"] == []
    assert project.client("apigateway").get_rest_apis()["items"] == []
    assert project.client("logs").describe_log_groups()["logGroups"] == []


def change_stage(project: Project, **values: object) -> None:
    settings = project.settings()
    settings["stages"]["dev"] |= values
    project.change_settings(**settings)


def _the_gateway_answers_as_the_contract_says(project: Project) -> None:
    gateway = project.client("apigateway")
    (api,) = (a for a in gateway.get_rest_apis()["items"] if a["name"] != "gone")
    answer = gateway.get_gateway_response(restApiId=api["id"], responseType="THROTTLED")
    assert answer["statusCode"] == "429"
    headers = answer["responseParameters"]
    assert headers["gatewayresponse.header.Retry-After"] == "'5'"
    assert headers["gatewayresponse.header.Access-Control-Expose-Headers"] == "'Retry-After'"
    assert json.loads(answer["responseTemplates"]["application/json"])["code"]
    limits = gateway.get_stage(restApiId=api["id"], stageName="api")["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (200, 2000)


# What goes wrong, and what is said of it


def test_without_credentials_it_says_how_to_get_some(project: Project) -> None:
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    for verb in ("provision", "deploy", "rollback", "destroy"):
        assert "no AWS credentials" in project.refused(verb, "--yes", env=none)


def test_a_wrong_region_is_named(project: Project) -> None:
    elsewhere = {"AWS_REGION": "eu west", "AWS_DEFAULT_REGION": "eu west"}
    assert "AWS_DEFAULT_REGION" in project.refused("provision", "--yes", env=elsewhere)
    project.run("provision", "--yes")
    elsewhere = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert "region" in project.refused("status", "--stage", "dev", env=elsewhere)


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


def test_a_first_deploy_that_failed_late_can_be_repeated(project: Project) -> None:
    theirs = someone(
        project,
        "no-gateway",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "apigateway:*", "Resource": "*"},
    )
    line = project.refused("deploy", "--yes", env=theirs)
    assert line.startswith("`chalice deploy` failed: ")
    assert "apigateway:" in line
    assert "left of a deploy that failed" in project.refused("destroy", "--yes")
    assert "It was stored" in project.run("deploy", "--yes"), "once it may, it goes on"
    mappings = project.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 2


def test_a_stack_of_that_name_that_is_somebody_else_s_is_left_alone(project: Project) -> None:
    theirs = {"Resources": {"Precious": {"Type": "AWS::SQS::Queue", "Properties": {}}}}
    cloudformation = project.client("cloudformation")
    cloudformation.create_stack(StackName="tracker-dev", TemplateBody=json.dumps(theirs))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="tracker-dev", WaiterConfig={"Delay": 1}
    )
    try:
        for verb in ("provision", "deploy", "rollback", "destroy"):
            assert "not the tracker's" in project.refused(verb, "--yes")
        assert len(project.client("sqs").list_queues()["QueueUrls"]) == 1
    finally:
        cloudformation.delete_stack(StackName="tracker-dev")
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="tracker-dev", WaiterConfig={"Delay": 1}
        )


def test_keys_that_the_user_has_set_are_never_replaced(project: Project) -> None:
    theirs = {"shop": {"write_keys": ["wk_of_the_shop"]}}
    project.change_settings(environment_variables={"TRACKER_SITES": json.dumps(theirs)})
    project.run("provision", "--yes")
    environment = project.settings()["stages"]["dev"]["environment_variables"]
    sites = json.loads(environment["TRACKER_SITES"])
    assert sites["shop"] == theirs["shop"]
    assert "default" not in sites


def test_a_policy_of_the_user_s_own_is_left_in_place(project: Project) -> None:
    own = {"api_handler": {"iam_policy_file": "our-own.json"}}
    change_stage(project, lambda_functions=own)
    project.run("provision", "--yes")
    functions = project.settings()["stages"]["dev"]["lambda_functions"]
    assert functions["api_handler"] == own["api_handler"]
    assert functions["consume"] == {"iam_policy_file": "policy-dev-consume.json"}
    project.run("provision", "--stage", "qa", "--yes")
    functions = project.settings()["stages"]["qa"]["lambda_functions"]
    assert functions["consume"] == {"iam_policy_file": "policy-qa-consume.json"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"stages": []},
        {"stages": {"dev": []}},
        {"stages": {"dev": {"environment_variables": []}}},
        {"stages": {"dev": {"environment_variables": {"TRACKER_SITES": {}}}}},
        {"stages": {"dev": {"environment_variables": {"TRACKER_SITES": "{"}}}},
        {"stages": {"dev": {"lambda_functions": {"consume": []}}}},
        {"app_name": None},
        {"app_name": "my_app"},
    ],
    ids=str,
)
def test_what_is_wrong_in_the_settings_is_named(project: Project, wrong: dict[str, Any]) -> None:
    project.change_settings(**wrong)
    line = project.refused("provision", "--yes")
    assert ".chalice/config.json" in line or "letters" in line


def test_partial_failures_are_refused_where_lambda_would_not_hear_of_them(
    project: Project,
) -> None:
    change_stage(project, environment_variables={"TRACKER_PARTIAL_FAILURES": "1"})
    assert "TRACKER_PARTIAL_FAILURES" in project.refused("deploy", "--yes")


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


def package(project: Project, out: Path, *options: str) -> tuple[Path, str]:
    """Package the functions; the zip, and what was said last."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", project.environment["AWS_REGION"])
        made = chalice.package("dev", out, *options, project=project.folder, say=said.append)
    return made, said[-1]


def test_the_package_brings_bytecode_and_leaves_out_what_no_function_uses(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("package")
    made, said = package(project, out)
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
    tag = sys.implementation.cache_tag
    assert {"app.py", "tracker/collector.py", f"tracker/__pycache__/collector.{tag}.pyc"} <= names
    assert not [name for name in names if name.startswith(("boto", "requests"))]
    assert made.stat().st_size < 2_500_000  # the dashboard and the contract's description are in it
    assert "msgspec" in said

    whole = made.read_bytes()
    (kept,) = (project.folder / chalice.PACKAGES).glob("*.zip")
    assert kept.read_bytes() == whole, "so that `chalice deploy` takes it"
    kept.write_bytes(whole[: len(whole) // 2])  # as a run leaves it that was stopped
    assert package(project, out)[0].read_bytes() == whole


def test_what_is_merged_into_chalice_s_template_is_one_thing_each(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Chalice merges member by member: two functions in one value would be none."""
    out = tmp_path_factory.mktemp("package")
    package(project, out, "--merge-template", str(template.FILE))

    def intrinsics(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if any(key == "Ref" or key.startswith("Fn::") for key in node):
                yield node
            for value in node.values():
                yield from intrinsics(value)
        if isinstance(node, list):
            for value in node:
                yield from intrinsics(value)

    found = list(intrinsics(json.loads((out / "sam.json").read_text())))
    assert found
    assert [node for node in found if len(node) != 1] == []
