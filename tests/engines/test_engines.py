"""The engines do what the tests build on. Where AWS's behaviour is what we rely on, it is shown."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import boto3
import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from playwright.sync_api import Page

from tests.engines.engine import Engine, aws_environment
from tests.engines.eventually import eventually
from tests.engines.ports import is_loopback, listening

ENGINES = ["ministack", "dynamodb_local"]


@pytest.fixture
def dynamodb(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DynamoDBClient]:
    engine: Engine = request.getfixturevalue(request.param)
    for name, value in aws_environment(engine.url).items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("dynamodb")
    yield client
    client.close()


@contextmanager
def a_table(dynamodb: DynamoDBClient) -> Iterator[str]:
    name = f"engines-{uuid4()}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    eventually(lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    yield name
    dynamodb.delete_table(TableName=name)


def test_a_message_sent_to_sqs_is_received(
    ministack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_environment(ministack.url).items():
        monkeypatch.setenv(name, value)
    sqs = boto3.Session().client("sqs")
    queue = sqs.create_queue(QueueName=f"engines-{uuid4()}")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    received = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert [message.get("Body") for message in received or []] == ["hello"]
    sqs.delete_queue(QueueUrl=queue)
    sqs.close()


@pytest.mark.parametrize("dynamodb", ENGINES, indirect=True)
def test_an_item_of_one_kib_costs_one_write_unit(dynamodb: DynamoDBClient) -> None:
    with a_table(dynamodb) as table:
        item = {"pk": {"S": "p"}, "sk": {"S": "s"}, "body": {"S": "x" * 1000}}
        put = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
        assert put["ConsumedCapacity"].get("CapacityUnits") == 1
        key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
        assert dynamodb.get_item(TableName=table, Key=key)["Item"] == item


@pytest.mark.parametrize("dynamodb", ENGINES, indirect=True)
def test_a_batch_of_inserts_refuses_a_known_key_and_keeps_the_others(
    dynamodb: DynamoDBClient,
) -> None:
    with a_table(dynamodb) as table:
        known = {"pk": {"S": "p"}, "sk": {"S": "2"}, "body": {"S": "first"}}
        dynamodb.put_item(TableName=table, Item=known)
        answer = dynamodb.batch_execute_statement(
            Statements=[
                {
                    "Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'body': ?}}",
                    "Parameters": [{"S": "p"}, {"S": sk}, {"S": "second"}],
                }
                for sk in ("1", "2", "3")
            ],
        )
        codes = [response.get("Error", {}).get("Code") for response in answer["Responses"]]
        assert codes == [None, "DuplicateItem", None]
        items = dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "p"}},
        )["Items"]
        assert [(item["sk"]["S"], item["body"]["S"]) for item in items] == [
            ("1", "second"),
            ("2", "first"),
            ("3", "second"),
        ]


@pytest.mark.skipif(sys.platform != "linux", reason="who listens is read from Linux's /proc")
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_listens_on_the_loopback_address_only(
    request: pytest.FixtureRequest, name: str
) -> None:
    engine: Engine = request.getfixturevalue(name)
    found = listening(engine.program.group)
    assert engine.port in [port for _, port in found]
    assert [address for address, _ in found if not is_loopback(address)] == []


def test_no_aws_account_is_in_reach() -> None:
    assert boto3.Session().get_credentials() is None
    assert not [name for name in os.environ if name.startswith("AWS_ACCESS")]


def test_chromium_opens_a_page(page: Page) -> None:
    page.goto("data:text/html,<title>hello</title><p id=p>there</p>")
    assert page.title() == "hello"
    assert page.locator("#p").inner_text() == "there"
