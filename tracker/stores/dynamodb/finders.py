"""What says where to look: a site's days, a session's days and people.

Most of it is there already, written with earlier events, by another Lambda even; and to read costs
a tenth of to write.
"""

from collections.abc import Iterator, Sequence

from tracker.event import Event
from tracker.stores.dynamodb import keys
from tracker.stores.dynamodb.expiry import Expires, Expiry, lasts
from tracker.stores.dynamodb.models import IndexItem
from tracker.stores.dynamodb.recent import Recent


class Finders:
    """Knows which of them are there, and for how long."""

    def __init__(self, index: type[IndexItem], expiry: Expiry) -> None:
        self._index = index
        self._expiry = expiry
        self._known: Recent[tuple[str, str], Expires] = Recent(20_000)

    def missing(self, events: Sequence[Event]) -> list[IndexItem]:
        """What has to be written before the events."""
        wanted: dict[tuple[str, str], IndexItem] = {}
        for event in sorted(events, key=_received):
            for item in _of(self._index, event):
                item.expires = self._expiry.of_guide(event)
                wanted[item.pk, item.sk] = item
        for key, item in list(wanted.items()):
            if key in self._known and lasts(self._known[key], item.expires):
                del wanted[key]
        there = self._index.batch_get(list(wanted), attributes_to_get=["pk", "sk", "expires"])
        for item in there:
            if lasts(item.expires, wanted[item.pk, item.sk].expires):
                del wanted[item.pk, item.sk]
                self._known[item.pk, item.sk] = item.expires
        return list(wanted.values())

    def written(self, finders: Sequence[IndexItem]) -> None:
        """Now they are there."""
        for item in finders:
            self._known[item.pk, item.sk] = item.expires

    def forget_what_is_known(self) -> None:
        """Look again for each."""
        self._known.clear()


def _received(event: Event) -> int:
    return event.received_at


def _of(model: type[IndexItem], event: Event) -> Iterator[IndexItem]:
    day = keys.day(event.timestamp)
    yield model(keys.listed_days(event.site), day)
    if event.session_id:
        sort_key = keys.in_session(event.timestamp, event.person)
        yield model(
            keys.session(event.site, event.session_id), sort_key, body=keys.long_name(event.person)
        )
