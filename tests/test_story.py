"""The whole way, once: from a script tag in a page to an answer about one user."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page

from tests import aws
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.streams import counting


@pytest.fixture(params=["embedded", "SQS and DynamoDB"])
def running(
    request: pytest.FixtureRequest, server: Servers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    if request.param == "embedded":
        yield server()
        return
    environment = aws.use(request.getfixturevalue("ministack"), monkeypatch)
    tables = aws.make_tables()
    parts = {"TRACKER_QUEUE_URL": aws.make_queue(), "TRACKER_TABLES": tables}
    with counting(tables):
        started = server(env=environment | parts)
        assert not list(started.data.glob("*.db")), "nothing of it is stored in the folder"
        yield started


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
    assert "userAgent" not in story[0]["context"]
    assert story[0]["context"]["browser"] == {"name": "Chrome", "version": "150"}
    assert story[0]["context"]["os"] == {"name": "Linux"}
    assert story[0]["context"]["device"] == {"type": "desktop"}

    profile = _read(running, "/v1/users/ada@example.org")
    assert profile["traits"]["email"] == "ada@example.org"
    assert profile["anonymousIds"] == [story[0]["anonymousId"]]
    assert profile["counts"] == {"events": len(whole), "pageViews": 4, "sessions": 1}
    by_session = f"/v1/events?session_id={story[0]['context']['sessionId']}"
    assert len(_read(running, by_session)["data"]) == len(whole)
    assert len(_read(running, "/v1/events")["data"]) == len(whole)
    eventually(lambda: _numbers(running, "metric=events") == [len(whole)])
    assert _numbers(running, "metric=visitors") == _numbers(running, "metric=sessions") == [1]
    assert _numbers(running, "metric=page_views&path=/demo/pricing") == [1]
    delivery = _read(running, "/v1/delivery")["data"]
    for of_them in ("expected", "arrived"):
        assert sum(day[of_them] for day in delivery) == len(whole)


def test_the_page_shows_what_the_server_knows(running: Server, page: Page) -> None:
    page.goto(f"{running.url}/demo")
    page.click("[data-test=add-fern]")
    row = page.wait_for_selector("[data-test=activity-row][data-event='Added to cart']")
    assert row is not None
    assert "Added to cart" in row.inner_text()
    assert page.inner_text("[data-test=anonymous-id]") == page.evaluate("kit.user().anonymousId")


def test_the_page_shows_a_bot_its_events_and_what_it_is_taken_for(
    server: Servers, robot: Page
) -> None:
    running = server()
    robot.goto(f"{running.url}/demo")
    row = robot.wait_for_selector("[data-test=activity-row][data-type=page]")
    assert row is not None
    assert "taken for a bot (webdriver)" in row.inner_text()
    assert _read(running, "/v1/events")["data"] == []


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
    page.wait_for_selector("[data-test=activity] >> text=You are not recorded")
    assert page.inner_text("[data-test=anonymous-id]") == "\N{EN DASH}"
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


def _numbers(server: Server, question: str) -> list[int]:
    """Of the whole time; the story may be told at midnight."""
    rows = _read(server, f"/v1/stats?interval=total&{question}")["data"]
    return [row["count"] for row in rows]


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
