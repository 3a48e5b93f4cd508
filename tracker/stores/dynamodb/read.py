"""Reading from the DynamoDB tables: one person, one session, a whole site."""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
from msgspec import Raw, Struct, structs

from tracker import timestamps
from tracker.event import Bots, Event, stream_of
from tracker.stores import Page, Position, Selection, Stored, counts
from tracker.stores.counts import Countable
from tracker.stores.dynamodb import keys, listing
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.models import EventItem, Tables, optional
from tracker.stores.merge import merge

FILTERED_CHUNK = 250

BATCH_GET = 100
"""BatchGetItem takes no more keys."""

MAX_SCANNED = 5_000
"""How many events one page looks at, at the most, when few of them match the filters."""


class Body(Struct, rename="camel"):
    """What an item holds: the document, and what filters need to know of it."""

    document: Raw
    session: str | None = None
    path: str | None = None
    bot: str | None = None


class Shown(Struct, rename="camel"):
    """What a document tells that is looked for."""

    type: str
    event: str | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    received_at: str = ""


def pack(event: Event) -> bytes:
    """The body of an event's item."""
    body = Body(Raw(event.document), event.session_id, event.path, event.bot)
    return compress(msgspec.json.encode(body))


_bodies = msgspec.json.Decoder(Body)
_shown = msgspec.json.Decoder(Shown)


def unpack(item: EventItem) -> Body:
    """What an event's item holds."""
    return _bodies.decode(decompress(item.body or b""))


def shown(body: Body) -> Shown:
    """What its document tells."""
    return _shown.decode(body.document)


def session_of(item: EventItem) -> str | None:
    """The session of an event's item."""
    return unpack(item).session


def countable(site: str, place: str, packed: bytes) -> Countable:
    """What counts of an event, given its body, and the sort key it is read at."""
    body = _bodies.decode(decompress(packed))
    time = keys.position(place).timestamp
    return counts.of_document(site, time, body.session, bytes(body.document))


def timeline(
    tables: Tables, selection: Selection, person: str, limit: int, session_id: str | None = None
) -> Page:
    """The events of one person, or those of one session: one query on one partition."""
    wanted: list[Stored] = []
    scanned = 0
    size = _chunk(selection, limit, more=session_id is not None)
    items = query(tables, selection, person, page_size=size)
    while chunk := list(islice(items, size)):
        for sort_key, item in placed(tables, chunk):
            body = unpack(item)
            if session_id in (None, body.session) and matches(selection, body):
                place = keys.position(sort_key)
                wanted.append(Stored(place, bytes(body.document), body.session))
        scanned += len(chunk)
        if len(wanted) > limit:
            return Page(wanted[:limit], wanted[limit - 1].position)
        if scanned >= MAX_SCANNED:
            return Page(wanted, keys.position(chunk[-1].sk))
        if len(chunk) == size < FILTERED_CHUNK:  # bots are among them: how many, nobody knows
            rest = structs.replace(selection, after=keys.position(chunk[-1].sk))
            size = FILTERED_CHUNK
            items = query(tables, rest, person, page_size=size)
    return Page(wanted, None)


def _chunk(selection: Selection, limit: int, *, more: bool = False) -> int:
    """How many items to ask for at a time: where many do not match, more than are wanted."""
    filters = ("type", "event", "path", "anonymous_id", "stream")
    filtered = any(getattr(selection, name) is not None for name in filters)
    if more or filtered or selection.bots is Bots.ONLY:
        return max(limit + 1, FILTERED_CHUNK)
    return min(limit + 1, 1000)


def query(
    tables: Tables,
    selection: Selection,
    person: str,
    page_size: int,
    *,
    consistent: bool = False,
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
        consistent_read=consistent,
    ):
        if keys.place_of(item.sk) != after:
            yield item


def _bounds(selection: Selection) -> tuple[str, str]:
    """No sort key is just a time, so a bound that is one excludes itself as an upper bound."""
    low = keys.FIRST if selection.since is None else timestamps.sortable(selection.since)
    # A stretch that ends at the last instant of all ends before none.
    endless = selection.until is None or selection.until > timestamps.LATEST
    high = keys.LAST if endless else timestamps.sortable(selection.until or 0)
    return low, high


def placed(
    tables: Tables, items: Sequence[EventItem], *, consistent: bool = False
) -> Iterator[tuple[str, EventItem]]:
    """Each event at the place it is to be read at; pointers are followed and not believed."""
    wanted = {(item.pk, item.target) for item in items if item.target}
    there = tables.events.batch_get(wanted, consistent_read=consistent)
    targets = {(item.pk, item.sk): item for item in there}
    for item in items:
        if item.target:
            target = targets.get((item.pk, item.target))
            if target and target.place == keys.place_of(item.sk):
                yield item.sk, target
        elif optional(item.place) is None:
            yield item.sk, item


def matches(selection: Selection, body: Body) -> bool:
    """Whether an event is one of those, apart from its time."""
    if not selection.bots.shows(body.bot):
        return False
    if selection.path is not None and body.path != selection.path:
        return False
    limit = selection.received_after
    filters = (selection.type, selection.event, selection.anonymous_id, selection.stream)
    if limit is None and filters == (None,) * len(filters):
        return True
    told = shown(body)
    if limit is not None and timestamps.parse(told.received_at) <= limit:
        return False
    stream = None if body.session else stream_of(told.user_id, told.anonymous_id)
    found = (told.type, told.event, told.anonymous_id, stream)
    return all(one is None or one == other for one, other in zip(filters, found, strict=True))


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
    until = min(
        start + timestamps.DAY,
        start + timestamps.DAY if selection.until is None else selection.until,
    )
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
    size = min(BATCH_GET, _chunk(selection, limit))
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
            body = unpack(item)
            if matches(selection, body):
                wanted.append(Stored(one.position, bytes(body.document), body.session))
        scanned += len(chunk)
        if len(wanted) > limit:
            return Page(wanted[:limit], wanted[limit - 1].position)
        if scanned >= MAX_SCANNED:
            return Page(wanted, chunk[-1].position)
        size = BATCH_GET
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
