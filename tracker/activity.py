"""What somebody did: the timelines of a person, read as one."""

from collections.abc import Iterator

from msgspec import Struct, structs

from tracker import identity, sessions
from tracker.event import Bots, person_of_user, person_of_visitor
from tracker.stores import Everyone, Page, Person, Position, Selection, Store, merge


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
    bots: Bots = Bots.LEAVE_OUT
    descending: bool = True
    after: Position | None = None


def events(store: Store, question: Question, limit: int) -> Page:
    """One page of the answer: at most ``limit`` events. See `Page` for short pages."""
    page = merge.read(store, list(selections(store, question)), limit)
    return sessions.filled(store, question.site, page)


def selections(store: Store, question: Question) -> Iterator[Selection]:
    """The timelines that together are the answer."""
    base = Selection(
        site=question.site,
        scope=Everyone(),
        since=question.since,
        until=question.until,
        type=question.type,
        event=question.event,
        path=question.path,
        bots=question.bots,
        descending=question.descending,
        after=question.after,
    )
    if question.session_id is not None:
        yield from sessions.selections(store, base, question.session_id)
    elif question.anonymous_id is not None:
        yield structs.replace(base, scope=Person(person_of_visitor(question.anonymous_id)))
        for link in store.links(question.site, anonymous_id=question.anonymous_id):
            yield structs.replace(
                base,
                scope=Person(person_of_user(link.user_id)),
                anonymous_id=question.anonymous_id,
            )
    elif question.user_id is not None:
        for part in identity.parts(store, question.site, question.user_id):
            since = _latest(part.since, base.since)
            until = _earliest(part.until, base.until)
            if since is None or until is None or since < until:
                yield structs.replace(base, scope=part.person, since=since, until=until)
    else:
        yield base


def _latest(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else max(one, other)


def _earliest(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
