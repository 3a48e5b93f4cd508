"""Deploy a stage to AWS: provision it, deploy the functions, and prove that they work."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tracker import assets, config, schemas, stages
from tracker.aws import chalice, functions, gateway, proof, provisioning, releases
from tracker.aws.gateway import Api
from tracker.aws.stack import Stack
from tracker.commands import dialogue, provision
from tracker.commands.terminal import say
from tracker.config import CHECK_SITE
from tracker.config.lambdas import LambdaSettings
from tracker.errors import ConfigError, DeploymentError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``deploy`` takes."""
    dialogue.add_stage(parser)
    provision.add_parameters(parser)
    parser.add_argument(
        "--bucket",
        metavar="NAME",
        help="deploy functions and all as one stack, that changes at once or not at all; the"
        " releases are kept in this S3 bucket",
    )


def run(given: argparse.Namespace) -> int:
    """Deploy, and send an event through."""
    project = Path()
    _check_schemas(given.stage, project)
    api = _one_stack(given) if given.bucket else _with_chalice(given, project)
    prove(api, given.stage, project)
    _welcome(api, given.stage, project)
    return 0


def _check_schemas(stage: str, project: Path) -> None:
    """Raise `ConfigError` for a schema that is wrong, before anything is made."""
    folder = project / "vendor" / schemas.FOLDER
    if not folder.is_dir():
        return
    is_known = stage in (stages.load(project).get("stages") or {})
    settings = stages.environment(stage, project) if is_known else {}
    schemas.read(folder, config.from_environment(settings))


def prove(api: Api, stage: str, project: Path) -> None:
    """See that an event goes in and comes out."""
    settings = config.from_environment(stages.environment(stage, project))
    say("Sending an event through …")
    seconds = proof.prove(api, settings.path_prefix, provisioning.check_keys(stage, project))
    say(f"It was stored, and read back, {seconds:.1f} s later.")


def _lambdas(stage: str, project: Path) -> LambdaSettings:
    return config.from_environment(stages.environment(stage, project)).lambdas


def _with_chalice(given: argparse.Namespace, project: Path) -> Api:
    stack = provision.provision(given)
    settings = _lambdas(given.stage, project)
    if settings.partial_failures:
        raise ConfigError(
            "TRACKER_PARTIAL_FAILURES is for a stack (--bucket): without it, Lambda would delete"
            " what could not be stored; take it out of .chalice/config.json"
        )
    earlier = chalice.deployed(given.stage, project)
    functions.refuse_unrecorded(stack.name, earlier, stack)
    functions.forget_unrecorded(stack.name, earlier)
    with TemporaryDirectory() as folder:
        chalice.package(given.stage, Path(folder), project=project, say=_indented)
    chalice.run("deploy", "--stage", given.stage, project=project, say=_indented)
    deployed = chalice.deployed(given.stage, project)
    functions.complete(deployed)
    gateway.throttle(*functions.rest_api(deployed), settings.requests_per_second)
    return functions.api(deployed)


def _one_stack(given: argparse.Namespace) -> Api:
    project, where, stack = dialogue.go_there(given)
    if chalice.deployed(given.stage, project):
        raise DeploymentError(
            f"stage {given.stage} was deployed without --bucket: run `chalice delete --stage"
            f" {given.stage}` first (the queue and the tables stay), or leave --bucket out"
        )
    releases.check(given.bucket)
    dialogue.remove_half_made(stack, yes=given.yes)
    known = {"QueueName": f"{stack.name}-queue", "Tables": stack.name}
    policy_files = provisioning.write_policies(given.stage, stack.name, where, project)
    token = provisioning.write_settings(given.stage, known, policy_files, project)
    if token:
        say(f"A read token for it, shown this once (only its hash is kept): {token}")
    release = releases.make(stack, given.stage, given.bucket, project, _indented)
    apply_release(stack, release, provision.parameters(given, stack), yes=given.yes)
    provisioning.write_settings(given.stage, stack.outputs(), {}, project)
    rest_api = releases.rest_api(stack)
    gateway.answer_as_the_contract_says(*rest_api)
    gateway.throttle(*rest_api, _lambdas(given.stage, project).requests_per_second)
    return releases.api(stack)


def apply_release(
    stack: Stack, release: releases.Release, parameters: dict[str, str], *, yes: bool
) -> None:
    """Bring a stack to a release."""
    plan = stack.plan(release.body, parameters, url=release.url)
    if plan is None:
        say(f"Stack {stack.name} is at {release.name} already.")
        return
    dialogue.apply(stack, plan, yes=yes)
    say(f"Stack {stack.name} is at release {release.name}.")


def _welcome(api: Api, stage: str, project: Path) -> None:
    settings = config.from_environment(stages.environment(stage, project))
    site = next(name for name in settings.keys.sites if name != CHECK_SITE)
    snippet = assets.snippet(
        api.url + settings.path_prefix,
        settings.keys.sites[site].write_keys[0],
        settings.script_name,
    ).replace("\n", "\n    ")
    say(f"""
The tracker serves {api.url}

  Dashboard   {api.url}/   (asks for a read token)

Paste this into your pages, at the end of <head>:

    {snippet}

Then ask what somebody did:

    python -m tracker events --stage {stage} --user USER_ID
    python -m tracker status --stage {stage}""")


def _indented(line: str) -> None:
    say(f"    {line}")
