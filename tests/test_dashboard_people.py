"""The dashboard's views of people and of failed events show what is stored, and change it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.dashboard import Dashboard, opened
from tests.door import Door
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.events import MINUTE, wire
from tracker import timestamps

NOW = timestamps.now()
SESSIONS = 12


def seen(minutes_ago: int, session: int, **members: Any) -> dict[str, Any]:
    """Something that Ada did."""
    context = {"sessionId": f"s{session}", **members.pop("context", {})}
    who = {"userId": "ada", "anonymousId": "device"}
    return wire(NOW - minutes_ago * MINUTE, **who, context=context, **members)


def looked(minutes_ago: int, session: int, path: str) -> dict[str, Any]:
    page = {"path": path, "url": f"https://shop.example{path}", "referrer": "https://a.example/b"}
    return seen(minutes_ago, session, context={"page": page})


STORY = [
    *(looked(60 * session, session, f"/page-{session}") for session in range(2, SESSIONS + 1)),
    looked(9, 1, "/pricing"),
    looked(5, 1, "/checkout"),
    seen(4, 1, type="track", event="Order placed", properties={"total": 12.5}),
    seen(4, 1, type="identify", traits={"plan": "pro"}),
    wire(NOW - 6 * MINUTE, userId="bob", anonymousId="other", context={"sessionId": "s1"}),
    wire(NOW - 300 * MINUTE, anonymousId="device", context={"page": {"path": "/before"}}),
]
HERS = [event["messageId"] for event in STORY if event.get("userId") != "bob"]
"""All but what Bob did in the session that they share."""


class Views:
    def __init__(self, dashboard: Dashboard, door: Door) -> None:
        self.dashboard = dashboard
        self.page = dashboard.page
        self.door = door

    def read(self, path: str) -> Any:
        return self.door.read(path, self.door.server.read_token).json

    def story(self) -> Locator:
        return self.page.locator(".session[open] .event")


def send(server: Server, *events: Any) -> None:
    body = {"writeKey": server.write_key, "batch": events}
    assert Door(server).post(body, "/v1/batch").status == 200


@pytest.fixture
def views(browser: Browser, running: Server) -> Iterator[Views]:
    with opened(browser, running) as dashboard:
        views = Views(dashboard, Door(running))
        send(running, *STORY)
        eventually(lambda: len(views.read("/v1/events?bots=include")["data"]) == len(STORY))
        dashboard.sign_in(running.read_token)
        yield views
        assert dashboard.complaints == []


def test_a_person_is_found_and_their_story_is_told(views: Views) -> None:
    page = views.page
    views.dashboard.open("person")
    page.get_by_label("User id or anonymous id").fill("ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="ada")).to_be_visible()
    profile = page.get_by_label("Profile")
    for words in (f"{len(HERS)} events", "14 page views", "planpro"):
        expect(profile).to_contain_text(words)
    expect(views.story()).to_have_count(4)
    expect(views.story()).to_contain_text(["/pricing", "/checkout", "Order placed", "recognised"])
    expect(views.story().nth(0)).to_contain_text("4 min")
    expect(views.story().nth(2)).to_contain_text("total 12.5")
    first = page.locator(".session").first
    expect(first.locator("summary").first).to_contain_text("5 min")
    expect(first.locator("summary").first).to_contain_text("from a.example \u2192 /pricing")
    link = views.story().nth(0).get_by_role("link")
    expect(link).to_have_attribute("href", "https://shop.example/pricing")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    views.story().nth(2).get_by_label("The whole event").first.click()
    expect(views.story().nth(2).locator("pre")).to_contain_text('"messageId"')


def test_earlier_sessions_are_loaded_one_page_after_the_other(views: Views) -> None:
    views.dashboard.open("person", user="ada")
    expect(views.page.locator(".session")).to_have_count(10)
    views.page.get_by_role("button", name="Load earlier sessions").click()
    expect(views.page.locator(".session")).to_have_count(SESSIONS + 1)
    expect(views.page.get_by_role("button", name="Load earlier sessions")).to_have_count(0)
    oldest = views.page.locator(".session").last
    oldest.locator("summary").first.click()
    expect(oldest.locator(".event")).to_contain_text([f"/page-{SESSIONS}"])


def test_a_visitor_is_found_by_the_anonymous_id_and_leads_to_the_user(views: Views) -> None:
    views.dashboard.open("person", find="device")
    expect(views.page.get_by_role("heading", level=2, name="Visitor device")).to_be_visible()
    views.page.get_by_label("Profile").get_by_role("link", name="ada").click()
    expect(views.page.get_by_role("heading", level=2, name="ada")).to_be_visible()


def test_what_is_exported_is_all_that_is_kept(views: Views, tmp_path: Path) -> None:
    send(views.door.server, {"type": "track", "userId": "ada", "messageId": "bad"})
    eventually(lambda: views.read("/v1/failed-events")["data"])
    views.dashboard.open("person", user="ada")
    with views.page.expect_download() as download:
        views.page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "ada.json"
    download.value.save_as(tmp_path / "ada.json")
    kept = json.loads((tmp_path / "ada.json").read_text())
    assert list(kept) == ["user", "sessions", "events", "failedEvents"]
    assert sorted(event["messageId"] for event in kept["events"]) == sorted(HERS)
    assert kept["user"]["traits"] == {"plan": "pro"}
    assert [one["messageId"] for one in kept["failedEvents"]] == ["bad"]
    assert len(kept["sessions"]) == SESSIONS + 1
    expect(views.page.get_by_role("status").filter(has_text="1 failed event")).to_be_visible()


def test_erasing_asks_first_and_then_nothing_is_left(views: Views) -> None:
    page = views.page
    views.dashboard.open("person", user="ada")
    page.get_by_role("button", name="Erase").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Erase for good")
    expect(sure).to_be_disabled()
    assert views.dashboard.violations() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(views.read("/v1/events?user_id=ada&bots=include")["data"]) == len(HERS)
    page.get_by_role("button", name="Erase").click()
    page.get_by_label("Type it to confirm").fill("ada")
    sure.click()
    expect(page.get_by_role("heading", level=2, name="Erased")).to_be_visible()
    assert [one["userId"] for one in views.read("/v1/events?bots=include")["data"]] == ["bob"]
    page.get_by_label("User id or anonymous id").fill("ada")
    page.keyboard.press("Enter")
    expect(views.dashboard.state).to_contain_text("Nobody has this id")


def test_failed_events_are_counted_filtered_and_sent_again(
    server: Servers, browser: Browser, tmp_path: Path
) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "Order placed.json").write_text('{"required": ["properties"]}')
    first = server(env={"TRACKER_SCHEMAS": str(schemas)})
    order = {"type": "track", "userId": "ada", "event": "Order placed"}
    send(first, *({**order, "messageId": f"o{n}"} for n in range(3)), {"type": "page"})
    eventually(lambda: len(Door(first).failed(first.read_token)) == 4)
    first.stop()
    (schemas / "Order placed.json").unlink()
    running = server(data=first.data, env={"TRACKER_SCHEMAS": str(schemas)})
    with opened(browser, running) as dashboard:
        page = dashboard.page
        dashboard.sign_in(running.read_token)
        dashboard.open("failed")
        causes = page.get_by_role("region", name="Causes").get_by_role("listitem")
        expect(causes).to_contain_text(["properties", "userId or anonymousId is required"])
        expect(page.locator(".failure")).to_have_count(4)
        causes.first.get_by_role("link").click()
        expect(page.locator(".failure")).to_have_count(3)
        page.locator(".failure summary").first.click()
        expect(page.locator(".failure pre").first).to_contain_text('"event": "Order placed"')
        page.locator(".failure").first.get_by_role("button", name="Send again").click()
        expect(page.locator(".failure").first).to_contain_text("it is an event now")
        page.get_by_role("button", name="Send all through again").click()
        page.get_by_role("dialog").get_by_role("button", name="Send through again").click()
        outcome = "2 events sent through again, 1 still rejected"
        expect(page.get_by_role("status").filter(has_text=outcome)).to_be_visible()
        assert dashboard.complaints == []
    door = Door(running)
    eventually(lambda: len(door.read("/v1/events", running.read_token).json["data"]) == 3)
    assert len(door.failed(running.read_token)) == 1
