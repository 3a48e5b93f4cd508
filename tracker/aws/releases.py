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

from tracker.aws import chalice, gateway, template
from tracker.aws.account import client, explained
from tracker.aws.environment import with_keys_of
from tracker.aws.gateway import Api
from tracker.aws.stack import Stack
from tracker.aws_errors import explain
from tracker.errors import DeploymentError

RELEASE = "Release"
BUCKET = "ReleaseBucket"
_BEFORE = "ReleaseBefore"

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
    for function in _functions(packaged):
        function["CodeUri"] = {"Bucket": bucket, "Key": code_key}
    packaged["Outputs"] |= {RELEASE: {"Value": name}, BUCKET: {"Value": bucket}}
    if earlier := stack.outputs().get(RELEASE):
        packaged["Outputs"][_BEFORE] = {"Value": earlier}
    body = msgspec.json.encode(template.with_literal_names(packaged, stack.name)).decode()
    with explained():
        client("s3").put_object(Bucket=bucket, Key=code_key, Body=code)
    return _put(stack, bucket, name, body)


def before(stack: Stack) -> Release:
    """The release that was in use before this one, with the keys of this one: a token that was
    taken back does not come again. Raises `DeploymentError` if there is none."""
    outputs = stack.outputs()
    if BUCKET not in outputs:
        raise DeploymentError(
            f"stack {stack.name} was not made by `deploy --bucket`: go back with the pipeline that"
            " made it"
        )
    bucket, current = outputs[BUCKET], outputs[RELEASE]
    name = outputs.get(_BEFORE)
    if name is None:
        raise DeploymentError(f"there is no release of {stack.name} before {current}")
    now, earlier = _get(stack, bucket, current), _get(stack, bucket, name)
    (today, *_) = _functions(now)
    for function in _functions(earlier):
        variables = function["Environment"]["Variables"]
        function["Environment"]["Variables"] = with_keys_of(
            variables, today["Environment"]["Variables"]
        )
    return _put(stack, bucket, name, msgspec.json.encode(earlier).decode())


def _functions(packaged: template.Template) -> list[dict[str, Any]]:
    """The properties of a packaged template's functions."""
    resources = packaged["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == _FUNCTION]


def _get(stack: Stack, bucket: str, name: str) -> template.Template:
    with explained():
        found = client("s3").get_object(Bucket=bucket, Key=_key(stack, name))
        return msgspec.json.decode(found["Body"].read(), type=template.Template)


def _put(stack: Stack, bucket: str, name: str, body: str) -> Release:
    s3 = client("s3")
    with explained():
        s3.put_object(Bucket=bucket, Key=_key(stack, name), Body=body)
    return Release(name, body, f"{s3.meta.endpoint_url}/{bucket}/{_key(stack, name)}")


def api(stack: Stack) -> Api:
    """The API's address."""
    return gateway.address(*rest_api(stack), stack.outputs()["EndpointURL"])


def rest_api(stack: Stack) -> tuple[str, str]:
    """The API's id, and the name of its stage."""
    outputs = stack.outputs()
    return outputs["RestAPIId"], outputs["EndpointURL"].rstrip("/").rpartition("/")[2]


def _key(stack: Stack, name: str) -> str:
    return f"{stack.name}/releases/{name}.json"
