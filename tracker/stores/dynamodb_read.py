"""Reading from the DynamoDB tables: one person, one session, a whole site."""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
from msgspec import Raw, Struct, structs

from tracker import timestamps
from tracker.event import Event
from tracker.stores import Page, Person, Position, Selection, Stored, Summary, keys, listing
from tracker.stores.compression import compress, decompress
from tracker.stores.merge import merge
from tracker.stores.models import EventItem, Tables, optional

FILTERED_CHUNK = 250

MAX_SCANNED = 5_000
"""How many events one page looks at, at the most, when few of them match the filters."""


class _Body(Struct, rename="camel"):
    """What an item holds: the document, and what filters need to know of it."""

    document: Raw
    session: str | None = None
    path: str | None = None


class _Shown(Struct, rename="camel"):
    type: str
    event: str | None = None
    anonymous_id: str | None = None


def pack(event: Event) -> bytes:
    """The body of an event's item."""
    body = _Body(Raw(event.document), event.session_id, event.path)
    return compress(msgspec.json.encode(body))


_bodies = msgspec.json.Decoder(_Body)
_shown = msgspec.json.Decoder(_Shown)


def _unpack(item: EventItem) -> _Body:
    return _bodies.decode(decompress(item.body or b""))


def timeline(
    tables: Tables, selection: Selection, person: str, limit: int, session_id: str | None = None
) -> Page:
    """The events of one person, or those of one session: one query on one partition."""
    wanted: list[Stored] = []
    scanned = 0
    size = _chunk(selection, limit, more=session_id is not None)
    items = _query(tables, selection, person, page_size=size)
    while chunk := list(islice(items, size)):
        for sort_key, item in _placed(tables, chunk):
            body = _unpack(item)
            if session_id in (None, body.session) and _matches(selection, body):
                wanted.append(Stored(keys.position(sort_key), bytes(body.document)))
        scanned += len(chunk)
        if len(wanted) > limit:
            return Page(wanted[:limit], wanted[limit - 1].position)
        if scanned >= MAX_SCANNED:
            return Page(wanted, keys.position(chunk[-1].sk))
    return Page(wanted, None)


def _chunk(selection: Selection, limit: int, *, more: bool = False) -> int:
    """How many items to ask for at a time: where many do not match, more than are wanted."""
    filters = (selection.type, selection.event, selection.path, selection.anonymous_id)
    if more or any(wanted is not None for wanted in filters):
        return max(limit + 1, FILTERED_CHUNK)
    return min(limit + 1, 1000)


def _query(
    tables: Tables, selection: Selection, person: str, page_size: int
) -> Iterator[EventItem]:
    """A person's items in order, pointers among them."""
    model = tables.events
    low, high = _bounds(selection)
    after = keys.place(selection.after) if selection.after else None
    if after and selection.descending:
        high = min(high, after)  # a pointer to that place sorts behind it, and so is left out
    elif after:
        low = max(low, after)
    if low > high:
        return
    for item in model.query(
        keys.partition(selection.site, person),
        model.sk.between(low, high),
        scan_index_forward=not selection.descending,
        page_size=page_size,
    ):
        if keys.place_of(item.sk) != after:
            yield item


def _bounds(selection: Selection) -> tuple[str, str]:
    """No sort key is just a time, so a bound that is one excludes itself as an upper bound."""
    low = keys.FIRST if selection.since is None else timestamps.sortable(selection.since)
    high = keys.LAST if selection.until is None else timestamps.sortable(selection.until)
    return low, high


def _placed(tables: Tables, items: Sequence[EventItem]) -> Iterator[tuple[str, EventItem]]:
    """Each event at the place it is to be read at; pointers are followed and not believed."""
    wanted = {(item.pk, item.target) for item in items if item.target}
    targets = {(item.pk, item.sk): item for item in tables.events.batch_get(wanted)}
    for item in items:
        if item.target:
            target = targets.get((item.pk, item.target))
            if target and target.place == keys.place_of(item.sk):
                yield item.sk, target
        elif optional(item.place) is None:
            yield item.sk, item


def _matches(selection: Selection, body: _Body) -> bool:
    if selection.path is not None and body.path != selection.path:
        return False
    if selection.type is selection.event is selection.anonymous_id is None:
        return True
    shown = _shown.decode(body.document)
    return all(
        wanted is None or wanted == found
        for wanted, found in (
            (selection.type, shown.type),
            (selection.event, shown.event),
            (selection.anonymous_id, shown.anonymous_id),
        )
    )


