"""All that is kept of one person, as one JSON document: what a subject access request asks for."""

from collections.abc import Iterator

import msgspec
from msgspec import structs

from tracker import activity, erasure, identity, profile, session_list
from tracker.activity import Question
from tracker.event import Bots
from tracker.reading import lists
from tracker.stores import Store

PAGE = 500


def person(store: Store, site: str, user_id: str) -> Iterator[bytes]:
    """The document, piece by piece: ``{"user": …, "sessions": […], "events": […],
    "failedEvents": […]}``, the oldest session and event first. The user is null where nothing is
    stored of them."""
    question = Question(site=site, user_id=user_id, bots=Bots.INCLUDE, descending=False)
    parts = list(identity.parts(store, site, user_id))
    user = profile.profile(store, site, user_id, Bots.INCLUDE)
    yield b'{"user":' + msgspec.json.encode(user)
    yield b',\n"sessions":['
    yield from _rows(_sessions(store, question))
    yield b'],\n"events":['
    yield from _rows(_events(store, question))
    yield b'],\n"failedEvents":['
    yield from _rows(
        msgspec.json.encode(lists.failed_event(failed))
        for page in erasure.failed_events(store, site, site, parts)
        for failed in page
    )
    yield b"]}\n"


def _rows(rows: Iterator[bytes]) -> Iterator[bytes]:
    separator = b"\n"
    for row in rows:
        yield separator + row
        separator = b",\n"


def _sessions(store: Store, question: Question) -> Iterator[bytes]:
    place = None
    while True:
        page = session_list.listed(store, question, PAGE, place)
        for session in page.sessions:
            yield msgspec.json.encode(session.document())
        place = page.resume
        if place is None:
            return


def _events(store: Store, question: Question) -> Iterator[bytes]:
    while True:
        page = activity.events(store, question, PAGE)
        for stored in page.events:
            yield bytes(stored.document)
        if page.resume is None:
            return
        question = structs.replace(question, after=page.resume)
