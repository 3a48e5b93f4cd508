"""Whose a failed event is: what is wrong with it may be the very ids, or that it is not JSON."""

import re
from collections.abc import Iterable
from itertools import islice

import msgspec
from msgspec import Struct

from tracker import timestamps
from tracker.event import as_id, person_of_user, person_of_visitor

MAX_NAMED = 8
"""So many people are looked for in what names none as it should."""

_NAMED = re.compile(
    r'"(user|previous|anonymous)[ _-]?id"\s*:\s*'
    r'(?:[\[{]\s*(?:"\w+"\s*:\s*)?)?'  # in a list, or as an object's
    r'("(?:[^"\\]|\\.)*"|\d+)',
    re.IGNORECASE | re.DOTALL,
)


class Whose(Struct):
    """The people whose it is, and when it happened, as far as that can be read."""

    people: frozenset[str]
    """The keys of their timelines."""
    time: int | None = None
    is_plain: bool = True
    """Whether its ids are such as they should be. Else it may be anybody's whom it mentions."""


class _Ids(Struct, rename="camel"):
    user_id: object = None
    anonymous_id: object = None
    previous_id: object = None
    timestamp: object = None
    original_timestamp: object = None


_ids = msgspec.json.Decoder(_Ids)
_any = msgspec.json.Decoder()


def whose_is(payload: str) -> Whose:
    """Whose the failed event is that was sent so."""
    try:
        told = _ids.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Whose(frozenset(_named(payload)), is_plain=False)
    user, previous, visitor = map(as_id, (told.user_id, told.previous_id, told.anonymous_id))
    people = {person_of_user(one) for one in (user, previous) if one}
    # As with events, what has a user id is that user's, whoever's the device.
    if visitor and not user:
        people.add(person_of_visitor(visitor))
    is_plain = user is not None or (visitor is not None and told.user_id in (None, ""))
    if not is_plain:
        people.update(_named(payload))
    return Whose(frozenset(people), _time(told), is_plain)


def mentions(payload: str, ids: Iterable[str]) -> bool:
    """Whether one of some ids stands anywhere in a text."""
    return any(msgspec.json.encode(one).decode() in payload for one in ids)


def _named(payload: str) -> Iterable[str]:
    for found in islice(_NAMED.finditer(payload), MAX_NAMED):
        kind, value = found.groups()
        try:
            one = as_id(_any.decode(value))
        except msgspec.MsgspecError:
            continue
        if one:
            is_visitor = kind.lower() == "anonymous"
            yield person_of_visitor(one) if is_visitor else person_of_user(one)


def _time(told: _Ids) -> int | None:
    try:
        return timestamps.parse(str(told.original_timestamp or told.timestamp))
    except (ValueError, OverflowError):
        return None
