"""One event: how it is read and checked, when it happened, and what becomes of it between the queue
and the store."""

import json
import random
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tracker import batch, body, timestamps
from tracker.batch import Batch, Rejection
from tracker.errors import Problem, Rejected
from tracker.event import MAX_DEPTH, MAX_EVENT_BYTES, Event, decode, depth, message_id_of
from tracker.timestamps import HOUR, MINUTE, SECOND, corrected

DAY = 24 * HOUR
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SEEN = {
    "browser": {"name": "Firefox", "version": "140"},
    "os": {"name": "Linux"},
    "device": {"type": "desktop"},
}
NOW = timestamps.parse("2026-11-22T10:00:00Z")


def wire(**members: Any) -> bytes:
    event = {"type": "page", "anonymousId": "a"} | members
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def read(*events: bytes, **members: Any) -> list[Event]:
    """What the consumer makes of them, by way of the queue's message."""
    queued = Batch(
        id="b", site="shop", received_at=NOW, events=[Raw(event) for event in events], **members
    )
    return batch.decode(queued.encode()).read()


def document(*events: bytes, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(*events, **members)[0].document)
    return found


# --- Reading and checking -------------------------------------------------------------------------


def test_the_limits_of_an_event_include_their_last_value() -> None:
    longest = "é" * 256
    ids = {"anonymousId": longest, "userId": longest, "messageId": longest}
    assert decode(wire(**ids, type="alias", previousId=longest)).user_id == longest
    for name in ("anonymousId", "userId", "messageId", "previousId"):
        with pytest.raises(Rejected) as rejected:
            decode(wire(**{"type": "alias", "previousId": "x", name: "x" * 257}))
        assert (rejected.value.field, rejected.value.reason) == (
            name,
            "is longer than 256 characters",
        )


def test_an_events_size_is_that_of_its_json_and_the_batchs_context() -> None:
    raw = wire()
    blanks = b" " * (MAX_EVENT_BYTES - len(raw))
    decode(raw + blanks)
    decode(raw, extra_bytes=len(blanks))
    for larger, extra in ((raw + blanks + b" ", 0), (raw + blanks, 1)):
        with pytest.raises(Rejected, match="larger than 32 KB"):
            decode(larger, extra_bytes=extra)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("member", [b"properties", b"xyz"])
def test_an_event_nests_32_levels_and_no_more(opening: bytes, member: bytes) -> None:
    def nested(levels: int) -> bytes:
        closing = b"]" if opening == b"[" else b"}"
        inner = opening * (levels - 2) + b"1" + closing * (levels - 2)
        return b'{"type":"page","userId":"u","' + member + b'":{"x":' + inner + b"}}"

    assert depth(nested(MAX_DEPTH)) == MAX_DEPTH
    decode(nested(MAX_DEPTH))
    for levels in (MAX_DEPTH + 1, 100, 500, 1_000, 3_000, 5_000):
        with pytest.raises(Rejected, match="deeper than 32 levels"):
            decode(nested(levels))


def test_brackets_in_a_text_are_no_levels() -> None:
    assert depth(rb'{"a": "[[[[\"[[[[\\", "b": [1, "]"]}') == 2
    assert depth(b'["[[[[') == 1


def test_a_paths_type_counts_whatever_the_event_says() -> None:
    for said in (..., None, "page", "rubbish", 1, ["x"]):
        assert decode(wire(type=said), path_type="screen").type == "screen"
    with pytest.raises(Rejected) as rejected:
        decode(wire(), path_type="track")
    assert rejected.value.field == "event"


def test_the_message_id_of_a_bad_event_is_told_if_it_is_one() -> None:
    assert message_id_of(b'{"messageId": "m", "type": [}') is None
    assert message_id_of(b'{"messageId": "m", "type": 1}') == "m"
    for raw in (b"null", b"[]", b"{}", b'{"messageId": 1}', b'{"messageId": "\xff"}', b"\xff"):
        assert message_id_of(raw) is None
    assert message_id_of(wire(messageId="x" * 257)) is None


def test_whatever_is_accepted_can_be_stored_and_read() -> None:
    """Bytes turned, dropped and doubled at random: never anything but a rejection, and never a
    document that spoils the list it is read in."""
    rng = random.Random(17)  # the same each time
    seed = wire(
        messageId="m",
        timestamp="2026-11-22T09:00:00.000Z",
        context={"ip": "1.2.3.4", "page": {"url": "https://x.example/a?b"}, "seq": 7},
        properties={"n": [1, -2.5e3, True, None], "t": 'é\ud83d\ude00\\"'},
        xyz={"deep": [[{}]], "number": 12},
    )
    pieces = [b"1e999", b"9" * 5_000, b"\\ud800", b"\xff", b"null", b"[" * 40, b'"', b"\x00", b"-"]
    accepted = 0
    for _ in range(4_000):
        raw = bytearray(seed)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(raw))
            change = rng.randrange(4)
            if change == 0:
                raw[at] = rng.randrange(256)
            elif change == 1:
                del raw[at : at + rng.randint(1, 9)]
            elif change == 2:
                raw[at:at] = raw[at : at + rng.randint(1, 30)]
            else:
                raw[at:at] = rng.choice(pieces)
        with suppress(Rejected, Problem):
            envelope = body.read_batch(b'{"batch":[' + bytes(raw) + b"]}")
            for one in envelope.batch:
                decode(bytes(one))
                (event,) = read(bytes(one))
                stored = json.loads(event.document)
                msgspec.json.decode(event.document)
                assert stored["timestamp"] == timestamps.format(event.timestamp)
                accepted += 1
    assert accepted > 200, "some changes do no harm"


