"""Nothing lost and nothing twice: the browser client in a real browser, over a way that breaks."""

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.engines.eventually import eventually
from tests.engines.proxy import Fault, Proxy
from tests.engines.server import Server
from tests.engines.site import site
from tests.test_browser import LOADED, stored

TWENTY = "for (let n = 0; n < 20; n++) kit.track('n' + n);"
NAMES = sorted(f"n{n}" for n in range(20))
# The waiting queue, as it lies in the browser's storage.
KEPT = "Object.keys(localStorage).filter(name => name.startsWith('kit.q')).length"


@pytest.fixture
def url(running: Server, proxy: Proxy) -> Iterator[str]:
    """A site whose events go through the proxy; its script comes from the server itself."""
    link = "<a href='about:blank'>away</a>"
    with site(running, link, attributes=f'data-host="{proxy.url}"') as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    try:
        yield context
    finally:
        context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def visit(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(LOADED)


def answered(page: Page) -> None:
    """The collector has answered to this page."""
    page.evaluate("kit.flush()")


def close(page: Page) -> None:
    """As a user closes a tab: the page is told."""
    with page.expect_event("close"):
        page.close(run_before_unload=True)


def names_stored(server: Server) -> list[str]:
    return sorted(
        event["event"]
        for event in stored(server)
        if event["type"] == "track" and event["event"] != "Page left"
    )


def all_twenty(server: Server, timeout: float = 30) -> None:
    eventually(lambda: len(names_stored(server)) >= 20, timeout)
    assert names_stored(server) == NAMES


LEAVE = {
    "a link": "document.querySelector('a').click()",
    "location.href": "location.href = 'about:blank'",
    "the same site": "location.href = '/next'",
    "closing": "",
}


@pytest.mark.parametrize("way", LEAVE)
def test_twenty_events_and_then_leaving_are_twenty_events(
    running: Server, proxy: Proxy, url: str, page: Page, way: str
) -> None:
    visit(page, url)
    answered(page)
    page.evaluate(f"() => {{ {TWENTY} {LEAVE[way]} }}")
    if not LEAVE[way]:
        close(page)
    all_twenty(running)
    assert sorted(proxy.named("n")) == NAMES, "each came once over the wire"
    assert "OPTIONS" not in proxy.methods, "a simple request needs no preflight"


def test_leaving_before_the_first_answer_loses_nothing(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    page.evaluate(f"() => {{ {TWENTY} location.href = 'about:blank' }}")
    all_twenty(running)


@pytest.mark.parametrize("fault", ["busy", "refused"])
def test_an_outage_of_five_seconds_costs_nothing(
    running: Server, proxy: Proxy, url: str, page: Page, fault: str
) -> None:
    visit(page, url)
    answered(page)
    if fault == "busy":
        proxy.break_with(Fault.BUSY)
    else:
        proxy.refuse()
    page.evaluate(f"() => {{ window.outage = performance.now(); {TWENTY} }}")
    page.wait_for_function("performance.now() - outage >= 5000")
    proxy.accept()
    all_twenty(running, timeout=15)
    assert sorted(proxy.named("n")) == NAMES


def test_what_is_tracked_offline_arrives_after_a_reload_online(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    answered(page)
    page.context.set_offline(True)
    page.evaluate(f"() => {{ {TWENTY} }}")
    page.evaluate("kit.flush()")
    proxy.refuse()  # so that it is the reload which sends, not the news that the network is back
    page.context.set_offline(False)
    page.reload()
    proxy.accept()
    page.wait_for_function(LOADED)
    all_twenty(running)
    assert sorted(proxy.named("n")) == NAMES


@pytest.mark.parametrize("fault", ["busy", "refused", "hanging"])
def test_a_visit_without_a_collector_is_sent_by_the_next_visit(
    running: Server, proxy: Proxy, url: str, page: Page, fault: str
) -> None:
    if fault == "refused":
        proxy.refuse()
    else:
        proxy.break_with(Fault.BUSY if fault == "busy" else Fault.HANG)
    visit(page, url)
    page.evaluate(f"() => {{ {TWENTY} }}")
    close(page)
    if fault != "refused":  # what the page still sent as it left must not come when all is well
        eventually(lambda: b'"n19"' in b"".join(proxy.tries))
    proxy.accept()
    assert not names_stored(running)
    visit(page.context.new_page(), url)
    all_twenty(running)
    if fault != "refused":
        assert sorted(proxy.named("n")) == NAMES


def test_what_left_as_a_beacon_for_nobody_is_not_taken_for_delivered(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    proxy.break_with(Fault.HANG)
    visit(page, url)
    page.evaluate(
        """() => {
            for (let n = 0; n < 40; n++) kit.track('n' + n, {text: 'x'.repeat(1000)});
            location.href = 'about:blank';
        }"""
    )
    page.wait_for_url("about:blank")
    eventually(lambda: b'"n39"' in b"".join(proxy.tries))
    # The next page gets an answer to the first of what is left, and leaves before the second's.
    proxy.spare_the_next()
    proxy.next_posts.extend([Fault.NONE, Fault.HANG])
    visit(page, url)
    eventually(lambda: not proxy.next_posts)
    page.evaluate("location.href = 'about:blank'")
    page.wait_for_url("about:blank")
    proxy.heal()
    visit(page, url)
    answered(page)
    eventually(lambda: len(names_stored(running)) >= 40 - 12)
    left = {f"n{n}" for n in range(40)} - set(names_stored(running))
    assert len(left) <= 12, "what was under way is lost with its answer, and no more"


@pytest.mark.parametrize("lacking", ["", "navigator.locks", "navigator.sendBeacon"])
def test_a_burst_of_a_hundred_and_fifty_is_whole_at_the_next_visit(
    running: Server, proxy: Proxy, url: str, page: Page, lacking: str
) -> None:
    if lacking:
        page.context.add_init_script(f"delete Navigator.prototype.{lacking.split('.')[1]}")
    visit(page, url)
    answered(page)
    page.evaluate(
        """() => {
            for (let n = 0; n < 150; n++) kit.track('n' + n, {text: 'x'.repeat(1000)});
            location.href = 'about:blank';
        }"""
    )
    page.wait_for_url("about:blank")
    visit(page, url)
    assert page.evaluate("!navigator.locks || !navigator.sendBeacon") is bool(lacking)
    eventually(lambda: len(names_stored(running)) >= 150)
    assert names_stored(running) == sorted(f"n{n}" for n in range(150))
    if lacking != "navigator.sendBeacon":
        assert sorted(proxy.named("n")) == names_stored(running), "each came once over the wire"


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.HALF_A_HEAD])
def test_an_answer_that_is_lost_brings_the_same_bytes_again(
    running: Server, proxy: Proxy, url: str, page: Page, fault: Fault
) -> None:
    visit(page, url)
    answered(page)
    proxy.break_with(fault)
    page.evaluate(f"() => {{ {TWENTY} kit.flush() }}")
    eventually(lambda: proxy.named("n"))
    proxy.heal()
    eventually(lambda: len(proxy.named("n")) == 40)
    all_twenty(running)
    first, again = (body for body in proxy.bodies if b'"n0"' in body)
    assert first == again


def test_an_answer_that_breaks_off_after_its_head_is_an_answer(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    answered(page)
    proxy.break_with(Fault.HALF_A_BODY)
    page.evaluate(TWENTY)
    page.evaluate("kit.flush()")
    proxy.heal()
    assert page.evaluate(KEPT) == 0
    page.evaluate("kit.flush()")
    all_twenty(running)
    assert sorted(proxy.named("n")) == NAMES


def test_a_collector_that_hangs_gets_the_same_bytes_again(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    # The browser's own clock for it, twenty times as fast.
    page.add_init_script(
        """const timeout = AbortSignal.timeout;
        AbortSignal.timeout = ms => timeout.call(AbortSignal, (window.patience = ms) / 20);"""
    )
    visit(page, url)
    answered(page)
    before = len(proxy.tries)
    proxy.break_with(Fault.HANG)
    page.evaluate(f"() => {{ {TWENTY} kit.flush() }}")
    eventually(lambda: len(proxy.tries) > before)
    proxy.spare_the_next()
    all_twenty(running)
    assert page.evaluate("patience") == 20_000
    hung, again = proxy.tries[before:]
    assert hung == again
    assert sorted(proxy.named("n")) == NAMES


def test_two_tabs_at_the_same_time_neither_lose_nor_repeat(
    running: Server, proxy: Proxy, url: str, context: BrowserContext
) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        visit(tab, url)
        answered(tab)
    proxy.break_with(Fault.BUSY)
    for number, tab in enumerate(tabs):
        tab.evaluate(f"() => {{ for (let n = 0; n < 20; n++) kit.track('n{number}-' + n) }}")
        tab.wait_for_function(KEPT)
    # A third takes over what the two cannot send now; and they must see that it has.
    visit(context.new_page(), url)
    proxy.accept()
    expected = sorted(f"n{number}-{n}" for number in (0, 1) for n in range(20))
    eventually(lambda: len(names_stored(running)) >= 40)
    for tab in tabs:  # whoever still thinks it has something to send does so now
        tab.evaluate("kit.flush()")
    assert names_stored(running) == expected
    assert sorted(proxy.named("n")) == expected


def test_retry_after_is_honoured(running: Server, proxy: Proxy, url: str, page: Page) -> None:
    visit(page, url)
    answered(page)
    proxy.busy_headers = {"retry-after": "4", "access-control-expose-headers": "Retry-After"}
    proxy.break_with(Fault.BUSY)
    before = len(proxy.tries)
    page.evaluate(f"() => {{ window.from = performance.now(); {TWENTY} }}")
    eventually(lambda: len(proxy.tries) > before)
    proxy.heal()
    # Nor does a user who looks elsewhere meanwhile bring it forward.
    page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', {value: true});
            document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
        }"""
    )
    all_twenty(running)
    assert page.evaluate("performance.now() - window.from") > 4000
    assert sum(b'"n0"' in body for body in proxy.tries) == 2


def test_what_cannot_be_accepted_is_not_sent_again(
    running: Server, proxy: Proxy, page: Page
) -> None:
    wrong = f'data-host="{proxy.url}" data-write-key="nobodys"'
    with site(running, attributes=wrong) as url:
        visit(page, url)
        page.evaluate("kit.track('never')")
        page.evaluate("kit.flush()")
        page.evaluate("kit.flush()")
        assert len(proxy.tries) == 1
        assert page.evaluate(KEPT) == 0
        # The next event tells how many were lost.
        page.evaluate("kit.track('later')")
        page.evaluate("kit.flush()")
        assert json.loads(proxy.tries[-1])["batch"][0]["context"]["dropped"] == 2


def test_the_queue_is_bounded_and_tells_what_it_dropped(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    visit(page, url)
    answered(page)
    proxy.break_with(Fault.BUSY)
    page.evaluate(
        "() => { for (let n = 0; n < 800; n++) kit.track('n' + n, {text: 'x'.repeat(1000)}) }"
    )
    page.wait_for_function(KEPT)
    used = page.evaluate("Object.values(localStorage).join('').length")
    assert 400_000 < used < 520_000
    proxy.heal()
    eventually(lambda: "n799" in names_stored(running))
    page.evaluate("kit.track('last')")
    page.evaluate("kit.flush()")
    kept = [name for name in names_stored(running) if name != "last"]
    assert "n799" in kept
    assert "n0" not in kept, "the oldest are dropped first"
    told = [event["context"].get("dropped") for event in proxy.events]
    assert [count for count in told if count] == [800 - len(kept)]


def test_what_is_a_week_old_is_not_sent_and_is_told(
    running: Server, proxy: Proxy, url: str, page: Page
) -> None:
    proxy.break_with(Fault.BUSY)
    visit(page, url)
    page.evaluate(f"() => {{ {TWENTY} }}")
    page.evaluate("kit.flush()")
    close(page)
    proxy.heal()
    later = page.context.new_page()
    later.clock.install(time=days_from_now(8))
    visit(later, url)
    later.evaluate("kit.track('later')")
    later.evaluate("kit.flush()")
    eventually(lambda: names_stored(running))
    assert names_stored(running) == ["later"]
    assert stored(running)[0]["context"]["dropped"] >= 20


@pytest.mark.parametrize("full", ["full", "absent"])
def test_storage_that_does_not_take_it_is_no_obstacle(
    running: Server, proxy: Proxy, url: str, page: Page, full: str
) -> None:
    if full == "absent":
        page.context.add_init_script(
            "delete Window.prototype.localStorage; delete window.localStorage"
        )
    visit(page, url)
    if full == "full":
        page.evaluate(
            """() => {
                let text = 'x'.repeat(1e6);
                for (let n = 0; text; n++) {
                    try {
                        localStorage.setItem('hosts' + n, text);
                    } catch {
                        text = text.length > 1 ? text.slice(text.length / 2) : '';
                    }
                }
            }"""
        )
    proxy.break_with(Fault.BUSY)
    page.evaluate(f"() => {{ {TWENTY} }}")
    page.evaluate("kit.flush()")
    proxy.heal()
    all_twenty(running)
    assert len({event["anonymousId"] for event in stored(running)}) == 1


def days_from_now(days: int) -> float:
    return time.time() + days * 86_400


def test_who_opts_out_in_one_tab_is_not_recorded_by_what_another_still_holds(
    running: Server, proxy: Proxy, url: str, context: BrowserContext
) -> None:
    holding, other = context.new_page(), context.new_page()
    for page in (holding, other):
        visit(page, url)
        answered(page)
    proxy.break_with(Fault.BUSY)
    holding.evaluate(TWENTY)
    answered(holding)
    eventually(lambda: proxy.tries and b"n19" in proxy.tries[-1])
    other.evaluate("kit.optOut()")
    proxy.heal()
    close(holding)
    other.evaluate("kit.flush()")
    assert proxy.named("n") == []
    assert other.evaluate("Object.keys(localStorage)") == ["kit.out"]
