"""Clients of other makers, unmodified, set up by the very lines of docs/clients.md."""

import math
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from playwright.sync_api import Browser

from tests.clients.kinds import BEACON, KINDS, SEGMENT_BATCHES, TRAITS, Client, Kind, said
from tests.clients.pages import PageClient
from tests.clients.programs import Call
from tests.clients.set_up import PREFIX, Way
from tests.door import some_servers
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.proxy import Post, Proxy, Refusal, running_proxy
from tests.engines.server import Server
from tracker import timestamps, wiring
from tracker.body import read_batch, read_event
from tracker.event import MAX_EVENT_BYTES
from tracker.queues.sqlite import SqliteQueue

Document = dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    with some_servers(tmp_path_factory.mktemp("clients"), leash) as servers:
        yield servers("--no-demo", env={"TRACKER_PATH_PREFIX": PREFIX})


@contextmanager
def client_of(
    kind: Kind, running: Server, browser: Browser, scratch: Path, leash: Leash
) -> Iterator[tuple[Client, Proxy]]:
    with running_proxy(running.port) as proxy:
        way = Way(running, proxy, browser, scratch, leash)
        with kind.run(way) as client:
            yield client, proxy


class Sent(NamedTuple):
    """What a client did that made every call it has."""

    kind: Kind
    who: str
    asked: list[Document]
    failed: list[str]
    posts: list[Post]


@pytest.fixture(scope="module", params=KINDS)
def sent(
    request: pytest.FixtureRequest,
    running: Server,
    browser: Browser,
    tmp_path_factory: pytest.TempPathFactory,
    leash: Leash,
) -> Sent:
    kind = KINDS[request.param]
    who = uuid.uuid4().hex
    asked = kind.everything(who)
    calls = [one.call for one in asked]
    filling = kind.request - len(said(asked))
    calls += [kind.track(f"filling {number}") for number in range(filling)]
    number = len(said(asked)) + max(filling, 0)
    with client_of(kind, running, browser, tmp_path_factory.mktemp("sent"), leash) as (
        client,
        proxy,
    ):
        failed = client(calls)
        eventually(lambda: len(events_of(proxy.posts)) >= number)
        eventually(lambda: events_of(proxy.posts).keys() <= stored(running).keys())
        return Sent(kind, who, said(asked), failed, proxy.posts)


def events_of(posts: list[Post]) -> dict[str, Document]:
    """The events of some requests by message id: what is said of the request beneath their own."""
    found = {}
    for post in posts:
        body = post.json
        about = {"sentAt": body["sentAt"]} if "batch" in body else {}
        for event in body.get("batch", [body]):
            found[event["messageId"]] = about | event
    return found


def read(running: Server, path: str) -> requests.Response:
    headers = {"authorization": f"Bearer {running.read_token}"}
    return requests.get(f"{running.url}{PREFIX}{path}", headers=headers, timeout=30)


def stored(running: Server) -> dict[str, Document]:
    """The site's newest events by message id; each is there once."""
    events = read(running, "/v1/events?limit=1000").json()["data"]
    found = {event["messageId"]: event for event in events}
    assert len(found) == len(events)
    return found


def consumed(running: Server) -> bool:
    """Whether nothing waits to be stored."""
    depth = SqliteQueue(running.data / wiring.QUEUE_FILE).depth()
    return (depth.waiting, depth.in_flight) == (0, 0)


def test_every_call_is_in_one_request_a_flush(sent: Sent) -> None:
    assert sent.failed == []
    assert {post.status for post in sent.posts} == {200}
    assert len(sent.posts) == (1 if sent.kind.batches else len(sent.asked))
    packed = [post.headers.get("content-encoding") == "gzip" for post in sent.posts]
    assert packed == [sent.kind.gzip] * len(sent.posts)


def test_every_call_is_sent_and_read_back_as_it_was_asked_for(sent: Sent, running: Server) -> None:
    on_the_way = sorted(events_of(sent.posts).values(), key=at)
    found = stored(running)
    for asked, event in zip(sent.asked, on_the_way, strict=False):
        document = found[event["messageId"]]
        for member, value in asked.items():
            if value is ...:
                assert member not in document
            elif member == "context":
                assert document[member].items() >= (value | {"ip": "198.51.100.0"}).items()
            elif isinstance(value, dict):  # clients add to it
                assert document[member].items() >= value.items()
            else:
                assert document[member] == value, asked


def at(event: Document) -> str:
    """When an event happened, by the client's clock."""
    text: str = event.get("originalTimestamp") or event["timestamp"]
    return timestamps.sortable(timestamps.parse(text))


