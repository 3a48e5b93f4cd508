"""The operations for browsers, and for whoever watches over it: without a key."""

from tracker import assets, dashboard
from tracker.openapi import answers
from tracker.openapi.answers import ref
from tracker.openapi.operation import PAGES, Operation, Paths, operation
from tracker.openapi.parameters import query

_JAVASCRIPT = "text/javascript"


def scripts(name: str) -> Paths:
    """The client and its parts, under the client's name; each also by its version's."""
    found: Paths = {}
    for part in (None, *assets.PARTS):
        plain = assets.part_name(name, part) if part else name
        about = f"the client's part {part!r}" if part else "the browser client"
        key = (part or "client").title()
        found[f"/{plain}"] = {"get": _script(f"load{key}", f"Load {about}")}
        versioned = assets.versioned_name(name, part)
        summary = f"Load this version of {about}, to be kept for a year"
        found[f"/{versioned}"] = {"get": _script(f"loadPinned{key}", summary)}
    return found


def paths() -> Paths:
    """The others, which have no prefix."""
    return {
        "/health": {"get": _health()},
        "/openapi.json": {"get": _openapi()},
        "/": {"get": _dashboard()},
        **{
            f"/dashboard/{{version}}/{path}": {"get": _file(f"loadDashboardFile{number}")}
            for number, (path, _) in enumerate(dashboard.files(), 1)
        },
    }


def _script(name: str, summary: str) -> Operation:
    return operation(
        PAGES,
        name,
        summary,
        answers.content("The script.", _JAVASCRIPT),
        answers.not_modified(),
        parameters=query("ifNoneMatch"),
    )


def _health() -> Operation:
    return operation(
        PAGES,
        "readHealth",
        "Whether it works",
        answers.ok("It does.", ref("Health")),
        answers.down(),
    )


def _openapi() -> Operation:
    return operation(
        PAGES,
        "readContract",
        "This document",
        answers.ok("OpenAPI 3.1.", {"type": "object"}),
    )


def _dashboard() -> Operation:
    return operation(
        PAGES,
        "loadDashboard",
        "The dashboard, which asks for a read token",
        answers.content("The page.", "text/html"),
        answers.not_modified(),
        parameters=query("ifNoneMatch"),
    )


def _file(name: str) -> Operation:
    made = operation(
        PAGES,
        name,
        "A file of the dashboard's",
        answers.content("The file.", "text/css", _JAVASCRIPT, "image/svg+xml", "font/woff2"),
        answers.not_found("There is no such file in this version."),
    )
    made["parameters"] = [
        {"name": one, "in": "path", "required": True, "schema": {"type": "string"}}
        for one in ("version", "file")
    ]
    return made
