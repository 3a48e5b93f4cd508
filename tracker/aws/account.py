"""The AWS account that the SDK's own settings (profile, region, endpoints) lead to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tracker.aws_errors import explain
from tracker.errors import ConfigError, DeploymentError


class Account(NamedTuple):
    """Where a deployment goes."""

    id: str
    region: str
    partition: str
    """``aws``, but for China and the government."""


def client(service: str) -> Any:
    """A client of a service; its calls are to be made inside `explained`."""
    # boto3's stubs know a client by the literal name of its service.
    make: Any = boto3.Session().client
    with explained():
        return make(
            service,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 4},
            ),
        )


def account() -> Account:
    """Ask who we are. Raises `DeploymentError` without credentials, or without a region."""
    with explained():
        sts = client("sts")
        region = sts.meta.region_name
        if not region:
            raise ConfigError(
                "no AWS region is chosen: set AWS_DEFAULT_REGION, such as eu-central-1"
            )
        me = sts.get_caller_identity()
    return Account(me["Account"], region, me["Arn"].split(":")[1])


@contextmanager
def explained() -> Iterator[None]:
    """AWS's errors as one line that says what to do."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(explain(error)) from error


def is_code(error: ClientError, *codes: str) -> bool:
    """Whether AWS answered with one of these error codes."""
    return error.response.get("Error", {}).get("Code") in codes
