"""The read API's numbers: requests → `tracker.stats` → JSON."""

from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from tracker import dimensions, stats, timestamps
from tracker.http import Request, Response, json
from tracker.reading import cursor, parameters
from tracker.reading.parameters import MAX_LIMIT
from tracker.stats import Interval, Metric, Question, Row
from tracker.stores import Store
from tracker.stores.counts import DELIVERY, Count, CountSelection
from tracker.timestamps import DAY

_time = msgspec.msgpack.Decoder(
    tuple[Annotated[int, Meta(ge=timestamps.EARLIEST, le=timestamps.LATEST)]]
)


def counts(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/stats``"""
    query = request.query
    parameters.refuse_mistaken(query)
    question = Question(
        site=site,
        metric=parameters.choice(query, "metric", get_args(Metric)) or "events",
        interval=parameters.choice(query, "interval", get_args(Interval)) or "day",
        since=_since(request),
        until=parameters.instant(query, "until"),
        group_by=parameters.choice(query, "group_by", dimensions.NAMES),
        where={
            name: query[name][: dimensions.MAX_VALUE] for name in dimensions.NAMES if name in query
        },
        bots=parameters.bots(query),
    )
    answer = stats.stats(store, question)
    if question.group_by:
        limit = parameters.limit(query)
        rows, resume = stats.greatest(answer.rows, limit), None
    else:
        limit = parameters.limit(query, MAX_LIMIT)
        rows, resume = _page(_after(request, answer.rows), limit)
    found: dict[str, Any] = {
        "data": [_row(row, question.group_by) for row in rows],
        "next_cursor": resume,
    }
    if not answer.complete:
        found["complete"] = False
    return json(found)


def delivery(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/delivery``: of the events that browsers counted, day by day, how many arrived."""
    since, until = _since(request), parameters.instant(request.query, "until")
    found: dict[int, Count] = {}
    for cell, number in store.counts(
        CountSelection(
            site,
            DELIVERY,
            DAY,
            timestamps.EARLIEST if since is None else since - since % DAY,
            timestamps.LATEST if until is None else until,
        )
    ):
        found[cell.time] = found.get(cell.time, Count()).plus(number)
    rows = [Row(time, None, 0) for time in sorted(found)]
    page, resume = _page(_after(request, rows), parameters.limit(request.query, MAX_LIMIT))
    days = [
        {
            "time": timestamps.format_second(row.time),
            "expected": found[row.time].events,
            "arrived": found[row.time].page_views,
        }
        for row in page
    ]
    return json({"data": days, "next_cursor": resume})


def _since(request: Request) -> int | None:
    return parameters.instant(request.query, "since")


def _after(request: Request, rows: list[Row]) -> list[Row]:
    """The rows behind the place where the page before ended."""
    text = request.query.get("cursor")
    if text is None:
        return rows
    (time,) = cursor.decode(text, _time)
    return [row for row in rows if row.time > time]


def _page(rows: list[Row], limit: int) -> tuple[list[Row], str | None]:
    page = rows[:limit]
    return page, cursor.encode((page[-1].time,)) if len(rows) > limit else None


def _row(row: Row, group_by: str | None) -> dict[str, Any]:
    middle = {group_by: row.value} if group_by else {}
    return {"time": timestamps.format_second(row.time), **middle, "count": row.number}
