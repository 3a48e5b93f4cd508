"""What a route is, and which one a request comes to."""

from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import NamedTuple

from tracker.errors import Problem
from tracker.http import Pending, Request, Response


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
        # A slash at the end says nothing, unless it is part of an id. API Gateway drops it:
        # https://github.com/aws/chalice/issues/65
        method = "GET" if method == "HEAD" else method
        found = self._routes(path) or self._routes(path.rstrip("/"))
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

    def _routes(self, path: str) -> dict[str, tuple[Route, dict[str, str]]]:
        """What is at a path, by method."""
        exact = self._exact.get(path)
        if exact:
            return {verb: (route, {}) for verb, route in exact.items()}
        found: dict[str, tuple[Route, dict[str, str]]] = {}
        segments = path.split("/")
        # The longest pattern that fits: the last parameter of a shorter one may hold slashes.
        for pattern, route in self._patterns:
            parameters = _match(pattern, segments)
            if parameters is not None:
                found[route.method] = (route, parameters)
        return found

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
