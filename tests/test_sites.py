"""Two sites of one deployment in which everything has the same name: none sees the other's, by any
way of reading, nor loses anything with it; on both stores."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import StoreSettings
from tests.door import (
    ALL_TOKEN,
    ALLOWED,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Answer,
    Door,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.test_commands import tracker
from tracker import config, routes, timestamps, wiring
from tracker.router import Access

NOW = timestamps.format(timestamps.now() - timestamps.MINUTE)


def told(site: str) -> list[dict[str, Any]]:
    """What each site is sent: only what is said differs, and says the site."""
    here = {"page": {"path": f"/of-{site}", "title": f"of-{site}"}, "campaign": {"name": site}}
    phone = {"anonymousId": "phone", "timestamp": NOW}
    ada = {"userId": "ada", "timestamp": NOW}
    session = {"context": here | {"sessionId": "s"}}
    return [
        {"type": "page", "messageId": "1", **phone, **session},
        {"type": "page", "messageId": "2", **phone, "context": here},
        {"type": "track", "messageId": "3", **phone, **ada, "event": f"Of {site}", **session},
        {"type": "identify", "messageId": "4", **phone, **ada, "traits": {"of": f"of-{site}"}},
        {"type": "alias", "messageId": "5", **ada, "previousId": f"of-{site}"},
        {"type": "track", "messageId": "6", **ada, "properties": {"of": f"of-{site}"}},
    ]


SITES = {"open": (OPEN_KEY, OPEN_TOKEN), "guarded": (GUARDED_KEY, GUARDED_TOKEN)}

READS = {
    "/v1/events": ["", "user_id=ada", "anonymous_id=phone", "session_id=s", "bots=include"],
    "/v1/sessions": ["user_id=ada", "anonymous_id=phone"],
    "/v1/users/{user_id}": [""],
    "/v1/failed-events": ["", "user_id=ada", "message_id=6"],
    "/v1/failed-events/counts": ["", "group_by=field"],
    "/v1/live": [""],
    "/v1/status": [""],
    "/v1/stats": [
        *(f"metric={metric}" for metric in ("events", "page_views", "visitors", "sessions")),
        *(f"group_by={name}" for name in ("path", "event", "campaign")),
    ],
    "/v1/delivery": [""],
    "/v1/funnels": ["steps=/of-open,/of-guarded"],
    "/v1/retention": [""],
}


TELL_THE_TIME = {"/v1/funnels", "/v1/live", "/v1/status", "/v1/retention"}


@pytest.fixture(scope="module")
def environment(store_settings: StoreSettings) -> dict[str, str]:
    return settings() | store_settings()


@pytest.fixture(scope="module")
def door(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    with some_servers(tmp_path_factory.mktemp("sites"), leash) as servers:
        door = Door(start(servers, environment))
        for site, (key, _) in SITES.items():
            answer = door.post(
                {"batch": told(site)}, f"/v1/batch?write_key={key}", {"origin": ALLOWED}
            )
            assert (answer.json["accepted"], len(answer.json["rejected"])) == (5, 1)
        for site in SITES:
            eventually(lambda: len(data(door, site, "/v1/events")) == 5)  # noqa: B023
            eventually(lambda: len(data(door, site, "/v1/failed-events")) == 1)  # noqa: B023
        yield door


def ask(door: Door, site: str, path: str, query: str = "") -> Answer:
    path = re.sub(r"\{\w+\}", "ada", path)
    answer = door.read(f"{path}?{query}", SITES[site][1])
    assert answer.status == 200, (path, query, answer)
    return answer


def data(door: Door, site: str, path: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(door, site, path, query).json["data"]
    return found


def test_every_way_of_reading_is_tried() -> None:
    table = routes.routes(wiring.parts(config.Config()))
    reading = {one.path for one in table if one.access is Access.READ_TOKEN and one.method == "GET"}
    assert reading <= READS.keys()


@pytest.mark.parametrize("site", SITES)
def test_no_answer_holds_anything_of_the_other_site(door: Door, site: str) -> None:
    (other,) = SITES.keys() - {site}
    served = {one.path for one in routes.routes(wiring.parts(config.Config()))}
    for path, queries in READS.items():
        for query in queries if path in served else ():
            answer = ask(door, site, path, query)
            by_all = door.read(
                f"{re.sub(r'{.*}', 'ada', path)}?{query}&site={site}".replace("?&", "?"), ALL_TOKEN
            )
            if path not in TELL_THE_TIME:
                assert by_all.body == answer.body, (path, query)
            if path != "/v1/funnels":
                assert other.encode() not in answer.body.replace(b"opened", b""), (path, query)
    assert [row["visitors"] for row in data(door, site, "/v1/funnels", f"steps=/of-{other}")] == [0]
    assert ask(door, site, "/v1/users/ada").json["counts"] == {
        "events": 5,
        "pageViews": 2,
        "sessions": 3,
    }
    (failed,) = data(door, site, "/v1/failed-events/counts")
    assert failed["count"] == 1
    events = data(door, site, "/v1/stats", "interval=total&metric=events")
    # From DynamoDB's stream a Lambda counts, which is not here.
    assert [row["count"] for row in events] in ([5], [])


def test_a_page_of_one_site_cannot_send_to_the_other(door: Door) -> None:
    refused = door.post(
        {"batch": told("open")},
        f"/v1/batch?write_key={GUARDED_KEY}",
        {"origin": "https://elsewhere.example"},
    )
    assert refused.status == 403


def test_replay_export_and_erase_stay_on_their_site(
    door: Door, environment: dict[str, str]
) -> None:
    before = {path: ask(door, "open", path).body for path in ("/v1/events", "/v1/failed-events")}
    headers = {"authorization": f"Bearer {GUARDED_TOKEN}"}
    replayed = door("POST", "/v1/failed-events/replay", b"{}", headers).json
    assert [one["messageId"] for one in replayed["rejected"]] == ["6"]

    def exported() -> dict[str, Any]:
        where = ("--data", door.server.data, "--site", "guarded")
        done = tracker("export", "--user", "ada", *where, env=environment)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    found = exported()
    assert "of-open" not in json.dumps(found)
    assert (len(found["events"]), len(found["failedEvents"])) == (5, 1)

    erased = door("DELETE", "/v1/users/ada", headers=headers).json
    assert (erased["events"], erased["failedEvents"], erased["complete"]) == (5, 1, True)
    assert exported()["events"] == data(door, "guarded", "/v1/events") == []
    assert {path: ask(door, "open", path).body for path in before} == before
    again = door.post({"batch": told("open")[:5]}, f"/v1/batch?write_key={OPEN_KEY}")
    assert again.json["accepted"] == 5
    new = {"type": "page", "messageId": "7", "userId": "ada", "anonymousId": "phone"}
    door.post({"batch": [new]}, f"/v1/batch?write_key={OPEN_KEY}")
    assert eventually(lambda: len(data(door, "open", "/v1/events")) == 6)
