"""What somebody does in one session: from page to page, and what they do on them."""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from tracker import timestamps
from tracker.seed import shop
from tracker.seed.people import Device, Person, identifier, pick, pick_weighted

MAX_STEPS = 25
_LONGEST = 10 * timestamps.MINUTE
_LOST = 0.004
"""How many events never arrive: what the client counted, and nobody has."""

Wire = dict[str, Any]


class Moment(NamedTuple):
    """An event, and when it happened."""

    time: int
    event: Wire


class Walk:
    """One session on one device."""

    def __init__(self, random: Random, person: Person, device: Device, start: int) -> None:
        self._random = random
        self._person = person
        self._device = device
        self._time = start
        self._session = identifier(random)
        self._page: dict[str, str] = {}
        self._campaign: dict[str, str] | None = None
        self._cart: list[shop.Page] = []

    def moments(self) -> Iterator[Moment]:
        """All that happens, but for what is lost on the way."""
        for moment in self._all():
            if self._random.random() >= _LOST:
                yield moment

    def _all(self) -> Iterator[Moment]:
        random, person, device = self._random, self._person, self._device
        (source,) = pick_weighted(random, shop.SOURCES)
        kind = pick(random, source.landing)
        referrer, search = source.referrer, source.campaign
        for _ in range(MAX_STEPS):
            (page,) = pick_weighted(random, [page for page in shop.PAGES if page.kind == kind])
            yield self._arrive(page, referrer, search)
            if person.user_id is not None and not device.knows_user:
                self._wait()
                device.knows_user = True
                yield self._moment(type="identify", traits={})
            yield from self._act(page)
            kind = self._next(kind)
            if not kind:
                return
            referrer, search = shop.ORIGIN + page.path + search, ""
            self._wait()

    def _arrive(self, page: shop.Page, referrer: str, search: str) -> Moment:
        self._page = {
            "url": shop.ORIGIN + page.path + search,
            "path": page.path,
            "search": search,
            "referrer": referrer,
            "title": page.title,
        }
        told = {name.removeprefix("utm_"): value for name, value in parse_qsl(search[1:])}
        if "campaign" in told:
            told["name"] = told.pop("campaign")
        self._campaign = told or None
        return self._moment(type="page")

    def _act(self, page: shop.Page) -> Iterator[Moment]:
        signs_up = self._person.signs_up and self._person.user_id is None
        if page.kind == "product" and self._random.random() < 0.3 * self._person.keen:
            self._wait()
            self._cart.append(page)
            yield self._track("Added to cart", product=page.title, price=page.price)
        elif page.kind == "checkout":
            yield self._track("Checkout started", total=self._total, things=len(self._cart))
            if signs_up:
                yield from self._sign_up()
        elif page.kind == "thanks":
            order = f"{self._person.number}-{self._device.seq}"
            yield self._track("Order completed", order=order, total=self._total, currency="EUR")
            self._cart = []
        elif page.kind in ("pricing", "post") and signs_up:
            yield from self._sign_up()
        elif page.kind == "about" and self._random.random() < 0.1:
            yield self._track("Followed a link", to="https://allotment.example/")

    def _sign_up(self) -> Iterator[Moment]:
        self._wait()
        self._person.user_id = f"user-{self._person.number}"
        self._device.knows_user = True
        first, last = map(self._random.choice, (shop.FIRST_NAMES, shop.LAST_NAMES))
        plan = pick(self._random, shop.PLANS)
        email = f"{self._person.user_id}@example.org"
        traits = {"name": f"{first} {last}", "email": email, "plan": plan}
        yield self._moment(type="identify", traits=traits)
        yield self._track("Signed up", plan=plan)

    def _next(self, kind: str) -> str:
        leads = shop.NEXT[kind]
        if not self._cart:
            leads = {to: weight for to, weight in leads.items() if to != "cart"}
        return pick(self._random, leads)

    @property
    def _total(self) -> float:
        return round(sum(page.price for page in self._cart), 2)

    def _wait(self) -> None:
        seconds = self._random.lognormvariate(3.2, 0.9)
        self._time += min(int(seconds * 1000) * 1000 + 1000, _LONGEST)

    def _track(self, event: str, **properties: object) -> Moment:
        return self._moment(type="track", event=event, properties=properties)

    def _moment(self, **members: object) -> Moment:
        device = self._device
        device.seq += 1
        self._time += 1000 * self._random.randrange(1, 40)  # what a page does takes its time
        user_id = self._person.user_id if device.knows_user else None
        event = {
            **members,
            "messageId": identifier(self._random),
            "originalTimestamp": timestamps.format(self._time),
            "anonymousId": device.anonymous_id,
            "userId": user_id,
            "context": {
                "page": self._page,
                "campaign": self._campaign,
                "locale": self._person.locale,
                "sessionId": self._session,
                "seq": device.seq,
                "library": {"name": "kit", "version": "seed"},
            },
        }
        return Moment(self._time, event)
