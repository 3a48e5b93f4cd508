"""What is fuzzed: each target takes bytes, and raises where the kit does not hold what it says."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from tests.events import MINUTE, NOON, wire
from tests.fuzz import shapes
from tests.fuzz.kit import KEY, READ, STRICT_KEY, Kits
from tests.test_contract_writing import BAD_EVENTS, GOOD_EVENTS
from tracker import timestamps

Started = tuple[Callable[[bytes], None], Callable[[], None]]
"""What takes an input, and what is to be called after the last."""


class Target(NamedTuple):
    """One thing to fuzz."""

    corpus: list[bytes]
    """Known inputs, which are spoiled."""
    shape: Callable[[random.Random], bytes] | None
    """Makes odd ones of the right shape."""
    start: Callable[[Path], Started]
    """Begins in an empty folder."""


def _events(folder: Path) -> Started:
    """Single events, in a batch of their own and between two good ones; and as a pixel's data."""
    kits = Kits(folder)
    count = 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        key = STRICT_KEY if count % 4 == 0 else KEY
        match count % 8:
            case 0:
                kits.kit.ask("POST", "/v1/identify", {"write_key": key}, {}, data)
            case 1:
                text = base64.urlsafe_b64encode(data).decode()
                kits.kit.ask("GET", "/v1/i.gif", {"write_key": key, "data": text})
            case _:
                headers = {"user-agent": data[:40].decode("latin-1"), "cf-ipcountry": "DE"}
                body = b'{"batch": [' + data + b"]}"
                kits.kit.ask("POST", "/v1/batch", {"write_key": key}, headers, body)
        kits.turn()

    return one, lambda: kits.turn(now=True)


def _bodies(folder: Path) -> Started:
    """Whole requests: envelopes, and what should be gzip."""
    kits = Kits(folder)
    count = 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        packed = {"content-encoding": "gzip"}
        body, headers = [(data, {}), (gzip.compress(data, 1), packed), (data, packed)][count % 3]
        kits.kit.ask("POST", "/v1/batch", {"write_key": KEY}, headers, body)
        kits.turn()

    return one, lambda: kits.turn(now=True)


LISTS = ("/v1/events", "/v1/sessions", "/v1/failed-events", "/v1/failed-events/counts")
READS = (
    *LISTS,
    *("/v1/users/u", "/v1/stats", "/v1/delivery", "/v1/live", "/v1/status"),
    *("/v1/funnels", "/v1/retention"),
)


def _read_kits(folder: Path) -> Kits:
    kits = Kits(folder)
    events = [
        wire(NOON - n * MINUTE, userId="u", type="page", context={"page": {"path": f"/{n % 3}"}})
        for n in range(30)
    ]
    body = json.dumps({"batch": [*events, {"type": "nothing"}, {"type": "track"}]}).encode()
    kits.kit.ask("POST", "/v1/batch", {"write_key": KEY}, {}, body)
    kits.kit.store_all()
    return kits


def _cursors(folder: Path) -> Started:
    """Cursors: those of the kit, spoiled before and after they are packed."""
    kits = _read_kits(folder)
    count = 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        text = data.decode("latin-1")
        if count % 2:
            text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        for path in (*LISTS, "/v1/stats"):
            query = {"site": "open", "cursor": text, "limit": "3"}
            if path == "/v1/sessions":
                query["user_id"] = "u"
            kits.kit.ask("GET", path, query, READ)

    return one, lambda: None


def _queries(folder: Path) -> Started:
    """Query strings, of each route that reads."""
    kits = _read_kits(folder)
    count = 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        path = READS[count % len(READS)]
        query = dict(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))
        kits.kit.ask("GET", path, {"site": "open"} | query, READ)

    return one, lambda: None


def _times(_: Path) -> Started:
    """Dates: what is read is written and read again as the same; its text sorts as it does."""
    before = timestamps.parse("2026-11-22T12:00:00Z")

    def one(data: bytes) -> None:
        nonlocal before
        try:
            micros = timestamps.parse(data.decode("utf-8", "replace"))
        except (ValueError, OverflowError):
            return
        assert timestamps.EARLIEST <= micros <= timestamps.LATEST
        assert timestamps.parse(timestamps.format(micros)) == micros
        assert timestamps.parse(timestamps.sortable(micros)) == micros
        assert (timestamps.sortable(micros) < timestamps.sortable(before)) == (micros < before)
        corrected = timestamps.corrected(micros, before, NOON)
        assert timestamps.EARLIEST <= corrected <= NOON + timestamps.CLOCK_AHEAD
        before = micros

    return one, lambda: None


def _members() -> list[bytes]:
    good = [
        b'{"type": "page", "anonymousId": "v", %s}' % case.members for case in GOOD_EVENTS.values()
    ]
    bad = [case.raw for case in BAD_EVENTS.values()]
    full = json.dumps(wire(userId="u", properties={"a": [1, {"b": None}]}, traits={"email": "e"}))
    return [text for text in (*good, *bad, full.encode()) if len(text) < 2_000]


def _places() -> list[bytes]:
    pack = msgspec.msgpack.encode
    place = (NOON, 3, bytes(16))
    packed = [
        pack(place),
        pack((place, [(bytes(8), NOON)], True)),
        pack((NOON, "id")),
        pack((NOON,)),
    ]
    return [*packed, *(base64.urlsafe_b64encode(one).rstrip(b"=") for one in packed)]


def _batch(chance: random.Random) -> bytes:
    events = b",".join(shapes.event(chance) for _ in range(chance.randrange(8)))
    more = chance.choice(
        [b"", b', "sentAt": "2026-11-22T11:00:00Z"', b', "context": {"ip": "::1", "seq": 3}']
    )
    return b'{"batch": [%s]%s}' % (events, more)


QUERIES = [
    b"user_id=u&since=2026-11-22&until=2026-11-23T00:00:00%2B01:00&order=asc&limit=10",
    b"anonymous_id=v&type=page&event=E&path=/1&bots=include",
    b"session_id=s&cursor=k88AAAAAAAAAAAPEEA",
    b"metric=visitors&interval=hour&group_by=path&path=/1&country=DE&limit=3",
    b"metric=sessions&interval=total&since=2026-11-01&bots=only&browser=Chrome",
    b"steps=/pricing,Signed%20up&window=7d&since=2026-11-01&until=2026-12-01",
    b'steps=["page:/1","event:Buy"]&window=30d',
    b"field=type&reason=is%20required&message_id=m&group_by=field",
    b"since=0001-01-01&until=9999-12-31T23:59:59.999999Z",
]
TIMES = [
    *(b"2026-11-22T10:00:00.123456Z", b"2026-11-22", b"20261122T100000+0130", b"2026-W47-7T10:00"),
    *(b"2026-11-22t24:00:00z", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59.999999-12:00"),
]

TARGETS = {
    "events": Target(_members(), shapes.event, _events),
    "bodies": Target(
        [
            *(
                b'{"batch": [%s], "sentAt": "2026-11-22T12:00:00Z"}' % one
                for one in _members()[::3]
            ),
            b'{"batch": [{"type": "page", "userId": "u"}], "context": {"page": {"path": "/"}},'
            b' "writeKey": "fuzz-key"}',
            zlib.compress(b'{"batch": []}'),
            gzip.compress(b'{"batch": [{"type": "page", "userId": "u"}]}', mtime=0),
        ],
        _batch,
        _bodies,
    ),
    "cursors": Target(_places(), shapes.place, _cursors),
    "queries": Target(QUERIES, shapes.query, _queries),
    "times": Target(TIMES, None, _times),
}
