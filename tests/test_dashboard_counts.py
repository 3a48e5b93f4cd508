"""The dashboard's views of counts and of this moment show what is stored."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.dashboard import Dashboard, opened
from tests.door import Door, some_servers
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Server, Servers
from tests.events import wire
from tests.test_dashboard_people import send
from tracker import timestamps

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def seen(who: str, path: str, days_ago: int = 2, **members: Any) -> dict[str, Any]:
    """What somebody did at noon, some days ago."""
    noon = TODAY - timedelta(days=days_ago) + timedelta(hours=12)
    page = {"path": path, "referrer": "https://news.example/", "url": f"https://a.example{path}"}
    context = {"page": page, "location": {"country": "DE" if who == "ada" else "NZ"}}
    at = timestamps.parse(noon.isoformat())
    return wire(at, anonymousId=who, context=context | members.pop("context", {}), **members)


HISTORY = [
    *(seen(who, "/") for who in ("ada", "bob", "cy")),
    *(seen(who, "/pricing") for who in ("ada", "ada", "bob")),
    seen("ada", "/pricing", type="track", event="Order placed"),
    seen("ada", "/", days_ago=9),
    *(seen("ada", "/n", days_ago=3, context={"seq": seq}) for seq in (1, 2, 4)),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    with some_servers(tmp_path_factory.mktemp("server"), leash) as servers:
        started = servers()
        send(started, *HISTORY)
        door = Door(started)
        newest = f"/v1/events?limit=1000&since={(TODAY - timedelta(days=10)).isoformat()[:10]}"
        eventually(lambda: len(door.read(newest, started.read_token).json["data"]) == len(HISTORY))
        yield started


@pytest.fixture
def dashboard(browser: Browser, running: Server) -> Iterator[Dashboard]:
    with opened(browser, running) as dashboard:
        dashboard.sign_in(running.read_token)
        yield dashboard
        assert dashboard.complaints == []


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_the_overview_shows_counts_against_the_time_before(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.open("overview", range="7d")
    cards = page.get_by_label("Metrics").get_by_role("link")
    expect(cards).to_contain_text(["Visitors4", "Page views9", "Sessions", "Events10"])
    expect(cards.nth(1)).to_contain_text("before 1")
    expect(cards.nth(1)).to_contain_text("Up by 800")
    expect(panel(page, "Pages").get_by_role("link")).to_contain_text(["/3", "/pricing2", "/n1"])
    expect(panel(page, "Countries")).to_contain_text("New Zealand")
    expect(panel(page, "Referrers")).to_contain_text("news.example")
    expect(panel(page, "Campaigns")).to_contain_text("None in this time")
    cards.nth(1).click()
    page.wait_for_url("**metric=page_views**")
    expect(panel(page, "Pages").get_by_role("link")).to_contain_text(["/3", "/n3", "/pricing3"])
    expect(panel(page, "Events")).to_contain_text("Order placed1")
    page.get_by_text("As a table").click()
    rows = page.get_by_label("as a table").get_by_role("row")
    day = (TODAY - timedelta(days=2)).strftime("%-d %b")
    expect(rows.filter(has_text=day).get_by_role("cell").first).to_have_text("6")


def test_every_row_filters_the_rest_and_the_address_holds_it(
    dashboard: Dashboard, browser: Browser, running: Server
) -> None:
    page = dashboard.page
    dashboard.open("overview", metric="page_views")
    panel(page, "Countries").get_by_role("link", name="Germany").click()
    page.wait_for_url("**country=DE**")
    pages = panel(page, "Pages").get_by_role("link")
    expect(pages).to_contain_text(["/n3", "/pricing2", "/1"])
    panel(page, "Pages").get_by_role("link", name="/pricing").click()
    page.wait_for_url("**path=%2Fpricing**")
    expect(page.get_by_label("Metrics").get_by_role("link").nth(3)).to_contain_text("Events3")
    with opened(browser, running) as other:
        other.sign_in(running.read_token)
        other.page.goto(page.url)
        other.settled("overview")
        expect(other.page.get_by_label("Metrics").get_by_role("link").nth(3)).to_contain_text("3")
        other.page.get_by_role("link", name="Countries: Germany").click()
        expect(panel(other.page, "Countries").get_by_role("link")).to_have_count(2)
    page.go_back()
    expect(pages).to_have_count(3)


def test_a_range_of_ones_own_is_shown_hour_by_hour(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.open("overview", metric="events")
    page.get_by_text("Other", exact=True).click()
    day = (TODAY - timedelta(days=2)).date().isoformat()
    for label in ("From", "To"):
        page.get_by_label(label, exact=True).fill(day)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**since={day}&until={day}")
    expect(page.get_by_label("Metrics")).to_contain_text("before 3")
    page.get_by_text("As a table").click()
    noon = page.get_by_label("as a table").get_by_role("row").filter(has_text="12:00")
    expect(noon.get_by_role("cell").first).to_have_text("7")


def test_what_is_empty_says_what_to_do(dashboard: Dashboard) -> None:
    dashboard.open("overview", since="2020-01-01", until="2020-01-07")
    expect(dashboard.state).to_contain_text("Nobody was here then")
    dashboard.open("overview", browser="Netscape")
    expect(dashboard.state).to_contain_text("Nothing is like this")
    dashboard.page.get_by_role("link", name="Take the filters away").click()
    expect(panel(dashboard.page, "Pages").get_by_role("link")).to_have_count(3)


def test_where_only_bots_have_been_that_is_said(browser: Browser, server: Servers) -> None:
    running = server()
    with opened(browser, running) as dashboard:
        dashboard.sign_in(running.read_token)
        expect(dashboard.state).to_contain_text("No event has come in yet")
        send(running, wire(None, anonymousId="driven", context={"bot": "webdriver"}))
        stored = partial(Door(running).read, "/v1/events?bots=only", running.read_token)
        eventually(lambda: stored().json["data"])
        dashboard.page.reload()
        expect(dashboard.state).to_contain_text("Only bots have been here")
        expect(dashboard.state).to_contain_text("\u201cwebdriver\u201d")
        assert dashboard.violations() == []
        dashboard.page.get_by_role("link", name="Visitor driven").click()
        expect(dashboard.main).to_contain_text("bot: webdriver")


def test_who_is_here_is_shown_while_they_are(dashboard: Dashboard, running: Server) -> None:
    page = dashboard.page
    dashboard.open("live")
    expect(dashboard.main).to_contain_text("0 people are here")
    here = panel(page, "Who is here")
    send(running, wire(None, userId="grace", context={"page": {"path": "/now", "title": "Now"}}))
    expect(here).to_contain_text("1 person is here")
    expect(here.get_by_role("listitem")).to_contain_text("/now Now")
    events = panel(page, "Newest events").locator(".event")
    expect(events).to_contain_text(["grace Looked at /now"])
    events.get_by_label("The whole event").first.click()
    send(running, wire(None, userId="grace", type="track", event="Waved"))
    expect(events).to_contain_text(["grace Waved", "grace Looked at /now"])
    expect(events.nth(1).locator("pre")).to_be_visible()
    assert dashboard.violations() == []
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    here.get_by_role("link", name="grace").click()
    expect(page.get_by_role("heading", level=2, name="grace")).to_be_visible()


def test_health_tells_the_queue_and_how_much_arrived(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.open("health")
    gauges = panel(page, "The queue")
    expect(gauges).to_contain_text("Dead letters0")
    expect(gauges).to_contain_text("no message waits")
    delivery = panel(page, "Delivery")
    expect(delivery).to_contain_text("75 % of the events that browsers made have arrived")
    expect(delivery).to_contain_text("3 of 4: 1 event is missing, or still on its way")
    page.get_by_text("How this is known").click()
    expect(delivery).to_contain_text("closes its gap")


def test_a_funnel_counts_who_goes_on(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.open("funnel")
    expect(dashboard.state).to_contain_text("Which way do they go?")
    page.get_by_label("Step 1", exact=True).fill("/")
    page.get_by_label("Step 2", exact=True).fill("/pricing")
    page.get_by_role("button", name="Add a step").click()
    expect(page.get_by_label("Step 3", exact=True)).to_be_focused()
    page.keyboard.type("Order placed")
    page.keyboard.press("Enter")
    page.wait_for_url("**steps=**")
    bars = panel(page, "The funnel").locator(".bar")
    expect(bars).to_contain_text(["1. /3", "2. /pricing2", "3. Order placed1"])
    expect(panel(page, "The funnel")).to_contain_text("67\u202f% go on, 1 do not")
    page.get_by_role("button", name="Take step 2 away").click()
    page.get_by_role("button", name="Show").click()
    expect(bars).to_contain_text(["1. /3", "2. Order placed1"])
    page.reload()
    expect(bars).to_have_count(2)
    dashboard.open("funnel", steps='["/nowhere","/"]')
    expect(dashboard.state).to_contain_text("Nobody took the first step")


def test_retention_tells_who_came_again(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.open("retention")
    rows = panel(page, "Retention by week").get_by_role("row")
    # Ada came first nine days ago; whether she came again one or two weeks later is the calendar's.
    first = rows.nth(1).get_by_role("cell")
    expect(first.nth(0)).to_have_text("1")
    expect(first.nth(1)).to_have_text("100\u202f%")
    again = (TODAY - timedelta(days=2)).isocalendar().week
    weeks = (again - (TODAY - timedelta(days=9)).isocalendar().week) % 52
    expect(first.nth(1 + weeks)).to_have_text("100\u202f%")
    dashboard.open("retention", since="2020-01-01", until="2020-02-01")
    expect(dashboard.state).to_contain_text("Nobody to come back yet")
