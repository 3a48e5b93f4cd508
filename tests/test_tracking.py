"""What the browser client records, of whom, and what it leaves out: in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.engines.chromium import FLAGS, chromium_path
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.engines.site import site
from tests.test_browser import LOADED, stored
from tracker import assets

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HALF_HOUR = 30 * 60 * 1000


def visit(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(LOADED)


def sent(page: Page, server: Server) -> list[dict[str, Any]]:
    """Everything that was recorded, in the order in which it happened, once it is all there."""
    page.evaluate("kit.track('the end')")
    page.evaluate("kit.flush()")

    def whole() -> list[dict[str, Any]]:
        events = stored(server)
        return events if any(event.get("event") == "the end" for event in events) else []

    return [event for event in eventually(whole) if event.get("event") != "the end"]


def views(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["context"]["page"] for event in events if event["type"] == "page"]


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("event") == name]


def test_a_session_ends_after_half_an_hour_without_an_event(running: Server, page: Page) -> None:
    page.clock.install()
    with site(running) as url:
        visit(page, url)
        page.evaluate("kit.track('one')")
        page.clock.fast_forward(HALF_HOUR - 60_000)
        page.evaluate("kit.track('still the same')")
        page.clock.fast_forward(HALF_HOUR + 1)
        page.evaluate("kit.track('another')")
        events = sent(page, running)
    one, same, another = (
        named(events, name)[0]["context"]["sessionId"]
        for name in ("one", "still the same", "another")
    )
    assert one == same != another


def test_tabs_share_the_session_and_a_new_campaign_begins_one(running: Server, page: Page) -> None:
    with site(running) as url:
        visit(page, f"{url}/?utm_source=news&utm_medium=mail&utm_campaign=june")
        page.evaluate("kit.flush()")
        other = page.context.new_page()
        visit(other, f"{url}/tab")
        other.evaluate("kit.flush()")
        visit(page, f"{url}/again?utm_campaign=june&utm_source=news&utm_medium=mail")
        page.evaluate("kit.flush()")
        visit(page, f"{url}/?utm_source=paper")
        events = [event for event in sent(page, running) if event["type"] == "page"]
    sessions = [event["context"]["sessionId"] for event in events]
    assert sessions[0] == sessions[1]
    assert sessions[3] not in sessions[:3]
    assert len({event["anonymousId"] for event in events}) == 1
    campaign = {"source": "news", "medium": "mail", "name": "june"}
    assert events[0]["context"]["campaign"] == campaign
    assert "campaign" not in events[1]["context"]


def test_leaving_tells_how_long_and_how_far_down(running: Server, page: Page) -> None:
    with site(running, "<div style='height: 300vh'></div>") as url:
        visit(page, f"{url}/long")
        page.evaluate("window.began = performance.now(); scrollTo(0, innerHeight)")
        page.wait_for_function("scrollY >= innerHeight && performance.now() - began > 1000")
        page.evaluate("history.pushState({}, '', '/short'); history.pushState({}, '', '/shorter')")
        events = sent(page, running)
    (left,) = named(events, "Page left")
    assert left["context"]["page"]["path"] == "/long"
    assert 1 <= left["properties"]["engagedSeconds"] <= 60
    assert 60 <= left["properties"]["scrollDepth"] <= 70


def test_a_view_has_the_title_that_a_router_sets_after_the_address(
    running: Server, page: Page
) -> None:
    page.clock.install(time=NOON)
    with site(running) as url:
        visit(page, url)
        page.clock.pause_at(NOON + timedelta(minutes=1))
        page.clock.run_for(2_000)
        page.evaluate("kit.track('before')")
        page.clock.run_for(800)
        page.evaluate("history.pushState({}, '', '/two')")
        page.clock.run_for(900)
        page.evaluate("document.title = 'Two'")
        events = sent(page, running)
    (before,) = named(events, "before")
    assert before["context"]["page"]["title"] == "A page"
    assert [view["title"] for view in views(events)] == ["A page", "Two"]


def test_events_go_though_the_address_never_rests(running: Server, page: Page) -> None:
    page.clock.install(time=NOON)
    with site(running) as url:
        visit(page, url)
        page.clock.pause_at(NOON + timedelta(minutes=1))
        for n in range(30):
            page.evaluate(f"history.replaceState({{}}, '', '/?at={n}')")
            page.clock.run_for(300)
        eventually(lambda: len(views(stored(running))) >= 10)


def test_a_hash_is_a_route_where_that_is_asked_for(running: Server, page: Page) -> None:
    with site(running, attributes="data-hash") as url:
        visit(page, f"{url}/#/one")
        page.evaluate("location.hash = '#/two?token=secret&kept=1'")
        page.wait_for_function("location.hash.includes('two')")
        page.go_back()
        page.wait_for_function("location.hash == '#/one'")
        events = sent(page, running)
    assert [view["path"] for view in views(events)] == ["/#/one", "/#/two?kept=1", "/#/one"]


def test_a_hash_that_is_no_route_is_left_out(running: Server, page: Page) -> None:
    with site(running) as url:
        visit(page, f"{url}/#access_token=secret")
        page.evaluate("location.hash = '#part'")
        events = sent(page, running)
    assert [view["url"] for view in views(events)] == [f"{url}/"]
    assert "secret" not in str(events)


@pytest.fixture
def with_cache(browser: Browser) -> Iterator[Page]:
    """A page of a browser that keeps the pages that were left, as users' browsers do."""
    own = browser.browser_type.launch(
        executable_path=chromium_path(),
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        yield own.new_page()
    finally:
        own.close()


def test_coming_back_from_the_browsers_cache_is_a_view(running: Server, with_cache: Page) -> None:
    page = with_cache
    with site(running) as url:
        visit(page, f"{url}/one")
        page.evaluate("window.mark = 'kept'")
        visit(page, f"{url}/two")
        # Not go_back: that waits for a load, and a page from the cache does not load.
        page.evaluate("void setTimeout(() => history.back())")
        page.wait_for_url("**/one", wait_until="commit")
        assert page.evaluate("window.mark") == "kept", "it came from the cache"
        events = sent(page, running)
    assert [view["path"] for view in views(events)] == ["/one", "/two", "/one"]
    first, _, again = (view["referrer"] for view in views(events))
    assert first == again, "as if the page had been loaded anew"
    assert len({event["messageId"] for event in events}) == len(events)


def test_going_back_has_the_referrer_that_the_address_was_reached_with(
    running: Server, page: Page
) -> None:
    link = "<a href='/two'>two</a>"
    with site(running, link) as url, site(running, head="") as elsewhere:
        page.goto(elsewhere)
        page.evaluate(f"location.href = '{url}/one'")
        page.wait_for_url("**/one")
        page.wait_for_function(LOADED)
        page.evaluate("history.pushState({}, '', '/in-app')")
        page.evaluate("history.back()")
        page.wait_for_url("**/one")
        page.click("a")
        page.wait_for_url("**/two")
        page.wait_for_function(LOADED)
        page.go_back()  # Loads it anew: the browser of this test keeps no pages.
        page.wait_for_function(LOADED)
        events = sent(page, running)
    assert [(view["path"], view["referrer"]) for view in views(events)] == [
        ("/one", f"{elsewhere}/"),
        ("/in-app", f"{url}/one"),
        ("/one", f"{url}/in-app"),  # the page has seen it: the address before
        ("/two", f"{url}/one"),
        ("/one", f"{elsewhere}/"),  # the page is new: what the browser says
    ]


def test_a_prerendered_page_is_a_view_when_it_is_shown(running: Server, page: Page) -> None:
    rules = """<script type="speculationrules">{"prerender": [{"urls": ["/next"]}]}</script>"""
    told = "<script>if (document.prerendering) fetch('/prerendering-' + location.pathname)</script>"
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    with site(running, rules + told + "<a href='/next'>next</a>") as url:
        visit(page, f"{url}/first")
        eventually(lambda: any("/next" in address for address in asked))
        assert [view["path"] for view in views(sent(page, running))] == ["/first"]
        page.click("a")
        page.wait_for_url("**/next")
        page.wait_for_function(LOADED)
        page.evaluate("kit.flush()")
        shown = eventually(lambda: views(stored(running))[1:])
    assert [view["path"] for view in shown] == ["/next"]


def test_what_is_secret_in_an_address_is_never_sent(running: Server, page: Page) -> None:
    with site(running, attributes='data-redact="customer,order_.*"') as url:
        visit(page, f"{url}/in?a=1&token=s3cret&customer=s3cret&b=2&PASSWORD=s3cret")
        page.evaluate("history.pushState({}, '', '/on?reset_token=s3cret&order_id=s3cret')")
        page.evaluate("history.pushState({}, '', '/out?author=me&keyword=you')")
        page.evaluate(
            "history.pushState({}, '', '/R&D?user[token]=s3cret&sessionId=s3cret&c=3&d=4')"
        )
        page.evaluate("history.pushState({}, '', '/token=kept/a&b')")
        events = sent(page, running)
    assert "s3cret" not in str(events)
    assert [view["url"].removeprefix(url) for view in views(events)] == [
        "/in?a=1&b=2",
        "/on",
        "/out?author=me&keyword=you",
        "/R&D?c=3&d=4",
        "/token=kept/a&b",
    ]
    assert [view["search"] for view in views(events)[:2]] == ["?a=1&b=2", ""]
    assert views(events)[1]["referrer"] == f"{url}/in?a=1&b=2"


def test_who_opts_out_is_not_recorded_until_they_opt_in(running: Server, page: Page) -> None:
    with site(running) as url:
        visit(page, url)
        page.evaluate("kit.track('not sent yet')")
        page.evaluate("kit.optOut()")
        assert page.evaluate("Object.keys(localStorage)") == ["kit.out"]
        page.evaluate("kit.track('unwanted')")
        page.evaluate("kit.flush()")
        other = page.context.new_page()
        visit(other, url)
        other.evaluate("kit.track('unwanted, too')")
        other.evaluate("kit.flush()")
        page.evaluate("kit.track('unwanted to the last'); kit.optIn()")
        page.evaluate("kit.track('wanted')")
        events = sent(page, running)
    assert [event.get("event") for event in events] == ["wanted"]


@pytest.mark.parametrize(
    ("attributes", "signal", "recorded"),
    [
        ("data-opt-out", "", False),
        ("data-signals", "globalPrivacyControl: true", False),
        ("data-signals", "doNotTrack: '1'", False),
        ("data-signals", "doNotTrack: 'unspecified'", True),
        ("", "globalPrivacyControl: true, doNotTrack: '1'", True),
    ],
)
def test_the_site_says_with_whom_it_begins(
    running: Server, page: Page, attributes: str, signal: str, *, recorded: bool
) -> None:
    for part in filter(None, signal.split(", ")):
        name, value = part.split(": ")
        page.add_init_script(
            f"Object.defineProperty(Navigator.prototype, '{name}', {{get: () => {value}}})"
        )
    with site(running, attributes=attributes) as url:
        visit(page, url)
        page.evaluate("kit.track('first')")
        page.evaluate("kit.flush()")
        assert page.evaluate("Object.keys(localStorage).length > 0") is recorded
        page.evaluate("kit.optIn()")
        page.evaluate("kit.track('second')")
        events = sent(page, running)
    names = [event["event"] for event in events if event["type"] == "track"]
    assert names == (["first", "second"] if recorded else ["second"])


def test_without_storage_nothing_is_left_in_the_browser(running: Server, page: Page) -> None:
    with site(running, attributes='data-storage="false"') as url:
        visit(page, url)
        first = sent(page, running)
        left = "[Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]"
        assert page.evaluate(left) == [[], [], ""]
        page.reload()
        page.wait_for_function(LOADED)
        page.evaluate("kit.track('again')")
        page.evaluate("kit.flush()")
        again = eventually(lambda: named(stored(running), "again"))
        assert page.evaluate(left) == [[], [], ""]
        assert page.context.cookies() == []
    assert first[0]["anonymousId"] != again[0]["anonymousId"]


def test_a_bot_is_marked_with_the_reason_and_left_out(
    running: Server, robot: Page, page: Page
) -> None:
    with site(running) as url:
        visit(robot, f"{url}/robot")
        robot.evaluate("kit.flush()")
        visit(page, f"{url}/person")
        events = sent(page, running)
        of_bots = eventually(lambda: stored(running, bots="only"))
    assert [view["path"] for view in views(events)] == ["/person"]
    assert [view["path"] for view in views(of_bots)] == ["/robot"]
    assert of_bots[0]["context"]["bot"] == "webdriver"
    assert of_bots[0]["context"]["device"] == {"type": "bot"}


def test_a_bots_events_are_not_sent_where_they_are_not_wanted(running: Server, robot: Page) -> None:
    with site(running, attributes='data-bots="false"') as url:
        visit(robot, url)
        robot.evaluate("kit.track('by a bot')")
        robot.evaluate("kit.flush()")
        # The same browser without its mark.
        robot.add_init_script("delete Navigator.prototype.webdriver")
        robot.context.set_extra_http_headers({"User-Agent": "Mozilla/5.0"})
        robot.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'userAgent', {get: () => 'Mozilla/5.0'})"
        )
        visit(robot, f"{url}/person")
        events = sent(robot, running)
        assert stored(running, bots="only") == []
    assert [view["path"] for view in views(events)] == ["/person"]
    assert "bot" not in events[0]["context"]


