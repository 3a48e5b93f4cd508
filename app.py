"""The Chalice app: it mounts the route table, the queue's consumer and the counter. No logic.

`chalice deploy` makes one Lambda of the routes, one of the consumer and one of the counter.
"""

import os
from typing import Any
from urllib.parse import unquote

from chalice.app import CaseInsensitiveMapping, Chalice, DynamoDBEvent, MultiDict, SQSEvent
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from tracker import config, cors, logs, routes, wiring
from tracker.http import Request, Response
from tracker.lambdas import api
from tracker.router import Route, allowed_methods

# `chalice deploy` imports this, and then packages the requirements with pip: without what they
# require in turn. That is botocore, nine tenths of a full package; it is in Lambda's runtime.
os.environ.setdefault("PIP_NO_DEPS", "1")

# The name that the API gets: alarms and dashboard look for it.
app = Chalice(app_name=os.environ.get("TRACKER_TABLES") or "tracker", configure_logs=False)
# Every body may come and go as bytes: gzip in, the GIF out, whatever the Accept header says.
app.api.binary_types = ["*/*"]

_config = config.from_environment(os.environ)
logs.to_standard_output(os.environ, _config.lambdas.log_sample)
_parts = wiring.parts(_config)
_table = routes.routes(_parts)


def _request(path_parameters: dict[str, str]) -> Request:
    current: ChaliceRequest | None = app.current_request
    assert current is not None  # noqa: S101  (a view runs inside a request)
    headers = dict(current.headers)
    # Chalice turns a binary answer into a 400 if the request has no Accept header: by then the
    # events are queued.
    current.headers = CaseInsensitiveMapping({"accept": "*/*"} | headers)
    body = current.raw_body
    gateway = current.context
    query = current.query_params or MultiDict({})
    return Request(
        current.method,
        current.path,
        headers,
        dict(query),
        body.encode() if isinstance(body, str) else body,
        gateway.get("identity", {}).get("sourceIp"),
        _base_url(gateway),
        # API Gateway hands them over as they stand in the URL.
        {name: unquote(value) for name, value in path_parameters.items()},
        repeated=[name for name in query if len(query.getlist(name)) > 1],
    )


def _base_url(context: dict[str, Any]) -> str:
    """The URL the routes stand under. With a domain of one's own, the stage is no part of it."""
    route: str = context["resourcePath"]
    segments = context.get("path", route).rstrip("/").split("/")
    before = segments[: len(segments) - route.rstrip("/").count("/")]
    return f"https://{context.get('domainName', '')}" + "/".join(before)


class _Answer(ChaliceResponse):
    """Text goes as it is: API Gateway decodes base64 only for who says what it accepts."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        return super().to_dict(None if isinstance(self.body, str) else binary_types)


def _response(response: Response) -> ChaliceResponse:
    is_text = not response.headers.get("content-type", "text/").startswith(("image/", "font/"))
    body = response.body.decode() if is_text else response.body
    return _Answer(body, dict(response.headers), response.status)


def _mount(path: str, by_method: dict[str, Route]) -> None:
    """One view a path: Chalice tells the method."""
    methods = allowed_methods(by_method)

    def view(**path_parameters: str) -> ChaliceResponse:
        request = _request(path_parameters)
        if request.method == "OPTIONS":
            answer = cors.preflight(", ".join(methods))
            answer.headers |= cors.headers(_config, request)
            return _response(answer)
        route = by_method["GET" if request.method == "HEAD" else request.method]
        # Whoever calls the app without Lambda may have no context to give.
        request_id = getattr(app.lambda_context, "aws_request_id", "")
        response = api.answer(route, request, _parts, request_id)
        if request.method == "HEAD":
            response.body = b""
        return _response(response)

    view.__name__ = "view_" + "".join(c if c.isalnum() else "_" for c in path)
    app.route(path, methods=methods, content_types=["*/*"])(view)


def _by_path() -> dict[str, dict[str, Route]]:
    paths: dict[str, dict[str, Route]] = {}
    for route in _table:
        paths.setdefault(route.path, {})[route.method] = route
    return paths


for _path, _by_method in _by_path().items():
    _mount(_path, _by_method)


@app.on_sqs_message(
    queue=os.environ.get("TRACKER_QUEUE_NAME", "tracker-events"),
    batch_size=_config.lambdas.batch,
    maximum_batching_window_in_seconds=_config.lambdas.window_seconds,
    maximum_concurrency=_config.lambdas.concurrency,
)
def consume(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    """Store what the queue gives."""
    from tracker.lambdas import consumer

    invocation: Any = event.context
    return consumer.consume(
        event.to_dict(),
        _parts,
        invocation.aws_request_id,
        invocation.get_remaining_time_in_millis(),
    )


@app.on_dynamodb_record(
    # Every change counts, also what was stored before the function was there.
    stream_arn=os.environ.get("TRACKER_STREAM", "arn:aws:dynamodb:::table/tracker-events/stream/"),
    starting_position="TRIM_HORIZON",
    batch_size=_config.lambdas.counter_batch,
    maximum_batching_window_in_seconds=_config.lambdas.counter_window_seconds,
)
def count(event: DynamoDBEvent) -> None:
    """Count what was stored."""
    from tracker.lambdas import counter

    invocation: Any = event.context
    counter.count(
        event.to_dict(),
        _parts,
        invocation.aws_request_id,
        invocation.get_remaining_time_in_millis(),
    )
