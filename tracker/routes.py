"""The one table: method, path, handler, who may call. Both hosts mount it."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tracker import assets, client_settings, cors, dashboard
from tracker.collector import Collector
from tracker.config import ALL_SITES, Config
from tracker.errors import Problem, QueueUnavailable, Unavailable
from tracker.event import EVENT_TYPES
from tracker.http import Pending, Request, Response, json, problem
from tracker.parts import Parts
from tracker.router import Access, Route

if TYPE_CHECKING:
    from tracker.stores import Store

log = logging.getLogger(__name__)


def routes(parts: Parts) -> list[Route]:
    """The table for some parts."""
    config = parts.config
    collector = Collector(
        config,
        clock=parts.clock,
        new_id=parts.new_id,
        schemas=lambda: parts.schemas,
        limits=parts.limits,
    )
    script = config.script_name
    table = [
        *(
            Route("POST", path, collector.collect, Access.WRITE_KEY)
            for path in ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")
        ),
        *(
            Route("POST", path, partial(collector.collect, path_type=name), Access.WRITE_KEY)
            for name in EVENT_TYPES
            for path in (f"/v1/{name}", f"/v1/{name[0]}")
        ),
        Route("GET", "/v1/i.gif", collector.collect_pixel, Access.WRITE_KEY),
        _settings("/v1/projects/{write_key}/settings", client_settings.of_segment, config),
        _settings("/sourceConfig", client_settings.of_rudderstack, config),
        Route("GET", f"/{script}", assets.script, Access.ANYONE),
        Route("GET", f"/{assets.versioned_name(script)}", assets.versioned_script, Access.ANYONE),
        *_parts(script),
        _reading("/v1/events", "lists.events", parts),
        _reading("/v1/sessions", "lists.sessions", parts),
        _reading("/v1/users/{user_id}", "lists.user", parts),
        Route("DELETE", "/v1/users/{user_id}", partial(_erase, parts), Access.READ_TOKEN),
        _reading("/v1/stats", "stats.counts", parts),
        _reading("/v1/delivery", "stats.delivery", parts),
        _reading("/v1/failed-events", "lists.failed_events", parts),
        _reading("/v1/failed-events/counts", "lists.failed_event_counts", parts),
        Route("POST", "/v1/failed-events/replay", partial(_replay, parts), Access.READ_TOKEN),
        _of_parts("/v1/live", "now.live", parts),
        _of_parts("/v1/status", "now.status", parts),
        _of_parts("/v1/funnels", "people.funnels", parts),
        _of_parts("/v1/retention", "people.retention", parts),
    ]
    table = [route._replace(path=config.path_prefix + route.path) for route in table]
    table += (
        Route("GET", "/health", partial(_health, parts), Access.ANYONE),
        Route("GET", "/openapi.json", partial(_openapi, config), Access.ANYONE),
        Route("GET", "/", partial(dashboard.page, config), Access.ANYONE),
        *(
            Route("GET", f"/dashboard/{{version}}/{path}", handler, Access.ANYONE)
            for path, handler in dashboard.files()
        ),
    )
    if config.demo:
        from tracker import demo  # a page of the embedded host, never of a Lambda

        table += (Route("GET", *row, Access.ANYONE) for row in demo.pages(parts))
    return table


def _settings(path: str, settings: Callable[[Config, Request], Response], config: Config) -> Route:
    """What a client of another maker asks for at its start."""
    return Route("GET", path, partial(settings, config), Access.WRITE_KEY)


def _parts(script: str) -> Iterator[Route]:
    """What a page may load beside the client."""
    for part in assets.PARTS:
        plain, versioned = assets.part_name(script, part), assets.versioned_name(script, part)
        yield Route("GET", f"/{plain}", partial(assets.script, part=part), Access.ANYONE)
        pinned = partial(assets.versioned_script, part=part)
        yield Route("GET", f"/{versioned}", pinned, Access.ANYONE)


def answer(route: Route, request: Request, config: Config) -> Response | Pending:
    """Call a route. Whatever happens, the answer is one of the contract's."""
    try:
        result = route.handler(request)
    except Problem as error:
        result = problem(error)
    except Unavailable as error:
        # The path of the route, not of the request: that may hold a user's id.
        log.warning("%s %s: %s", request.method, route.path, error)
        result = problem(
            Problem(
                503,
                "unavailable",
                "This cannot be answered now. Try again in a few seconds.",
                headers={"retry-after": "5"},
            )
        )
    except Exception:
        log.exception("%s %s", request.method, route.path)
        result = problem(our_fault())
    if isinstance(result, Response):
        return _guarded(_readable(result, request, config), route)
    _readable(result.response, request, config)
    if request.method == "HEAD":  # it asks what the answer would be, and changes nothing
        return result.response
    refused = result.otherwise
    result.otherwise = lambda: _readable(refused(), request, config)
    return result


