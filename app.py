"""The Chalice app: it mounts the route table and the queue's consumer. No logic.

`chalice deploy` makes one Lambda of the routes and one of the consumer.
"""

import os
from urllib.parse import unquote

from chalice.app import CaseInsensitiveMapping, Chalice, SQSEvent
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from tracker import config, cors, routes, wiring
from tracker.http import Request, Response

app = Chalice(app_name="tracker")
# Every body comes and goes as bytes: gzip in, the GIF out, whatever the Accept header says.
app.api.binary_types = ["*/*"]

_parts = wiring.parts(config.from_environment(os.environ))
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
    return Request(
        current.method,
        current.path,
        headers,
        dict(current.query_params or {}),
        body.encode() if isinstance(body, str) else body,
        gateway.get("identity", {}).get("sourceIp"),
        f"https://{gateway.get('domainName', '')}/{gateway.get('stage', '')}",
        # API Gateway hands them over as they stand in the URL.
        {name: unquote(value) for name, value in path_parameters.items()},
    )


def _response(response: Response) -> ChaliceResponse:
    return ChaliceResponse(response.body, dict(response.headers), response.status)


def _mount(path: str, by_method: dict[str, routes.Route]) -> None:
    """One view a path: Chalice tells the method."""
    methods = routes.allowed_methods(by_method)

    def view(**path_parameters: str) -> ChaliceResponse:
        request = _request(path_parameters)
        if request.method == "OPTIONS":
            answer = cors.preflight(", ".join(methods))
            answer.headers |= cors.headers(_parts.config, request)
            return _response(answer)
        route = by_method["GET" if request.method == "HEAD" else request.method]
        response = routes.finish(routes.answer(route, request, _parts.config), _parts)
        if request.method == "HEAD":
            response.body = b""
        return _response(response)

    view.__name__ = "view_" + "".join(c if c.isalnum() else "_" for c in path)
    app.route(path, methods=methods, content_types=["*/*"])(view)


def _by_path() -> dict[str, dict[str, routes.Route]]:
    paths: dict[str, dict[str, routes.Route]] = {}
    for route in _table:
        paths.setdefault(route.path, {})[route.method] = route
    return paths


for _path, _by_method in _by_path().items():
    _mount(_path, _by_method)


@app.on_sqs_message(queue=os.environ.get("TRACKER_QUEUE_NAME", "tracker-events"), batch_size=10)
def consume(event: SQSEvent) -> None:
    """Store what the queue gives. An error here gives the whole batch again, which stores nothing
    twice: that is safe without ``ReportBatchItemFailures``, which Chalice cannot switch on."""
    from tracker import consumer
    from tracker.queues import sqs

    consumer.consume([sqs.decode(record.body) for record in event], _parts.store)