def test_all_that_was_sent_is_read_back_field_by_field(sent: Sent, running: Server) -> None:
    found = stored(running)
    for message_id, event in events_of(sent.posts).items():
        assert_same(event, found[message_id])


def test_what_identify_says_is_in_the_profile(sent: Sent, running: Server) -> None:
    profile = read(running, f"/v1/users/user-{sent.who}").json()
    assert profile["traits"] == TRAITS


def assert_same(event: Document, document: Document) -> None:
    """An event as it was sent, and as it is read."""
    was = {name: value for name, value in event.items() if value is not None}
    was.pop("writeKey", None)
    if was.get("userId") == "":  # RudderStack's word for nobody
        del was["userId"]
    own = document.pop("context")
    for member, value in was.pop("context").items():
        if member == "os":  # RudderStack's browser client leaves it empty
            said = {name: word for name, word in value.items() if word}
            assert said.items() <= own.pop(member).items()
        elif member not in ("ip", "userAgent", "userAgentData"):  # they are cut
            assert own.pop(member) == value, member
    assert own.keys() <= {
        *("ip", "userAgentData", "browser", "os", "device"),  # what is left of them
        "sessionId",  # made, where the client sends none
    }
    device_time = was.pop("originalTimestamp", None) or was["timestamp"]
    was.pop("timestamp", None)
    assert document.pop("originalTimestamp") == device_time
    assert timestamps.parse(document.pop("timestamp")) == timestamps.parse(device_time)
    assert timestamps.parse(document.pop("receivedAt"))
    assert document == was


def test_the_same_requests_ten_times_change_no_answer(sent: Sent, running: Server) -> None:
    asked = [
        "/v1/events?limit=1000",
        f"/v1/events?user_id=user-{sent.who}",
        f"/v1/users/user-{sent.who}",
        f"/v1/users/new-{sent.who}",
        f"/v1/sessions?user_id=user-{sent.who}",
        "/v1/failed-events",
        "/v1/failed-events/counts",
        "/v1/stats?interval=total",
        *(
            f"/v1/events?anonymous_id={event['anonymousId']}"
            for event in events_of(sent.posts).values()
            if event.get("anonymousId")
        ),
    ]

    def answers() -> list[bytes]:
        return [read(running, path).content for path in asked]

    eventually(lambda: consumed(running))
    before = answers()
    for post in sent.posts * 10:
        kept = {name: value for name, value in post.headers.items() if name != "host"}
        again = requests.post(running.url + post.path, post.body, headers=kept, timeout=30)
        assert again.json()["rejected"] == []
        assert again.status_code == 200
    eventually(lambda: consumed(running))
    assert answers() == before


@pytest.mark.parametrize("name", [name for name in KINDS if name != BEACON])
def test_what_is_refused_for_good_is_not_sent_again(
    name: str, running: Server, browser: Browser, tmp_path: Path, leash: Leash
) -> None:
    kind = KINDS[name]
    statuses = [400, 403, 200]
    with client_of(kind, running, browser, tmp_path, leash) as (client, proxy):
        proxy.next_posts.extend(map(Refusal, statuses[:-1]))
        for number, status in enumerate(statuses, 1):
            failed = client([kind.track(f"{status}") for _ in range(kind.request)])
            eventually(lambda: len(proxy.posts) >= number)  # noqa: B023  (waited for at once)
            if kind.tells:
                assert bool(failed) == (status != 200)
            if kind.gave_up and isinstance(client, PageClient):
                client.page.wait_for_function(kind.gave_up)
        last = events_of(proxy.posts[-1:])
        eventually(lambda: last.keys() <= stored(running).keys())
        assert [post.status for post in proxy.posts] == statuses
        assert len(events_of(proxy.posts)) == 3 * kind.request, "and none came twice"
        assert {event["event"] for event in last.values()} == {"200"}


@pytest.mark.parametrize("name", [name for name in KINDS if name != BEACON])
def test_what_is_refused_for_now_or_not_answered_is_sent_again_and_stored_once(
    name: str, running: Server, browser: Browser, tmp_path: Path, leash: Leash
) -> None:
    kind = KINDS[name]
    with client_of(kind, running, browser, tmp_path, leash) as (client, proxy):
        proxy.next_posts.extend(kind.tries)
        client([kind.track(f"again {number}") for number in range(kind.request)])
        eventually(lambda: len(proxy.posts) > len(kind.tries), 60)
        eventually(lambda: consumed(running))
        first = events_of(proxy.posts[:1])
        assert len(first) == kind.request
        assert first.keys() <= stored(running).keys()
        for post in proxy.posts:
            assert events_of([post]).keys() == first.keys()
        assert proxy.posts[-1].status == 200
        assert len(proxy.posts) == len(kind.tries) + 1