# --- The body -------------------------------------------------------------------------------------


def test_a_surrogate_without_its_other_half_becomes_a_replacement_character() -> None:
    for escaped, meant in [
        (rb"\ud800", "�"),
        (rb"\uDFFF", "�"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ude00\ud83d", "��"),
        (rb"\ud83d\ud83d\ude00", "�😀"),
        (rb"\\ud800", "\\ud800"),
        (rb"\\\ud800", "\\�"),
        (rb"\ud83dx\ude00", "�x�"),
    ]:
        envelope = body.read_batch(b'{"batch": [{"name": "' + escaped + b'"}]}')
        assert json.loads(bytes(envelope.batch[0]))["name"] == meant


def test_events_may_have_write_keys_of_their_own() -> None:
    events = b'[null, {"writeKey": 1}, {"writeKey": ""}, {"writeKey": "b"}, {"writeKey": "c"}]'
    assert body.read_batch(b'{"batch": ' + events + b"}").keys() == {3: "b", 4: "c"}
    assert body.read_batch(b'{"batch": []}').keys() == {}
    assert body.read_event(b'{"writeKey": "e"}').keys() == {0: "e"}


# --- When it happened -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "sent", "expected", "why"),
    [
        (None, None, NOW, "nothing is known"),
        (None, NOW - DAY, NOW, "only that it was sent"),
        (NOW - 5, None, NOW - 5, "the device's word"),
        (NOW - 400 * DAY, None, NOW - 400 * DAY, "an import of old events"),
        (NOW - 5, NOW, NOW - 5, "a good clock"),
        (NOW - 5, NOW - MINUTE, NOW - 5, "it was a minute on its way"),
        (NOW - 50 * MINUTE, NOW - 49 * MINUTE, NOW - 50 * MINUTE, "stalled for 49 minutes"),
        (NOW - HOUR - 5, NOW - HOUR, NOW - HOUR - 5, "stalled for an hour"),
        (NOW - HOUR - 6, NOW - HOUR - 1, NOW - 5, "more than that is a clock behind"),
        (NOW - DAY - 5, NOW - DAY, NOW - 5, "a clock a day behind"),
        (NOW + DAY - 5, NOW + DAY, NOW - 5, "a clock a day ahead"),
        (NOW + MINUTE - 5, NOW + MINUTE, NOW + MINUTE - 5, "a clock a minute ahead keeps order"),
        (NOW + MINUTE - 4, NOW + MINUTE + 1, NOW - 5, "more than that is a clock ahead"),
        (NOW + DAY, None, NOW, "nothing happens in the future"),
        (NOW + DAY, NOW, NOW, "nor after it was sent"),
        (NOW + DAY + HOUR, NOW + DAY, NOW, "nor by a clock that is ahead"),
        (NOW - 5, timestamps.LATEST, NOW - 5, "an absurd sentAt says nothing"),
        (timestamps.EARLIEST, NOW + DAY, timestamps.EARLIEST, "nor about the beginning of time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_happened_when_its_device_says_unless_its_clock_is_wrong(
    original: int | None, sent: int | None, expected: int, why: str
) -> None:
    assert corrected(original, sent, NOW) == expected


def test_an_instant_is_written_as_it_was_read() -> None:
    for text in (
        "2026-11-22T10:00:00.000Z",
        "2026-11-22T10:00:00.123456Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999999Z",
    ):
        assert timestamps.format(timestamps.parse(text)) == text
    assert timestamps.parse("1969-12-31T23:59:59Z") == -SECOND


# --- Between the queue and the store --------------------------------------------------------------


def test_an_event_is_read_in_the_shape_it_was_sent() -> None:
    sent = {
        "type": "track",
        "event": "Bought",
        "anonymousId": "a",
        "userId": "u",
        "messageId": "m",
        "timestamp": "2026-11-22T09:59:00Z",
        "properties": {"price": 12.50, "big": 10**30, "none": None},
        "context": {"page": {"path": "/p"}, "sessionId": "s", "seq": 3},
        "integrations": {"All": True},
        "_metadata": {"x": [1]},
    }
    (event,) = read(json.dumps(sent).encode(), sent_at="2026-11-22T10:00:00Z", ip="1.2.3.0")
    assert json.loads(event.document) == sent | {
        "timestamp": "2026-11-22T09:59:00.000Z",
        "originalTimestamp": "2026-11-22T09:59:00Z",
        "sentAt": "2026-11-22T10:00:00Z",
        "receivedAt": "2026-11-22T10:00:00.000Z",
        "context": sent["context"] | {"ip": "1.2.3.0"},  # type: ignore[operator]
    }
    assert (event.event, event.path, event.session_id, event.seq) == ("Bought", "/p", "s", 3)
    assert event.person == "u#u"


def test_null_means_absent() -> None:
    nulls: dict[str, Any] = dict.fromkeys(
        [
            "userId",
            "messageId",
            "timestamp",
            "sentAt",
            "event",
            "properties",
            "context",
            "_metadata",
        ]
    )
    found = document(wire(**nulls), user_agent=FIREFOX)
    assert None not in found.values()
    assert sorted(found) == [
        "anonymousId",
        "context",
        "messageId",
        "receivedAt",
        "timestamp",
        "type",
    ]
    assert found["context"] == SEEN


def test_a_null_in_an_events_context_hides_nothing_of_the_batchs() -> None:
    event = wire(context={"locale": None, "userAgent": None, "own": None, "timezone": "Z"})
    found = document(event, context=Raw(b'{"locale": "de", "timezone": "A"}'), user_agent=FIREFOX)
    assert found["context"] == {
        **SEEN,
        "locale": "de",
        "own": None,
        "timezone": "Z",
    }


def test_a_redelivered_message_gives_the_same_events() -> None:
    events = [wire(), wire(messageId="m"), wire(timestamp="2026-11-22T09:00:00Z")]
    assert read(*events) == read(*events)


def test_a_retry_gives_the_same_event_whatever_its_sent_at() -> None:
    event = wire(messageId="m", timestamp="2026-11-21T10:00:00Z")
    (first,) = read(event, sent_at="2026-11-21T10:00:01Z")
    (_, second) = read(wire(), event, sent_at="2026-11-21T10:07:00Z")
    assert (first.digest, first.device_time, first.own_seq) == (
        second.digest,
        second.device_time,
        second.own_seq,
    )


def test_events_of_one_millisecond_keep_the_order_of_their_batch() -> None:
    when = "2026-11-22T09:00:00.123Z"
    events = read(*(wire(messageId=f"m{n}", timestamp=when) for n in range(3)))
    assert [event.seq for event in events] == [0, 1, 2]
    assert {event.own_seq for event in events} == {0}


def test_events_without_a_time_keep_the_order_of_their_batch() -> None:
    events = read(wire(), wire(messageId="m"), wire(), wire(context={"seq": 9}))
    assert [event.seq for event in events] == [0, 1, 2, 9]
    assert {event.timestamp for event in events} == {NOW}


@pytest.mark.parametrize(
    ("value", "session"),
    [
        ("s", "s"),
        (1_700_000_000_000, "1700000000000"),
        (10**255, str(10**255)),
        (10**256, None),
        ("", None),
        ("x" * 257, None),
        (True, None),
        (1.5, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_session_id_is_a_text_or_a_number(value: object, session: str | None) -> None:
    (event,) = read(wire(context={"sessionId": value}))
    assert event.session_id == session


@pytest.mark.parametrize("value", [0, -1, 10**10, "3", 3.0, True, None, [1]])
def test_what_is_no_sequence_number_counts_as_none(value: object) -> None:
    (event,) = read(wire(messageId="m", timestamp="2026-11-22", context={"seq": value}))
    assert event.seq == 0


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"context": {"page": {"path": "/a", "url": "https://x/b"}}}, "/a"),
        ({"context": {"page": {"url": "https://x.example/b?c#d"}}}, "/b"),
        ({"context": {"page": {"url": "https://x.example"}}}, "/"),
        ({"context": {"page": {"path": 7}}, "properties": {"path": "/p"}}, "/p"),
        ({"context": {"page": "x"}, "properties": {"url": "https://x/q"}}, "/q"),
        ({"properties": {"url": "http://[::1"}}, None),
        ({}, None),
    ],
)
def test_the_path_is_that_of_the_page(members: dict[str, Any], path: str | None) -> None:
    (event,) = read(wire(**members))
    assert event.path == path


def test_a_batch_comes_out_of_the_queue_as_it_went_in() -> None:
    rejection = Rejection(index=3, field="type", reason="is required", payload='{"x": "é\\n"}')
    sent = Batch(
        id="b",
        site="shop",
        received_at=NOW,
        sent_at="2026-11-22T10:00:00Z",
        type="page",
        ip="1.2.3.0",
        user_agent='odd "agent" é',
        context=Raw(b'{"locale": "de"}'),
        events=[Raw(wire())],
        rejected=[rejection],
    )
    assert batch.decode(sent.encode()) == sent
    for message in (b"", b"{}", b"null", b"\xff", sent.encode()[:-1]):
        with pytest.raises(ValueError, match="not a message"):
            batch.decode(message)
