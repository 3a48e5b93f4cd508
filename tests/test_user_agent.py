"""What is told of a visitor in place of a user agent, and which of them are bots."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import ua_parser_builtins
from msgspec import Raw

from tests.events import NOON
from tracker import country, user_agent
from tracker.aws import package
from tracker.batch import Batch
from tracker.client.door import USER_AGENT as OUR_CLIENT
from tracker.event import Event

ROOT = Path(__file__).parents[1]
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36"
)
HEADLESS = CHROME.replace("Chrome", "HeadlessChrome")
GOOGLEBOT = (
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like"
    " Gecko) Chrome/141.0.7390.122 Mobile Safari/537.36 (compatible; Googlebot/2.1;"
    " +http://www.google.com/bot.html)"
)


def read(context: object = None, **about: Any) -> Event:
    """What the consumer makes of an event with this context."""
    event = {"type": "page", "anonymousId": "a", "context": context}
    batch = Batch(
        id="b", site="s", received_at=NOON, events=[Raw(json.dumps(event).encode())], **about
    )
    return batch.read()[0]


def context_of(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.document)["context"]
    return found


BROWSERS = {
    CHROME: ("Chrome 150", "Windows 10", "desktop"),
    CHROME + " Edg/150.0.0.0": ("Edge 150", "Windows 10", "desktop"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.0 Safari/605.1.15": ("Safari 18", "Mac OS X 10", "desktop"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": (
        "Firefox 140",
        "Linux",
        "desktop",
    ),
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36": ("Chrome 150", "Chrome OS 14541", "desktop"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.0 Mobile/15E148 Safari/604.1": ("Mobile Safari 18", "iOS 18", "mobile"),
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/16.6 Mobile/15E148 Safari/604.1": ("Mobile Safari 16", "iOS 16", "tablet"),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"
    " Mobile Safari/537.36": ("Chrome Mobile 150", "Android 10", "mobile"),
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Safari/537.36": ("Chrome 150", "Android 14", "tablet"),
    # 80legs once sent this build, and so it is on the list of bots; people's phones have it.
    "Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML,"
    " like Gecko) Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36": (
        "Chrome Mobile WebView 142",
        "Android 15",
        "mobile",
    ),
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/94.0.4606.128 Safari/537.36 WebAppManager": ("Chrome 94", "Web0S", "tv"),
    "Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6"
    " like Chrome/108.0.5359.220 Safari/537.36": ("Amazon Silk 108", "Android 9", "tv"),
    "Mozilla/5.0 (PlayStation; PlayStation 5/8.00) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/15.4 Safari/605.1.15": ("Safari 15", None, "console"),
    "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TP1A.220624.021)": (
        None,
        "Android 13",
        "mobile",
    ),
    "something else": (None, None, None),
}


@pytest.mark.parametrize("agent", BROWSERS)
def test_browser_system_and_kind_of_device_are_kept_and_the_user_agent_is_not(agent: str) -> None:
    browser, system, kind = BROWSERS[agent]
    for event in (read(user_agent=agent), read({"userAgent": agent}, user_agent="curl/8.5.0")):
        found = context_of(event)
        told = [
            " ".join(found[one].values()) if one in found else None for one in ("browser", "os")
        ]
        assert told == [browser, system]
        assert found.get("device") == ({"type": kind} if kind else None)
        assert event.bot is None
        assert agent.encode() not in event.document
        assert b"userAgent" not in event.document


def test_what_the_client_itself_tells_stays_and_what_is_absent_is_filled() -> None:
    own = {
        "os": {"name": "iOS", "version": "17.5"},
        "device": {"id": "x", "manufacturer": "Apple", "type": "ios"},
        "browser": "Safari",
        "location": {"country": "Germany"},
    }
    assert context_of(read(own, user_agent=CHROME, country="FR")) == own
    # RudderStack's client in browsers sends the first, Segment's in apps the second.
    partly = {
        "os": {"name": "", "version": ""},
        "device": {"model": "X"},
        "location": {"city": "L"},
    }
    assert context_of(read(partly, user_agent=CHROME, country="FR")) == {
        "browser": {"name": "Chrome", "version": "150"},
        "os": {"name": "Windows", "version": "10"},
        "device": {"model": "X", "type": "desktop"},
        "location": {"city": "L", "country": "FR"},
    }
    nothing = dict.fromkeys(("browser", "os", "device", "location", "bot", "userAgentData"))
    assert context_of(read(nothing, user_agent=CHROME, country="FR")) == {
        "browser": {"name": "Chrome", "version": "150"},
        "os": {"name": "Windows", "version": "10"},
        "device": {"type": "desktop"},
        "location": {"country": "FR"},
        "bot": None,
    }


DECOY = {"brand": "Not;A=Brand", "version": "24"}
CHROMIUM = {"brand": "Chromium", "version": "150"}
HINTS = {
    "brands": [DECOY, CHROMIUM, {"brand": "Google Chrome", "version": "150"}],
    "mobile": False,
    "platform": "macOS",
}


def test_of_the_client_hints_only_what_is_alike_for_many_is_kept() -> None:
    telling = {"model": "Pixel 9", "platformVersion": "15.0.0", "uaFullVersion": "150.0.1.2"}
    found = context_of(read({"userAgentData": HINTS | telling, "userAgent": CHROME}))
    assert found["userAgentData"] == HINTS
    assert found["os"]["name"] == "Windows", "the user agent counts"
    odd: object
    for odd in (None, 7, "x", [], {"brands": "x"}, {"mobile": 1}, {"brands": [{"version": "1"}]}):
        assert "userAgentData" not in context_of(read({"userAgentData": odd}, user_agent=CHROME))


def test_client_hints_count_where_there_is_no_user_agent() -> None:
    # A server that hands on what a browser told it.
    assert context_of(read({"userAgentData": HINTS}, user_agent="node-fetch")) == {
        "browser": {"name": "Chrome", "version": "150"},
        "os": {"name": "Mac OS X"},
        "device": {"type": "desktop"},
        "userAgentData": HINTS,
    }
    for hints, kind in (
        ({"mobile": True, "platform": "Android"}, "mobile"),
        ({"mobile": False, "platform": "Android"}, "tablet"),
        ({"brands": [DECOY, CHROMIUM]}, None),
        ({}, None),
    ):
        assert context_of(read({"userAgentData": hints})).get("device") == (
            {"type": kind} if kind else None
        )
    long = {"brands": [{"brand": "x" * 9000, "version": "1" * 9000}], "platform": "y" * 9000}
    assert len(read({"userAgentData": long}).document) < 28_000
    robot = read({"userAgentData": {"brands": [DECOY, {"brand": "HeadlessChrome"}]}})
    assert robot.bot == "user agent: HeadlessChrome"


# --- Bots -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (GOOGLEBOT, "Googlebot"),
        (HEADLESS, "HeadlessChrome"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
        ("Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://x)", "GPTBot"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/x)", "facebookexternalhit"),
        ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 PhantomJS/2.1.1", "PhantomJS"),
    ],
)
def test_a_crawler_and_a_driven_browser_are_marked_with_the_reason(agent: str, name: str) -> None:
    for event in (read(user_agent=agent), read({"userAgent": agent, "bot": False})):
        assert event.bot == f"user agent: {name}"
        assert context_of(event)["bot"] == event.bot
        assert context_of(event)["device"] == {"type": "bot"}


@pytest.mark.parametrize(
    "agent",
    [
        OUR_CLIENT,
        "analytics-python/2.4.0",
        "analytics-node/2.3.0",
        "analytics-ruby/2.4.0",
        "analytics-php/3.8.0",
        "analytics-android/4.11.3",
        "RudderStack/2.1.0",
        "python-requests/2.34.2",
        "python-httpx/0.27.0",
        "Python/3.11 aiohttp/3.9.5",
        "Python-urllib/3.11",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "node",
        "undici",
        "axios/1.7.2",
        "got (https://github.com/sindresorhus/got)",
        "okhttp/4.12.0",
        "Apache-HttpClient/4.5.13 (Java/11)",
        "Java/17.0.1",
        "Go-http-client/2.0",
        "GuzzleHttp/7",
        "WordPress/6.5; https://shop.example",
        "Ruby",
        "curl/8.5.0",
        "Wget/1.21",
        "PostmanRuntime/7.37.0",
        "",
    ],
)
def test_a_server_that_reports_its_users_events_is_no_bot(agent: str) -> None:
    event = read(user_agent=agent)
    assert event.bot is None
    assert context_of(event).keys() <= {"os"}


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ("webdriver", "webdriver"),
        ("x" * 300, "x" * 256),
        (True, "the client says so"),
        (False, None),
        (None, None),
        ("", None),
        (1, None),
        ([], None),
        ({"is": True}, None),
    ],
)
def test_the_clients_own_word_counts(flag: object, reason: str | None) -> None:
    assert read({"bot": flag}, user_agent=CHROME).bot == reason


def test_the_rules_that_a_deployed_package_leaves_out_are_not_missed() -> None:
    program = (
        "import sys\n"
        f"for name in {package.OTHER_FORMS!r}:\n"
        "    sys.modules[name.removesuffix('.py').replace('/', '.')] = None\n"
        "from tracker import user_agent\n"
        f"seen = user_agent.read({CHROME!r})\n"
        'assert bytes(seen.browser) == b\'{"name":"Chrome","version":"150"}\''
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
    rules = Path(ua_parser_builtins.__path__[0]).parent
    assert all((rules / name).is_file() for name in package.OTHER_FORMS)


# --- Hostile user agents --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "S", " ", "(", ";", "; ", "/", "\n", "\0", "é", "😀", "0123456789"),
        *("Mozilla/5.0 ", "Mozilla/5.0 (Linux; U; ", "Android ", "Build/", "a1/1.1.1 "),
        *("Version/1.", "Current", "Windows "),
    ],
)
def test_no_user_agent_takes_long(piece: str) -> None:
    user_agent.read("Mozilla/5.0")  # the lists are read once
    user_agent.read("Opera/9 Windows Linux Mac")
    many = [f"{n}{piece * 30_000}"[:30_000] for n in range(5)]
    for agent in many[:1]:
        user_agent.read(agent)
    started = time.process_time()
    for agent in many[1:]:
        user_agent.read(agent)
    assert (time.process_time() - started) / 4 < 0.1  # 6 ms where it is worst


def test_what_is_no_text_is_no_user_agent_and_is_not_kept() -> None:
    odd: object
    for odd in (7, True, [], {"x": CHROME}):
        event = read({"userAgent": odd}, user_agent=CHROME)
        assert context_of(event)["browser"]["name"] == "Chrome"
        assert "userAgent" not in context_of(event)


# --- The country ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "own", "found"),
    [
        ({"cloudfront-viewer-country": "DE"}, None, "DE"),
        ({"cf-ipcountry": "fr"}, None, "FR"),
        ({"x-vercel-ip-country": "NZ"}, None, "NZ"),
        ({"cf-ipcountry": "XX"}, None, None),
        ({"cf-ipcountry": "T1"}, None, None),
        ({"cf-ipcountry": "Germany"}, None, None),
        ({"cf-ipcountry": "ÄÖ"}, None, None),
        ({"cf-ipcountry": ""}, None, None),
        ({"x-country": "DE"}, None, None),
        ({"x-country": "DE", "cf-ipcountry": "FR"}, "X-Country", "DE"),
        ({"cf-ipcountry": "FR"}, "X-Country", None),
        ({}, None, None),
    ],
)
def test_the_country_is_what_the_cdn_says(
    headers: dict[str, str], own: str | None, found: str | None
) -> None:
    assert country.of(headers, own) == found