def test_a_hook_changes_and_drops_events(running: Server, page: Page) -> None:
    hook = """<script>
        kit.beforeSend(event => {
            if (event.event === 'drop') return null;
            if (event.event === 'throw') throw new Error('in the hook');
            event.context.team = 'blue';
            if (event.event === 'replace') return {...event, event: 'replaced'};
        });
    </script>"""
    with site(running, hook) as url:
        visit(page, url)
        page.evaluate("for (const n of ['drop', 'throw', 'replace', 'keep']) kit.track(n)")
        events = sent(page, running)
    assert [event.get("event") for event in events] == [None, "replaced", "keep"]
    assert {event["context"]["team"] for event in events} == {"blue"}
    assert [event["context"]["seq"] for event in events] == [1, 2, 3]


def test_debugging_explains_each_decision(running: Server, page: Page) -> None:
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("console", note)
    with site(running, attributes="data-debug") as url:
        visit(page, url)
        page.evaluate("kit.beforeSend(event => event.event !== 'drop')")
        page.evaluate("kit.track('drop'); kit.track('keep')")
        sent(page, running)
    for beginning in ("kit recorded", "kit dropped", "kit answered 200"):
        assert [text for text in said if text.startswith(beginning)], said


def test_a_strict_policy_with_the_scripts_hashes_from_a_subdomain_needs_nothing_more(
    running: Server, page: Page
) -> None:
    own = f"http://events.shop.localhost:{running.port}"
    policy = (
        f"default-src 'none'; script-src {own}/; connect-src {own}; "
        "require-trusted-types-for 'script'"
    )
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    stub = f"""<script src="{own}/kit-stub.js" crossorigin
        integrity="{assets.client_integrity("stub")}"></script>"""
    client = f"""<script async src="{own}/{assets.versioned_name("kit.js")}" crossorigin
        integrity="{assets.client_integrity()}" data-write-key="{running.write_key}"></script>"""
    with site(running, head=stub + client, headers={"content-security-policy": policy}) as url:
        visit(page, url.replace("127.0.0.1", "shop.localhost"))
        page.evaluate("kit.track('under a policy')")
        events = sent(page, running)
    assert named(events, "under a policy")
    assert not [text for text in errors if "Content Security" in text], errors