def session(tables: Tables, selection: Selection, session_id: str, limit: int) -> Page:
    """The events of a session: its entries name the timelines and the days to look at."""
    model = tables.others
    days: dict[str, list[str]] = {}
    for entry in model.query(keys.session(selection.site, session_id)):
        day, person = entry.sk.split("#", 1)
        long_name = optional(entry.body)
        days.setdefault(day, []).append(long_name.decode() if long_name else person)
    wanted: list[Stored] = []
    for day in sorted(days, reverse=selection.descending):
        of_day = _within(selection, day)
        if of_day is None:
            continue
        pages = [
            timeline(tables, of_day, person, limit - len(wanted), session_id)
            for person in days[day]
        ]
        page = merge(pages, descending=selection.descending, limit=limit - len(wanted))
        wanted += page.events
        if page.resume or len(wanted) == limit:
            return Page(wanted, page.resume or wanted[-1].position)
    return Page(wanted, None)


def _within(selection: Selection, day: str) -> Selection | None:
    """The selection, on one day only."""
    start = keys.start_of(day)
    since = max(start, start if selection.since is None else selection.since)
    until = min(start + keys.DAY, start + keys.DAY if selection.until is None else selection.until)
    if selection.after and selection.descending and selection.after.timestamp < since:
        return None
    if selection.after and not selection.descending and selection.after.timestamp >= until:
        return None
    return structs.replace(selection, since=since, until=until) if since < until else None


def everyone(tables: Tables, selection: Selection, limit: int) -> Page:
    """A site's events, by its listing; what a listing names is believed once it is found."""
    wanted: list[Stored] = []
    scanned = 0
    listed = _listed(tables, selection)
    last: Position | None = None
    size = min(100, _chunk(selection, limit))  # BatchGetItem takes no more
    while chunk := list(islice(listed, size)):
        keys_of_chunk = {
            (keys.partition(selection.site, one.person), one.identity) for one in chunk
        }
        items = {(item.pk, item.sk): item for item in tables.events.batch_get(keys_of_chunk)}
        for one in chunk:
            item = items.get((keys.partition(selection.site, one.person), one.identity))
            if item is None or one.position == last:
                continue
            place = keys.place(one.position)
            if (item.place or item.sk) != place:
                continue
            last = one.position
            body = _unpack(item)
            if _matches(selection, body):
                wanted.append(Stored(one.position, bytes(body.document)))
        scanned += len(chunk)
        if len(wanted) > limit:
            return Page(wanted[:limit], wanted[limit - 1].position)
        if scanned >= MAX_SCANNED:
            return Page(wanted, chunk[-1].position)
    return Page(wanted, None)


def _listed(tables: Tables, selection: Selection) -> Iterator[listing.Listed]:
    model = tables.others
    low, high = _bounds(selection)
    if selection.after:
        edge = timestamps.sortable(selection.after.timestamp)
        low, high = (low, min(high, edge + "~")) if selection.descending else (max(low, edge), high)
    if low > high:
        return
    for entry in model.query(
        keys.listed_days(selection.site),
        model.sk.between(low[:10], high[:10]),
        scan_index_forward=not selection.descending,
    ):
        shards = [
            _entries(
                tables,
                keys.listing(selection.site, entry.sk, shard),
                low,
                high,
                descending=selection.descending,
            )
            for shard in range(keys.SHARDS)
        ]
        for one in listing.in_order(shards, descending=selection.descending):
            if _selected(selection, one.position):
                yield one


def _entries(
    tables: Tables, partition: str, low: str, high: str, *, descending: bool
) -> Iterator[tuple[str, bytes]]:
    """A shard's entries that may hold events between two times: an entry's events lie at most
    `listing.SPAN` before its key."""
    model = tables.others
    if high != keys.LAST:
        latest = timestamps.parse(high[:27]) + listing.SPAN
        high = timestamps.sortable(min(latest, timestamps.LATEST)) + "~"
    for item in model.query(
        partition,
        model.sk.between(low, high),
        scan_index_forward=not descending,
    ):
        yield item.sk, item.body or b"\x80"


def _selected(selection: Selection, position: Position) -> bool:
    if selection.since is not None and position.timestamp < selection.since:
        return False
    if selection.until is not None and position.timestamp >= selection.until:
        return False
    if selection.after is None:
        return True
    return position < selection.after if selection.descending else position > selection.after


def summary(
    tables: Tables, site: str, person: str, since: int | None, until: int | None
) -> Summary:
    """Count a timeline by reading it."""
    selection = Selection(
        site=site, scope=Person(person), since=since, until=until, descending=False
    )
    events = page_views = 0
    sessions: set[str] = set()
    first: int | None = None
    last: int | None = None
    items = _query(tables, selection, person, page_size=1000)
    while chunk := list(islice(items, 1000)):
        for sort_key, item in _placed(tables, chunk):
            body = _unpack(item)
            events += 1
            page_views += _shown.decode(body.document).type == "page"
            if body.session is not None:
                sessions.add(body.session)
            last = keys.position(sort_key).timestamp
            first = last if first is None else first
    return Summary(events, page_views, frozenset(sessions), first, last)
