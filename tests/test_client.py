"""The Python client, against the real server, with a real proxy between them where needed."""

import gzip
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal
from uuid import UUID

import pytest

from tests.engines.eventually import eventually
from tests.engines.ports import LOOPBACK, free_port
from tests.engines.server import Server, Servers
from tracker.client import Client, ClientError, Limits

ROOT = Path(__file__).parents[1]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

Event = dict[str, Any]


class Request:
    """One request as it came over the wire, and when."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.time = time.monotonic()
        self.path = handler.path
        self.headers = dict(handler.headers.items())
        self.body = handler.rfile.read(int(handler.headers.get("content-length", 0)))

    @property
    def json(self) -> bytes:
        """The body, unpacked."""
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(self.body) if zipped else self.body

    @property
    def batch(self) -> list[Event]:
        events: list[Event] = json.loads(self.json)["batch"]
        return events


Step = Callable[[BaseHTTPRequestHandler, Request], None]


def answer(status: int, content: object = None, **headers: str) -> Step:
    """Give this answer."""

    def step(handler: BaseHTTPRequestHandler, request: Request) -> None:
        body = json.dumps(content).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


ACCEPTED = answer(200, {"success": True, "accepted": 1, "rejected": []})


def forward(server: Server, *, and_cut: bool = False) -> Step:
    """Let the server answer; ``and_cut``: but lose its answer on the way back."""

    def step(handler: BaseHTTPRequestHandler, request: Request) -> None:
        upstream = HTTPConnection(LOOPBACK, server.port, timeout=30)
        try:
            upstream.request("POST", request.path, request.body, request.headers)
            response = upstream.getresponse()
            content = response.read()
        finally:
            upstream.close()
        if and_cut:
            assert response.status == 200
            handler.close_connection = True
            return
        handler.send_response(response.status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return step


class Door:
    """Stands where the collector stands: records each request, and does the next of its steps;
    the last one stays."""

    def __init__(self, *steps: Step) -> None:
        self.requests: list[Request] = []
        remaining = list(steps)
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = Request(self)
                requests.append(request)
                (remaining.pop(0) if len(remaining) > 1 else remaining[0])(self, request)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def sent(self) -> list[str]:
        """The names of the track events of all requests."""
        return [event["event"] for request in self.requests for event in request.batch]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Reports:
    """What `on_error` was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[ClientError, list[Event]]] = []

    def __call__(self, error: ClientError, events: list[Event]) -> None:
        self.seen.append((error, events))

    @property
    def names(self) -> list[list[str]]:
        return [[event["event"] for event in events] for _, events in self.seen]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", LOOPBACK)


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    opened: list[Door] = []

    def open_door(*steps: Step) -> Door:
        opened.append(Door(*steps))
        return opened[-1]

    yield open_door
    for each in opened:
        each.close()


@pytest.fixture
def client() -> Iterator[Callable[..., Client]]:
    """Makes clients; they end with the test, whatever they still hold."""
    made: list[Client] = []

    def make(url: str, **settings: Any) -> Client:
        keys = {"write_key": Server.write_key, "read_token": Server.read_token}
        made.append(Client(url, **(keys | settings)))
        return made[-1]

    yield make
    for each in made:
        with suppress(ClientError):
            each.close(timeout=0)


def stored(client: Client, count: int, **filters: Any) -> list[Event]:
    """The events, oldest first, as soon as there are so many."""

    def read() -> list[Event]:
        events = list(client.events(order="asc", **filters))
        return events if len(events) >= count else []

    return eventually(read)


# The whole way.


def test_all_calls_are_read_back_in_the_order_they_were_made(
    server: Servers, client: Callable[..., Client]
) -> None:
    tracker = client(server().url)
    tracker.page("u1", "Home", {"url": "https://shop.example/"}, category="start")
    tracker.identify("u1", {"plan": "pro"}, anonymous_id="a1")
    tracker.track("u1", "Order Placed", {"total": 12})
    tracker.screen("u1", "Cart")
    tracker.group("u1", "g1", {"name": "Example"})
    tracker.alias("old", "u1")
    tracker.flush()
    events = stored(tracker, 6, user_id="u1")
    assert [event["type"] for event in events] == [
        *("page", "identify", "track", "screen", "group", "alias")
    ]
    page, identify, track, screen, group, alias = events
    assert (page["name"], page["category"]) == ("Home", "start")
    assert page["properties"] == {"url": "https://shop.example/"}
    assert (identify["traits"], identify["anonymousId"]) == ({"plan": "pro"}, "a1")
    assert (track["event"], track["properties"]) == ("Order Placed", {"total": 12})
    assert screen["name"] == "Cart"
    assert (group["groupId"], group["traits"]) == ("g1", {"name": "Example"})
    assert alias["previousId"] == "old"
    assert {event["context"]["library"]["name"] for event in events} == {"tracker-python"}
    assert tracker.lost == 0


