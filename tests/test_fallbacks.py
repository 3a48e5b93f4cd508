"""What Firefox, WebKit and older Chromiums lack: the client in a real browser that lacks it, too.

What is missing is taken away before the client loads; the client itself is never touched.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Error, Page

from tests.engines.eventually import eventually
from tests.engines.proxy import Fault, Proxy
from tests.engines.server import Server
from tests.engines.site import site
from tests.test_browser import LOADED
from tests.test_delivery import (
    NAMES,
    TWENTY,
    all_twenty,
    answered,
    days_from_now,
    names_stored,
    visit,
)

# What is under way then ends with the page: so it does in a browser that knows no keepalive.
NO_KEEPALIVE = """
    delete Request.prototype.keepalive;
    const ask = window.fetch;
    window.fetch = (where, how) => ask(where, {...how, keepalive: false});
"""
NO_BEACON = "delete Navigator.prototype.sendBeacon;"
NO_STORAGE = "delete Window.prototype.localStorage; delete window.localStorage;"
DENIED = """
    LockManager.prototype.request = () => Promise.reject(new DOMException('', 'SecurityError'));
    Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('', 'SecurityError') },
    });
"""
UNHEARD = "addEventListener('visibilitychange', event => event.stopImmediatePropagation(), true);"
HIDDEN_FIRST = """
    let told = false;
    addEventListener('visibilitychange', event => told && event.stopImmediatePropagation(), true);
    addEventListener('pagehide', () => {
        Object.defineProperty(document, 'hidden', {value: true, configurable: true});
        document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
        delete document.hidden;
        told = true;
    }, true);
    addEventListener('pageshow', () => told = false);
"""

# Script that takes it away, and an expression that is true when it is gone.
LACKING = {
    "fetch's keepalive (Firefox before 133)": (NO_KEEPALIVE, "!('keepalive' in new Request('/'))"),
    "AbortSignal.timeout (Safari before 16)": (
        "delete AbortSignal.timeout;",
        "!AbortSignal.timeout",
    ),
    "navigator.sendBeacon (a setting of Firefox)": (NO_BEACON, "!navigator.sendBeacon"),
    "a sendBeacon that sends (a blocker's says no)": (
        "Navigator.prototype.sendBeacon = () => false;",
        "!navigator.sendBeacon('/')",
    ),
    "a sendBeacon that works (a blocker's throws)": (
        "Navigator.prototype.sendBeacon = () => { throw new Error('blocked') };",
        "(() => { try { navigator.sendBeacon('/') } catch { return true } })()",
    ),
    "navigator.locks (Safari before 15.4)": (
        "delete Navigator.prototype.locks;",
        "!navigator.locks",
    ),
    "cookies, and so locks and storage (a setting of Firefox)": (
        DENIED,
        "navigator.locks.request('x').then(() => false, () => true)",
    ),
    "document.prerendering (all but Chromium)": (
        "delete Document.prototype.prerendering;",
        "!('prerendering' in document)",
    ),
    "visibilitychange on the way out (Safari before 14.1)": (UNHEARD, "true"),
    "visibilitychange after pagehide (it comes first)": (HIDDEN_FIRST, "true"),
    "a true navigator.onLine (some Linux desktops)": (
        "Object.defineProperty(Navigator.prototype, 'onLine', {get: () => false});",
        "!navigator.onLine",
    ),
    "localStorage": (NO_STORAGE, "!window.localStorage"),
    "localStorage (null in a WebView)": (
        "Object.defineProperty(window, 'localStorage', {value: null});",
        "localStorage === null",
    ),
    "localStorage and sendBeacon": (
        NO_STORAGE + NO_BEACON,
        "!window.localStorage && !navigator.sendBeacon",
    ),
    "keepalive, beacon, timeout, locks": (
        NO_KEEPALIVE
        + NO_BEACON
        + "delete AbortSignal.timeout; delete Navigator.prototype.locks;"
        + "delete Document.prototype.prerendering;",
        "!('keepalive' in new Request('/')) && !navigator.sendBeacon",
    ),
}


@pytest.fixture
def url(running: Server, proxy: Proxy) -> Iterator[str]:
    """A site whose events go through the proxy; its script comes from the server itself."""
    with site(running, attributes=f'data-host="{proxy.url}"') as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_is_thrown_into_the_page(page: Page) -> Iterator[None]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert not errors


@pytest.mark.parametrize("missing", LACKING)
def test_an_outage_and_leaving_cost_nothing_in_a_browser_without(
    running: Server, proxy: Proxy, url: str, page: Page, missing: str
) -> None:
    script, gone = LACKING[missing]
    page.add_init_script(f"(() => {{ {script} }})()")
    visit(page, url)
    assert page.evaluate(gone)
    answered(page)

    proxy.break_with(Fault.BUSY)
    page.evaluate("() => { for (let n = 0; n < 10; n++) kit.track('n' + n) }")
    page.evaluate("kit.flush()")
    proxy.heal()
    eventually(lambda: len(names_stored(running)) == 10, timeout=15)
    answered(page)

    page.evaluate(
        """() => {
            for (let n = 10; n < 20; n++) kit.track('n' + n);
            location.href = 'about:blank';
        }"""
    )
    page.wait_for_url("about:blank")
    visit(page, url)
    all_twenty(running)
    answered(page)
    assert names_stored(running) == NAMES


def test_what_is_under_way_when_the_user_leaves_needs_no_keepalive(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    page.add_init_script(f"(() => {{ {NO_KEEPALIVE} }})()")
    visit(page, url)
    answered(page)
    before = len(proxy.tries)
    proxy.break_with(Fault.HANG)
    page.evaluate(f"() => {{ {TWENTY} kit.flush() }}")
    eventually(lambda: len(proxy.tries) > before)
    proxy.spare_the_next()
    page.evaluate("location.href = 'about:blank'")
    page.wait_for_url("about:blank")
    all_twenty(running)


def test_what_waits_when_the_user_leaves_needs_no_beacon(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    page.add_init_script(NO_BEACON)
    visit(page, url)
    answered(page)
    page.evaluate("() => { kit.track('alone'); location.href = 'about:blank' }")
    page.wait_for_url("about:blank")
    eventually(lambda: names_stored(running) == ["alone"])


def test_a_browser_that_is_killed_in_the_background_sends_at_a_later_visit(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    answered(page)
    proxy.refuse()
    page.evaluate(TWENTY)
    # All that a phone tells a page that it puts away, and then it takes its memory.
    page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', {value: true});
            document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
        }"""
    )
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")
    proxy.accept()
    later = page.context.new_page()
    page.close()
    later.clock.install(time=days_from_now(1))
    visit(later, url)
    all_twenty(running)
    assert sorted(proxy.named("n")) == NAMES


