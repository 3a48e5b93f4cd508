"""What somebody did: timelines and profiles, put together from what a store holds.

Who an anonymous visitor was is decided here, from links. Each says: this anonymous id was seen
with this user id, first at that time. What a device did before a user id was first seen on it
belongs to that user; what it did without one afterwards, to the next user who is first seen on
it then, or to the last if there is none. This does not depend on the order in which events arrive.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from tracker import timestamps
from tracker.event import person_of_user, person_of_visitor
from tracker.stores import Everyone, Link, Page, Person, Position, Selection, Session, Store
from tracker.stores.merge import merge


class Question(Struct, frozen=True, kw_only=True):
    """Whose events, which of them, and in which order."""

    site: str
    user_id: str | None = None
    anonymous_id: str | None = None
    session_id: str | None = None
    since: int | None = None
    until: int | None = None
    type: str | None = None
    event: str | None = None
    path: str | None = None
    descending: bool = True
    after: Position | None = None


def events(store: Store, question: Question, limit: int) -> Page:
    """One page of the answer: at most ``limit`` events. See `Page` for short pages."""
    selections = list(_selections(store, question))
    pages = [store.read(selection, limit) for selection in selections]
    return merge(pages, descending=question.descending, limit=limit)


def _selections(store: Store, question: Question) -> Iterator[Selection]:
    """The timelines that together are the answer."""
    base = Selection(
        site=question.site,
        scope=Everyone(),
        since=question.since,
        until=question.until,
        type=question.type,
        event=question.event,
        path=question.path,
        descending=question.descending,
        after=question.after,
    )
    if question.session_id is not None:
        yield structs.replace(base, scope=Session(question.session_id))
    elif question.anonymous_id is not None:
        yield structs.replace(base, scope=Person(person_of_visitor(question.anonymous_id)))
        for link in store.links(question.site, anonymous_id=question.anonymous_id):
            yield structs.replace(
                base,
                scope=Person(person_of_user(link.user_id)),
                anonymous_id=question.anonymous_id,
            )
    elif question.user_id is not None:
        for part in _parts(store, question.site, question.user_id):
            since = _latest(part.since, base.since)
            until = _earliest(part.until, base.until)
            if since is None or until is None or since < until:
                yield structs.replace(base, scope=part.person, since=since, until=until)
    else:
        yield base


class _Part(Struct, frozen=True):
    """A stretch of a timeline."""

    person: Person
    since: int | None = None
    until: int | None = None


def _parts(store: Store, site: str, user_id: str) -> Iterator[_Part]:
    """A user's own timeline, and those of the visitors the user turned out to be."""
    yield _Part(Person(person_of_user(user_id)))
    for link in store.links(site, user_id=user_id):
        yield from _anonymous_part(store.links(site, anonymous_id=link.anonymous_id), link)


def _anonymous_part(links: list[Link], mine: Link) -> Iterator[_Part]:
    """The stretch of an anonymous id's timeline that belongs to one of its users."""
    ordered = sorted(links, key=lambda link: (link.since, link.user_id))
    users = [link.user_id for link in ordered]
    if mine.user_id not in users:
        return
    index = users.index(mine.user_id)
    since = ordered[index - 1].since + 1 if index else None
    until = ordered[index].since + 1 if index < len(ordered) - 1 else None
    if since is None or until is None or since < until:
        yield _Part(Person(person_of_visitor(mine.anonymous_id)), since, until)


def profile(store: Store, site: str, user_id: str) -> dict[str, Any] | None:
    """Who a user is: traits, anonymous ids, first and last seen, counts. ``None`` if unknown."""
    summaries = [
        store.summary(site, part.person, part.since, part.until)
        for part in _parts(store, site, user_id)
    ]
    firsts = [summary.first for summary in summaries if summary.first is not None]
    lasts = [summary.last for summary in summaries if summary.last is not None]
    if not firsts:
        return None
    sessions: frozenset[str] = frozenset().union(*(summary.sessions for summary in summaries))
    return {
        "userId": user_id,
        "traits": store.traits(site, user_id),
        "anonymousIds": sorted(link.anonymous_id for link in store.links(site, user_id=user_id)),
        "firstSeen": timestamps.format(min(firsts)),
        "lastSeen": timestamps.format(max(lasts)),
        "counts": {
            "events": sum(summary.events for summary in summaries),
            "pageViews": sum(summary.page_views for summary in summaries),
            "sessions": len(sessions),
        },
    }


def _latest(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else max(one, other)


def _earliest(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
