"""Inputs with the right shape and odd values, made at random: most of them come far."""

import json
import random
from urllib.parse import quote

import msgspec

from tests.events import NOON

TEXTS = [
    *("", "a", "0", "null", "é" * 256, "x" * 257, "\x00", "\u2028", "\ufeff", "\U0001f600", "<b>"),
    *("../..", "a#b", "u#a", "%00", "' OR 1=1 --", "\\", '"', "page", "Signed up", "/pricing"),
]
TIMES = [
    *("2026-11-22T12:00:00Z", "2026-11-22T12:00:00.123456+01:00", "2026-11-22", "2026-W47-7"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "20261122T2400", "1969-12-31", "x"),
]
NUMBERS = ["0", "-0", "-1", "1.5", "1e3", "1e308", "9" * 20, "9" * 400, "9999999999", "0.1e-400"]
URLS = [
    *("https://shop.example/a?b#c", "http://[", "//", "https://u:p@h:99999/", "file:///x", "/\x00"),
    *("http://xn--/", "https://EXAMPLE.com./", "mailto:a@b", "https://[::1]/x", "?"),
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "(" * 500,
]
NAMES = {
    "event": ("type", "userId", "anonymousId", "messageId", "event", "name", "category", "groupId"),
    "more": ("previousId", "timestamp", "originalTimestamp", "sentAt", "writeKey", "_metadata"),
    "objects": ("properties", "traits", "context", "integrations"),
    "context": ("page", "seq", "sessionId", "userAgent", "userAgentData", "bot", "ip", "campaign"),
    "deep": ("traits", "locale", "location", "browser", "os", "device", "session", "schema"),
    "page": ("path", "url", "referrer", "title", "search", "name", "source", "country", "type"),
}


def event(chance: random.Random) -> bytes:
    """An event: two in three are accepted."""
    kinds = ("page", "track", "identify", "group", "alias", "screen")
    members = [("type", _text(chance.choice(kinds))), ("anonymousId", _text(f"v{chance.random()}"))]
    members += [("event", _text("E")), ("groupId", _text("g")), ("previousId", _text("p"))]
    for name in ("userId", "messageId", "timestamp", "originalTimestamp", "sentAt"):
        if chance.random() < 0.3:
            is_time = name[-1] == "p" or name == "sentAt"
            members.append((name, _text(chance.choice(TIMES if is_time else TEXTS)[:256])))
    for name in NAMES["objects"]:
        if chance.random() < 0.5:
            members.append((name, _context(chance) if name == "context" else _object(chance, 0)))
    if chance.random() < 0.3:
        every = (*NAMES["event"], *NAMES["more"], *NAMES["objects"])
        members.append((chance.choice(every), _value(chance, 0)))
    chance.shuffle(members)
    return _joined(members)


def _context(chance: random.Random) -> str:
    members = []
    for _ in range(chance.randrange(6)):
        name = chance.choice(NAMES["context"] + NAMES["deep"])
        members.append((name, _of_context(chance, name)))
    return _joined(members).decode("utf-8", "surrogatepass")


OF_CONTEXT: dict[str, list[str]] = {
    "seq": NUMBERS,
    "session": NUMBERS,
    "userAgent": [json.dumps(agent) for agent in AGENTS],
    "bot": ["true", "false", '"robot"', '""', '"' + "b" * 300 + '"'],
    "ip": ['"1.2.3.4"', '"::1"', '"::ffff:1.2.3.4"', '"fe80::1%eth0"', '"999"'],
    "userAgentData": ['{"brands":[{"brand":"C","version":"1"}],"mobile":true,"platform":"x"}'],
    "sessionId": [*NUMBERS, *map(json.dumps, TEXTS)],
    "locale": [json.dumps(text) for text in TEXTS],
}


def _of_context(chance: random.Random, name: str) -> str:
    if chance.random() < 0.2:
        return _value(chance, 0)
    known = OF_CONTEXT.get(name)
    return chance.choice(known) if known else _object(chance, 0)


def _object(chance: random.Random, depth: int) -> str:
    members = []
    for _ in range(chance.randrange(5)):
        name = chance.choice((*NAMES["page"], "secret", "email", chance.choice(TEXTS)))
        urls = name in ("url", "referrer", "path") and chance.random() < 0.7
        value = _text(chance.choice(URLS)) if urls else _value(chance, depth + 1)
        members.append((name, value))
    return _joined(members).decode("utf-8", "surrogatepass")


ODD = [
    *("true", "false", "null", "[]", "{}", "[[[]]]"),
    *('"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\/"'),
]


def _value(chance: random.Random, depth: int) -> str:
    kind = chance.randrange(8)
    if kind == 0 and depth < 40:
        return _object(chance, depth + 1)
    if kind == 1 and depth < 40:
        return f"[{','.join(_value(chance, depth + 1) for _ in range(chance.randrange(4)))}]"
    if kind in (2, 3):
        return chance.choice(NUMBERS if kind == 2 else ODD)
    return _text(chance.choice(TIMES if kind == 4 else TEXTS))


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=len(text) % 2 == 0)


def _joined(members: list[tuple[str, str]]) -> bytes:
    return ("{" + ",".join(f"{_text(name)}:{value}" for name, value in members) + "}").encode()


QUERY = {
    "ids": ("user_id", "anonymous_id", "session_id", "site", "message_id", "field", "reason"),
    "times": ("since", "until"),
    "words": ("type", "event", "path", "order", "bots", "metric", "interval", "group_by"),
    "more": ("limit", "cursor", "steps", "window", "country", "browser", "referrer", "campaign"),
}
WORDS = [
    *("page", "asc", "desc", "include", "only", "events", "visitors", "sessions", "page_views"),
    *("hour", "day", "total", "path", "event", "referrer", "country", "field", "reason", "u", "v"),
    *("7d", "30d", "0d", "1h", "-1", "0", "1", "3", "1000", "1001", "9" * 30, "٣", "²", "1e3"),
    *('["/1","/2"]', "/1,/2", "page:/1", "event:E", "[]", "[" * 200, '["/1",2]', ",,,"),
]


def query(chance: random.Random) -> bytes:
    """A query string."""
    parts = []
    for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 5])):
        kind = chance.choice(list(QUERY))
        name = chance.choice(QUERY[kind])
        values = {"times": TIMES, "ids": [*TEXTS, "u", "v", "open"]}.get(kind, WORDS)
        value = chance.choice(values if chance.random() < 0.8 else [*TEXTS, *TIMES, *WORDS])
        parts.append(f"{name}={quote(value)}")
    return "&".join(parts).encode()


def place(chance: random.Random) -> bytes:
    """What a cursor holds: of the right shape, at the ends of what it may say and past them."""
    instants = [NOON, 0, -1, -62_135_596_800_000_000, 253_402_300_799_999_999, 2**63 - 1, -(2**63)]
    numbers = [*instants, 1, 9_999_999_999, 10_000_000_000, 2**64 - 1, None, 1.5, True]
    texts = [b"", bytes(8), bytes(16), bytes(17), "", "id", "x" * 300, "x" * 301, "\x00"]
    pair = [chance.choice(texts), chance.choice(instants)]
    position = (
        chance.choice(instants[:4]),
        chance.randrange(9),
        chance.choice([bytes(16), *texts]),
    )
    whole = [
        position,
        (position, [pair] * chance.choice([0, 1, 3, 2_000]), chance.random() < 0.5),
        (chance.choice(numbers), chance.choice(texts)),
        (chance.choice(numbers),),
        chance.choice(numbers),
    ]
    return msgspec.msgpack.encode(chance.choice(whole))