def test_calls_before_the_client_keep_their_promises(running: Server, page: Page) -> None:
    early = """<script>
        window.kept = [];
        kit.identify('ada').then(() => kept.push('identify'));
        kit.track('early', {n: 1}).then(() => kept.push('track'));
        kit.ready().then(() => kept.push('ready'));
    </script>"""
    with site(running, early) as url:
        visit(page, url)
        page.wait_for_function("kept.length == 3")
        events = sent(page, running)
    (event,) = named(events, "early")
    assert event["userId"] == "ada"
    assert event["properties"] == {"n": 1}


def test_nothing_runs_before_the_page_is_interactive(running: Server, page: Page) -> None:
    body = """<script>
        kit.ready(() => window.state = document.readyState);
        window.whileLoading = !!kit.user;
    </script>"""
    with site(running, body) as url:
        visit(page, url)
        page.wait_for_function("window.state")
        assert page.evaluate("window.whileLoading") is False
        assert page.evaluate("window.state") in ("interactive", "complete")


def test_links_downloads_clicks_and_forms_are_a_part_of_their_own(
    running: Server, page: Page
) -> None:
    body = f"""<script async src="{running.url}/kit-auto.js"></script>
        <a id="out" href="http://127.0.0.2:1/there?token=x">out</a>
        <a id="file" href="/files/list.pdf?x=1">file</a>
        <a id="own" href="/own">own</a>
        <button data-track="Chose" data-track-plan="pro"><b>pro</b></button>
        <form id="f" action="/go?token=x"><input name="id" value="secret"><button id="send">
        </button></form>
        <script>addEventListener('click', event => event.preventDefault());
        addEventListener('submit', event => event.preventDefault());</script>"""
    with site(running, body) as url:
        visit(page, url)
        page.wait_for_load_state("networkidle")
        for selector in ("#out", "#file", "#own", "b"):
            page.click(selector)
        page.evaluate("document.querySelector('form').requestSubmit()")
        events = [event for event in sent(page, running) if event["type"] == "track"]
    assert [(event["event"], event.get("properties")) for event in events] == [
        ("Outbound link clicked", {"url": "http://127.0.0.2:1/there"}),
        ("File downloaded", {"url": f"{url}/files/list.pdf", "extension": "pdf"}),
        ("Chose", {"plan": "pro"}),
        ("Form submitted", {"id": "f", "name": None, "url": f"{url}/go"}),
    ]


