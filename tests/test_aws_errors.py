"""What AWS's SDK raises, told in one line that says what to do."""

import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests import aws
from tests.engines.engine import Engine, aws_environment
from tracker import aws_errors
from tracker.stores.dynamodb.models import tables

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)


def raised(make: Any, call: str, **parameters: Any) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011  (which, the test says)
        getattr(make(), call)(**parameters)
    return found.value


def sqs() -> Any:
    return boto3.session.Session().client("sqs", config=ONCE)


def told(error: BaseException) -> str:
    line = aws_errors.explain(error)
    assert "\n" not in line
    assert len(line) <= 400
    return line


def refused(code: str, message: str = "", status: int = 400) -> ClientError:
    """An answer as AWS gives it, for those no emulator gives."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "GetQueueAttributes",
    )


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    line = told(raised(sqs, "list_queues"))
    assert "no AWS credentials" in line
    assert "aws configure" in line


def test_half_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one-half")
    assert "AWS_SECRET_ACCESS_KEY" in told(raised(sqs, "list_queues"))


def test_no_region() -> None:
    assert "AWS_DEFAULT_REGION" in told(raised(sqs, "list_queues"))


def test_a_region_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "not a region")
    assert "AWS_DEFAULT_REGION" in told(raised(sqs, "list_queues"))


def test_a_profile_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "list-profiles" in told(raised(sqs, "list_queues"))


def test_a_configuration_file_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "config"
    broken.write_text("[half\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))
    assert "correct it" in told(raised(sqs, "list_queues"))


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    line = told(raised(sqs, "list_queues"))
    assert "cannot be reached" in line
    assert "127.0.0.1:9" in line


def test_a_queue_that_is_not_there(ministack: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.use(ministack, monkeypatch)
    line = told(raised(sqs, "get_queue_url", QueueName=uuid.uuid4().hex))
    assert "provision" in line
    assert "AWS_DEFAULT_REGION" in line


def test_tables_that_are_not_there_seen_through_pynamodb(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(dynamodb_local, monkeypatch)
    missing = tables(uuid.uuid4().hex).events
    assert "provision" in told(raised(lambda: missing, "get", hash_key="a", range_key="b"))


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (
            "User: arn:aws:iam::123456789012:user/ada is not authorized to perform:"
            " sqs:GetQueueAttributes on resource: arn:aws:sqs:us-east-1:123456789012:tracker-dev"
            " because no identity-based policy allows the sqs:GetQueueAttributes action",
            ["user/ada may not do sqs:GetQueueAttributes on arn:aws:sqs", "IAM policy"],
        ),
        (
            "User: arn:aws:sts::1:assumed-role/dev/ada is not authorized to perform:"
            " cloudwatch:GetMetricData with an explicit deny in a service control policy",
            ["a policy forbids", "cloudwatch:GetMetricData"],
        ),
        ("", ["may not do this"]),
    ],
)
def test_a_missing_permission_is_named(message: str, parts: list[str]) -> None:
    line = told(refused("AccessDeniedException", message, 403))
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (refused("InvalidClientTokenId", "The security token is invalid"), "access key"),
        (refused("SignatureDoesNotMatch"), "secret access key"),
        (refused("ExpiredToken"), "log in again"),
        (refused("RequestTimeTooSkewed"), "clock"),
        (refused("ThrottlingException", "Rate exceeded"), "wait a minute"),
        (refused("Anything", "at all", 503), "wait a minute"),
        (refused("ValidationError", "Stack with id tracker-dev does not exist"), "provision"),
        (refused("Strange", "words\nin two lines"), "Strange: GetQueueAttributes: words in two"),
        (refused("Strange", "x" * 5000), "xxx…"),
    ],
)
def test_what_no_emulator_says(error: ClientError, part: str) -> None:
    assert part in told(error)


def test_an_error_of_the_kits_is_told_by_what_it_was_raised_from() -> None:
    error = RuntimeError("the queue")
    error.__cause__ = refused("ExpiredToken")
    assert "log in again" in told(error)


def test_an_error_that_is_not_of_aws_is_told_as_it_is() -> None:
    assert told(ValueError("first\nsecond")) == "first second"
    assert told(ValueError()) == "ValueError"
