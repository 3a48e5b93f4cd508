"""Who is here now, and whether it works: `GET /v1/live` and `GET /v1/status`."""

from typing import Any

import msgspec

from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    Answer,
    Door,
    assert_problem,
    settings,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.events import MINUTE, NOON, SECOND, SITE, received, wire
from tests.test_status_and_replay import message
from tests.test_user_agent import GOOGLEBOT
from tracker import live, timestamps, wiring
from tracker.event import Bots
from tracker.queues.sqlite import SqliteQueue
from tracker.stores import Store


def view(at: int, path: str, **members: Any) -> dict[str, Any]:
    page = {"path": path, "title": f"Page {path}"}
    context = {"page": page, **members.pop("context", {})}
    return wire(at, messageId=f"{path}-{at}", context=context, **members)


def live_of(store: Store, *, bots: Bots = Bots.LEAVE_OUT, limit: int = 100) -> Any:
    return msgspec.json.decode(msgspec.json.encode(live.live(store, SITE, NOON, bots, limit)))


def test_each_visitor_is_where_the_newest_event_says(store: Store) -> None:
    crawler = {"userAgent": GOOGLEBOT}
    store.append(
        received(
            view(NOON - 6 * MINUTE, "/gone", anonymousId="gone"),
            view(NOON - 4 * MINUTE, "/first", anonymousId="ada", userId="ada"),
            view(NOON - 3 * MINUTE, "/second", anonymousId="ada", context={"sessionId": "s"}),
            wire(NOON - 2 * MINUTE, type="track", event="Clicked", anonymousId="ada"),
            view(NOON - MINUTE, "/bob", anonymousId="bob"),
            wire(NOON - SECOND, anonymousId=None, userId="server", properties={"path": "/cron"}),
            view(NOON - SECOND, "/crawled", anonymousId="crawler", context=crawler),
        )
    )
    store.append(received(view(NOON, "/elsewhere"), site="another"))
    found = live_of(store)
    assert [(one["userId"], one["path"], one["title"]) for one in found["visitors"]] == [
        ("server", "/cron", None),
        (None, "/bob", "Page /bob"),
        ("ada", "/second", "Page /second"),
    ]
    last = found["visitors"][2]
    assert last["anonymousId"] == "ada"
    assert last["lastSeen"] == timestamps.format(NOON - 2 * MINUTE)
    # Their sessions are those that every other list tells.
    newest = found["events"]
    told = [event["context"]["sessionId"] for event in newest[:3]]
    assert [one["sessionId"] for one in found["visitors"]] == told
    assert len(newest) == 5
    assert found["complete"]
    assert len(live_of(store, limit=2)["events"]) == 2
    (crawled,) = live_of(store, bots=Bots.ONLY)["visitors"]
    assert crawled["path"] == "/crawled"
    assert len(live_of(store, bots=Bots.INCLUDE)["visitors"]) == 4


def test_of_a_busy_site_the_newest_events_are_looked_at(store: Store) -> None:
    for first in range(0, 1050, 350):
        store.append(
            received(
                *(
                    wire(NOON - n * 1000, anonymousId=f"v{n}", context={"sessionId": f"s{n}"})
                    for n in range(first, first + 350)
                )
            )
        )
    found = live_of(store, limit=1)
    assert [one["anonymousId"] for one in found["visitors"]] == [f"v{n}" for n in range(1000)]
    assert not found["complete"]


def test_who_has_it_already_gets_nothing_until_something_happens(server: Servers) -> None:
    door = Door(start(server, settings()))
    assert_problem(door("GET", "/v1/live"), 401, "unknown_read_token")
    assert_problem(door.read("/v1/live?bots=no"), 400, "invalid_parameter")
    assert_problem(door.read("/v1/live?limit=0"), 400, "invalid_parameter")
    assert_problem(door.read("/v1/live?user=ada"), 400, "invalid_parameter")
    empty = door.read("/v1/live").json
    assert (empty["visitors"], empty["events"], empty["complete"]) == ([], [], True)

    door.post({"batch": [wire(timestamps.now(), anonymousId="here", messageId="m1")]})
    eventually(lambda: len(door.read("/v1/live").json["visitors"]) == 1)

    def ask(etag: str, query: str = "") -> Answer:
        headers = {"authorization": f"Bearer {ALL_TOKEN}", "if-none-match": etag}
        return door("GET", f"/v1/live?site=open{query}", None, headers)

    def unchanged() -> list[Answer]:
        """A moment later, unless the window has moved on between the two."""
        again = ask(ask("").headers["etag"])
        return [again] if again.status == 304 else []

    (answer,) = eventually(unchanged)
    assert answer.body == b""
    etag = answer.headers["etag"]
    assert ask(etag, "&bots=include").status == 200, "another question"
    assert ask(etag, "&limit=7").status == 200
    assert door.read("/v1/live", GUARDED_TOKEN).json["visitors"] == []
    door.post({"batch": [wire(timestamps.now(), anonymousId="there", messageId="m2")]})
    (changed,) = eventually(lambda: [found] if (found := ask(etag)).status == 200 else [])
    assert changed.headers["etag"] != etag
    eventually(lambda: len(ask("").json["visitors"]) == 2)


def test_a_site_sees_its_own_numbers(server: Servers) -> None:
    running = start(server, settings())
    door = Door(running)
    door.post({"batch": [wire(NOON), {"type": "page"}]})
    door.post({"batch": [wire(NOON + MINUTE)]}, f"/v1/batch?write_key={GUARDED_KEY}")
    door.post({"batch": [{"type": "x"}]}, f"/v1/batch?write_key={OPEN_KEY}")
    assert_problem(door("GET", "/v1/status"), 401, "unknown_read_token")
    eventually(lambda: len(door.failed()) == 2)
    eventually(lambda: door.read("/v1/events", GUARDED_TOKEN).json["data"])
    told = door.read("/v1/status").json
    assert told["sites"] == {
        "open": {
            "lastEvent": timestamps.format(NOON),
            "failedEvents": 2,
            "moreFailedEvents": False,
            "lastFailedEvent": told["sites"]["open"]["lastFailedEvent"],
            "lastFailedReason": told["sites"]["open"]["lastFailedReason"],
        }
    }
    others = door.read("/v1/status", GUARDED_TOKEN).json["sites"]
    assert others["guarded"]["lastEvent"] == timestamps.format(NOON + MINUTE)
    assert others["guarded"]["failedEvents"] == 0
    assert door.read("/v1/status?site=guarded", ALL_TOKEN).json["sites"] == others
    drained = eventually(lambda: now if not (now := _status(door))["waiting"] else {})
    assert (drained["lagSeconds"], drained["attention"]) == (0.0, [])

    queue = SqliteQueue(running.data / wiring.QUEUE_FILE, visibility_seconds=0, max_receives=1)
    running.stop()
    queue.send([message(1)])
    while not queue.depth().dead:
        queue.receive(1, 0)
    running.start()
    (advice,) = eventually(lambda: _status(door)["attention"])
    assert "replay --dead-letters" in advice


def _status(door: Door) -> dict[str, Any]:
    found: dict[str, Any] = door.read("/v1/status").json
    return found