def _guarded(response: Response, route: Route) -> Response:
    """The answer, with what keeps a browser from taking it for something else, or from keeping
    what was read: it is about people. A write's answer says nothing, and stays small."""
    if route.access is not Access.WRITE_KEY:
        response.headers = {**response.headers, "x-content-type-options": "nosniff"}
    if route.access is Access.READ_TOKEN:
        response.headers["cache-control"] = "no-store"
    return response


def our_fault() -> Problem:
    """What is answered where the code is wrong: nothing about its insides."""
    return Problem(500, "internal_error", "Something went wrong on our side.")


def refusal(error: Problem, request: Request, config: Config) -> Response:
    """The answer to a request that comes to no route."""
    return _readable(problem(error), request, config)


def _readable(response: Response, request: Request, config: Config) -> Response:
    """The answer, with the headers that let a page of another origin read it."""
    if response.status != HTTPStatus.FORBIDDEN:
        response.headers = {**cors.headers(config, request), **response.headers}
    return response


def finish(result: Response | Pending, parts: Parts) -> Response:
    """Make durable what has to be, and answer: for hosts that serve one request at a time."""
    if isinstance(result, Response):
        return result
    try:
        parts.queue.send([result.message])
    except QueueUnavailable as error:
        log.warning("not queued: %s", error)
        return result.otherwise()
    return result.response


Reader = Callable[[Request, "Store", str], Response]
PartsReader = Callable[[Request, Parts, str], Response]


def _reading(path: str, place: str, parts: Parts) -> Route:
    """A route that answers to read tokens, by a ``module.function`` that reads the store."""

    def handler(request: Request) -> Response:
        site = _readable_site(request, parts)
        read: Reader = _function(place)
        return read(request, parts.store, site)

    return Route("GET", path, handler, Access.READ_TOKEN)


def _of_parts(path: str, place: str, parts: Parts) -> Route:
    """The same, by one that takes all parts."""

    def handler(request: Request) -> Response:
        site = _readable_site(request, parts)
        read: PartsReader = _function(place)
        return read(request, parts, site)

    return Route("GET", path, handler, Access.READ_TOKEN)


def _function(place: str) -> Any:
    """Imported when it is used: a cold Lambda that takes an event does without."""
    module, _, name = place.partition(".")
    return getattr(import_module(f"tracker.reading.{module}"), name)


def _openapi(config: Config, request: Request) -> Response:
    from tracker.openapi import openapi

    return openapi(config, request)


def _erase(parts: Parts, request: Request) -> Response:
    site = _readable_site(request, parts)
    from tracker.reading import lists

    return lists.erase_user(request, parts.store, parts.queue, site, parts.clock())


def _replay(parts: Parts, request: Request) -> Response:
    # A read token may do this: it changes nothing but what failed, and adds nothing of its own.
    site = _readable_site(request, parts)
    from tracker.reading import lists

    return lists.replay_failed_events(request, parts, site)


def reads_everything(request: Request, parts: Parts) -> None:
    """Raise `Problem` unless the request may read every site there is."""
    bound = _bound_site(request, parts)
    if bound != ALL_SITES and [bound] != parts.config.site_names:
        raise Problem(403, "site_not_allowed", f"This read token reads site {bound!r} only.")


def _readable_site(request: Request, parts: Parts) -> str:
    """The site a request may read. A token for all sites names one with ``?site=``."""
    bound = _bound_site(request, parts)
    wanted = request.query.get("site")
    if bound != ALL_SITES:
        if wanted not in (None, bound):
            raise Problem(403, "site_not_allowed", f"This read token reads site {bound!r} only.")
        return bound
    if wanted is not None:
        return wanted
    sites = parts.config.site_names
    if len(sites) == 1:
        return sites[0]
    reason = "is required: one of " + ", ".join(sites)
    unsaid = Problem(400, "invalid_parameter", f"site {reason}.", errors=[("site", reason)])
    unsaid.members = {"sites": sites}
    raise unsaid


def _bound_site(request: Request, parts: Parts) -> str:
    """The site that the request's token is for, or ``*``."""
    parts.limits.address(request.client_ip)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bound = parts.config.readable_site(token.strip()) if scheme.lower() == "bearer" else None
    if bound is None:
        raise Problem(
            401,
            "unknown_read_token",
            "The read token is missing or unknown: send it as Authorization: Bearer <token>.",
            headers={"www-authenticate": "Bearer"},
        )
    return bound


def _health(parts: Parts, _request: Request) -> Response:
    down = []
    checks: dict[str, Callable[[], object]] = {
        "queue": parts.queue.depth,
        "store": parts.store.check,
    }
    checks.update(parts.checks)
    for name, check in checks.items():
        try:
            check()
        except Unavailable as error:
            log.warning("health: %s: %s", name, error)
            down.append(name)
    if down:
        raise Problem(
            503,
            "unavailable",
            f"Not working now: {', '.join(down)}.",
            headers={"retry-after": "5"},
        )
    return json({"status": "ok"}, headers={"cache-control": "no-store"})
