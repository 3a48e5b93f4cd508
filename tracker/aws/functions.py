"""What ``chalice deploy`` has made, with what Chalice cannot say of it."""

import time
from collections.abc import Mapping
from typing import Any

from tracker.aws import chalice, gateway, kept, provisioning, template, versions
from tracker.aws.account import client, explained
from tracker.aws.gateway import Api
from tracker.aws.kept import Parts
from tracker.aws.stack import Stack
from tracker.errors import DeploymentError

Deployed = Mapping[str, dict[str, Any]]
"""Chalice's name → what it has noted of the resource."""

_PAUSE_SECONDS = 0.5

_LOGICAL = {"api_handler": "APIHandler", "consume": "Consume", "count": "Count"}
"""Chalice's name of a function → its name in the template."""


def names(deployed: Deployed) -> dict[str, str]:
    """Chalice's name → the function's name in AWS. Raises `DeploymentError` if one is missing."""
    try:
        return {name: deployed[name]["lambda_arn"].rpartition(":")[2] for name in _LOGICAL}
    except KeyError as error:
        raise DeploymentError(
            f"function {error} is not deployed from this folder: `python -m tracker deploy` first"
        ) from None


def api(deployed: Deployed) -> Api:
    """The API's address."""
    return gateway.address(*rest_api(deployed), deployed["rest_api"]["rest_api_url"])


def parts(deployed: Deployed) -> Parts:
    """What is kept, and gone back to."""
    here = names(deployed)
    return Parts(here["api_handler"], here["consume"], here["count"], rest_api(deployed))


def complete(deployed: Deployed) -> None:
    """Say what Chalice cannot, and keep this version."""
    for chalices, function in names(deployed).items():
        _log_as_wished(function, template.of_chalice(_LOGICAL[chalices])["LoggingConfig"])
    gateway.answer_as_the_contract_says(*rest_api(deployed))
    kept.keep(parts(deployed))


def refuse_unrecorded(name: str, deployed: Deployed, stack: Stack) -> None:
    """Raise `DeploymentError` where a deployment is there that neither Chalice's record in this
    folder nor the stack knows of."""
    if "api_handler" in deployed or provisioning.is_one_stack(stack):
        return
    if kept.is_kept(versions.now(name) or {}):
        raise DeploymentError(
            f"function {name} was deployed from another folder: do this where Chalice's record of"
            f" it is, in {chalice.DEPLOYED}"
        )


def refuse_left_over(name: str, deployed: Deployed, stack: Stack) -> None:
    """Raise `DeploymentError` where a function is there that this folder has no record of: mostly
    it is left of a first deploy that failed."""
    if "api_handler" in deployed or provisioning.is_one_stack(stack):
        return
    for function in (name, f"{name}-consume", f"{name}-count"):
        if versions.now(function) is not None:
            raise DeploymentError(
                f"function {function} is there, and {chalice.DEPLOYED} has no record of it: do this"
                " in the folder it was deployed from; or, if it is left of a deploy that failed,"
                " finish that with `python -m tracker deploy`, then repeat this"
            )


def forget_unrecorded(name: str, deployed: Deployed) -> None:
    """Take consumer and counter off queue and stream where Chalice has no record of having put them
    there: a first deploy that failed leaves none, and could then not be repeated. What they would
    get waits meanwhile."""
    for function, source, where in (
        (f"{name}-consume", "consume-sqs-event-source", f":{name}-queue"),
        (f"{name}-count", "count-dynamodb-event-source", f":table/{name}-events/"),
    ):
        if source not in deployed and versions.now(function) is not None:
            _forget_mappings(function, where)


def _forget_mappings(function: str, where: str) -> None:
    aws = client("lambda")
    with explained():
        while mappings := [
            mapping
            for mapping in aws.list_event_source_mappings(FunctionName=function)[
                "EventSourceMappings"
            ]
            if where in mapping["EventSourceArn"]
        ]:
            for mapping in mappings:
                if mapping["State"] != "Deleting":
                    aws.delete_event_source_mapping(UUID=mapping["UUID"])
            time.sleep(_PAUSE_SECONDS)


def _log_as_wished(function: str, logging: Mapping[str, str]) -> None:
    aws = client("lambda")
    with explained():
        now = aws.get_function_configuration(FunctionName=function).get("LoggingConfig", {})
        if any(now.get(name) != value for name, value in logging.items()):
            versions.wait_for(function)
            aws.update_function_configuration(FunctionName=function, LoggingConfig=logging)


def rest_api(deployed: Deployed) -> tuple[str, str]:
    """The API's id, and the name of its stage."""
    found = deployed["rest_api"]
    return found["rest_api_id"], found["rest_api_url"].rstrip("/").rpartition("/")[2]
