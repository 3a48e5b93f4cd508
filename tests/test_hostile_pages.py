"""Pages that are no friend of the client: what they do to the browser, and what they pass it.

It is broken before the client loads, or beside it; the client itself is never touched.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.proxy import Fault, Proxy, running_proxy
from tests.engines.server import Server, Servers
from tests.engines.site import site, snippet
from tests.test_browser import stored
from tests.test_delivery import KEPT, visit
from tests.test_tracking import views

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Server]:
    """One for all: each test's site has an address of its own."""
    servers = Servers(ROOT, tmp_path_factory.mktemp("server"), leash)
    try:
        yield servers()
    finally:
        servers.stop()


@pytest.fixture
def proxy(running: Server) -> Iterator[Proxy]:
    with running_proxy(running.port) as proxy:
        yield proxy


@pytest.fixture
def thrown(page: Page) -> Iterator[list[str]]:
    """What is thrown into the page: nothing."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield errors
    assert errors == []


def named_at(server: Server, url: str, count: int) -> list[str]:
    """The names of the track events of a site, oldest first, once there are so many."""

    def enough() -> list[str]:
        events = [e for e in stored(server) if e["context"]["page"]["url"].startswith(url)]
        names = [e["event"] for e in events if e["type"] == "track" and e["event"] != "Page left"]
        return names if len(names) >= count else []

    return eventually(enough, timeout=60)


BROKEN = {
    "toJSON (Prototype.js 1.6)": """
        Array.prototype.toJSON = function () { return '[' + this.join(', ') + ']' };
        Array.from = things => { const made = []; for (const one of things) made.push(one);
            return made };""",
    "prototypes that are added to": """
        for (const { prototype } of [Object, Array, String, Function, Promise])
            prototype.added = function () { return 'added' };""",
    "prototypes that are frozen": """
        for (const { prototype } of [Object, Array, String, Function, Promise, History])
            Object.freeze(prototype);
        Object.freeze(history);""",
    "a clock with fractions": """
        Date.now = () => performance.timeOrigin + performance.now();""",
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.usefixtures("thrown")
def test_a_page_that_changes_what_is_built_in_loses_nothing(
    running: Server, proxy: Proxy, page: Page, broken: str
) -> None:
    head = f"<script>{BROKEN[broken]}</script>" + snippet(running, f'data-host="{proxy.url}"')
    with site(running, head=head) as url:
        proxy.break_with(Fault.BUSY)
        visit(page, url)
        page.evaluate("for (let n = 0; n < 20; n++) kit.track('n' + n, {sizes: [1, 2], at: {n}})")
        page.evaluate("kit.flush()")
        page.wait_for_function(KEPT)
        page.reload()
        proxy.heal()
        names = named_at(running, url, 20)
    assert sorted(names) == sorted(f"n{n}" for n in range(20))
    assert proxy.tries[-1].startswith(b'{"writeKey":"')
    assert b"added" not in b"".join(proxy.bodies)


@pytest.mark.usefixtures("thrown")
def test_whatever_is_passed_is_recorded_without_what_json_cannot_carry(
    running: Server, page: Page
) -> None:
    with site(running, "<form><input name='card' value='a card number'></form>") as url:
        visit(page, url)
        given = page.evaluate(
            """() => {
                // As React marks what it has drawn: JSON would go round in circles.
                const input = document.querySelector('input');
                input.__reactFiber = {stateNode: input};
                const given = {
                    element: {input}, big: {n: 10n}, none: Object.create(null),
                    getter: {get bad() { throw new Error('bad') }},
                    proxy: {bad: new Proxy({}, {ownKeys() { throw new Error('bad') }})},
                    toJSON: {bad: {toJSON() { throw new Error('bad') }}},
                    more: {f: () => 1, s: Symbol('s'), d: document, w: window, e: new Event('x')},
                };
                for (const name in given) {
                    given[name].good = 1;
                    kit.track(name, given[name]);
                }
                kit.track(Symbol('no name'));
                kit.alias(); kit.group(); kit.identify(Symbol('nobody')); kit.page(Symbol('x'));
                return Object.keys(given);
            }"""
        )
        assert named_at(running, url, len(given)) == given
        events = [e for e in stored(running) if e["context"]["page"]["url"].startswith(url)]
    for event in events:
        if event.get("event") in given:
            assert event["properties"]["good"] == 1, event
    assert "a card number" not in str(events), "no form values, ever"
    assert "undefined" not in {event.get("userId") for event in events}


@pytest.mark.usefixtures("thrown")
def test_what_is_too_large_costs_no_other_event(running: Server, page: Page) -> None:
    with site(running) as url:
        visit(page, url)
        page.evaluate(
            """() => {
                let deep = {};
                for (let n = 0; n < 1e5; n++) deep = {deep};
                kit.track('before');
                kit.track('deep', {deep});
                kit.track('between');
                kit.track('large', {text: 'x'.repeat(6e5)});
                kit.track('beside');
            }"""
        )
        page.evaluate("kit.flush()")
        page.evaluate("kit.track('after')")
        names = named_at(running, url, 4)
        events = [e for e in stored(running) if e["context"]["page"]["url"].startswith(url)]
    assert [name for name in names if name != "deep"] == ["before", "between", "beside", "after"]
    told = sum(event["context"].get("dropped", 0) for event in events)
    assert told + len(names) == 6, "what could not be sent is told"


@pytest.mark.usefixtures("thrown")
def test_of_two_tags_the_first_records_and_only_once(
    running: Server, proxy: Proxy, page: Page
) -> None:
    # Not async: whichever came first would record.
    first = snippet(running, f'data-host="{proxy.url}"').replace("<script async", "<script")
    second = first.replace(f'data-write-key="{running.write_key}"', 'data-write-key="another"')
    assert second != first
    with site(running, head=first + second + first) as url:
        visit(page, url)
        page.evaluate("kit.track('once')")
        page.evaluate("kit.flush()")
        named_at(running, url, 1)
        page.evaluate("kit.track('again')")
        assert named_at(running, url, 2) == ["once", "again"]
    assert b"another" not in b"".join(proxy.tries)
    assert len(proxy.message_ids) == len(set(proxy.message_ids)) == 3, "a view and two events"


@pytest.mark.usefixtures("thrown")
def test_a_page_that_wraps_the_history_after_the_client_has_each_view_once(
    running: Server, page: Page
) -> None:
    with site(running) as url:
        visit(page, f"{url}/one")
        page.evaluate(
            """() => {
                for (const name of ['pushState', 'replaceState']) {
                    const before = history[name];
                    history[name] = (...args) => before.apply(history, args);
                }
                history.pushState(null, '', '/two');
                history.replaceState(null, '', '/three');
                kit.track('done');
            }"""
        )
        named_at(running, url, 1)
        events = [e for e in stored(running) if e["context"]["page"]["url"].startswith(url)]
    assert [view["path"] for view in views(events)] == ["/one", "/two", "/three"]


@pytest.mark.usefixtures("thrown")
def test_storage_that_is_cleared_under_it_costs_no_event(
    running: Server, proxy: Proxy, page: Page
) -> None:
    with site(running, attributes=f'data-host="{proxy.url}"') as url:
        visit(page, url)
        page.evaluate("kit.flush()")
        proxy.break_with(Fault.BUSY)
        page.evaluate("kit.track('before')")
        page.evaluate("kit.flush()")
        page.evaluate("localStorage.clear(); kit.track('after')")
        page.evaluate("kit.flush()")
        page.evaluate("localStorage.clear()")
        proxy.heal()
        assert named_at(running, url, 2) == ["before", "after"]
    assert sorted(proxy.named("")) == ["after", "before"], "each came once over the wire"


@pytest.mark.usefixtures("thrown")
def test_who_opts_out_while_the_storage_is_full_stays_out(
    running: Server, proxy: Proxy, page: Page
) -> None:
    with site(running, attributes=f'data-host="{proxy.url}"') as url:
        visit(page, url)
        page.evaluate("kit.flush()")
        page.evaluate(
            """() => {
                for (let text = 'x'.repeat(1e6), n = 0; text; n++) {
                    try {
                        localStorage.setItem('hosts' + n, text);
                    } catch {
                        text = text.slice(text.length / 2 + 1);
                    }
                }
            }"""
        )
        proxy.break_with(Fault.BUSY)
        page.evaluate("kit.track('does not fit', {text: 'x'.repeat(2000)})")
        page.evaluate("kit.flush()")
        page.evaluate("kit.optOut()")
        proxy.heal()
        page.reload()
        visit(page, f"{url}/next")
        page.evaluate("kit.track('unwanted')")
        page.evaluate("kit.flush()")
        page.evaluate("kit.optIn()")
        page.evaluate("kit.track('wanted')")
        assert named_at(running, url, 1) == ["wanted"]


@pytest.mark.usefixtures("thrown")
def test_a_clock_that_jumps_loses_nothing_and_counts_no_day_as_looked_at(
    running: Server, page: Page
) -> None:
    head = """<script>
        const Real = Date;
        let ahead = 0;
        window.Date = class extends Real {
            constructor(...given) { given.length ? super(...given) : super(Real.now() + ahead) }
            static now() { return Real.now() + ahead }
        };
        window.jump = hours => ahead += hours * 3600e3;
    </script>"""
    with site(running, head=head + snippet(running)) as url:
        visit(page, f"{url}/one")
        page.wait_for_function("performance.now() > 2000")
        page.evaluate("kit.track('before'); jump(24); kit.track('a day later')")
        page.evaluate("history.pushState(null, '', '/two')")
        page.evaluate("jump(-48); kit.track('a day before')")
        page.evaluate("kit.flush()")
        page.evaluate("jump(24); kit.track('now')")
        names = named_at(running, url, 4)
        events = [e for e in stored(running) if e["context"]["page"]["url"].startswith(url)]
    assert sorted(names) == sorted(["before", "a day later", "a day before", "now"])
    (left,) = (event for event in events if event.get("event") == "Page left")
    assert 1 <= left["properties"]["engagedSeconds"] < 3600
    sequence = sorted(event["context"]["seq"] for event in events)
    assert sequence == list(range(1, len(events) + 1))


@pytest.mark.usefixtures("thrown")
def test_a_sandboxed_frame_without_an_address_is_tracked(running: Server, page: Page) -> None:
    with site(running, head="") as url:
        page.goto(url)
        page.evaluate(
            """html => {
                const frame = document.createElement('iframe');
                frame.sandbox = 'allow-scripts';
                frame.srcdoc = html;
                document.body.append(frame);
            }""",
            snippet(running) + "<script>kit.track('in a srcdoc')</script>",
        )
        assert named_at(running, "about:srcdoc", 1) == ["in a srcdoc"]
