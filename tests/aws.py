"""A queue and tables of their own for one test, on an engine."""

import json
import uuid
from typing import Any

import boto3
import pytest

from tests.engines.engine import Engine, aws_environment
from tests.engines.eventually import eventually
from tracker.stores.dynamodb import connection as dynamodb_connection
from tracker.stores.dynamodb import shards as dynamodb_shards
from tracker.stores.dynamodb.models import tables

PATIENCE = 60
"""Seconds: an engine that shares two cores with a browser and its own tests may take longer to
answer than DynamoDB does."""


def use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let this process's SDK speak to an engine; the same environment for another process."""
    environment = aws_environment(engine.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for module in (dynamodb_connection, dynamodb_shards):
        monkeypatch.setattr(module, "READ_SECONDS", PATIENCE)
    return environment


def make_tables() -> str:
    """New tables; their prefix."""
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    made = tables(prefix)

    def are_there() -> bool:
        # A busy engine may answer too late: then the second call finds what the first one made.
        made.create()
        return True

    eventually(are_there)
    return prefix


def make_queue(visibility_seconds: int = 30, max_receives: int = 5) -> str:
    """A new queue with a dead-letter queue; its URL."""
    client: Any = boto3.client("sqs")
    name = f"test-{uuid.uuid4().hex[:8]}"
    dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    told = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": told["Attributes"]["QueueArn"],
        "maxReceiveCount": str(max_receives),
    }
    attributes = {
        "VisibilityTimeout": str(visibility_seconds),
        "RedrivePolicy": json.dumps(policy),
    }
    url: str = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url
