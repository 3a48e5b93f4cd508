"""A person is erased: everywhere, for good, and whatever of theirs is still on its way.

Tombstones come first: from then on nothing of the person's past is stored, be it in the queue, on
a device that was offline, or sent through again. What tells who the person is goes last: as long
as anything is left, whoever begins again finds it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct, structs

from tracker import batch, identity
from tracker.event import Event
from tracker.identity import Part
from tracker.queues import Queue
from tracker.stores import NO_SITE, FailedEvent, Link, Person, Store, tombstones
from tracker.stores.tombstones import Tombstone, is_erased
from tracker.whose import Whose, mentions, whose_is

PAGE = 500
"""So many failed events are looked at in one step."""


class Erased(Struct, rename="camel"):
    """What was removed."""

    user_ids: list[str]
    """The user id, and those aliased with it."""
    anonymous_ids: list[str]
    events: int = 0
    failed_events: int = 0
    dead_letters: int = 0
    """So many of them held something of the person."""
    complete: bool = False
    """If not, the same again goes on."""


class Erasure:
    """One person's erasure. Whoever stops it before it is complete begins again; so does who
    repeats it, and what happened since goes too. Raises `Unavailable`."""

    def __init__(self, store: Store, queue: Queue, site: str, user_id: str) -> None:
        self._store = store
        self._queue = queue
        self._site = site
        self._user_id = user_id
        self._parts: list[Part] = []
        self.erased = Erased([user_id], [])

    def steps(self, now: int) -> Iterator[Erased]:
        """Erase; after each step, all that was removed until then. ``now`` is in microseconds."""
        while new := self._new_parts():
            for part in new:
                self._store.bury(self._site, part.person, [Tombstone(now, part.since, part.until)])
            self._parts += new
            yield self.erased
        for user_id in self.erased.user_ids:
            for _ in _remembered(
                self._store, self._site, self._store.links(self._site, user_id=user_id), now
            ):
                yield self.erased
        for step in (self._events, self._failed_events, self._dead_letters, self._who_it_is):
            for _ in step():
                yield self.erased
        self.erased.complete = True
        yield self.erased

    def _new_parts(self) -> list[Part]:
        """What is the person's and has no tombstone of this erasure yet: until the last is set,
        more may become known to be theirs."""
        self.erased.user_ids = identity.user_ids(self._store, self._site, self._user_id)
        found = list(identity.parts(self._store, self._site, self._user_id))
        devices = {part.anonymous_id for part in found if part.anonymous_id}
        self.erased.anonymous_ids = sorted(devices.difference(self.erased.user_ids))
        return [part for part in found if part not in self._parts]

    def _events(self) -> Iterator[None]:
        for part in self._parts:
            for removed in self._store.erase(self._site, part.person, part.since, part.until):
                self.erased.events += removed
                yield
            # When a device was active is kept as long as somebody else's sessions are made of it.
            if part.since is None and part.until is None:
                self._store.forget_stretches(self._site, part.person.key)

    def _failed_events(self) -> Iterator[None]:
        for kept_under in (self._site, NO_SITE):
            for theirs in failed_events(self._store, kept_under, self._site, self._parts):
                self._store.forget_failed([failed.key for failed in theirs])
                self.erased.failed_events += len(theirs)
                yield

    def _dead_letters(self) -> Iterator[None]:
        marks = self._store.tombstones(self._site, {part.person.key for part in self._parts})
        for changed in self._queue.edit_dead_letters(
            lambda body: _without(body, self._site, self._parts, marks)
        ):
            self.erased.dead_letters += changed
            yield

    def _who_it_is(self) -> Iterator[None]:
        for part in reversed(self._parts):  # an alias is reached by way of those before it
            self._store.forget(self._site, part.person, part.since, part.until)
            yield


def failed_events(
    store: Store, kept_under: str, site: str, parts: Sequence[Part]
) -> Iterator[list[FailedEvent]]:
    """A person's failed events, those of one page after the other. ``kept_under`` is the site, or
    `NO_SITE` for messages that could not be read."""
    after = None
    while True:
        page = store.failed(kept_under, PAGE, after)
        yield [failed for failed in page.failed if _is_of(failed, site, parts)]
        after = page.resume
        if after is None:
            return


def _is_of(failed: FailedEvent, site: str, parts: Sequence[Part]) -> bool:
    """Whether a failed event is somebody's; what cannot be read is, if it names them."""
    if failed.site == NO_SITE:
        return mentions(failed.payload, [site]) and mentions(failed.payload, map(_id_of, parts))
    return _is_payload_of(failed.payload, failed.received_at, parts)


def _is_payload_of(payload: str, received_at: int, parts: Sequence[Part]) -> bool:
    whose = whose_is(payload)
    if not whose.is_plain and mentions(payload, map(_id_of, parts)):
        return True
    when = received_at if whose.time is None else whose.time
    return any(part.person.key in whose.people and part.holds(when) for part in parts)