def test_what_a_call_says_about_an_event_is_kept(
    server: Servers, client: Callable[..., Client]
) -> None:
    tracker = client(server().url)
    when = datetime.now(UTC) - timedelta(minutes=5)
    context = {"page": {"path": "/pricing"}, "sessionId": "s1", "locale": "de"}
    for _ in range(2):
        tracker.track(
            event="Seen", anonymous_id=7, timestamp=when, context=context, message_id="m1"
        )
    tracker.track(event="Other", anonymous_id=7)
    tracker.flush()
    seen, other = stored(tracker, 2, anonymous_id=7)
    assert seen["messageId"] == "m1"
    assert seen["anonymousId"] == "7"
    assert seen["timestamp"] == when.isoformat(timespec="microseconds")[:-6] + "Z"
    assert context.items() <= seen["context"].items()
    assert UUID(other["messageId"]).version == 4
    assert "userId" not in other


def test_properties_are_sent_as_they_were_at_the_call(
    server: Servers, client: Callable[..., Client]
) -> None:
    tracker = client(server().url)
    properties: dict[str, object] = {
        "at": NOON,
        "day": NOON.date(),
        "price": Decimal("12.50"),
        "ids": {UUID(int=1)},
        "pair": (1, None),
        "text": "grün 🌱 </script>",
        "cut": "\ud83d",
    }
    tracker.track("u1", "Sent", properties)
    properties.clear()
    tracker.flush()
    (event,) = stored(tracker, 1, user_id="u1")
    assert event["properties"] == {
        "at": "2026-11-22T12:00:00+00:00",
        "day": "2026-11-22",
        "price": 12.5,
        "ids": [str(UUID(int=1))],
        "pair": [1, None],
        "text": "grün 🌱 </script>",
        "cut": "\ufffd",
    }


def test_events_of_many_threads_all_arrive_once(
    server: Servers, client: Callable[..., Client]
) -> None:
    tracker = client(server().url)

    def work(number: int) -> None:
        for index in range(50):
            tracker.track("u1", f"{number}-{index}")

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracker.flush()
    names = [event["event"] for event in stored(tracker, 400, user_id="u1")]
    assert sorted(names) == sorted(f"{n}-{i}" for n in range(8) for i in range(50))
    for number in range(8):
        mine = [name for name in names if name.startswith(f"{number}-")]
        assert mine == [f"{number}-{index}" for index in range(50)]


# Reading.


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_all_pages_are_read_with_each_event_once(
    server: Servers, client: Callable[..., Client], order: Literal["asc", "desc"]
) -> None:
    tracker = client(server().url)
    names = [f"event {number}" for number in range(250)]
    for name in names:
        tracker.track("u1", name)
    tracker.flush()
    stored(tracker, 250, user_id="u1", page_size=1000)
    read = [event["event"] for event in tracker.events(user_id="u1", order=order, page_size=7)]
    assert read == (names if order == "asc" else names[::-1])


def test_events_are_found_by_what_they_are(server: Servers, client: Callable[..., Client]) -> None:
    tracker = client(server().url)
    start = datetime.now(UTC) - timedelta(minutes=10)
    for minute, name in enumerate(["one", "two", "three"]):
        tracker.track("u1", name, timestamp=start + timedelta(minutes=minute))
    tracker.page("u2", context={"page": {"path": "/pricing"}, "sessionId": "s9"})
    tracker.flush()
    stored(tracker, 4)
    asked: list[tuple[dict[str, Any], list[str | None]]] = [
        ({"event": "two"}, ["two"]),
        ({"type": "page"}, [None]),
        ({"path": "/pricing"}, [None]),
        ({"session_id": "s9"}, [None]),
        ({"user_id": "u1"}, ["three", "two", "one"]),
        ({"user_id": "u1", "since": start + timedelta(minutes=1)}, ["three", "two"]),
        ({"user_id": "u1", "until": start + timedelta(minutes=1)}, ["one"]),
        ({"user_id": None, "event": "nothing"}, []),
    ]
    for filters, names in asked:
        assert [event.get("event") for event in tracker.events(**filters)] == names, filters


