"""What is told of a visitor's device in place of the user agent, of the country, and of bots.

What the client itself put into the context stays; what is missing is filled in. Of the user agent
three members remain: ``browser``, ``os`` and ``device``; of its successor, the client hints, what
every browser sends unasked.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from tracker import user_agent
from tracker.event import NULL
from tracker.user_agent import Seen

Members = dict[str, Raw]

MAX_BOT = 256
"""Characters of the reason that a client gives."""

LOOKED_AT = frozenset(("userAgent", "userAgentData", "browser", "os", "device", "location", "bot"))
"""The members of a context that matter here: of one that has none, the request alone tells."""

_TRUE = Raw(b"true")
_EMPTY = Raw(b'""')
_NOTHING = Seen(None, None, None, None)


class _Brand(Struct):
    brand: str
    version: str | UnsetType = UNSET


class _Hints(Struct):
    """``navigator.userAgentData``, as far as it is alike for many people."""

    brands: list[_Brand] | UnsetType = UNSET
    mobile: bool | UnsetType = UNSET
    platform: str | UnsetType = UNSET


_members = msgspec.json.Decoder(Members)
_hints = msgspec.json.Decoder(_Hints)
_any = msgspec.json.Decoder()


def describe(members: Members, of_request: str | None, country: str | None) -> str | None:
    """Change a context's members, and say why this is a bot's, if it is. ``of_request`` is the
    user agent that the request itself came with."""
    told = _text(members.pop("userAgent", None))
    hints = _reduced_hints(members)
    if told:
        seen = user_agent.read(told)
    elif hints is not None:
        brands = [(brand.brand, brand.version or None) for brand in hints.brands or ()]
        seen = user_agent.from_hints(brands, hints.platform or None, mobile=hints.mobile is True)
    elif of_request:
        seen = user_agent.read(of_request)
    else:
        seen = _NOTHING
    _fill(members, "browser", seen.browser, "name")
    _fill(members, "os", seen.os, "name")
    _fill(members, "device", seen.device, "type")
    if country is not None:
        _fill(members, "location", Raw(b'{"country":"%b"}' % country.encode()), "country")
    return _bot(members, seen.bot)


def _reduced_hints(members: Members) -> _Hints | None:
    told = members.pop("userAgentData", None)
    if told is None:
        return None
    try:
        hints = _hints.decode(told)
    except msgspec.ValidationError:  # null, or not what browsers send
        return None
    members["userAgentData"] = Raw(msgspec.json.encode(hints))
    return hints


def _bot(members: Members, reason: str | None) -> str | None:
    """The client's own word, else what its user agent says."""
    own = members.get("bot")
    if own is not None:
        if text := _text(own):
            return text[:MAX_BOT]
        if own == _TRUE:
            reason = "the client says so"
    if reason is not None:
        members["bot"] = Raw(msgspec.json.encode(reason))
    return reason


def _fill(members: Members, name: str, found: Raw | None, mark: str) -> None:
    """Put in what was found, where the client does not tell its ``mark`` itself."""
    if found is None:
        return
    own = members.get(name)
    if own is None or own == NULL:
        members[name] = found
        return
    try:
        inside = _members.decode(own)
    except msgspec.ValidationError:
        return
    if inside.get(mark, NULL) in (NULL, _EMPTY):
        members[name] = Raw(msgspec.json.encode(inside | _members.decode(found)))


def _text(raw: Raw | None) -> str | None:
    value: Any = None if raw is None else _any.decode(raw)
    return value if isinstance(value, str) else None
