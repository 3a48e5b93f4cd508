"""The whole history, as the messages that stand in a queue."""

import heapq
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec
from msgspec import Raw

from tracker import timestamps
from tracker.batch import Batch, Rejection
from tracker.errors import Rejected
from tracker.event import decode, message_id_of
from tracker.seed import people, shop
from tracker.seed.walk import Moment, Walk
from tracker.timestamps import DAY

_SENT_TOGETHER = 12
_DELAYED = 0.01
"""How many requests come late, since the visitor was in a tunnel."""
_CRAWLED_A_DAY = 24
_MISTAKES_A_DAY = 0.6
_MISTAKES: tuple[dict[str, object], ...] = (
    {"type": "track", "userId": "user-7", "properties": {"total": 12.5}},
    {"type": "track", "event": "Order shipped", "userId": 7, "properties": {"order": "7-41"}},
    {"type": "page", "properties": {"path": "/checkout"}},
    {"type": "track", "event": "Order shipped", "userId": "user-7", "timestamp": "yesterday"},
)
"""What the shop's own server gets wrong."""


class Plan(NamedTuple):
    """What a history follows from."""

    site: str
    seed: int
    visitors: int
    since: int
    until: int


class _Start(NamedTuple):
    time: int
    person: int


class History:
    """All that happens, to be gone through once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._people = [
            people.person(_random(plan, "person", number), number, plan.since, plan.until)
            for number in range(plan.visitors)
        ]
        self._starts = [_Start(at, one.number) for one in self._people for at in one.starts]
        self._starts.sort()
        self._others = sorted((*_crawls(plan), *_mistakes(plan)), key=_time)

    def __len__(self) -> int:
        """How many sessions there are, each page of a crawler and each mistake among them."""
        return len(self._starts) + len(self._others)

    def messages(self) -> Iterator[list[bytes]]:
        """The queue's messages, those of one session at a time, as these begin."""
        of_people = ((start.time, self._session(start)) for start in self._starts)
        for _, batches in heapq.merge(of_people, self._others, key=_time):
            yield [batch.encode() for batch in batches]

    def _session(self, start: _Start) -> list[Batch]:
        plan, person = self._plan, self._people[start.person]
        country = person.country
        random = _random(plan, *start)
        # Another device is first used by who has signed up.
        device = random.choice(person.devices if person.user_id else person.devices[:1])
        walk = Walk(random, person, device, start.time)
        happened = [moment for moment in walk.moments() if moment.time < plan.until]
        return [
            _batch(plan, random, happened[at : at + _SENT_TOGETHER], device.user_agent, country)
            for at in range(0, len(happened), _SENT_TOGETHER)
        ]


_Timed = tuple[int, Sequence[Batch]]


def _time(row: _Timed) -> int:
    return row[0]


def _random(plan: Plan, *about: object) -> Random:
    # The times are in it: the same visitor of another history is somebody else.
    return Random(repr((*plan, *about)))  # noqa: S311  (it has to be the same each time)


def _batch(
    plan: Plan, random: Random, moments: Sequence[Moment], user_agent: str, country: str
) -> Batch:
    sent = moments[-1].time + random.randrange(200, 2000) * 1000
    if random.random() < _DELAYED:
        sent += random.randrange(1, 40) * timestamps.MINUTE
    return Batch(
        id=people.identifier(random),
        site=plan.site,
        received_at=sent + random.randrange(20, 300) * 1000,
        sent_at=timestamps.format(sent),
        user_agent=user_agent,
        country=country,
        events=[Raw(msgspec.json.encode(moment.event)) for moment in moments],
    )


def _crawls(plan: Plan) -> Iterator[_Timed]:
    for day in range(plan.since, plan.until, DAY):
        random = _random(plan, "crawls", day)
        for _ in range(_CRAWLED_A_DAY):
            time = day + random.randrange(DAY)
            (page,) = people.pick_weighted(random, shop.PAGES)
            event = {
                "type": "page",
                "messageId": people.identifier(random),
                "originalTimestamp": timestamps.format(time),
                "anonymousId": people.identifier(random),
                "context": {
                    "page": {"url": shop.ORIGIN + page.path, "path": page.path, "title": page.title}
                },
            }
            if time < plan.until:
                agent = random.choice(shop.CRAWLERS)
                yield time, [_batch(plan, random, [Moment(time, event)], agent, "US")]


def _mistakes(plan: Plan) -> Iterator[_Timed]:
    for day in range(plan.since, plan.until, DAY):
        random = _random(plan, "mistakes", day)
        time = day + random.randrange(DAY)
        if random.random() >= _MISTAKES_A_DAY or time >= plan.until:
            continue
        payload = msgspec.json.encode(
            {**random.choice(_MISTAKES), "messageId": people.identifier(random)}
        )
        try:
            decode(payload)
        except Rejected as error:
            wrong = Rejection(
                0, error.field, error.reason, payload.decode(), message_id_of(payload)
            )
            batch = Batch(
                id=people.identifier(random),
                site=plan.site,
                received_at=time,
                user_agent="analytics-python/2.3.4",
                rejected=[wrong],
            )
            yield time, [batch]
