"""Who somebody is: what their timelines together say of them."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tracker import identity, sessions, timestamps
from tracker.event import NULL, Bots
from tracker.identity import Part
from tracker.stores import Device, Selection, Store, Trait, merge, traits

MAX_IDENTIFIES = 500
"""Of a device that several people use, so many of the newest events that say who it is are read."""

MAX_DEVICES = 100
"""So many are told, those that were seen last: a server may make an anonymous id for each event."""


def profile(
    store: Store, site: str, user_id: str, bots: Bots = Bots.LEAVE_OUT
) -> dict[str, Any] | None:
    """Who a user is: traits, other ids, devices, first and last seen, counts. ``None`` if nothing
    is stored of them."""
    parts = list(identity.parts(store, site, user_id))
    summaries = [store.summary(site, part.person, part.since, part.until, bots) for part in parts]
    firsts = [summary.first for summary in summaries if summary.first is not None]
    lasts = [summary.last for summary in summaries if summary.last is not None]
    if not firsts:
        return None
    devices = _devices([device for summary in summaries for device in summary.devices])
    named: frozenset[str] = frozenset().union(*(summary.sessions for summary in summaries))
    active: dict[str, list[int]] = {}
    for summary in summaries:
        for stream, times in summary.active.items():
            active.setdefault(stream, []).extend(times)
    return {
        "userId": user_id,
        "aliases": identity.user_ids(store, site, user_id)[1:],
        "traits": _traits(store, site, parts),
        "anonymousIds": sorted(device.anonymous_id for device in devices),
        "devices": [_device(device) for device in devices[:MAX_DEVICES]],
        "firstSeen": timestamps.format(min(firsts)),
        "lastSeen": timestamps.format(max(lasts)),
        "counts": {
            "events": sum(summary.events for summary in summaries),
            "pageViews": sum(summary.page_views for summary in summaries),
            "sessions": len(named | sessions.made(store, site, active)),
        },
    }


def _traits(store: Store, site: str, parts: Sequence[Part]) -> dict[str, Any]:
    """Of each trait the latest value, whichever of a person's ids it was said of."""
    found: dict[str, Trait] = {}
    for part in parts:
        for name, trait in _said_of(store, site, part).items():
            newer = name not in found or found[name].position < trait.position
            if part.holds(trait.position.timestamp) and newer:
                found[name] = trait
    kept = traits.latest(found)
    return {name: kept[name].value for name in sorted(kept)}


def _said_of(store: Store, site: str, part: Part) -> dict[str, Trait]:
    if part.since is None and part.until is None:
        return store.traits(site, part.person)
    # Of a device that several people use, a store keeps what was said last of any of them.
    selection = Selection(
        site=site,
        scope=part.person,
        since=part.since,
        until=part.until,
        type="identify",
    )
    said: dict[str, Trait] = {}
    for event in islice(merge.walk(store, [selection], MAX_IDENTIFIES), MAX_IDENTIFIES):
        told = _identify.decode(event.document)
        traits_of_event = told.traits or told.context.traits
        if isinstance(traits_of_event, dict):
            for name, value in traits_of_event.items():
                said.setdefault(name, Trait(value, event.position))
    return said


def _devices(seen: Sequence[Device]) -> list[Device]:
    """Each device once, the one that was seen last first: it may be in several timelines."""
    whole: dict[str, Device] = {}
    for device in seen:
        known = whole.get(device.anonymous_id)
        whole[device.anonymous_id] = known.joined(device) if known else device
    return sorted(whole.values(), key=lambda device: (-device.last, device.anonymous_id))


class _SaidInContext(Struct, frozen=True):
    traits: Any = None


class _Identify(Struct):
    traits: dict[str, Any] | None = None
    context: _SaidInContext = _SaidInContext()


_identify = msgspec.json.Decoder(_Identify)


class _Context(Struct, frozen=True):
    browser: Raw = NULL
    os: Raw = NULL
    device: Raw = NULL


class _Document(Struct):
    context: _Context = _Context()


_document = msgspec.json.Decoder(_Document)


def _device(device: Device) -> dict[str, Any]:
    """What is told of a device: when it was seen, and what its newest event says it is."""
    context = _document.decode(device.newest).context
    what = {"browser": context.browser, "os": context.os, "device": context.device}
    return {
        "anonymousId": device.anonymous_id,
        "firstSeen": timestamps.format(device.first),
        "lastSeen": timestamps.format(device.last),
        "events": device.events,
        **{name: value for name, value in what.items() if value != NULL},
    }
