"""Several timelines read as one."""

import heapq
from collections.abc import Iterator, Sequence

from msgspec import structs

from tracker.stores import Page, Position, Selection, Store, Stored


def read(store: Store, selections: Sequence[Selection], limit: int) -> Page:
    """Up to ``limit`` events of several selections, which have one order."""
    pages = [store.read(selection, limit) for selection in selections]
    descending = bool(selections) and selections[0].descending
    return merge(pages, descending=descending, limit=limit)


def walk(store: Store, selections: Sequence[Selection], size: int) -> Iterator[Stored]:
    """All events of several selections, ``size`` at a time."""
    while True:
        page = read(store, selections, size)
        yield from page.events
        if page.resume is None:
            return
        selections = [structs.replace(one, after=page.resume) for one in selections]


def merge(pages: Sequence[Page], *, descending: bool, limit: int) -> Page:
    """The first ``limit`` events of all pages together; each page is in order.

    A page that is not its list's end says nothing about what comes after its ``resume``: no
    event beyond the nearest such point is given out.
    """

    def place(stored: Stored) -> Position:
        return stored.position

    ends = [page.resume for page in pages if page.resume is not None]
    horizon = (max(ends) if descending else min(ends)) if ends else None
    merged: list[Stored] = []
    left_over = False
    for stored in heapq.merge(*(page.events for page in pages), key=place, reverse=descending):
        if merged and merged[-1].position == stored.position:
            continue  # one event, found by two ways
        beyond = horizon is not None and (
            stored.position < horizon if descending else stored.position > horizon
        )
        if beyond or len(merged) == limit:
            left_over = True
            break
        merged.append(stored)
    if left_over and len(merged) == limit:
        return Page(merged, merged[-1].position)
    return Page(merged, horizon)
