"""The REST API: where it is, and what it answers by itself."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tracker.aws import template
from tracker.aws.account import client, explained

_BURST_SECONDS = 10
_MOST_BURST = 5000
"""An account's own, unless AWS has raised it."""


class Api(NamedTuple):
    """How the API is reached."""

    url: str
    headers: dict[str, str]
    """To send with each request: where the SDK is led to another endpoint (``AWS_ENDPOINT_URL``),
    the API is there as well, told apart by its host name."""


def address(api_id: str, stage: str, url: str) -> Api:
    """The address of a deployed API, which AWS's own is ``url``."""
    endpoint = client("apigateway").meta.endpoint_url
    if (urlsplit(endpoint).hostname or "").startswith("apigateway"):
        return Api(url.rstrip("/"), {})
    return Api(f"{endpoint}/{stage}", {"Host": f"{api_id}.execute-api.localhost"})


def answer_as_the_contract_says(api_id: str, stage: str) -> bool:
    """Let API Gateway's own errors speak the contract's problem format; whether that was a change.

    In a stack of `chalice package` they come with the API; `chalice deploy` cannot say them.
    """
    apigateway = client("apigateway")
    with explained():
        listed = apigateway.get_gateway_responses(restApiId=api_id, limit=500)["items"]
        there = {item["responseType"]: item for item in listed if not item.get("defaultResponse")}
        changed = False
        for kind, wanted in _wanted().items():
            item = there.get(kind, {})
            if any(item.get(key) != value for key, value in wanted.items()):
                apigateway.put_gateway_response(restApiId=api_id, responseType=kind, **wanted)
                changed = True
        if changed:
            apigateway.create_deployment(
                restApiId=api_id, stageName=stage, description="with the contract's errors"
            )
    return changed


def throttle(api_id: str, stage: str, per_second: int) -> None:
    """Let a stage answer so many requests a second, and no more; 0 leaves it as it is."""
    if not per_second:
        return
    limits = {"rateLimit": per_second, "burstLimit": min(_BURST_SECONDS * per_second, _MOST_BURST)}
    changes = [
        {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
        for name, value in limits.items()
    ]
    with explained():
        client("apigateway").update_stage(
            restApiId=api_id, stageName=stage, patchOperations=changes
        )


def _wanted() -> dict[str, dict[str, Any]]:
    """The template's gateway responses, as the API takes them."""
    return {
        kind: {
            "statusCode": response["StatusCode"],
            "responseParameters": {
                f"gatewayresponse.header.{name}": value
                for name, value in response["ResponseParameters"]["Headers"].items()
            },
            "responseTemplates": response["ResponseTemplates"],
        }
        for kind, response in template.of_chalice("RestAPI")["GatewayResponses"].items()
    }


def current_deployment(api_id: str, stage: str) -> str:
    """The id of the deployment that a stage serves."""
    with explained():
        found = client("apigateway").get_stage(restApiId=api_id, stageName=stage)
    deployment: str = found["deploymentId"]
    return deployment


def serve_deployment(api_id: str, stage: str, deployment: str) -> None:
    """Let a stage serve an earlier deployment."""
    change = {"op": "replace", "path": "/deploymentId", "value": deployment}
    with explained():
        client("apigateway").update_stage(
            restApiId=api_id, stageName=stage, patchOperations=[change]
        )
