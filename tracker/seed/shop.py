"""The shop of the made-up history: its pages, where its visitors come from, what they use."""

from typing import NamedTuple

ORIGIN = "https://shop.example"


class Page(NamedTuple):
    """A page of the shop."""

    weight: float
    """How much it is looked at, beside others of its kind."""
    kind: str
    """What leads from it to others: a key of `NEXT`."""
    path: str
    title: str
    price: float = 0


PAGES = (
    Page(1, "home", "/", "Fern & Fable"),
    Page(5, "shelf", "/seeds", "Seeds"),
    Page(4, "shelf", "/tools", "Tools"),
    Page(2, "shelf", "/pots", "Pots"),
    Page(9, "product", "/tools/honest-trowel", "Honest trowel", 24),
    Page(4, "product", "/tools/long-spade", "Long spade", 49),
    Page(3, "product", "/tools/quiet-shears", "Quiet shears", 38.5),
    Page(7, "product", "/seeds/early-peas", "Early peas", 3.9),
    Page(3, "product", "/seeds/black-kale", "Black kale", 3.5),
    Page(2, "product", "/seeds/sweet-william", "Sweet William", 4.2),
    Page(3, "product", "/pots/salt-glazed", "Salt-glazed pot", 31),
    Page(2, "product", "/pots/window-box", "Window box", 27.5),
    Page(6, "post", "/journal/when-to-sow-peas", "When to sow peas"),
    Page(3, "post", "/journal/a-bed-for-the-lazy", "A bed for the lazy"),
    Page(4, "post", "/journal/what-slugs-dislike", "What slugs dislike"),
    Page(1, "pricing", "/pricing", "The garden club"),
    Page(1, "about", "/about", "About us"),
    Page(1, "cart", "/cart", "Your cart"),
    Page(1, "checkout", "/checkout", "Checkout"),
    Page(1, "thanks", "/thanks", "Thank you"),
)

NEXT: dict[str, dict[str, float]] = {
    "home": {"shelf": 45, "product": 15, "post": 8, "pricing": 8, "about": 4, "": 20},
    "shelf": {"product": 62, "shelf": 18, "home": 4, "": 16},
    "product": {"product": 24, "shelf": 22, "cart": 18, "home": 4, "": 32},
    "post": {"post": 16, "shelf": 14, "product": 12, "home": 6, "": 52},
    "pricing": {"home": 14, "shelf": 16, "about": 8, "": 62},
    "about": {"home": 26, "pricing": 14, "": 60},
    "cart": {"checkout": 62, "shelf": 12, "": 26},
    "checkout": {"thanks": 68, "cart": 8, "": 24},
    "thanks": {"home": 14, "": 86},
}
"""From one kind of page to the next, by weight; ``""`` is away. The cart is for who has something
in it."""


class Source(NamedTuple):
    """Where sessions come from."""

    weight: float
    referrer: str
    landing: dict[str, float]
    """The kinds of page they begin on."""
    campaign: str = ""
    """The address's query."""


SOURCES = (
    Source(30, "", {"home": 60, "shelf": 15, "product": 15, "pricing": 10}),
    Source(28, "https://www.google.com/", {"product": 40, "post": 35, "home": 25}),
    Source(5, "https://www.bing.com/", {"product": 50, "post": 20, "home": 30}),
    Source(4, "https://duckduckgo.com/", {"post": 60, "home": 40}),
    Source(6, "https://news.ycombinator.com/", {"post": 100}),
    Source(5, "https://old.reddit.com/r/gardening/", {"post": 70, "product": 30}),
    Source(4, "https://allotment.example/links", {"home": 80, "post": 20}),
    Source(
        8,
        "",
        {"shelf": 60, "product": 40},
        "?utm_source=newsletter&utm_medium=email&utm_campaign=spring-letter",
    ),
    Source(
        6,
        "https://www.google.com/",
        {"product": 100},
        "?utm_source=google&utm_medium=cpc&utm_campaign=trowels",
    ),
    Source(
        4,
        "https://l.instagram.com/",
        {"shelf": 50, "product": 50},
        "?utm_source=instagram&utm_medium=social&utm_campaign=window-boxes",
    ),
)


class Device(NamedTuple):
    """What a visitor uses."""

    weight: float
    user_agent: str


_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"

DEVICES = (
    Device(26, f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Safari/537.36"),
    Device(10, f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROMIUM} Safari/537.36"),
    Device(6, f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Safari/537.36 Edg/150.0.0.0"),
    Device(
        8,
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/26.0 Safari/605.1.15",
    ),
    Device(7, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    Device(3, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    Device(
        20,
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_SAFARI} Version/26.0"
        " Mobile/15E148 Safari/604.1",
    ),
    Device(17, f"Mozilla/5.0 (Linux; Android 10; K) {_CHROMIUM} Mobile Safari/537.36"),
    Device(
        3,
        f"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {_SAFARI} Version/26.0"
        " Mobile/15E148 Safari/604.1",
    ),
)

CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
)

COUNTRIES = {
    "DE": 34,
    "GB": 17,
    "NL": 10,
    "FR": 9,
    "AT": 7,
    "US": 7,
    "CH": 5,
    "SE": 4,
    "PL": 3,
    "DK": 2,
    "NZ": 1,
    "JP": 1,
}
LOCALES = {"DE": "de-DE", "AT": "de-AT", "CH": "de-CH", "NL": "nl-NL", "FR": "fr-FR"}
"""The others' is English."""

FIRST_NAMES = (
    *("Ada", "Bela", "Carl", "Dina", "Emil", "Fritz", "Greta", "Hilde", "Ivan", "Jana"),
    *("Karl", "Lena", "Mira", "Nils", "Olga", "Paul", "Rosa", "Sven", "Tilda", "Zoë"),
)
LAST_NAMES = ("Ahorn", "Birke", "Distel", "Efeu", "Farn", "Ginster", "Holunder", "Iris", "Klee")
PLANS = {"free": 70, "garden": 22, "orchard": 8}

WEEKDAYS = (0.9, 0.85, 0.9, 0.9, 1.0, 1.5, 1.7)
"""How busy each day of the week is, from Monday on: gardens are for the weekend."""
HOURS = (
    *(1.2, 0.7, 0.4, 0.3, 0.4, 0.9, 2.0, 3.4, 4.6, 5.2, 5.4, 5.3),
    *(5.6, 5.2, 5.0, 5.1, 5.4, 5.9, 6.6, 7.4, 7.8, 6.9, 4.8, 2.6),
)
"""How busy each hour is (UTC)."""
GROWTH = 0.6
"""By how much more the last day is busy than the first."""
TALKED_ABOUT = (0.55, 3.0)
"""How far into the history is the day on which others wrote of the shop, and how busy that was."""