def test_a_browser_that_crashes_in_a_long_outage_has_kept_what_was_recorded(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    answered(page)
    proxy.busy_headers = {"retry-after": "60", "access-control-expose-headers": "Retry-After"}
    proxy.break_with(Fault.BUSY)
    page.evaluate("kit.track('the first')")
    page.evaluate("kit.flush()")
    before = len(proxy.tries)
    page.evaluate(TWENTY)
    page.wait_for_function("Object.values(localStorage).join().includes('\"n19\"')")
    assert len(proxy.tries) == before, "the collector is left in peace"
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")
    proxy.heal()
    later = page.context.new_page()
    page.close()
    visit(later, url)
    eventually(lambda: len(names_stored(running)) == 21)
    assert sorted(proxy.named("n")) == NAMES


def test_who_leaves_while_the_page_is_still_being_read_is_not_lost(
    running: Server, proxy: Proxy, page: Page
) -> None:
    page.add_init_script(
        """document.addEventListener('load', event => {
            if (event.target.async) window.clientIsThere = true;
        }, true);"""
    )
    # The parser waits for a script that does not come.
    body = f"<script>{TWENTY}</script><script src='{proxy.url}/slow.js'></script>"
    with site(running, body, attributes=f'data-host="{proxy.url}"') as url:
        proxy.break_with(Fault.HANG)
        page.goto(url, wait_until="commit")
        # By time, not by frame: a page that is still being read may draw none.
        page.wait_for_function("window.clientIsThere", polling=50)
        eventually(lambda: proxy.methods)
        proxy.spare_the_next()
        assert page.evaluate("document.readyState") == "loading"
        assert page.evaluate("!kit.user"), "nothing of the client has run"
        page.evaluate("location.href = 'about:blank'")
        page.wait_for_url("about:blank")
        all_twenty(running)
        views = [event["context"]["page"]["url"] for event in proxy.events if "event" not in event]
        assert views == [f"{url}/"]
        proxy.heal()
        visit(page, f"{url}/next")
        answered(page)
    assert names_stored(running) == sorted(2 * NAMES), "the first page's, and the next one's own"


@pytest.mark.parametrize(
    "script",
    [
        "delete window.PerformanceObserver;",
        "Object.defineProperty(PerformanceObserver, 'supportedEntryTypes', {value: ['paint']});",
        "delete window.PerformanceEventTiming; delete window.LayoutShift;",
    ],
    ids=["no observer", "paints alone (Safari)", "no interactions"],
)
def test_web_vitals_that_a_browser_cannot_measure_are_left_out(
    running: Server, page: Page, script: str
) -> None:
    page.add_init_script(script)
    body = f'<script src="{running.url}/kit-vitals.js"></script><h1>A page</h1>'
    with site(running, body) as url:
        visit(page, url)
        page.click("h1")
        page.evaluate("location.href = '/next'")
        page.wait_for_url("**/next")
        page.wait_for_function(LOADED)
        page.evaluate("kit.track('n0')")
        page.evaluate("kit.flush()")
        eventually(lambda: "n0" in names_stored(running))


def test_the_parts_without_the_client_throw_nothing(running: Server, page: Page) -> None:
    parts = "".join(
        f'<script src="{running.url}/kit-{part}.js"></script>'
        for part in ("auto", "vitals", "errors")
    )
    with site(running, "<a href='http://127.0.0.2:1/'>out</a>", head=parts) as url:
        page.goto(url)
        page.click("a", no_wait_after=True, modifiers=["Control"])
        seen: Any = page.evaluate("typeof kit")
    assert seen == "undefined"
