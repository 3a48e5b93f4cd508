"""CPU of a request of 20 events through the Chalice app, beside a route that only parses JSON."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from chalice import Chalice

from bench import gateway, page_views
from bench.figure import Figure
from bench.options import Options
from tracker import timestamps

ROUNDS = 60
"""The best of them counts: what else the machine does only adds."""
REQUESTS = 50
EVENTS = 20
ENVIRONMENT = {
    "TRACKER_SITES": '{"shop": {"write_keys": ["key"]}}',
    "TRACKER_QUEUE_URL": "http://127.0.0.1:9/1/queue",
    "TRACKER_TABLES": "bench",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
}

parsing = Chalice(app_name="parsing")


@parsing.route("/v1/batch", methods=["POST"])
def parse() -> dict[str, bool]:
    """The floor."""
    assert parsing.current_request  # noqa: S101  (a view runs inside a request)
    return {"success": isinstance(parsing.current_request.json_body, dict)}


class Taken:
    """In the queue's place: to send is the SDK's work, and SQS's."""

    def send(self, bodies: Sequence[bytes]) -> None:
        """Nothing is done with them."""


class Context:
    """What Lambda tells an invocation."""

    aws_request_id = "bench"


def measure(options: Options) -> Iterator[Figure]:
    """Both take turns, so that what else the machine does meets both alike."""
    del options
    now = timestamps.now()
    sent = page_views.body("key", "visitor", 1, EVENTS, now)
    request = gateway.request("POST", "/v1/batch", body=sent)
    request["headers"]["user-agent"] = page_views.BROWSER
    entries: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(request, Context()),
        "floor": lambda: parsing(request, Context()),
    }
    ours = _app()
    best = dict.fromkeys(entries, float("inf"))
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        for entry in entries.values():
            if entry()["statusCode"] != 200:
                raise SystemExit("bench: the collector does not take the request")
        for _ in range(ROUNDS):
            for name, entry in entries.items():
                began = time.process_time()
                for _ in range(REQUESTS):
                    entry()
                best[name] = min(best[name], time.process_time() - began)
    yield Figure(
        f"collector: CPU of a request of {EVENTS} events, {len(sent) / 1000:.1f} KB",
        best["ours"] / REQUESTS * 1e6,
        "µs",
        best["floor"] / REQUESTS * 1e6,
        "a route that parses the JSON",
        "at most 3",
    )


def _app() -> Callable[[Any, Any], Any]:
    os.environ.update(ENVIRONMENT)
    import app  # noqa: PLC0415  (it reads the environment)

    vars(app._parts)["queue"] = Taken()  # noqa: SLF001
    found: Callable[[Any, Any], Any] = app.app
    return found