def test_pages_are_read_only_when_they_are_reached(
    server: Servers, client: Callable[..., Client]
) -> None:
    embedded = server()
    tracker = client(embedded.url)
    for number in range(4):
        tracker.track("u1", str(number))
    tracker.flush()
    stored(tracker, 4)
    events = tracker.events(page_size=2)
    assert [next(events)["event"], next(events)["event"]] == ["3", "2"]
    embedded.stop()
    with pytest.raises(ClientError, match="cannot be reached: Connection refused"):
        next(events)


def test_a_refused_question_says_why(server: Servers, client: Callable[..., Client]) -> None:
    url = server().url
    with pytest.raises(ClientError, match="400: limit must be a number") as refused:
        list(client(url).events(page_size=0))
    assert refused.value.status == 400
    with pytest.raises(ClientError, match="401: ") as unknown:
        list(client(url, read_token="guessed").events())
    assert unknown.value.status == 401
    with pytest.raises(ClientError, match="read_token"):
        client(url, read_token=None).events()


def test_a_netrc_file_does_not_replace_keys_and_tokens(
    server: Servers,
    client: Callable[..., Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {LOOPBACK} login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    tracker = client(server().url)
    tracker.track("u1", "Sent")
    tracker.flush()
    assert len(stored(tracker, 1)) == 1


# When it does not work at once.


def test_calls_go_on_while_the_server_is_down_and_all_arrives_once_it_is_back(
    server: Servers, client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    embedded = server()
    embedded.stop()
    tracker = client(embedded.url)
    names = [f"event {number}" for number in range(150)]
    assert all(tracker.track("u1", name) for name in names)
    eventually(lambda: "Connection refused" in caplog.text)
    embedded.start()
    tracker.flush()
    assert [event["event"] for event in stored(tracker, 150, user_id="u1")] == names
    assert tracker.lost == 0


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_retry_sends_the_same_bytes(
    door: Callable[..., Door], client: Callable[..., Client], size: int
) -> None:
    collector = door(answer(503), answer(429), answer(500), ACCEPTED)
    tracker = client(collector.url)
    tracker.track("u1", "Sent", {"text": "x" * size})
    tracker.flush()
    first, *others = collector.requests
    assert len(others) == 3
    assert {request.body for request in others} == {first.body}
    assert first.headers.get("Content-Encoding") == ("gzip" if size > 1024 else None)
    assert all(request.headers == first.headers for request in others)
    assert "sentAt" in json.loads(first.json)


def test_events_whose_answer_was_lost_are_stored_once(
    server: Servers, door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    embedded = server()
    proxy = door(forward(embedded, and_cut=True), forward(embedded))
    sending, reading = client(proxy.url), client(embedded.url)
    sending.track("u1", "first")
    sending.track("u1", "second")
    sending.flush()
    sending.track("u1", "third")
    sending.flush()
    first, again, _ = proxy.requests
    assert first.body == again.body
    names = [event["event"] for event in stored(reading, 3, user_id="u1")]
    assert names == ["first", "second", "third"]


def in_seconds() -> str:
    return "1"


def as_a_date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize("form", [in_seconds, as_a_date])
def test_the_server_says_when_to_try_again(
    door: Callable[..., Door], client: Callable[..., Client], form: Callable[[], str]
) -> None:
    def later(handler: BaseHTTPRequestHandler, request: Request) -> None:
        answer(503, Retry_After=form())(handler, request)

    collector = door(later, ACCEPTED)
    tracker = client(collector.url)
    tracker.track("u1", "Sent")
    tracker.flush()
    first, second = collector.requests
    assert second.time - first.time > 0.9  # without being told: half a second at most


def test_an_unknown_write_key_is_reported_and_not_tried_again(
    server: Servers, door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    proxy = door(forward(server()))
    reports = Reports()
    tracker = client(proxy.url, write_key="guessed", on_error=reports)
    tracker.track("u1", "first")
    with pytest.raises(ClientError, match="1 event is not delivered: 401: The write key") as error:
        tracker.flush()
    assert error.value.status == 401
    tracker.flush()  # told once
    assert len(proxy.requests) == 1
    assert reports.names == [["first"]]
    assert reports.seen[0][0].status == 401
    assert tracker.lost == 1


def test_a_redirect_is_not_followed(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    elsewhere = door(ACCEPTED)
    collector = door(answer(307, Location=f"{elsewhere.url}/v1/batch"))
    tracker = client(collector.url)
    tracker.track("u1", "Sent")
    with pytest.raises(ClientError, match=f"give this URL: {elsewhere.url}"):
        tracker.flush()
    assert elsewhere.requests == []
    assert len(collector.requests) == 1


def test_a_page_that_is_no_collector_is_not_taken_for_success(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    tracker = client(door(answer(200, "Welcome to the hotel's network")).url)
    tracker.track("u1", "Sent")
    with pytest.raises(ClientError, match="does not answer like a collector"):
        tracker.flush()


def test_rejected_events_are_reported_and_the_others_are_stored(
    server: Servers, client: Callable[..., Client]
) -> None:
    reports = Reports()
    tracker = client(server().url, on_error=reports)
    deep: object = "bottom"
    for _ in range(40):
        deep = {"in": deep}
    tracker.track("u1", "good")
    tracker.track("u1", "deep", {"deep": deep}, message_id="m-deep")
    tracker.track("u1", "good too")
    with pytest.raises(ClientError, match="event m-deep was rejected: the event nests deeper"):
        tracker.flush()
    assert reports.names == [["deep"]]
    assert tracker.lost == 1
    names = [event["event"] for event in stored(tracker, 2, user_id="u1")]
    assert names == ["good", "good too"]


def test_a_failing_on_error_is_logged_and_stops_nothing(
    door: Callable[..., Door], client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: ClientError, events: list[Event]) -> None:
        raise RuntimeError("a bug of the application")

    collector = door(answer(400), ACCEPTED)
    tracker = client(collector.url, on_error=fail)
    tracker.track("u1", "first")
    with pytest.raises(ClientError, match="400"):
        tracker.flush()
    assert "a bug of the application" in caplog.text
    tracker.track("u1", "second")
    tracker.flush()
    assert collector.sent == ["first", "second"]


def test_a_batch_that_cannot_be_delivered_is_given_up_and_the_next_is_tried(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    collector = door(answer(503, {"detail": "not now"}), ACCEPTED)
    reports = Reports()
    tracker = client(collector.url, on_error=reports, limits=Limits(give_up_after=0))
    tracker.track("u1", "first")
    with pytest.raises(ClientError, match="503: not now"):
        tracker.flush()
    tracker.track("u1", "second")
    tracker.flush()
    assert reports.names == [["first"]]
    assert collector.sent == ["first", "second"]


def test_a_server_that_does_not_answer_is_tried_again(
    door: Callable[..., Door], client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    def silence(handler: BaseHTTPRequestHandler, request: Request) -> None:
        handler.rfile.read(1)  # until the client hangs up
        handler.close_connection = True

    collector = door(silence, ACCEPTED)
    tracker = client(collector.url, limits=Limits(timeout=0.2))
    tracker.track("u1", "Sent")
    tracker.flush()
    assert "does not answer in time" in caplog.text
    assert collector.sent == ["Sent", "Sent"]


def test_a_full_queue_drops_the_newest_and_says_so(
    client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    reports = Reports()
    nobody = f"http://{LOOPBACK}:{free_port()}"
    tracker = client(nobody, on_error=reports, limits=Limits(queued=3))
    queued = [tracker.track("u1", str(number)) for number in range(5)]
    assert queued == [True, True, True, False, False]
    assert reports.names == [["3"], ["4"]]
    assert tracker.lost == 2
    assert caplog.text.count("too many events wait") == 1


def test_the_queue_is_bounded_in_bytes_too(client: Callable[..., Client]) -> None:
    tracker = client(f"http://{LOOPBACK}:{free_port()}")
    queued = 0
    while tracker.track("u1", "Sent", {"text": "x" * 32_000}):
        queued += 1
    assert 1_000 < queued < 1_100


def test_a_queue_with_room_again_takes_events_again(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    collector = door(ACCEPTED)
    tracker = client(collector.url, limits=Limits(queued=1))
    assert tracker.track("u1", "first")
    assert not tracker.track("u1", "second")
    with pytest.raises(ClientError, match="1 event is not delivered: dropped"):
        tracker.flush()
    assert tracker.track("u1", "third")
    tracker.flush()
    assert collector.sent == ["first", "third"]


def test_batches_stay_within_the_collectors_limits(
    server: Servers, door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    embedded = server()
    proxy = door(answer(503), forward(embedded))
    tracker = client(proxy.url)
    names = [str(number) for number in range(230)]
    for name in names:
        tracker.track("u1", name, {"text": "ü" * (7_000 if int(name) < 100 else 1)})
    tracker.flush()
    assert max(len(request.batch) for request in proxy.requests) == 100
    assert max(len(request.json) for request in proxy.requests) < 500 * 1024
    assert [event["event"] for event in stored(client(embedded.url), 230)] == names


# Flush, close, the end of the program, fork.


def test_flush_does_not_wait_for_more_than_its_timeout(
    server: Servers, client: Callable[..., Client]
) -> None:
    embedded = server()
    embedded.stop()
    tracker = client(embedded.url)
    tracker.track("u1", "Sent")
    with pytest.raises(ClientError, match="1 event is not delivered yet"):
        tracker.flush(timeout=0)
    embedded.start()
    tracker.flush()  # it is still tried
    assert [event["event"] for event in stored(tracker, 1)] == ["Sent"]


def test_a_full_batch_and_a_flush_wait_for_no_further_events(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    collector = door(ACCEPTED)
    tracker = client(collector.url, limits=Limits(linger=3600))
    for number in range(101):
        tracker.track("u1", str(number))
    eventually(lambda: len(collector.sent) == 100)
    tracker.flush()
    assert len(collector.sent) == 101


def test_a_flush_of_nothing_returns(client: Callable[..., Client]) -> None:
    client(f"http://{LOOPBACK}:{free_port()}").flush(timeout=0)


def test_events_are_sent_without_a_flush(
    door: Callable[..., Door], client: Callable[..., Client]
) -> None:
    collector = door(ACCEPTED)
    tracker = client(collector.url)
    tracker.track("u1", "first")
    eventually(lambda: collector.sent == ["first"])
    tracker.track("u1", "second")
    eventually(lambda: collector.sent == ["first", "second"])


def test_leaving_with_delivers_and_ends_the_thread(door: Callable[..., Door]) -> None:
    collector = door(ACCEPTED)
    with Client(collector.url, write_key="k") as tracker:
        tracker.track("u1", "Sent")
    assert collector.sent == ["Sent"]
    with pytest.raises(ClientError, match="closed"):
        tracker.track("u1", "late")
    tracker.close()


def test_closing_gives_up_what_cannot_be_delivered(client: Callable[..., Client]) -> None:
    reports = Reports()
    tracker = client(f"http://{LOOPBACK}:{free_port()}", on_error=reports)
    tracker.track("u1", "first")
    tracker.track("u1", "second")
    with pytest.raises(ClientError, match="2 events are not delivered: the client was closed"):
        tracker.close(timeout=0)
    assert reports.names == [["first", "second"]]
    assert tracker.lost == 2


def test_what_went_wrong_inside_with_is_not_hidden_by_closing(
    door: Callable[..., Door],
) -> None:
    def work() -> None:
        with Client(door(answer(400)).url, "key") as tracker:
            tracker.track("u1", "Sent")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def run(script: str, url: str) -> None:
    """A program of its own that ends as programs do."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), url],
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_the_end_of_the_program_sends_what_is_queued(door: Callable[..., Door]) -> None:
    collector = door(ACCEPTED)
    run(
        """
        import sys
        from tracker.client import Client
        Client(sys.argv[1], "key").track("u1", "last words")
        """,
        collector.url,
    )
    assert collector.sent == ["last words"]


def test_the_end_of_the_program_is_not_held_up_by_a_server_that_is_down() -> None:
    run(
        """
        import sys
        from tracker.client import Client, sender
        sender.EXIT_SECONDS = 0.1
        Client(sys.argv[1], "key").track("u1", "unheard")
        """,
        f"http://{LOOPBACK}:{free_port()}",
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_sends_its_own_events_and_its_parents_once(
    door: Callable[..., Door],
) -> None:
    collector = door(ACCEPTED)
    run(
        """
        import os, sys, warnings
        from tracker.client import Client
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork with threads
        client = Client(sys.argv[1], "key")
        client.track("u1", "before")  # its thread runs, and the event waits
        children = []
        for number in range(2):
            pid = os.fork()
            if pid == 0:
                client.track("u1", f"child {number}")
                client.flush()
                client.track("u1", f"end of child {number}")
                sys.exit()
            children.append(pid)
        client.track("u1", "after")
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        """,
        collector.url,
    )
    assert sorted(collector.sent) == sorted(
        ["before", "after", "child 0", "end of child 0", "child 1", "end of child 1"]
    )


# What can never be an event.


class Thing:
    pass


def circle() -> dict[str, object]:
    properties: dict[str, object] = {}
    properties["self"] = properties
    return properties


INVALID: dict[str, tuple[Callable[[Client], object], str]] = {
    "no id": (lambda c: c.track(event="e"), "user_id or anonymous_id is required"),
    "an empty user id": (lambda c: c.track("", "e"), "user_id must have 1 to 256 characters"),
    "a long user id": (lambda c: c.track("u" * 257, "e"), "not 257"),
    "a list as user id": (lambda c: c.track([], "e"), "user_id must be text"),  # type: ignore[arg-type]
    "a truth as user id": (lambda c: c.track(True, "e"), "not a bool"),
    "an empty message id": (lambda c: c.track("u", "e", message_id=""), "message_id must have"),
    "no event name": (lambda c: c.track("u"), "event is required"),
    "no group id": (lambda c: c.group("u"), "group_id must have"),
    "a time without zone": (
        lambda c: c.track("u", "e", timestamp=datetime(2026, 11, 22)),  # noqa: DTZ001
        "timestamp has no time zone",
    ),
    "a text as time": (
        lambda c: c.track("u", "e", timestamp="now"),  # type: ignore[arg-type]
        "timestamp must be a datetime, not a str",
    ),
    "a filter without zone": (
        lambda c: c.events(since=datetime(2026, 11, 22)),  # noqa: DTZ001
        "since has no time zone",
    ),
    "a list as properties": (
        lambda c: c.track("u", "e", []),  # type: ignore[arg-type]
        "properties must be a mapping, not a list",
    ),
    "an object in properties": (
        lambda c: c.track("u", "e", {"cart": [{"item": Thing()}]}),
        r"properties\.cart\[0\]\.item cannot be sent as JSON: it is a Thing",
    ),
    "bytes in traits": (lambda c: c.identify("u", {"key": b""}), r"traits\.key .* a bytes"),
    "not a number": (
        lambda c: c.track("u", "e", {"ratio": float("nan")}),
        r"properties\.ratio cannot be sent as JSON: it is nan",
    ),
    "a key that is no text": (
        lambda c: c.track("u", "e", {"map": {(1, 2): 3}}),
        r"properties\.map .* a key is a tuple",
    ),
    "a circle": (lambda c: c.track("u", "e", circle()), "properties nests deeper than 32 levels"),
    "too large an event": (lambda c: c.track("u", "e", {"t": "x" * 40_000}), "32 KB is the limit"),
}


@pytest.mark.parametrize("case", INVALID)
def test_what_can_never_be_an_event_is_refused_at_the_call(
    client: Callable[..., Client], case: str
) -> None:
    tracker = client(f"http://{LOOPBACK}:{free_port()}")
    call, message = INVALID[case]
    with pytest.raises(ClientError, match=message) as refused:
        call(tracker)
    assert "\n" not in str(refused.value)
    tracker.flush(timeout=0)  # nothing was queued


def test_an_unknown_argument_is_a_type_error(client: Callable[..., Client]) -> None:
    tracker = client(f"http://{LOOPBACK}:{free_port()}")
    with pytest.raises(TypeError, match="track does not take user"):
        tracker.track("u1", "e", user="u1")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="events does not take user"):
        tracker.events(user="u1")  # type: ignore[call-arg]


@pytest.mark.parametrize("url", ["", "shop.example", "ftp://shop.example", "http://", "http://h:x"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="url must be like"):
        Client(url, "key")


def test_sending_without_a_write_key_is_refused() -> None:
    with pytest.raises(ClientError, match="write_key"):
        Client("http://shop.example").track("u1", "e")


def test_the_largest_event_that_a_call_takes_is_stored(
    server: Servers, client: Callable[..., Client]
) -> None:
    tracker = client(server().url)
    size = 33_000
    while True:
        with suppress(ClientError):
            tracker.track("u1", "e", {"text": "x" * size})
            break
        size -= 1
    tracker.flush()
    (event,) = stored(tracker, 1)
    assert len(event["properties"]["text"]) == size > 32_000


def test_the_client_needs_nothing_of_the_server() -> None:
    run(
        """
        import sys
        import tracker.client
        heavy = {"boto3", "botocore", "pynamodb", "granian", "chalice", "msgspec"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        ours = {name for name in sys.modules if name.startswith("tracker.")}
        assert {name for name in ours if not name.startswith("tracker.client")} == {
            "tracker.errors"
        }, ours
        """,
        "",
    )
