"""The tables and the logs, which outlive their stack."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from tracker.aws.account import client, explained, is_code

SUFFIXES = ("events", "index")


def tables(name: str) -> list[str]:
    """The names of a deployment's tables that are there."""
    dynamodb = client("dynamodb")
    found = []
    with explained():
        for suffix in SUFFIXES:
            try:
                dynamodb.describe_table(TableName=f"{name}-{suffix}")
            except ClientError as error:
                if not is_code(error, "ResourceNotFoundException"):
                    raise
            else:
                found.append(f"{name}-{suffix}")
    return found


def delete_tables(name: str) -> Iterator[str]:
    """Delete a deployment's tables, for good; the names as they are gone."""
    dynamodb = client("dynamodb")
    for table in tables(name):
        with explained():
            dynamodb.delete_table(TableName=table)
            dynamodb.get_waiter("table_not_exists").wait(
                TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 150}
            )
        yield table


def delete_logs(name: str) -> None:
    """Delete the functions' logs."""
    logs = client("logs")
    for function in (name, f"{name}-consume", f"{name}-count"):
        with explained():
            try:
                logs.delete_log_group(logGroupName=f"/aws/lambda/{function}")
            except ClientError as error:
                if not is_code(error, "ResourceNotFoundException"):
                    raise
