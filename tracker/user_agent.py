"""A user agent → browser, operating system, kind of device, and whether it is a bot's.

ua-parser knows browsers and systems, crawler-user-agents knows bots. Both are lists of regular
expressions: they are loaded at first use, which is at the consumer, and asked once for each user
agent. Of ua-parser's three lists the one of devices is left out: it tells models, of which many
are rare enough to know a person by.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from ua_parser.basic import Resolver

MAX_CHARACTERS = 512
"""More are not looked at: browsers send 100 to 300, and what a regular expression costs may grow
with the square of it."""

REMEMBERED = 4096
"""A site sees some hundred different ones in an hour, each many times."""

_BROWSER = re.compile(r"Mozilla/|Opera/")
"""What every browser sends. All others are programs: an app, or a server's library."""

# A television says so in many ways; a phone says "Mobi", and a browser on an Android without that
# is on a tablet
# (https://developer.mozilla.org/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent).
_DEVICES = {
    "tv": re.compile(
        r"\bTV\b|[Ss]mart-?TV|SMART-?TV|[Aa]pple ?TV|Google ?TV|HbbTV|Web0S|NetCast|BRAVIA"
        r"|Roku/|CrKey|VIDAA|\bAFT[A-Z]+\b"
    ),
    "console": re.compile(r"PlayStation|Xbox|Nintendo"),
    "tablet": re.compile(r"iPad|Tablet(?! PC)|Kindle|\bKF[A-Z]{2,}\b|Mozilla/.*Android(?!.*Mobi)"),
    "mobile": re.compile(r"Mobi|iPhone|iPod|Android|Phone|BlackBerry|Opera Mini|J2ME|MIDP"),
}

_PEOPLE = {
    r"AP3A\.240617\.008",  # an Android build that people's phones have
    r"WordPress\/",  # servers, whose plugins report what happens
    r"Google-Apps-Script",
}
"""Entries of the list of bots that are not about bots."""

_LIBRARIES = ["http-library"]
"""The tag of entries about what backends send their users' events with."""

_BRANDS = {"Google Chrome": "Chrome", "Microsoft Edge": "Edge"}
_PLATFORMS = {"macOS": "Mac OS X", "Chromium OS": "Chrome OS"}
"""Names in the client hints, where a user agent is read as another."""


class Seen(NamedTuple):
    """What is told of a device: JSON objects as a context has them."""

    browser: Raw | None
    os: Raw | None
    device: Raw | None
    bot: str | None
    """The reason, if this is one."""


def read(user_agent: str) -> Seen:
    """What a user agent says."""
    return _read(user_agent[:MAX_CHARACTERS])


@lru_cache(REMEMBERED)
def _read(text: str) -> Seen:
    from ua_parser import Domain

    found = _parser()(text, Domain.USER_AGENT | Domain.OS)
    browser, system = found.user_agent, found.os
    bot = _bot(text)
    is_browser = _BROWSER.search(text) is not None
    return Seen(
        _named(browser.family, browser.major) if browser and is_browser else None,
        _named(system.family, system.major) if system else None,
        _typed("bot" if bot else _device(text, known=system is not None and is_browser)),
        bot,
    )


def from_hints(
    brands: Sequence[tuple[str, str | None]], platform: str | None, *, mobile: bool
) -> Seen:
    """What client hints say: brand and version, of which one is Chromium's, and one a decoy
    (https://wicg.github.io/ua-client-hints/#grease)."""
    real = [one for one in brands if re.sub("[^a-z]", "", one[0].lower()) != "notabrand"]
    real = [(name[:64], version and version[:64]) for name, version in real]
    real.sort(key=lambda one: one[0] == "Chromium")
    platform = platform and platform[:64]
    bot = _bot(" ".join(name for name, _ in real)[:MAX_CHARACTERS])
    kind = None
    if bot:
        kind = "bot"
    elif mobile:
        kind = "mobile"
    elif platform:
        kind = "tablet" if platform in ("Android", "iOS") else "desktop"
    return Seen(
        _named(_BRANDS.get(real[0][0], real[0][0]), real[0][1]) if real else None,
        _named(_PLATFORMS.get(platform, platform), None) if platform else None,
        _typed(kind),
        bot,
    )


def _device(text: str, *, known: bool) -> str | None:
    """The kind of device; ``known`` is whether it is a browser on some operating system."""
    for kind, words in _DEVICES.items():
        if words.search(text):
            return kind
    return "desktop" if known else None


def _bot(text: str) -> str | None:
    for several in _bots():
        if found := several.search(text):
            return f"user agent: {found[0].strip(' /')[:64]}"
    return None


def _named(name: str, version: str | None) -> Raw:
    about = {"name": name} if version is None else {"name": name, "version": version}
    return Raw(msgspec.json.encode(about))


def _typed(kind: str | None) -> Raw | None:
    return Raw(b'{"type":"%b"}' % kind.encode()) if kind else None


@cache
def _parser() -> "Resolver":
    from ua_parser.basic import Resolver
    from ua_parser.loaders import load_lazy_builtins

    browsers, systems, _ = load_lazy_builtins()
    return Resolver((browsers, systems, []))


@cache
def _bots() -> list[re.Pattern[str]]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    patterns = [
        entry["pattern"]
        for entry in CRAWLER_USER_AGENTS_DATA
        if entry["tags"] != _LIBRARIES and entry["pattern"] not in _PEOPLE
    ]
    return [re.compile("|".join(patterns[at : at + 100])) for at in range(0, len(patterns), 100)]
