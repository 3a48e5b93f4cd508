"""What the counts should be, told from the stored events by nothing but looking at each."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import structs

from tracker import dimensions, sessions
from tracker.event import Bots
from tracker.stores import Everyone, Selection, Store
from tracker.stores.counts import ALL, BOTH, BOTS, DELIVERY, PEOPLE, Cell, Count, CountSelection
from tracker.timestamps import DAY, EARLIEST, HOUR, LATEST, parse


def stored(store: Store, site: str) -> list[dict[str, Any]]:
    """All events of a site, each with its session."""
    selection = Selection(site=site, scope=Everyone(), bots=Bots.INCLUDE, descending=False)
    found: list[dict[str, Any]] = []
    while True:
        page = sessions.filled(store, site, store.read(selection, 1000))
        found += [msgspec.json.decode(event.document) for event in page.events]
        if page.resume is None:
            return found
        selection = structs.replace(selection, after=page.resume)


def kept(store: Store, site: str) -> dict[Cell, Count]:
    """What the store has counted, but for how many events have arrived of those that were sent."""
    found: dict[Cell, Count] = {}
    for dimension in range(DELIVERY):
        for interval in (HOUR, DAY):
            selection = CountSelection(site, dimension, interval, EARLIEST, LATEST)
            for counted in store.counts(selection):
                known = found.get(counted.cell, Count())
                found[counted.cell] = known.plus(counted.number)
    return {cell: count for cell, count in found.items() if count != Count()}


def delivered(store: Store, site: str) -> dict[Cell, Count]:
    """How many events have arrived of those that were sent, as the store has counted it."""
    found: dict[Cell, Count] = {}
    for counted in store.counts(CountSelection(site, DELIVERY, DAY, EARLIEST, LATEST)):
        found[counted.cell] = found.get(counted.cell, Count()).plus(counted.number)
    return {cell: count for cell, count in found.items() if count != Count()}


def recounted(events: Iterable[dict[str, Any]]) -> dict[Cell, Count]:
    """The same, from documents."""
    numbers: Counter[tuple[Cell, str]] = Counter()
    visitors: defaultdict[Cell, set[object]] = defaultdict(set)
    of_sessions: defaultdict[Cell, set[object]] = defaultdict(set)
    for event in events:
        time = parse(event["timestamp"])
        crowd = BOTS if event["context"].get("bot") else PEOPLE
        visitor = event.get("anonymousId") or ("user", event["userId"])
        for dimension, value in enumerate(("", *dimensions.of_document(event)), ALL):
            for interval in (HOUR, DAY) if value is not None else ():
                cell = Cell(interval, time - time % interval, dimension, value or "", crowd)
                numbers[cell, "events"] += 1
                numbers[cell, "page_views"] += event["type"] == "page"
                visitors[cell].add(visitor)
                of_sessions[cell].add((visitor, event["context"]["sessionId"]))
    found = {
        cell: Count(
            numbers[cell, "events"],
            numbers[cell, "page_views"],
            len(visitors[cell]),
            len(of_sessions[cell]),
        )
        for cell in visitors
    }
    for cell in list(visitors):
        robots = cell._replace(crowd=BOTS)
        both = Count(
            visitors=len(visitors[cell] & visitors.get(robots, set())),
            sessions=len(of_sessions[cell] & of_sessions.get(robots, set())),
        )
        if cell.crowd == PEOPLE and both != Count():
            found[cell._replace(crowd=BOTH)] = both
    return found
