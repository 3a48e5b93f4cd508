"""What the Lambdas need beside themselves: the stack, and what Chalice has to know of it."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker import keyring, stages
from tracker.aws import policies, template
from tracker.aws.account import Account
from tracker.aws.stack import Stack
from tracker.config import CHECK_SITE, DEFAULT_SITE, Site, hash_token
from tracker.errors import ConfigError, DeploymentError

RELEASE = "Release"
"""The output that tells that a stack holds the functions too: `tracker.aws.releases`."""

POLICIES = {"api_handler": "policy-api.json", "consume": "policy-consume.json"}
"""Chalice's function → its policy file in ``.chalice``, as CloudFormation reads it."""

_TRACE = {
    "Sid": "SendTraces",
    "Effect": "Allow",
    "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    "Resource": "*",
}
"""Added where ``"xray": true`` is set. X-Ray has no resources that a policy could name."""

_OUTPUTS = {
    "QueueUrl": "TRACKER_QUEUE_URL",
    "QueueName": "TRACKER_QUEUE_NAME",
    "Tables": "TRACKER_TABLES",
}
"""Output of the stack → the setting that holds it."""


def refuse_one_stack(stack: Stack) -> None:
    """Raise where provisioning would take the functions out of a stack that holds them."""
    if RELEASE in stack.outputs():
        raise DeploymentError(
            f"stack {stack.name} holds the functions as well: update it with"
            " `python -m tracker deploy --bucket BUCKET`"
        )


def body(name: str) -> str:
    """The template of the stack of that name."""
    provisioned = template.with_literal_table_names(template.provisioned(), name)
    return msgspec.json.encode(provisioned).decode()


def write_settings(
    stage: str, known: Mapping[str, str], policy_files: Mapping[str, str], project: Path
) -> str | None:
    """Write into ``.chalice/config.json`` what a stage's functions need; a new read token, if
    this made the first one.

    ``known`` are the stack's outputs, as far as there are any; ``policy_files``: function → file.
    """
    settings = stages.load(project)
    of_stage = stages.ensure(settings, stage)
    token = _add_keys(of_stage, stage, project)
    of_stage["environment_variables"] |= {
        _OUTPUTS[output]: value for output, value in known.items() if output in _OUTPUTS
    }
    functions = of_stage.setdefault("lambda_functions", {})
    for function, file in policy_files.items():
        functions.setdefault(function, {})["iam_policy_file"] = file
    stages.save(settings, project)
    return token


def write_policies(
    stage: str, name: str, account: Account, project: Path = Path()
) -> dict[str, str]:
    """Write the stage's policy files, with real names: function → file."""
    settings = stages.load(project)
    traced = stages.ensure(settings, stage).get("xray", settings.get("xray", False))
    place = f"arn:{account.partition}:{{}}:{account.region}:{account.id}:"
    arns = {
        "Queue": f"{place.format('sqs')}{name}-queue",
        "DeadLetters": f"{place.format('sqs')}{name}-dead-letters",
        "Events": f"{place.format('dynamodb')}table/{name}-events",
        "Index": f"{place.format('dynamodb')}table/{name}-index",
    }
    names = {
        "Name": name,
        "AWS::AccountId": account.id,
        "AWS::Partition": account.partition,
        "AWS::Region": account.region,
    }
    folder = project / stages.FOLDER
    files = {}
    for function, source in POLICIES.items():
        files[function] = source.replace("policy-", f"policy-{stage}-")
        try:
            policy = msgspec.json.decode((folder / source).read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{folder / source} cannot be read: {error}") from None
        if traced:
            policy["Statement"].append(_TRACE)
        rendered = msgspec.json.encode(policies.render(policy, arns, names))
        (folder / files[function]).write_bytes(msgspec.json.format(rendered, indent=2) + b"\n")
    return files


def _add_keys(of_stage: stages.Settings, stage: str, project: Path) -> str | None:
    """Give a stage keys where it has none, and those of the deployment's own check; the read
    token, if it was made just now."""
    environment = of_stage.setdefault("environment_variables", {})
    sites = _decode(environment, "TRACKER_SITES")
    tokens = _decode(environment, "TRACKER_READ_TOKENS")
    token = None
    if not [name for name in sites if name != CHECK_SITE]:
        sites = {DEFAULT_SITE: {"write_keys": [keyring.new_write_key()]}} | sites
        if not tokens:
            token = keyring.new_read_token()
            tokens = {hash_token(token): DEFAULT_SITE}
    check = check_keys(stage, project)
    sites[CHECK_SITE] = {"write_keys": [check.write_key]}
    tokens = {hashed: site for hashed, site in tokens.items() if site != CHECK_SITE}
    tokens[hash_token(check.read_token)] = CHECK_SITE
    _validate(sites, tokens)
    environment["TRACKER_SITES"] = msgspec.json.encode(sites).decode()
    environment["TRACKER_READ_TOKENS"] = msgspec.json.encode(tokens).decode()
    return token


class CheckKeys(msgspec.Struct):
    """With what a deployment is checked: keys of a site of its own, so that no real site ever
    holds an event of it."""

    write_key: str
    read_token: str


def check_keys(stage: str, project: Path = Path()) -> CheckKeys:
    """The check's keys, made at first use and kept on this machine alone."""
    path = project / stages.FOLDER / f"check-{stage}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckKeys)
    except (OSError, msgspec.MsgspecError):
        keys = CheckKeys(f"wk_check_{secrets.token_urlsafe(12)}", keyring.new_read_token())
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(keys))
        return keys


def _decode(environment: dict[str, str], name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(environment.get(name) or "{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{name} in {stages.FILE} is not the JSON it should be: {error}") from (
            None
        )


def _validate(sites: dict[str, Any], tokens: dict[str, Any]) -> None:
    try:
        msgspec.convert(sites, dict[str, Site])
        msgspec.convert(tokens, dict[str, str])
    except msgspec.ValidationError as error:
        raise ConfigError(f"the keys in {stages.FILE} are not as they should be: {error}") from None
