"""The npm package in React, Vue and Next.js, in a real browser: docs/spa.md."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.engines.apps import App, built_apps, built_page, front, running_next
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.server import Server, Servers
from tests.test_browser import stored

ROOT = Path(__file__).parents[1]
Event = dict[str, Any]


@pytest.fixture(scope="module")
def folder() -> Path:
    return built_apps(ROOT)


@pytest.fixture(scope="module")
def next_app(folder: Path, tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[App]:
    with running_next(folder, tmp_path_factory.mktemp("next"), leash) as app:
        yield app


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    """One for all: each visit has an address of its own."""
    servers = Servers(ROOT, tmp_path_factory.mktemp("server"), leash)
    try:
        yield servers()
    finally:
        servers.stop()


@dataclass
class Visit:
    """An app that a user has before them."""

    page: Page
    url: str
    """Of the app's root, without the slash that a path begins with."""
    routes: str
    """What stands before a route in an address: "#" where routes are hashes."""
    server: Server
    asked: list[Mapping[str, str]]
    pressed: Counter[str] = field(default_factory=Counter)

    def open(self, route: str, heading: str) -> None:
        self.page.goto(self.url + self.routes + route)
        self.see(heading)

    def follow(self, link: str, heading: str) -> None:
        self.page.get_by_role("link", name=link).click()
        self.see(heading)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()
        self.pressed[button] += 1

    def go(self, where: str, heading: str) -> None:
        self.page.evaluate(f"history.{where}()")
        self.see(heading)

    def see(self, heading: str) -> None:
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def stored(self) -> list[Event]:
        return [e for e in stored(self.server) if e["context"]["page"]["url"].startswith(self.url)]

    def events(self) -> list[Event]:
        """All that was recorded, in its order; the last is a click on "Buy"."""
        self.press("Buy")

        def whole() -> list[Event]:
            events = self.stored()
            bought = [event for event in events if event.get("event") == "Bought"]
            return events if len(bought) == self.pressed["Buy"] else []

        return eventually(whole)

    def wait_until_viewed(self, title: str) -> None:
        """Until the newest view is stored: what the page before has said is sent by then."""
        eventually(lambda: views(self.stored())[-1]["title"] == title)


LATE_START = "React, which starts the client in an effect"
APPS = {
    "React": ("react", "index.html"),
    LATE_START: ("react", "effect.html"),
    "Vue": ("vue", "index.html"),
    "Vue with hashes": ("vue", "hash.html"),
    "Next.js": ("next", ""),
}
Start = Callable[[str], Visit]


@pytest.fixture
def start(
    folder: Path, request: pytest.FixtureRequest, running: Server, page: Page
) -> Iterator[Start]:
    """Opens an app; nothing of it may be thrown, or go to another machine."""
    hosts: set[str | None] = set()
    thrown: list[str] = []
    page.on("request", lambda asked: hosts.add(urlsplit(asked.url).hostname))
    page.on("pageerror", lambda error: thrown.append(str(error)))
    with ExitStack() as open_fronts:

        def begin(name: str) -> Visit:
            kind, html = APPS[name]
            if kind == "next":
                app = request.getfixturevalue("next_app")
            else:
                app = built_page(folder / kind / "dist", html)
            url, asked = open_fronts.enter_context(front(app, running))
            return Visit(page, url, "/#" if "hash" in html else "", running, asked)

        yield begin
    assert hosts == {LOOPBACK}
    assert not thrown


def views(events: list[Event]) -> list[dict[str, str]]:
    return [event["context"]["page"] for event in events if event["type"] == "page"]


