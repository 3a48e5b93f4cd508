"""The browser client in a page of another origin, against the real server."""

from typing import Any

import pytest
import requests
from playwright.sync_api import Page

from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.engines.site import site

LOADED = "window.kit && kit.user"


def stored(server: Server, **query: str) -> list[dict[str, Any]]:
    """Everything, oldest first."""
    headers = {"authorization": f"Bearer {server.read_token}"}
    query = {"limit": "1000", "order": "asc"} | query
    answer = requests.get(f"{server.url}/v1/events", query, headers=headers, timeout=30)
    events: list[dict[str, Any]] = answer.json()["data"]
    return events


def tracked(server: Server, count: int) -> list[str]:
    """The names of the track events that the page asked for, once there are so many."""

    def enough() -> list[str]:
        events = [event for event in stored(server) if event["type"] == "track"]
        names = [event["event"] for event in events if event["event"] != "Page left"]
        return names if len(names) >= count else []

    return eventually(enough)


@pytest.mark.parametrize(
    "leave",
    ["location.href = 'about:blank'", "document.querySelector('a').click()"],
    ids=["location.href", "a link"],
)
def test_twenty_events_and_then_leaving_are_twenty_events(
    server: Servers, page: Page, leave: str
) -> None:
    running = server()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    with site(running, "<a href='about:blank'>away</a>") as url:
        page.goto(url)
        page.wait_for_function(LOADED)
        page.evaluate(f"() => {{ for (let n = 0; n < 20; n++) kit.track('n' + n); {leave} }}")
        page.wait_for_url("about:blank")
        assert tracked(running, 20) == [f"n{n}" for n in range(20)]
    assert "OPTIONS" not in asked, "a simple request needs no preflight"


def test_each_change_of_address_is_one_page_view(server: Servers, page: Page) -> None:
    running = server()
    with site(running) as url:
        page.goto(f"{url}/one")
        page.wait_for_function(LOADED)
        page.evaluate("history.pushState({}, '', '/two')")
        page.evaluate("history.replaceState({}, '', '/two')")
        page.evaluate("history.replaceState({}, '', '/three')")
        page.evaluate("history.pushState({}, '', '/four')")
        page.go_back()
        page.wait_for_function("location.pathname == '/three'")
        page.evaluate("kit.track('done')")
        tracked(running, 1)
    views = [event["context"]["page"] for event in stored(running) if event["type"] == "page"]
    assert [view["path"] for view in views] == ["/one", "/two", "/three", "/four", "/three"]
    assert [view["referrer"].removeprefix(url) for view in views[1:]] == [
        "/one",
        "/two",
        "/three",
        "/four",
    ]


def test_nothing_is_ever_thrown_into_the_page(server: Servers, page: Page) -> None:
    running = server()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with site(running) as url:
        page.goto(url)
        page.wait_for_function(LOADED)
        page.evaluate(
            """() => {
                const circle = {}; circle.self = circle;
                kit.track('circle', circle);
                kit.track('bigint', {n: 10n, good: 1});
                kit.track('getter', {get bad() { throw new Error('bad') }, good: 1});
                kit.track(); kit.track(null); kit.identify(undefined); kit.group(); kit.alias();
                kit.ready(() => { throw new Error('in ready') });
                kit.track('last');
            }"""
        )
        eventually(lambda: "last" in tracked(running, 1))
    assert not [error for error in errors if "in ready" not in error]
    assert {"circle", "bigint", "getter", "last"} <= set(tracked(running, 4))


def test_a_page_without_storage_is_tracked_for_its_life(server: Servers, page: Page) -> None:
    running = server()
    with site(running) as tracked_site, site(running) as outer:
        page.goto(outer)
        with page.expect_event("framenavigated", lambda f: "sandboxed" in f.url) as navigated:
            page.evaluate(
                """url => {
                    const frame = document.createElement('iframe');
                    frame.sandbox = 'allow-scripts';
                    frame.src = url;
                    document.body.append(frame);
                }""",
                f"{tracked_site}/sandboxed",
            )
        frame = navigated.value
        frame.wait_for_function(LOADED)
        frame.evaluate("kit.track('one'); kit.track('two')")
        assert tracked(running, 2) == ["one", "two"]
    visitors = {
        event["anonymousId"]
        for event in stored(running)
        if event["context"]["page"]["path"] == "/sandboxed"
    }
    assert len(visitors) == 1


def test_events_of_an_outage_arrive_once_it_is_over(server: Servers, page: Page) -> None:
    running = server()
    with site(running) as url:
        page.goto(url)
        page.wait_for_function(LOADED)
        page.evaluate("kit.track('before')")
        tracked(running, 1)
        running.stop()
        with page.expect_event("requestfailed"):
            page.evaluate("() => { for (let n = 0; n < 20; n++) kit.track('n' + n) }")
        running.start()
        assert tracked(running, 21) == ["before", *(f"n{n}" for n in range(20))]


def test_reset_begins_a_new_visitor(server: Servers, page: Page) -> None:
    running = server()
    with site(running) as url:
        page.goto(url)
        page.wait_for_function(LOADED)
        page.evaluate("kit.identify('ada'); kit.track('hers')")
        page.evaluate("kit.reset(); kit.track('nobodys')")
        assert tracked(running, 2) == ["hers", "nobodys"]
    hers, nobodys = (event for event in stored(running) if event["type"] == "track")
    assert hers["userId"] == "ada"
    assert "userId" not in nobodys
    assert hers["anonymousId"] != nobodys["anonymousId"]
    assert hers["context"]["sessionId"] != nobodys["context"]["sessionId"]
    assert nobodys["context"]["seq"] == 1