@pytest.mark.parametrize(
    ("click", "times"),
    [({"button": "middle"}, 1), ({"modifiers": ["Control"]}, 1), ({"button": "right"}, 0)],
    ids=["the middle button", "with Ctrl", "the right button"],
)
def test_links_and_downloads_opened_in_a_new_tab_are_recorded_once(
    running: Server, page: Page, click: dict[str, Any], times: int
) -> None:
    body = f"""<script src="{running.url}/kit-auto.js"></script>
        <a id="out" href="http://127.0.0.2:1/there" data-track="Left us">out</a>
        <a id="file" href="/files/list.pdf">file</a>"""
    with site(running, body) as url:
        visit(page, url)
        for selector in ("#out", "#file"):
            page.click(selector, **click)
        assert page.url == f"{url}/"
        page.bring_to_front()
        events = sent(page, running)
    assert len(named(events, "Outbound link clicked")) == times
    assert len(named(events, "File downloaded")) == times
    assert len(named(events, "Left us")) == ("modifiers" in click), "a click is the first button's"


def test_uncaught_errors_are_a_part_of_their_own(running: Server, page: Page) -> None:
    body = f"""<script src="{running.url}/kit-errors.js"></script><script>
        const fail = () => setTimeout(() => {{ throw new TypeError('at ' + location.href) }});
    </script>"""
    with site(running, body) as url:
        visit(page, f"{url}/there?token=s3cret#s3cret")
        page.evaluate("fail(); fail()")
        page.evaluate("void Promise.reject('of a promise')")
        page.evaluate("for (let n = 0; n < 20; n++) void Promise.reject(new Error('more ' + n))")
        page.evaluate("new Promise(done => setTimeout(done))")
        errors = named(sent(page, running), "Uncaught error")
    said = [event["properties"]["message"] for event in errors]
    assert said[:2] == [f"at {url}/there", "of a promise"]
    assert len(said) == len(set(said)) == 10
    assert errors[0]["properties"]["name"] == "TypeError"
    assert f"{url}/there:" in errors[0]["properties"]["stack"], "its line is kept"
    assert "s3cret" not in str(errors)


