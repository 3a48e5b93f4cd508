"""What other makers' browser clients ask for before they send anything: where to send.

Their own services list here what else a page is to load. There is nothing else: every list is
empty, so that no page fetches a script it was not given.
"""

from typing import Any

from tracker import collector
from tracker.config import Config
from tracker.http import Request, Response, json

HOUR = 3600


def of_segment(config: Config, request: Request) -> Response:
    """``GET /v1/projects/{write_key}/settings``, for ``@segment/analytics-next`` with our base URL
    as its ``cdnURL``. Raises `Problem`."""
    key = request.parameters["write_key"]
    collector.site_to_write(config, key, request)
    protocol, _, host = request.base_url.partition("://")
    return _kept(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": key,
                    "apiHost": f"{host}{config.path_prefix}/v1",
                    "protocol": protocol,
                }
            },
            # The library looks into the plan for each event that may not be sent.
            "plan": {"track": {"__default": {"enabled": True}}},
        }
    )


def of_rudderstack(config: Config, request: Request) -> Response:
    """``GET /sourceConfig``, for ``@rudderstack/analytics-js`` with our base URL as its
    ``configUrl``. Raises `Problem`."""
    key = collector.basic_user(request) or request.query.get("writeKey", "")
    collector.site_to_write(config, key, request)
    # It reports its own errors and counts to the data plane, unless told not to.
    nothing = {"enabled": False}
    return _kept(
        {
            "source": {
                "id": key,
                "name": key,
                "writeKey": key,
                "workspaceId": key,
                "enabled": True,
                "config": {"statsCollection": {"errors": nothing, "metrics": nothing}},
                "destinations": [],
            }
        }
    )


def _kept(settings: dict[str, Any]) -> Response:
    """Each page load asks for this: a browser that has it need not ask again for a while."""
    return json(settings, headers={"cache-control": f"public, max-age={HOUR}"})
