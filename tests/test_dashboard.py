"""The dashboard in a browser, against the real server: how it is entered, and what all its views
have in common."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Route, expect

from tests.dashboard import DESK, PHONE, VIEWS, Dashboard, opened
from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Door,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.server import Server, Servers
from tests.events import wire

ADA = {"userId": "ada", "anonymousId": "device"}
PAGE = {"path": "/pricing", "url": "https://shop.example/pricing", "title": "Box plans"}
STORY = [
    wire(None, **ADA, context={"page": PAGE, "sessionId": "s"}),
    wire(None, **ADA, type="track", event="Order placed", properties={"total": 12}),
    wire(None, **ADA, type="identify", traits={"plan": "pro"}),
    {"type": "track", "userId": "ada", "messageId": "bad"},
]

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
REVERSED = "\u202egnp.exe"
LONG = "m" * 20_000
HOSTILE = [
    wire(
        None,
        userId=EVIL,
        anonymousId=REVERSED,
        context={
            "page": {"path": EVIL, "url": "javascript:alert(3)", "title": EVIL, "referrer": EVIL},
            "campaign": {"name": EVIL},
        },
    ),
    wire(None, userId=EVIL, type="identify", traits={EVIL: EVIL, "name": LONG, "r": REVERSED}),
    wire(None, userId=EVIL, type="track", event=LONG, properties={EVIL: {"deep": [EVIL]}}),
    wire(None, userId=EVIL, type="track", event=REVERSED, properties={"__proto__": EVIL}),
    {"type": EVIL, "userId": EVIL, "messageId": REVERSED, "event": LONG},
    f"{EVIL}{REVERSED}",
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    """Two sites: what ordinary people did, and what somebody sent who means harm."""
    with some_servers(tmp_path_factory.mktemp("server"), leash) as servers:
        started = start(servers, settings())
        door = Door(started)
        for key, events in ((OPEN_KEY, STORY), (GUARDED_KEY, HOSTILE)):
            assert door.post({"batch": events}, f"/v1/batch?write_key={key}").status == 200
        eventually(lambda: len(door.read("/v1/events").json["data"]) == 3)
        eventually(lambda: len(door.read("/v1/events", GUARDED_TOKEN).json["data"]) == 4)
        eventually(lambda: len(door.failed(GUARDED_TOKEN)) == 2)
        yield started


@pytest.fixture
def dashboard(browser: Browser, running: Server) -> Iterator[Dashboard]:
    with opened(browser, running) as dashboard:
        yield dashboard
        assert dashboard.complaints == []


def test_a_wrong_token_is_told_and_a_right_one_is_kept_for_the_tab(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/#/person?user=ada")
    field = page.get_by_label("Read token")
    expect(field).to_be_focused()
    for wrong, why in (("wrong", "not known here"), ("n\u00f6", "no such characters")):
        field.fill(wrong)
        field.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text(why)
    assert dashboard.violations() == []
    field.fill(OPEN_TOKEN)
    field.press("Enter")
    expect(page.get_by_role("heading", level=2, name="ada")).to_be_visible()
    assert OPEN_TOKEN not in page.url
    assert page.evaluate("[Object.values(sessionStorage).length, localStorage.length]") == [2, 0]
    page.reload()
    expect(page.get_by_role("heading", level=2, name="ada")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.reload()
    expect(page.get_by_label("Read token")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_token_that_is_taken_back_asks_for_another(dashboard: Dashboard) -> None:
    dashboard.sign_in(OPEN_TOKEN)
    dashboard.page.evaluate("sessionStorage.setItem('token', 'withdrawn')")
    dashboard.page.evaluate("location.hash = '#/failed'")
    expect(dashboard.page.get_by_role("alert")).to_contain_text("not known, or no longer")
    dashboard.page.get_by_label("Read token").fill("half of ano")
    dashboard.page.evaluate("location.hash = '#/live'")
    dashboard.page.evaluate("new Promise(requestAnimationFrame)")  # after the change is told
    expect(dashboard.page.get_by_label("Read token")).to_have_value("half of ano")
    expect(dashboard.page.get_by_role("alert")).to_contain_text("not known, or no longer")


def test_a_token_for_all_sites_chooses_one_and_the_address_says_which(dashboard: Dashboard) -> None:
    dashboard.sign_in(ALL_TOKEN)
    dashboard.open("failed")
    dashboard.page.get_by_label("Site").select_option("guarded")
    expect(dashboard.main).to_contain_text("must be an object")
    assert "site=guarded" in dashboard.page.url
    dashboard.page.get_by_role("link", name="People").click()
    dashboard.settled("person")
    assert "site=guarded" in dashboard.page.url
    dashboard.page.reload()
    expect(dashboard.page.get_by_label("Site")).to_have_value("guarded")
    dashboard.open("failed", site="open")
    expect(dashboard.page.get_by_label("Site")).to_have_value("open")


def test_a_site_that_the_token_does_not_read_is_told_apart(dashboard: Dashboard) -> None:
    dashboard.sign_in(OPEN_TOKEN)
    dashboard.open("failed", site="guarded")
    expect(dashboard.state).to_have_attribute("data-state", "forbidden")
    expect(dashboard.state).to_contain_text("reads site 'open' only")
    assert dashboard.violations() == []
    dashboard.page.get_by_role("link", name="Show what it may read").click()
    expect(dashboard.main).to_contain_text("Causes")


def test_a_server_that_is_gone_is_told_and_can_be_asked_again(dashboard: Dashboard) -> None:
    dashboard.sign_in(OPEN_TOKEN)
    dashboard.open("person", user="ada")
    dashboard.page.context.set_offline(True)
    dashboard.open("person", user="bob")
    expect(dashboard.state).to_have_attribute("data-state", "failed")
    expect(dashboard.state).to_contain_text("does not answer")
    assert dashboard.violations() == []
    dashboard.page.context.set_offline(False)
    dashboard.page.get_by_role("button", name="Try again").click()
    expect(dashboard.state).to_contain_text("Nobody has this id")
    offline = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"
    dashboard.complaints[:] = [said for said in dashboard.complaints if said != offline]


def test_an_address_of_no_view_says_so(dashboard: Dashboard) -> None:
    dashboard.sign_in(OPEN_TOKEN)
    for nothing in ("constructor", "../app", "person.js", "n\u00f6"):
        dashboard.page.evaluate("name => { location.hash = `#/${name}` }", nothing)
        expect(dashboard.state).to_have_attribute("data-state", "failed")
    assert [said for said in dashboard.complaints if "Content" in said] == []
    dashboard.complaints.clear()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_view_is_fit_for_whoever_reads_it(
    browser: Browser, running: Server, colours: Any, size: tuple[int, int]
) -> None:
    """axe finds nothing, and nothing has to be scrolled sideways."""
    addresses: list[tuple[str, dict[str, str]]] = [(view, {}) for view in VIEWS]
    addresses += [
        ("person", {"user": "ada"}),
        ("person", {"find": "device"}),
        ("funnel", {"steps": '["/pricing","Order placed"]'}),
        ("overview", {"metric": "events", "range": "today", "path": "/pricing"}),
    ]
    with opened(browser, running, size, colours) as dashboard:
        dashboard.sign_in(OPEN_TOKEN)
        for view, query in addresses:
            dashboard.open(view, **query)
            assert dashboard.violations() == [], view
            assert dashboard.width() <= size[0], view
        assert dashboard.complaints == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_what_visitors_send_is_text_and_nothing_else(
    browser: Browser, running: Server, size: tuple[int, int]
) -> None:
    more = [
        ("overview", {"path": EVIL, "metric": "events"}),
        ("funnel", {"steps": json.dumps([REVERSED, EVIL, LONG[:500]])}),
        ("person", {"user": EVIL}),
        ("person", {"anonymous": REVERSED}),
    ]
    with opened(browser, running, size) as dashboard:
        dashboard.sign_in(GUARDED_TOKEN)
        everything = ""
        for view, query in [*((view, {}) for view in VIEWS), *more]:
            dashboard.open(view, **query)
            dashboard.unfold()
            shown = dashboard.main.inner_text()
            assert dashboard.page.locator("main img, main script").count() == 0
            assert dashboard.page.locator("a[href^='javascript' i]").count() == 0
            assert "\u202e" not in shown, view
            assert "mmm" * 10_000 not in shown, view
            assert dashboard.width() <= size[0], view
            assert dashboard.violations() == [], view
            everything += shown
        assert EVIL in everything
        assert "\u27e8U+202E\u27e9gnp.exe" in everything
        assert dashboard.complaints == []


def test_the_keyboard_leads_everywhere(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.sign_in(OPEN_TOKEN)
    dashboard.settled("overview")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("link", name="Failed events").focus()
    page.keyboard.press("Enter")
    dashboard.settled("failed")
    expect(page.get_by_role("heading", level=1, name="Failed events")).to_be_focused()
    assert page.title() == "Failed events \u00b7 The tracker kit"
    cause = page.get_by_role("region", name="Causes").get_by_role("link").first
    cause.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**field=event**")
    expect(cause).to_be_focused()
    page.go_back()
    page.wait_for_url("**#/failed")
    page.keyboard.press("Control+Home")
    page.get_by_role("button", name="Skip to the view").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_who_moves_on_while_a_view_is_made_is_not_called_back(dashboard: Dashboard) -> None:
    page = dashboard.page
    dashboard.sign_in(OPEN_TOKEN)
    dashboard.settled("overview")
    asked = "**/v1/failed-events*"

    def hold(route: Route) -> None:
        """Not answered."""

    page.route(asked, hold)
    with page.expect_request(asked):
        page.get_by_role("link", name="Failed events").click()
    page.get_by_label("Dark").focus()
    page.unroute(asked)  # with it, what it holds goes on
    dashboard.settled("failed")
    expect(page.get_by_label("Dark")).to_be_focused()


def test_the_colours_are_the_systems_until_somebody_chooses(
    browser: Browser, running: Server
) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    with opened(browser, running, colours="dark") as dashboard:
        dashboard.sign_in(OPEN_TOKEN)
        dark = dashboard.page.evaluate(ground)
        dashboard.page.get_by_label("Light").check()
        light = dashboard.page.evaluate(ground)
        assert light != dark
        dashboard.page.reload()
        dashboard.page.wait_for_selector("main#main")
        assert dashboard.page.evaluate(ground) == light
        dashboard.page.get_by_label("Auto").check()
        assert dashboard.page.evaluate(ground) == dark


def test_the_page_is_under_the_strictest_policy_and_its_files_are_kept(running: Server) -> None:
    page = requests.get(running.url, timeout=30)
    policy = page.headers["content-security-policy"]
    for rule in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    known = requests.get(running.url, headers={"if-none-match": page.headers["etag"]}, timeout=30)
    assert known.status_code == 304
    asked = [line.split('"')[1] for line in page.text.splitlines() if "dashboard/" in line]
    files = [path for part in page.text.split('"') if (path := part).startswith("dashboard/")]
    assert len(files) >= len(asked) > 10
    for path in files:
        file = requests.get(f"{running.url}/{path}", timeout=30)
        assert file.status_code == 200, path
        assert "immutable" in file.headers["cache-control"]
    old = files[0].split("/")
    for gone in ("/".join([old[0], "0" * 12, *old[2:]]), f"{old[0]}/{old[1]}/index.html"):
        assert requests.get(f"{running.url}/{gone}", timeout=30).status_code == 404
    escape = f"{running.url}/{old[0]}/{old[1]}/..%2f..%2fassets.py"
    assert requests.get(escape, timeout=30).status_code == 404


def test_the_api_is_found_where_the_settings_say(server: Servers, browser: Browser) -> None:
    running = server(env={"TRACKER_PATH_PREFIX": "/m/n"})
    with opened(browser, running) as dashboard:
        dashboard.sign_in(running.read_token)
        dashboard.open("failed")
        expect(dashboard.state).to_contain_text("Nothing has failed")
        assert dashboard.complaints == []


def test_what_is_vendored_has_its_licence_beside_it() -> None:
    folder = Path(__file__).parents[1] / "tracker/web/dashboard/vendor"
    names = {path.name for path in folder.iterdir()}
    assert {"LICENSE-uPlot.txt", "LICENSE-Inter.txt"} <= names
    assert "v1.6.32" in (folder / "uPlot.iife.min.js").read_text()[:80]
