"""A timeline of the DynamoDB tables in numbers."""

from itertools import islice

from tracker.event import stream_of
from tracker.stores import Device, Selection, Summary, stretches
from tracker.stores.dynamodb import keys, read
from tracker.stores.dynamodb.models import Tables

_CHUNK = 1000


def summary(tables: Tables, selection: Selection, person: str) -> Summary:
    """Count a timeline by reading it, the first first."""
    events = page_views = 0
    sessions: set[str] = set()
    devices: dict[str, Device] = {}
    latest: dict[str, int] = {}
    active: dict[str, list[int]] = {}
    first: int | None = None
    last: int | None = None
    items = read.query(tables, selection, person, page_size=_CHUNK)
    while chunk := list(islice(items, _CHUNK)):
        for sort_key, item in read.placed(tables, chunk):
            body = read.unpack(item)
            if not read.matches(selection, body):
                continue
            events += 1
            shown = read.shown(body)
            page_views += shown.type == "page"
            last = keys.position(sort_key).timestamp
            first = last if first is None else first
            if body.session is not None:
                sessions.add(body.session)
            else:
                stream = stream_of(shown.user_id, shown.anonymous_id)
                if stream not in latest or last - latest[stream] > stretches.IDLE:
                    active.setdefault(stream, []).append(last)
                latest[stream] = last
            if shown.anonymous_id is not None:
                device = Device(shown.anonymous_id, 1, last, last, bytes(body.document))
                known = devices.get(device.anonymous_id)
                devices[device.anonymous_id] = known.joined(device) if known else device
    found = list(devices.values())
    return Summary(events, page_views, frozenset(sessions), active, first, last, found)
