"""What a site's settings take out of an event, whatever the event looks like."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import event, timestamps
from tracker.anonymise import USUAL, Rules
from tracker.config import Site
from tracker.errors import ConfigError, Rejected

NOON = timestamps.parse("2026-11-22T12:00:00Z")
TOMORROW = NOON + 24 * timestamps.HOUR
SECRET = "a secret of a test"


def rules(secret: str | None = SECRET, name: str = "shop", **settings: Any) -> Rules:
    return Rules(name, Site(["key"], **settings), secret)


def wire(**members: Any) -> bytes:
    return json.dumps({"type": "page", "anonymousId": "a"} | members).encode()


def kept(rule: Rules, raw: bytes, at: int = NOON) -> Any:
    return json.loads(rule.event(raw, event.decode(raw).context, at))


# --- Addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("127.0.0.1", "127.0.0.0"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("2002:cb00:714d:1::1", "203.0.113.0"),  # 6to4: its first 48 bits hold an IPv4 address
        (" 203.0.113.77 ", "203.0.113.0"),
        ("203.0.113.77:8080", None),
        ("203.0.113", None),
        ("3405803853", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_of_an_address_only_its_network_is_kept(address: str | None, network: str | None) -> None:
    assert USUAL.address(address, NOON) == network


def test_an_address_is_kept_as_the_site_says() -> None:
    for address in ("203.0.113.77", "2001:db8::1"):
        assert rules(ip="full").address(address, NOON) == address
        assert rules(ip="none").address(address, NOON) is None
    for setting in ("truncated", "full", "none", "hashed"):
        for nonsense in (None, "", "unknown", "203.0.113.77, 10.0.0.1", "hash:x"):
            assert rules(ip=setting).address(nonsense, NOON) is None


def test_a_hashed_address_is_the_same_all_day_and_another_the_next_day() -> None:
    rule = rules(ip="hashed")
    one = rule.address("203.0.113.77", NOON)
    assert one is not None
    last = timestamps.parse("2026-11-22T23:59:59.999999Z")
    assert rule.address("203.0.113.77", last) == rule.address("::ffff:203.0.113.77", NOON) == one
    others = [
        rule.address("203.0.113.77", last + 1),
        rule.address("203.0.113.78", NOON),
        rules(ip="hashed", name="blog").address("203.0.113.77", NOON),
        rules("another secret of a test", ip="hashed").address("203.0.113.77", NOON),
    ]
    assert len({one, *others}) == 5


def test_an_ip_in_the_context_is_treated_likewise_and_nothing_else_is_touched() -> None:
    raw = wire(context={"ip": "203.0.113.77", "page": {"title": "é"}}, properties={"ip": "kept"})
    for rule in (USUAL, rules(ip="hashed"), rules(ip="none"), rules(ip="full")):
        ip = rule.address("203.0.113.77", NOON)
        found = kept(rule, raw)
        assert found["context"] == {"page": {"title": "é"}} | ({"ip": ip} if ip else {})
        assert found["properties"] == {"ip": "kept"}
        assert json.loads(rule.context(b'{"ip": "203.0.113.77"}', NOON)) == (
            {"ip": ip} if ip else {}
        )
    useless: object
    for useless in (None, 7, [], "not an address"):
        context = json.dumps({"ip": useless, "x": 1}).encode()
        assert json.loads(USUAL.context(context, NOON)) == {"x": 1}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"context": {"ip": "203.0.113.77"}, "context": {}}',
        b'{"context": {}, "context": {"ip": "203.0.113.77"}}',
        b'{"context": {"ip": "203.0.113.77"}, "context": null}',
        rb'{"conte\u0078t": {"ip": "203.0.113.77"}, "context": {}}',
        rb'{"context": {"i\u0070": "203.0.113.77"}}',
        b'{"context": {"ip": "203.0.113.77", "ip": 7}}',
    ],
)
def test_an_address_cannot_hide(raw: bytes) -> None:
    for rule in (USUAL, rules(ip="none"), rules(ip="hashed")):
        assert b"203.0.113.77" not in rule.event(raw, json.loads(raw)["context"], NOON)


def test_what_needs_no_change_keeps_its_bytes() -> None:
    raw = b'{ "type": "page", "anonymousId": "a", "context": {"x": 1.50}, "properties": {} }'
    for rule in (USUAL, rules(ip="none"), rules(ip="full"), rules(drop=["email"])):
        assert rule.event(raw, {"x": 1.5}, NOON) is raw


# --- Properties -----------------------------------------------------------------------------------


def test_what_is_dropped_is_gone_at_any_depth() -> None:
    raw = wire(
        properties={"email": "ada@example.org", "cart": [{"email": {"x": 1}, "n": 1}, [{"a": 2}]]},
        traits={"address": {"email": None, "city": "X"}, "Email": "another name"},
        context={"traits": {"email": "ada@example.org", "plan": "pro"}, "email": "not a trait"},
        email="a member of the event",
    )
    found = kept(rules(drop=["email"]), raw)
    assert found["properties"] == {"cart": [{"n": 1}, [{"a": 2}]]}
    assert found["traits"] == {"address": {"city": "X"}, "Email": "another name"}
    assert found["context"] == {"traits": {"plan": "pro"}, "email": "not a trait"}
    assert found["email"] == "a member of the event"
    batch = b'{"traits": {"email": "ada@example.org", "x": 1}, "locale": "de"}'
    assert json.loads(rules(drop=["email"]).context(batch, NOON)) == {
        "traits": {"x": 1},
        "locale": "de",
    }


def test_what_is_hashed_is_the_same_for_equal_values_and_tells_nothing() -> None:
    rule = rules(hash=["email"])
    raw = wire(
        properties={"email": "ada@example.org", "other": {"email": "ada@example.org"}},
        traits={"email": "eve@example.org"},
    )
    found = kept(rule, raw)
    value = found["properties"]["email"]
    assert value.startswith("hash:")
    assert found["properties"]["other"]["email"] == value
    assert found["traits"]["email"] not in (value, "eve@example.org")
    assert kept(rule, raw, TOMORROW) == found
    for other in (
        rules("another secret of a test", hash=["email"]),
        rules(name="b", hash=["email"]),
    ):
        assert kept(other, raw)["properties"]["email"] != value


def test_every_value_beneath_a_hashed_name_is_hashed() -> None:
    found = kept(
        rules(hash=["who"], drop=["pin"]),
        wire(properties={"who": {"name": "Ada", "pin": 1, "tags": ["Ada", 10**30, True, None]}}),
    )["properties"]["who"]
    name, big, true, null = found["tags"]
    assert found == {"name": name, "tags": [name, big, true, null]}
    assert null is None
    assert len({name, big, true}) == 3
    assert all(value.startswith("hash:") for value in (name, big, true))


def test_to_follow_the_rules_twice_changes_nothing_more() -> None:
    rule = rules(ip="hashed", hash=["email"], drop=["pin"])
    raw = wire(context={"ip": "203.0.113.77"}, properties={"email": "ada@example.org", "pin": 1})
    once = rule.event(raw, {"ip": ""}, NOON)
    assert json.loads(rule.event(once, {"ip": ""}, TOMORROW)) == json.loads(once)


NAMES = ["email", "größe", 'a"b', "a/b", "\\", "x"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text("abe", max_size=3), inside, max_size=4)
    ),
    max_leaves=20,
)


def without(value: Any, names: set[str]) -> Any:
    """What the settings ask for, said as simply as can be."""
    if isinstance(value, dict):
        return {k: without(v, names) for k, v in value.items() if k not in names}
    return [without(one, names) for one in value] if isinstance(value, list) else value


def spelled(text: str, draw: Callable[..., Any]) -> str:
    r"""A JSON string in one of its many spellings: ``"em\u0061il"``."""
    plain = json.dumps(text, ensure_ascii=draw(st.booleans()))[1:-1]
    if text and draw(st.booleans()):
        plain = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in text)
    return f'"{plain}"'


def written(value: Any, draw: Callable[..., Any]) -> str:
    """Some JSON, in one of its many spellings."""
    blank: str = draw(st.sampled_from(["", " ", "\n"]))
    if isinstance(value, dict):
        pairs = (f"{spelled(k, draw)}{blank}:{written(v, draw)}" for k, v in value.items())
        return "{" + f"{blank},".join(pairs) + blank + "}"
    if isinstance(value, list):
        return "[" + f",{blank}".join(written(one, draw) for one in value) + "]"
    return spelled(value, draw) if isinstance(value, str) else str(json.dumps(value))


@settings(deadline=None)  # a busy machine is no error
@given(st.data(), VALUES, VALUES, st.sets(st.sampled_from(NAMES), min_size=1))
def test_no_spelling_hides_a_name_and_all_else_stays(
    data: st.DataObject, properties: Any, traits: Any, names: set[str]
) -> None:
    members = {
        "type": "page",
        "anonymousId": "a",
        "properties": {"p": properties},
        "context": {"traits": {"t": traits}},
    }
    raw = written(members, data.draw).encode()
    try:
        wire_event = event.decode(raw)
    except Rejected:  # an integer of hundreds of digits
        return
    found = json.loads(rules(drop=sorted(names)).event(raw, wire_event.context, NOON))
    assert found == without(members, names)
    payload = rules(drop=sorted(names)).payload(raw, NOON)
    assert payload is not None
    assert json.loads(payload) == found


# --- Events that break a rule ---------------------------------------------------------------------


def test_a_payload_that_can_be_read_is_kept_without_what_is_dropped() -> None:
    rule = rules(drop=["email"])
    for raw in (
        b'{"properties": {"email": "ada@example.org", "x": 1}, "context": {"ip": "203.0.113.77"}}',
        b'{"properties": [{"email": "ada@example.org", "x": 1}], "context": 7}',
        b'{"traits": {"x": 1}, "context": [{"email": "ada@example.org"}]}',
        b'{"context": {"ip": 203}, "properties": {"e\\u006dail": "ada@example.org"}}',
    ):
        payload = rule.payload(raw, NOON)
        assert payload is not None
        for secret in (b"ada@example.org", b"203"):
            assert secret not in payload.replace(b"203.0.113.0", b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b'"ada@example.org"',
        b'[{"properties": {"email": "ada@example.org"}}]',
        b'{"properties": {"email": "ada@example.org"}',
        b'{"properties": {"x": '
        + b"[" * 5000
        + b'{"email": "ada@example.org"}'
        + b"]" * 5000
        + b"}}",
    ],
)
def test_a_payload_that_cannot_be_read_is_kept_only_where_nothing_is_dropped(raw: bytes) -> None:
    assert rules(drop=["email"]).payload(raw, NOON) is None
    assert rules(hash=["email"]).payload(raw, NOON) is None
    assert USUAL.payload(raw, NOON) is not None


# --- Settings -------------------------------------------------------------------------------------


def test_a_site_that_hashes_needs_a_secret() -> None:
    for site in ({"ip": "hashed"}, {"hash": ["email"]}):
        with pytest.raises(ConfigError) as refused:
            rules(None, **site)
        assert "TRACKER_SECRET" in str(refused.value)
        assert "\n" not in str(refused.value)
    rules(None, ip="none", drop=["email"])


def test_an_events_many_numbers_stay_as_they_were_sent() -> None:
    numbers = b'{"a":1.50,"b":1e2,"c":123456789012345678901234567890,"email":1}'
    raw = b'{"type":"page","anonymousId":"a","properties":' + numbers + b"}"
    found = rules(drop=["email"]).event(raw, None, NOON)
    assert found == raw.replace(b',"email":1', b"")
    assert msgspec.json.decode(found)