@pytest.mark.parametrize("name", [name for name in KINDS if name != BEACON])
def test_the_largest_request_is_taken_and_a_byte_more_in_an_event_is_a_failed_event(
    name: str, running: Server, browser: Browser, tmp_path: Path, leash: Leash
) -> None:
    kind = KINDS[name]
    with client_of(kind, running, browser, tmp_path, leash) as (client, proxy):
        # RudderStack's client says of the first event that the session begins with it.
        for number in (1, 2):
            client([kind.track("empty") for _ in range(kind.request)])
            eventually(lambda: len(proxy.posts) == number)  # noqa: B023  (waited for at once)
        rest = min(map(len, raw_events(proxy.posts[-1])))
        proxy.posts.clear()

        assert client([kind.track("large", "x" * (size - rest)) for size in kind.largest]) == []
        eventually(lambda: len(events_of(proxy.posts)) == len(kind.largest))
        eventually(lambda: events_of(proxy.posts).keys() <= stored(running).keys())
        assert {post.status for post in proxy.posts} == {200}
        sizes = [len(raw) for post in proxy.posts for raw in raw_events(post)]
        assert sorted(sizes) == sorted(kind.largest)
        proxy.posts.clear()

        over = kind.track("bulky", "x" * (MAX_EVENT_BYTES + 1 - rest))
        failed = client([over, *(kind.track("small") for _ in range(kind.request - 1))])
        if kind.refuses:
            assert failed
            assert proxy.posts == []
        else:
            eventually(lambda: len(events_of(proxy.posts)) >= kind.request)
            ids = {event["event"]: its_id for its_id, event in events_of(proxy.posts).items()}
            eventually(lambda: ids["bulky"] in failed_ids(running))
            assert {post.status for post in proxy.posts} == {200}
            assert ids["bulky"] not in stored(running)
            if "small" in ids:
                eventually(lambda: ids["small"] in stored(running))


def raw_events(post: Post) -> list[bytes]:
    """The JSON of each event, as it stood in the request."""
    envelope = (read_batch if "batch" in post.json else read_event)(post.unpacked)
    return [bytes(raw) for raw in envelope.batch]


def failed_ids(running: Server) -> set[str]:
    answer = read(running, "/v1/failed-events?limit=1000").json()
    return {event["messageId"] for event in answer["data"]}


@pytest.mark.parametrize("name", ["Segment, Python 2.4.0", "Segment, Python 2.3.4"])
def test_what_pythons_client_sends_and_is_no_json_costs_only_itself(
    name: str, running: Server, browser: Browser, tmp_path: Path, leash: Leash
) -> None:
    """It writes NaN; and of all ids, it makes text of the user's and the anonymous id alone."""
    user, number = str(uuid.uuid4()), uuid.uuid4().int >> 96
    nan = {"user_id": user, "event": "Weighed", "properties": {"kilos": math.nan}}
    calls: list[Call] = [
        ("track", nan),
        ("group", {"user_id": user, "group_id": 42}),
        ("alias", {"user_id": user, "previous_id": number}),
        ("track", {"user_id": user, "event": "Left"}),
    ]
    with client_of(KINDS[name], running, browser, tmp_path, leash) as (client, proxy):
        assert client(calls) == []
        eventually(lambda: consumed(running))
        (post,) = proxy.posts
        kept = {name: value for name, value in post.headers.items() if name != "host"}
        for _ in range(3):
            assert requests.post(running.url + post.path, post.body, headers=kept, timeout=30).ok
        eventually(lambda: consumed(running))
    found = read(running, f"/v1/events?user_id={user}&order=asc").json()["data"]
    assert [event["type"] for event in found] == ["group", "alias", "track"]
    assert (found[0]["groupId"], found[1]["previousId"]) == (42, str(number))
    (failed,) = read(running, f"/v1/failed-events?user_id={user}").json()["data"]
    assert failed["errors"] == [{"field": "", "reason": "NaN is not JSON: send null"}]
    assert '"kilos":"NaN"' in failed["payload"].replace(" ", "")


@pytest.mark.parametrize("name", [SEGMENT_BATCHES, BEACON])
def test_what_waits_in_a_page_is_sent_when_it_is_left(
    name: str, running: Server, browser: Browser, tmp_path: Path, leash: Leash
) -> None:
    kind = KINDS[name]
    with client_of(kind, running, browser, tmp_path, leash) as (client, proxy):
        client([kind.track("waits")])
        assert isinstance(client, PageClient)
        assert proxy.posts == []
        client.page.goto("about:blank")
        eventually(lambda: proxy.posts)
        eventually(lambda: events_of(proxy.posts).keys() <= stored(running).keys())
