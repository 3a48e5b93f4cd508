"""The whole way, once: from a script tag in a page to an answer about one user."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page

from tests import aws
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers


@pytest.fixture(params=["embedded", "SQS and DynamoDB"])
def running(
    request: pytest.FixtureRequest, server: Servers, monkeypatch: pytest.MonkeyPatch
) -> Server:
    if request.param == "embedded":
        return server()
    environment = aws.use(request.getfixturevalue("ministack"), monkeypatch)
    parts = {"TRACKER_QUEUE_URL": aws.make_queue(), "TRACKER_TABLES": aws.make_tables()}
    started = server(env=environment | parts)
    assert not list(started.data.glob("*.db")), "nothing of it is stored in the folder"
    return started


def test_a_visit_is_read_back_as_it_happened(running: Server, page: Page) -> None:
    page.goto(f"{running.url}/demo")
    page.click("[data-test=tab-tools]")
    page.click("[data-test=add-trowel]")
    page.click("[data-test=nav-pricing]")
    page.click("[data-test=plan-hedge]")
    page.go_back()
    page.fill("[data-test=email]", "ada@example.org")
    page.click("[data-test=submit]")
    page.wait_for_selector("[data-test=activity-row][data-event='Signed up']")
    page.evaluate("kit.track('Last words', {left: true})")
    page.goto("about:blank")

    whole = eventually(lambda: _whole_story(running))
    # Which pages were looked at for a second or more is the machine's affair.
    story = [event for event in whole if event.get("event") != "Page left"]
    assert [_told(event) for event in story] == [
        "page /demo",
        "page /demo?shelf=tools",
        "track Added to cart",
        "page /demo/pricing",
        "track Chose a plan",
        "page /demo?shelf=tools",
        "identify ada@example.org",
        "track Signed up",
        "track Last words",
    ]
    assert len({event["anonymousId"] for event in story}) == 1
    assert len({event["context"]["sessionId"] for event in story}) == 1
    assert [event["context"]["seq"] for event in whole] == list(range(1, len(whole) + 1))
    assert whole[-1]["properties"]["engagedSeconds"] >= 1
    assert [event.get("userId") for event in story] == [None] * 6 + ["ada@example.org"] * 3
    assert story[0]["context"]["ip"] == "127.0.0.0"
    assert "HeadlessChrome" in story[0]["context"]["userAgent"]

    profile = _read(running, "/v1/users/ada@example.org")
    assert profile["traits"]["email"] == "ada@example.org"
    assert profile["anonymousIds"] == [story[0]["anonymousId"]]
    assert profile["counts"] == {"events": len(whole), "pageViews": 4, "sessions": 1}
    by_session = f"/v1/events?session_id={story[0]['context']['sessionId']}"
    assert len(_read(running, by_session)["data"]) == len(whole)
    assert len(_read(running, "/v1/events")["data"]) == len(whole)


def test_the_page_shows_what_the_server_knows(running: Server, page: Page) -> None:
    page.goto(f"{running.url}/demo")
    page.click("[data-test=add-fern]")
    row = page.wait_for_selector("[data-test=activity-row][data-event='Added to cart']")
    assert row is not None
    assert "Added to cart" in row.inner_text()
    assert page.inner_text("[data-test=anonymous-id]") == page.evaluate("kit.user().anonymousId")


def test_the_demo_shows_opting_out_and_being_offline(server: Servers, page: Page) -> None:
    running = server()
    page.goto(f"{running.url}/demo")
    page.wait_for_selector("[data-test=activity-row][data-type=page]")
    page.context.set_offline(True)
    page.wait_for_selector("[data-test=waiting]:not([hidden])")
    page.click("[data-test=add-fern]")
    page.context.set_offline(False)
    page.wait_for_selector("[data-test=activity-row][data-event='Added to cart']")
    page.click("[data-test=consent]")
    page.click("[data-test=add-trowel]")
    page.click("[data-test=consent][aria-pressed=true]")
    page.click("[data-test=tab-tools]")
    page.evaluate("kit.flush()")
    events = eventually(lambda: _of_shelf(running))
    assert "Honest trowel" not in str(events)


def _of_shelf(server: Server) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = _read(server, "/v1/events")["data"]
    return events if any("shelf" in str(event["context"]["page"]) for event in events) else []


def _whole_story(server: Server) -> list[dict[str, Any]]:
    """The user's events, oldest first, once they have left."""
    events: list[dict[str, Any]] = _read(server, "/v1/events?user_id=ada@example.org&order=asc")[
        "data"
    ]
    names = [event.get("event") for event in events]
    return events if "Last words" in names and names[-1] == "Page left" else []


def _read(server: Server, path: str) -> Any:
    headers = {"authorization": f"Bearer {server.read_token}"}
    answer = requests.get(server.url + path, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _told(event: dict[str, Any]) -> str:
    if event["type"] == "page":
        url = urlsplit(event["context"]["page"]["url"])
        return f"page {url.path}" + (f"?{url.query}" if url.query else "")
    return f"{event['type']} {event.get('event') or event.get('userId')}"
