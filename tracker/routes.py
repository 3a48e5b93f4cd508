"""The one table: method, path, handler, who may call. Both hosts mount it."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from tracker import assets, cors
from tracker.collector import Collector
from tracker.config import ALL_SITES, Config
from tracker.errors import Problem, QueueUnavailable, Unavailable
from tracker.event import EVENT_TYPES
from tracker.http import Pending, Request, Response, json, problem
from tracker.parts import Parts

if TYPE_CHECKING:
    from tracker.stores import Store

log = logging.getLogger(__name__)


class Access(Enum):
    """Who may call a route."""

    ANYONE = "anyone"
    WRITE_KEY = "write key"
    READ_TOKEN = "read token"  # noqa: S105  (what it is called, not one)


Handler = Callable[[Request], Response | Pending]


class Route(NamedTuple):
    """One row of the table."""

    method: str
    path: str
    handler: Handler
    access: Access


def routes(parts: Parts) -> list[Route]:
    """The table for some parts."""
    config = parts.config
    collector = Collector(config, clock=parts.clock, new_id=parts.new_id)
    script = config.script_name
    table = [
        *(
            Route("POST", path, collector.collect, Access.WRITE_KEY)
            for path in ("/v1/batch", "/v1/b", "/v1/import")
        ),
        *(
            Route("POST", path, partial(collector.collect, path_type=name), Access.WRITE_KEY)
            for name in EVENT_TYPES
            for path in (f"/v1/{name}", f"/v1/{name[0]}")
        ),
        Route("GET", "/v1/i.gif", collector.collect_pixel, Access.WRITE_KEY),
        Route("GET", f"/{script}", assets.script, Access.ANYONE),
        Route("GET", f"/{assets.versioned_name(script)}", assets.versioned_script, Access.ANYONE),
        *_parts(script),
        _reading("/v1/events", "events", parts),
        _reading("/v1/users/{user_id}", "user", parts),
        _reading("/v1/failed-events", "failed_events", parts),
        Route("POST", "/v1/failed-events/replay", partial(_replay, parts), Access.READ_TOKEN),
    ]
    table = [route._replace(path=config.path_prefix + route.path) for route in table]
    table.append(Route("GET", "/health", partial(_health, parts), Access.ANYONE))
    if config.demo:
        from tracker import demo  # a page of the embedded host, never of a Lambda

        table += (Route("GET", *row, Access.ANYONE) for row in demo.pages(parts))
    return table


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
        return _readable(result, request, config)
    _readable(result.response, request, config)
    _readable(result.otherwise, request, config)
    return result


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
        return result.otherwise
    return result.response


class Router:
    """Finds the route of a request."""

    def __init__(self, table: Sequence[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[list[str], Route]] = []
        for route in table:
            if "{" in route.path:
                self._patterns.append((route.path.split("/"), route))
            else:
                self._exact.setdefault(route.path, {})[route.method] = route
        self._patterns.sort(key=_length)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its path's parameters. Raises `Problem` 404 or 405."""
        found: dict[str, tuple[Route, dict[str, str]]] = {
            verb: (route, {}) for verb, route in self._exact.get(path, {}).items()
        }
        if not found:
            segments = path.split("/")
            # The longest pattern that fits: the last parameter of a shorter one may hold slashes.
            for pattern, route in self._patterns:
                parameters = _match(pattern, segments)
                if parameters is not None:
                    found[route.method] = (route, parameters)
        if not found:
            raise Problem(404, "not_found", f"There is nothing at {path}.")
        if method not in found:
            allowed = ", ".join(allowed_methods(found))
            raise Problem(
                405,
                "method_not_allowed",
                f"{path} takes {allowed}.",
                headers={"allow": allowed},
            )
        return found[method]

    def methods(self, path: str) -> str:
        """The methods of a path. Raises `Problem` 404."""
        try:
            self.find("", path)
        except Problem as error:
            if error.status == 405:
                return error.headers["allow"]
            raise
        return ""


def allowed_methods(mounted: Collection[str]) -> list[str]:
    """What a path answers to, given the methods of its routes."""
    return [*sorted(mounted), *(["HEAD"] if "GET" in mounted else []), "OPTIONS"]


def _length(row: tuple[list[str], Route]) -> int:
    return len(row[0])


def _match(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(segments) > len(pattern) and pattern[-1].startswith("{"):
        # The HTTP server has decoded the path: a slash may be part of an id (a%2Fb).
        last = len(pattern) - 1
        segments = [*segments[:last], "/".join(segments[last:])]
    if len(pattern) != len(segments):
        return None
    parameters = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            if not segment:
                return None
            parameters[expected.strip("{}")] = segment
        elif expected != segment:
            return None
    return parameters


Reader = Callable[[Request, "Store", str], Response]


def _reading(path: str, name: str, parts: Parts) -> Route:
    """A route that answers to read tokens, by a function of `tracker.reading`."""

    def handler(request: Request) -> Response:
        site = _readable_site(request, parts.config)
        from tracker import reading  # a cold Lambda that takes an event does without

        read: Reader = getattr(reading, name)
        return read(request, parts.store, site)

    return Route("GET", path, handler, Access.READ_TOKEN)


def _replay(parts: Parts, request: Request) -> Response:
    # A read token may do this: it changes nothing but what failed, and adds nothing of its own.
    site = _readable_site(request, parts.config)
    from tracker import reading

    return reading.replay_failed_events(request, parts.store, parts.queue, site)


def _readable_site(request: Request, config: Config) -> str:
    """The site a request may read. A token for all sites names one with ``?site=``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bound = config.readable_site(token.strip()) if scheme.lower() == "bearer" else None
    if bound is None:
        raise Problem(
            401,
            "unknown_read_token",
            "The read token is missing or unknown: send it as Authorization: Bearer <token>.",
            headers={"www-authenticate": "Bearer"},
        )
    wanted = request.query.get("site")
    if bound != ALL_SITES:
        if wanted not in (None, bound):
            raise Problem(403, "site_not_allowed", f"This read token reads site {bound!r} only.")
        return bound
    if wanted is not None:
        return wanted
    sites = config.site_names
    if len(sites) == 1:
        return sites[0]
    reason = "is required: one of " + ", ".join(sites)
    raise Problem(400, "invalid_parameter", f"site {reason}.", errors=[("site", reason)])


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
