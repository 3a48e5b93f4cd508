"""The functions and all they need as one stack, that changes all at once or not at all.

``chalice package`` writes the stack's template, with `template` merged in. Template and code are
kept in a bucket, a folder for each release: to go back is to apply the template before.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from tracker.aws import chalice, gateway, provisioning, template
from tracker.aws.account import client, explained
from tracker.aws.gateway import Api
from tracker.aws.stack import Stack
from tracker.aws_errors import explain
from tracker.errors import DeploymentError

BUCKET = "ReleaseBucket"

_FUNCTION = "AWS::Serverless::Function"


class Release(NamedTuple):
    """A template in the bucket, with the code it names."""

    name: str
    body: str
    url: str


def check(bucket: str) -> None:
    """Raise `DeploymentError` if the bucket cannot be used."""
    s3 = client("s3")
    try:
        s3.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(
            f"bucket {bucket} cannot be used: {explain(error)}; `aws s3 mb s3://{bucket}` makes"
            " one, if the name is free"
        ) from error


def make(
    stack: Stack, stage: str, bucket: str, project: Path, say: Callable[[str], None]
) -> Release:
    """Package the functions as they are here, and put that into the bucket."""
    with TemporaryDirectory() as folder:
        code = chalice.package(
            stage,
            Path(folder),
            *("--merge-template", str(template.FILE.resolve())),
            project=project,
            say=say,
        ).read_bytes()
        packaged = msgspec.json.decode(
            (Path(folder) / "sam.json").read_bytes(), type=dict[str, Any]
        )
    digest = sha256(code).hexdigest()
    code_key = f"{stack.name}/code/{digest}.zip"
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{digest[:8]}"
    for resource in packaged["Resources"].values():
        if resource["Type"] == _FUNCTION:
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    packaged["Outputs"] |= {
        provisioning.RELEASE: {"Value": name},
        BUCKET: {"Value": bucket},
    }
    body = msgspec.json.encode(template.with_literal_table_names(packaged, stack.name)).decode()
    key = f"{_folder(stack)}{name}.json"
    s3 = client("s3")
    with explained():
        s3.put_object(Bucket=bucket, Key=code_key, Body=code)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return Release(name, body, _url(s3, bucket, key))


def before(stack: Stack) -> Release:
    """The release before the one in use. Raises `DeploymentError` where there is none."""
    outputs = stack.outputs()
    bucket, current = outputs[BUCKET], outputs[provisioning.RELEASE]
    s3 = client("s3")
    folder = _folder(stack)
    with explained():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        older = [key for key in sorted(keys) if key < f"{folder}{current}.json"]
        if not older:
            raise DeploymentError(f"there is no release of {stack.name} before {current}")
        body = s3.get_object(Bucket=bucket, Key=older[-1])["Body"].read().decode()
    name = older[-1].removeprefix(folder).removesuffix(".json")
    return Release(name, body, _url(s3, bucket, older[-1]))


def api(stack: Stack) -> Api:
    """The API's address."""
    return gateway.address(*rest_api(stack), stack.outputs()["EndpointURL"])


def rest_api(stack: Stack) -> tuple[str, str]:
    """The API's id, and the name of its stage."""
    outputs = stack.outputs()
    return outputs["RestAPIId"], outputs["EndpointURL"].rstrip("/").rpartition("/")[2]


def _folder(stack: Stack) -> str:
    return f"{stack.name}/releases/"


def _url(s3: Any, bucket: str, key: str) -> str:
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"