@pytest.mark.parametrize("app", [app for app in APPS if app != LATE_START])
def test_each_change_of_address_is_one_view_with_its_own_title(start: Start, app: str) -> None:
    visit = start(app)
    visit.open("/", "Home")
    visit.follow("Account", "Account")
    visit.follow("List", "List by name")
    visit.press("Sort")
    visit.see("List by price")
    visit.go("back", "Account")
    visit.go("forward", "List by price")
    visit.follow("List", "List by name")
    visit.follow("List", "List by name")
    seen = views(visit.events())
    expected = [
        ("/", "Home"),
        ("/account", "Account"),
        ("/list", "List by name"),
        ("/list?sort=price", "List by price"),
        ("/account", "Account"),
        ("/list?sort=price", "List by price"),
        ("/list", "List by name"),
    ]
    beginning = visit.url + visit.routes
    assert [(view["url"].removeprefix(beginning), view["title"]) for view in seen] == expected
    assert [view["referrer"] for view in seen] == ["", *(view["url"] for view in seen[:-1])]
    for view in seen:
        path = view["path"] if visit.routes else view["path"] + view["search"]
        assert visit.url + path == view["url"]


@pytest.mark.parametrize("app", APPS)
def test_what_a_component_records_is_of_its_page_and_person(start: Start, app: str) -> None:
    visit = start(app)
    visit.open("/account", "Account")
    visit.press("Buy")
    visit.follow("Home", "Home")
    events = [event for event in visit.events() if event.get("event") != "Page left"]
    view, *identified, bought, home, again = events
    assert [event["type"] for event in (view, bought, home)] == ["page", "track", "page"]
    for event in (view, *identified, bought):
        place = event["context"]["page"]
        assert (place["url"], place["title"]) == (visit.url + visit.routes + "/account", "Account")
    # StrictMode's second time cannot be told from a page that means it.
    assert len(identified) == (2 if "React" in app else 1)
    for event in identified:
        assert (event["type"], event["traits"]) == ("identify", {"plan": "pro"})
    assert {event.get("userId") for event in (*identified, bought, home, again)} == {"user-42"}
    assert bought["properties"] == {"price": 24}
    assert again["context"]["page"] == home["context"]["page"]


@pytest.mark.parametrize("app", ["React", "Vue", "Next.js"])
def test_a_title_that_comes_with_the_data_is_the_views(start: Start, app: str) -> None:
    visit = start(app)
    visit.open("/", "Home")
    visit.wait_until_viewed("Home")
    visit.follow("Late", "Late")
    seen = views(visit.events())
    assert [view["title"] for view in seen] == ["Home", "Late"]


def test_a_client_that_starts_after_the_router_gives_each_page_its_own_title(start: Start) -> None:
    visit = start(LATE_START)
    visit.open("/", "Home")
    visit.follow("Account", "Account")
    visit.follow("List", "List by name")
    visit.wait_until_viewed("List by name")
    visit.page.wait_for_function("performance.now() > 2000")
    visit.go("back", "Account")
    visit.wait_until_viewed("Account")
    visit.go("forward", "List by name")
    events = visit.events()
    titles = {"/": "Home", "/account": "Account", "/list": "List by name"}
    for event in events:
        place = event["context"]["page"]
        assert place["title"] == titles[place["path"]], event
    assert [view["path"] for view in views(events)] == [
        "/",
        "/account",
        "/list",
        "/account",
        "/list",
    ]
    assert [event for event in events if event.get("event") == "Page left"]


def test_what_next_prefetches_and_renders_on_its_server_is_not_recorded(start: Start) -> None:
    visit = start("Next.js")
    visit.open("/", "Home")

    def prefetched() -> set[str]:
        return {
            one["path"].partition("?")[0] for one in visit.asked if "next-router-prefetch" in one
        }

    eventually(lambda: prefetched() >= {"/account", "/list"})
    visit.open("/account", "Account")
    events = visit.events()
    assert [view["path"] for view in views(events)] == ["/", "/account"]
    assert not [event for event in events if event.get("event") == "Rendered on the server"]


def test_the_documents_code_is_what_the_apps_are_made_of() -> None:
    text = (ROOT / "docs" / "spa.md").read_text()
    blocks = re.findall(r"^```\w+ title=(\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == [
        "react/main.jsx",
        "vue/main.js",
        "next/instrumentation-client.js",
        "next/app/who.jsx",
    ]
    for name, code in blocks:
        assert code in (ROOT / "tests" / "spa" / name).read_text(), name
    (init,) = re.findall(r"`(init\(.*hash: true.*\))`", text)
    assert init in (ROOT / "tests" / "spa" / "vue" / "hash.js").read_text()
