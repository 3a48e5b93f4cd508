"""A site's events, gone through from the first on, for as long as there is patience."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from tracker.dimensions import page_path
from tracker.event import NULL
from tracker.stores import Selection, Store

PATIENCE_SECONDS = 10.0
"""After so long a walk ends where it is: API Gateway gives up after 29 s."""


class Step(Struct):
    """What a walk tells of an event."""

    time: int
    type: str
    event: str | None
    path: str | None
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    """Of an alias."""


class _Context(Struct):
    page: Any = None


class _Shown(Struct, rename="camel"):
    type: str
    event: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    context: _Context | None = None
    properties: Raw = NULL


_shown = msgspec.json.Decoder(_Shown)
_any = msgspec.json.Decoder()


class Walk:
    """Goes through the events of a selection, which has the oldest first."""

    def __init__(
        self,
        store: Store,
        selection: Selection,
        patience: float = PATIENCE_SECONDS,
        page: int = 2000,
    ) -> None:
        self._store = store
        self._selection = selection
        self._until = time.monotonic() + patience
        self._page = page
        self.complete = False
        """Whether the walk came to its end."""
        self.reached: int | None = None
        """The time of the event that it came to."""

    def __iter__(self) -> Iterator[Step]:
        selection = self._selection
        while True:
            page = self._store.read(selection, self._page)
            for stored in page.events:
                yield _step(stored.position.timestamp, stored.document)
            if page.resume is None:
                self.complete = True
                return
            self.reached = page.resume.timestamp
            if time.monotonic() >= self._until:
                return
            selection = structs.replace(selection, after=page.resume)


def _step(timestamp: int, document: bytes) -> Step:
    shown = _shown.decode(document)
    page = shown.context.page if shown.context else None
    if isinstance(page, dict) and isinstance(page.get("path"), str):
        path: str | None = page["path"]
    else:
        properties = _any.decode(shown.properties)
        path = page_path({"page": page}, properties if isinstance(properties, dict) else None)
    return Step(
        timestamp,
        shown.type,
        shown.event,
        path,
        shown.user_id,
        shown.anonymous_id,
        shown.previous_id if shown.type == "alias" else None,
    )
