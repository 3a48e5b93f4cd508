"""Whole answers of the read side, page by page."""

from msgspec import structs

from tests.events import ids
from tracker import activity
from tracker.activity import Question
from tracker.stores import Store


def all_of(store: Store, question: Question, limit: int = 100) -> list[str]:
    """The message ids of all events of an answer."""
    found: list[str] = []
    while True:
        page = activity.events(store, question, limit)
        found += ids([stored.document for stored in page.events])
        if page.resume is None:
            return found
        question = structs.replace(question, after=page.resume)
