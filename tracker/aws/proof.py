"""Proof that a deployment works: an event goes in at the public URL, and comes out again."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import requests

from tracker.aws.gateway import Api
from tracker.aws.provisioning import CheckKeys
from tracker.errors import DeploymentError

PATIENCE = 120.0
"""Seconds. A new API, a first cold start of each function and the queue's long poll take some."""

_REQUEST_SECONDS = 35
_PAUSE_SECONDS = 1.0


def prove(api: Api, prefix: str, keys: CheckKeys, patience: float = PATIENCE) -> float:
    """Send one event, and wait until the read endpoint returns it: in so many seconds. Raises
    `DeploymentError`. ``prefix`` is what the API's paths begin with."""
    visitor = f"check-{uuid.uuid4().hex}"
    event = {
        "type": "track",
        "event": "Deployment checked",
        "anonymousId": visitor,
        "messageId": visitor,
    }
    started = time.monotonic()
    deadline = started + patience

    def sent() -> bool:
        body = {"batch": [event], "writeKey": keys.write_key}
        answer = _call("POST", api, f"{prefix}/v1/batch", json=body)
        taken: bool = answer.get("accepted") == 1
        return taken

    def read() -> bool:
        answer = _call(
            "GET",
            api,
            f"{prefix}/v1/events",
            params={"anonymous_id": visitor},
            headers={"Authorization": f"Bearer {keys.read_token}"},
        )
        return [event["messageId"] for event in answer.get("data", [])] == [visitor]

    _until(sent, deadline, f"{api.url}{prefix}/v1/batch did not take an event")
    _until(read, deadline, "an event was taken, but cannot be read: look at the consumer's log")
    return time.monotonic() - started


def answers(api: Api, patience: float = PATIENCE) -> None:
    """Wait until the API says that its parts work. Raises `DeploymentError`."""

    def healthy() -> bool:
        found: bool = _call("GET", api, "/health").get("status") == "ok"
        return found

    _until(healthy, time.monotonic() + patience, f"{api.url}/health is not well")


class _NotYet(Exception):
    pass


def _call(method: str, api: Api, path: str, **how: Any) -> dict[str, Any]:
    headers = api.headers | how.pop("headers", {})
    try:
        answer = requests.request(
            method, api.url + path, headers=headers, timeout=_REQUEST_SECONDS, **how
        )
    except requests.RequestException as error:
        raise _NotYet(str(error)) from error
    try:
        found: dict[str, Any] = answer.json()
    except ValueError as error:
        raise _NotYet(f"it answered {answer.status_code} with something other than JSON") from error
    if answer.status_code != 200:
        raise _NotYet(f"it answered {answer.status_code}: {found.get('message', '')}")
    return found


def _until(check: Callable[[], bool], deadline: float, failure: str) -> None:
    last = "nothing came"
    while True:
        try:
            if check():
                return
        except _NotYet as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise DeploymentError(f"{failure} (the last: {last})")
        time.sleep(_PAUSE_SECONDS)