def _id_of(part: Part) -> str:
    return part.anonymous_id or part.person.key[2:]


def _without(
    body: bytes, site: str, parts: Sequence[Part], marks: Mapping[str, Collection[Tombstone]]
) -> list[bytes]:
    """A queue's message without what is erased: as several, whose events keep their places."""
    try:
        queued = batch.decode(body)
        events = queued.read()
    except Exception:
        # Not ours to judge here: the consumer keeps it as a failed event, if it ever takes it.
        text = body.decode(errors="replace")
        is_theirs = mentions(text, [site]) and mentions(text, map(_id_of, parts))
        return [] if is_theirs else [body]
    if queued.site != site:
        return [body]
    rejected = [
        one for one in queued.rejected if not _is_payload_of(one.payload, queued.received_at, parts)
    ]
    gone = [is_erased(event, marks) for event in events]
    if not any(gone) and len(rejected) == len(queued.rejected):
        return [body]
    rest = structs.replace(queued, events=[], rejected=rejected)
    messages = [rest] if rejected else []
    for is_gone, run in groupby(enumerate(queued.events), key=lambda one: gone[one[0]]):
        if not is_gone:
            places, kept = zip(*run, strict=True)
            messages.append(
                structs.replace(
                    rest, events=list(kept), rejected=[], start=queued.start + places[0]
                )
            )
    return [message.encode() for message in messages]


def erased_among(store: Store, failed: Sequence[FailedEvent]) -> list[FailedEvent]:
    """Those of some failed events that a tombstone covers."""
    of_site: dict[str, list[tuple[FailedEvent, Whose]]] = {}
    for one in failed:
        # Of what could not be read, nobody knows which site's it is.
        if one.site != NO_SITE and (whose := whose_is(one.payload)).people:
            of_site.setdefault(one.site, []).append((one, whose))
    return [
        one
        for site, known in of_site.items()
        for marks in [store.tombstones(site, {who for _, whose in known for who in whose.people})]
        for one, whose in known
        if any(
            mark.covers(one.received_at if whose.time is None else whose.time, one.received_at)
            for person in whose.people
            for mark in marks.get(person, ())
        )
    ]


def follow(store: Store, refused: Collection[Event]) -> None:
    """Late events of people who are erased may name devices that nobody knew to be theirs: what
    was done there without a user id is erased, too."""
    seen = sorted((event for event in refused if event.user_id), key=_time)
    for site, of_site in groupby(sorted(seen, key=_site), key=_site):
        events = list(of_site)
        marks = store.tombstones(site, {event.person for event in events})
        first: dict[tuple[str, str], tuple[Link, int]] = {}
        for event in events:
            erased_at = max(_erased_at(event, marks), default=None)
            for device in (event.anonymous_id, event.previous_id):
                if erased_at is not None and event.user_id and device:
                    link = Link(event.user_id, device, event.timestamp)
                    first.setdefault(link[:2], (link, erased_at))
        for link, erased_at in first.values():
            _follow(store, site, link, erased_at)


def _time(event: Event) -> int:
    return event.timestamp


def _site(event: Event) -> str:
    return event.site


def _erased_at(event: Event, marks: Mapping[str, Collection[Tombstone]]) -> Iterator[int]:
    for mark in marks.get(event.person, ()):
        if mark.covers(event.timestamp, event.received_at):
            yield mark.erased_at


def _remembered(store: Store, site: str, links: Sequence[Link], erased_at: int) -> Iterator[Link]:
    """Keep since when an erased user was seen with devices; the links, since then."""
    about = [Person(tombstones.link(link.user_id, link.anonymous_id)) for link in links]
    known = store.tombstones(site, {person.key for person in about})
    for link, person in zip(links, about, strict=True):
        marks = known.get(person.key, [])
        first = min([link.since, *(mark.since for mark in marks if mark.since is not None)])
        if not any(mark.since == first for mark in marks):
            store.bury(site, person, [Tombstone(erased_at, first)])
        yield link._replace(since=first)


def _follow(store: Store, site: str, late: Link, erased_at: int) -> None:
    (mine,) = _remembered(store, site, [late], erased_at)
    # Where they are here again, that is a new beginning: it bounds nothing of what was before.
    others = [
        link
        for link in store.links(site, anonymous_id=mine.anonymous_id)
        if link.user_id != mine.user_id
    ]
    for part in identity.of_visitor([*others, mine], mine):
        until = min(filter(None, (part.until, erased_at + 1)))
        mark = Tombstone(erased_at, part.since, part.until)
        known = store.tombstones(site, {part.person.key}).get(part.person.key, [])
        if mark not in known:
            store.bury(site, part.person, [mark])
        # Also where the mark was known: whoever set it may have stopped before this was done.
        for _ in store.erase(site, part.person, part.since, until):
            pass
        store.forget(site, part.person, part.since, until)
        if mark.is_whole:
            store.forget_stretches(site, part.person.key, erased_at)