def test_web_vitals_are_a_part_of_their_own(running: Server, page: Page) -> None:
    body = f'<script src="{running.url}/kit-vitals.js"></script><h1>A page</h1><a href="/x">x</a>'
    with site(running, body) as url:
        visit(page, url)
        page.wait_for_load_state("networkidle")
        page.click("h1")
        page.click("a")
        page.wait_for_url("**/x")

        def all_there() -> set[str]:
            vitals = named(stored(running), "Web vital")
            names = {event["properties"]["name"] for event in vitals}
            assert names >= {"TTFB", "FCP", "LCP", "CLS"}
            return names

        eventually(all_there, timeout=10)


def test_how_long_a_page_let_its_user_wait_is_sent_when_they_leave(
    running: Server, page: Page
) -> None:
    slow = """<script>addEventListener('click', () => {
        for (const end = performance.now() + 100; performance.now() < end;);
    })</script>"""
    vitals = f'<script src="{running.url}/kit-vitals.js"></script>'
    with site(running, f"{vitals}{slow}<h1>A page</h1>") as url:
        visit(page, f"{url}/slow")
        page.click("h1")
        page.wait_for_function(  # the browser has told how long it took
            """new Promise(done => new PerformanceObserver(list => {
                done(list.getEntries().some(entry => entry.name === 'click'));
            }).observe({type: 'event', buffered: true, durationThreshold: 16}))"""
        )
        # web-vitals looks at what it is told once the page is idle.
        page.evaluate("new Promise(done => requestIdleCallback(() => requestIdleCallback(done)))")
        page.evaluate("location.href = '/next'")
        page.wait_for_url("**/next")

        def interaction() -> list[dict[str, Any]]:
            vitals = named(stored(running), "Web vital")
            return [event for event in vitals if event["properties"]["name"] == "INP"]

        (told,) = eventually(interaction)
    assert told["context"]["page"]["path"] == "/slow"
    assert 100 <= told["properties"]["value"] < 10_000


def test_the_parts_are_served_under_the_scripts_own_name(server: Servers) -> None:
    running = server(env={"TRACKER_SCRIPT_NAME": "shop.js"})
    for part in assets.PARTS:
        for name in (f"shop-{part}.js", assets.versioned_name("shop.js", part)):
            answer = requests.get(f"{running.url}/{name}", timeout=30)
            assert answer.status_code == 200
            assert answer.content == assets.client(part)
    assert b"web-vitals" in assets.client("vitals")[:60], "its licence stays with it"
