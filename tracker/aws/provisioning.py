"""What the Lambdas need beside themselves: the stack, and what Chalice has to know of it."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tracker import keyring, stages
from tracker.aws import policies, template, versions
from tracker.aws.account import Account
from tracker.aws.environment import with_keys_of
from tracker.aws.stack import Stack
from tracker.config import CHECK_SITE, DEFAULT_SITE, Config, Keys, Site, hash_token
from tracker.errors import ConfigError, DeploymentError

_ONE_STACK = "APIHandlerName"
"""Chalice's output of a stack that holds the functions too: `tracker.aws.releases`."""

POLICIES = {
    "api_handler": "policy-api.json",
    "consume": "policy-consume.json",
    "count": "policy-count.json",
}
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
    "Stream": "TRACKER_STREAM",
}
"""Output of the stack → the setting that holds it."""


def is_one_stack(stack: Stack) -> bool:
    """Whether a stack holds the functions too."""
    return _ONE_STACK in stack.outputs()


def refuse_one_stack(stack: Stack) -> None:
    """Raise where provisioning would take the functions out of a stack that holds them."""
    if is_one_stack(stack):
        raise DeploymentError(
            f"stack {stack.name} holds the functions as well: update it with"
            " `python -m tracker deploy --bucket BUCKET`, or with the pipeline that made it"
        )


def body(name: str) -> str:
    """The template of the stack of that name."""
    provisioned = template.with_literal_names(template.provisioned(), name)
    return msgspec.json.encode(provisioned).decode()


def check(stage: str, stack: Stack, project: Path) -> None:
    """Raise `ConfigError` for keys that nothing can be made of, before anything is made."""
    known = _environment(stage, stack.name, project)
    _validate(_decode(known, "TRACKER_SITES"), _decode(known, "TRACKER_READ_TOKENS"))


def write_settings(
    stage: str, known: Mapping[str, str], policy_files: Mapping[str, str], project: Path
) -> str | None:
    """Write into ``.chalice/config.json`` what a stage's functions need; a new read token, if
    this made the first one.

    ``known`` are the stack's outputs, as far as there are any; ``policy_files``: function → file.
    """
    settings = stages.load(project)
    known_keys = _environment(stage, stages.name_of(settings, stage), project)
    of_stage = stages.ensure(settings, stage)
    token = _add_keys(of_stage, stage, known_keys, project)
    of_stage["environment_variables"] |= {
        _OUTPUTS[output]: value for output, value in known.items() if output in _OUTPUTS
    }
    functions = of_stage.setdefault("lambda_functions", {})
    for function, file in policy_files.items():
        settings_of_it = functions.setdefault(function, {})
        if _is_ours(settings_of_it.get("iam_policy_file"), function):
            settings_of_it["iam_policy_file"] = file
    stages.save(settings, project)
    return token


def _is_ours(policy_file: str | None, function: str) -> bool:
    """Whether a policy file is the kit's, of another stage maybe, and not the user's own."""
    if policy_file is None:
        return True
    ending = POLICIES[function].removeprefix("policy")
    return policy_file.startswith("policy-") and policy_file.endswith(ending)


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
        stages.write(folder / files[function], msgspec.json.format(rendered, indent=2) + b"\n")
    return files


def _add_keys(
    of_stage: stages.Settings, stage: str, known: Mapping[str, str], project: Path
) -> str | None:
    """Give a stage keys where it has none, and those of the deployment's own check; the read
    token, if it was made just now. ``known`` is the environment that the stage has."""
    sites = _decode(known, "TRACKER_SITES")
    tokens = _decode(known, "TRACKER_READ_TOKENS")
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
    environment = of_stage.setdefault("environment_variables", {})
    environment["TRACKER_SITES"] = msgspec.json.encode(sites).decode()
    environment["TRACKER_READ_TOKENS"] = msgspec.json.encode(tokens).decode()
    if secret := known.get("TRACKER_SECRET") or _secret(sites):
        environment["TRACKER_SECRET"] = secret
    return token


def _secret(sites: dict[str, Any]) -> str | None:
    """A new secret, where a site hashes."""
    hashes = any(site.hashes for site in msgspec.convert(sites, dict[str, Site]).values())
    return keyring.new_secret() if hashes else None


def _environment(stage: str, name: str, project: Path) -> Mapping[str, str]:
    """The environment of a stage; of one that is deployed, and has no sites in this folder's
    file, the keys that its pages and readers use now."""
    settings = stages.load(project)
    known = stages.environment(stage, project) if stage in settings.get("stages", {}) else {}
    if known.get("TRACKER_SITES"):
        return known
    deployed = versions.now(name)
    return with_keys_of(known, versions.variables(deployed)) if deployed else known


class CheckKeys(msgspec.Struct):
    """With what a deployment is checked: keys of a site of its own, so that no real site ever
    holds an event of it."""

    write_key: str
    read_token: str


def has_check_keys(stage: str, project: Path = Path()) -> bool:
    """Whether the stage was deployed from here, so that the check's keys are known."""
    return _check_file(stage, project).exists()


def check_keys(stage: str, project: Path = Path()) -> CheckKeys:
    """The check's keys, made at first use and kept on this machine alone."""
    path = _check_file(stage, project)
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckKeys)
    except (OSError, msgspec.MsgspecError):
        keys = CheckKeys(f"wk_check_{secrets.token_urlsafe(12)}", keyring.new_read_token())
        stages.write(path, msgspec.json.encode(keys), mode=0o600)
        return keys


def _check_file(stage: str, project: Path) -> Path:
    return project / stages.FOLDER / f"check-{stage}.json"


def _decode(environment: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(environment.get(name) or "{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{name} in {stages.FILE} is not the JSON it should be: {error}") from (
            None
        )


def _validate(sites: dict[str, Any], tokens: dict[str, Any]) -> None:
    try:
        of_sites = msgspec.convert(sites, dict[str, Site])
        msgspec.convert(tokens, dict[str, str])
    except msgspec.ValidationError as error:
        raise ConfigError(f"the keys in {stages.FILE} are not as they should be: {error}") from None
    Config(keys=Keys(sites=of_sites))
