"""The read API's answers on what people do in the course of time: funnels, and who comes again."""

import re
from typing import Any, NamedTuple

import msgspec

from tracker import timestamps
from tracker.http import Request, Response, json
from tracker.journeys import funnel, returning
from tracker.journeys.funnel import Stage
from tracker.journeys.walk import Walk
from tracker.parts import Parts
from tracker.reading import parameters
from tracker.stores import Everyone, Selection, Store
from tracker.timestamps import DAY

_FUNNEL_RANGE = 30 * DAY
_RETENTION_RANGE = 11 * returning.WEEK
"""How far back it goes unless told otherwise."""

_UNITS = {"m": timestamps.MINUTE, "h": timestamps.HOUR, "d": DAY, "w": 7 * DAY}
_MAX_WINDOW = 366 * DAY
_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_MAX_NAME = 1024

_list = msgspec.json.Decoder(list[str])


class _Range(NamedTuple):
    since: int
    until: int


def funnels(request: Request, parts: Parts, site: str) -> Response:
    """``GET /v1/funnels``"""
    stages = _stages(request)
    window = _window(request)
    chosen = _range(request, parts, _FUNNEL_RANGE)
    walk = _walk(request, parts.store, site, chosen)
    reached = funnel.count(walk, stages, window)
    rows = [
        {
            "step": place,
            "name": stage.name,
            "visitors": visitors,
            "conversion": round(visitors / reached[0], 4) if reached[0] else 0.0,
        }
        for place, (stage, visitors) in enumerate(zip(stages, reached, strict=True), 1)
    ]
    return _answer(rows, chosen, walk)


def retention(request: Request, parts: Parts, site: str) -> Response:
    """``GET /v1/retention``"""
    chosen = _range(request, parts, _RETENTION_RANGE)
    chosen = chosen._replace(since=returning.week_of(chosen.since))
    if chosen.until - chosen.since > returning.MAX_WEEKS * returning.WEEK:
        raise parameters.invalid("since", f"is more than {returning.MAX_WEEKS} weeks before until")
    walk = _walk(request, parts.store, site, chosen)
    rows = [
        {
            "week": timestamps.format_second(cohort.week),
            "visitors": cohort.returned[0],
            "returned": cohort.returned,
        }
        for cohort in returning.cohorts(walk, *chosen)
    ]
    return _answer(rows, chosen, walk)


def _walk(request: Request, store: Store, site: str, chosen: _Range) -> Walk:
    selection = Selection(
        site=site,
        scope=Everyone(),
        since=chosen.since,
        until=chosen.until,
        bots=parameters.bots(request.query),
        descending=False,
    )
    return Walk(store, selection)


def _answer(rows: list[dict[str, Any]], chosen: _Range, walk: Walk) -> Response:
    until = chosen.until if walk.reached is None or walk.complete else walk.reached + 1
    answer = {
        "data": rows,
        "since": timestamps.format(chosen.since),
        "until": timestamps.format(until),
        "complete": walk.complete,
    }
    return json(answer)


def _range(request: Request, parts: Parts, length: int) -> _Range:
    query = request.query
    parameters.refuse_mistaken(query)
    given_until = parameters.instant(query, "until")
    given_since = parameters.instant(query, "since")
    until = parts.clock() if given_until is None else given_until
    since = max(until - length, timestamps.EARLIEST) if given_since is None else given_since
    if since >= until:
        raise parameters.invalid("until", "must be later than since")
    return _Range(since, until)


def _window(request: Request) -> int:
    found = _WINDOW.fullmatch(request.query.get("window", "7d"))
    if found and (window := int(found[1]) * _UNITS[found[2]]) <= _MAX_WINDOW:
        return window
    raise parameters.invalid("window", "must be a time such as 30m, 12h, 7d or 4w, a year at most")


def _stages(request: Request) -> list[Stage]:
    text = request.query.get("steps")
    if text is None:
        raise parameters.invalid("steps", "is required: such as /pricing,Signed up")
    if text.lstrip().startswith("["):
        try:
            names = _list.decode(text)
        except msgspec.MsgspecError:
            raise parameters.invalid("steps", "must be a JSON array of strings") from None
    else:
        names = text.split(",")
    names = [name.strip() for name in names]
    if not 1 <= len(names) <= funnel.MAX_STEPS:
        raise parameters.invalid("steps", f"must be 1 to {funnel.MAX_STEPS}")
    return [_stage(name) for name in names]


def _stage(name: str) -> Stage:
    kind, _, rest = name.partition(":")
    if kind not in ("page", "event"):
        kind, rest = "page" if name.startswith("/") else "event", name
    if not 1 <= len(rest) <= _MAX_NAME:
        reason = f"must each be the path of a page or the name of an event, 1 to {_MAX_NAME} long"
        raise parameters.invalid("steps", reason)
    return Stage(kind, rest)
