"""What ``chalice deploy`` has made, with what Chalice cannot say of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker.aws import gateway, template, versions
from tracker.aws.account import client, explained
from tracker.aws.gateway import Api
from tracker.errors import DeploymentError

Deployed = Mapping[str, dict[str, Any]]
"""Chalice's name → what it has noted of the resource."""

_LOGICAL = {"api_handler": "APIHandler", "consume": "Consume"}
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
    return gateway.address(*_rest_api(deployed), deployed["rest_api"]["rest_api_url"])


def complete(deployed: Deployed) -> None:
    """Say what Chalice cannot, and keep this version of each function."""
    aws = client("lambda")
    with explained():
        for chalices, function in names(deployed).items():
            logging = template.of_chalice(_LOGICAL[chalices])["LoggingConfig"]
            now = aws.get_function_configuration(FunctionName=function)
            if any(now.get("LoggingConfig", {}).get(k) != v for k, v in logging.items()):
                versions.wait_for(function)
                aws.update_function_configuration(FunctionName=function, LoggingConfig=logging)
    api_id, stage = _rest_api(deployed)
    gateway.answer_as_the_contract_says(api_id, stage)
    keep(deployed)


def keep(deployed: Deployed) -> None:
    """Keep what is deployed now, to come back to."""
    here = names(deployed)
    versions.keep(here["consume"])
    versions.keep(here["api_handler"], gateway.current_deployment(*_rest_api(deployed)))


def before(deployed: Deployed) -> list[versions.Version]:
    """The versions to go back to, in that order.

    The API goes first: what it queues, the newer consumer can read as well.
    """
    here = names(deployed)
    return [versions.before(here[name]) for name in ("api_handler", "consume")]


def go_back(deployed: Deployed, to: Sequence[versions.Version], packages: Path) -> None:
    """Bring API and functions to earlier versions."""
    for version in to:
        versions.go_back(version, packages)
        if version.api_deployment:
            gateway.serve_deployment(*_rest_api(deployed), version.api_deployment)


def _rest_api(deployed: Deployed) -> tuple[str, str]:
    rest_api = deployed["rest_api"]
    return rest_api["rest_api_id"], rest_api["rest_api_url"].rstrip("/").rpartition("/")[2]
