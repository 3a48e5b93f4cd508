"""`/openapi.json` is the contract: held to the route table, to what the handlers look at, and to
what is answered."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from tests.door import (
    ALL_TOKEN,
    GUARDED_KEY,
    OPEN_KEY,
    OPEN_TOKEN,
    Door,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.events import MINUTE, wire
from tests.test_user_agent import CHROME
from tracker import config, openapi, routes, timestamps, wiring
from tracker.http import Request
from tracker.reading import parameters

Contract = dict[str, Any]


@pytest.fixture(scope="module")
def door(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Door]:
    """Ada, who did all sorts of things; and something that is wrong."""
    with some_servers(tmp_path_factory.mktemp("openapi"), leash) as servers:
        door = Door(start(servers, settings(), "--no-demo"))
        now = timestamps.now() - MINUTE
        page = {"path": "/pricing", "url": "https://s.example/pricing", "title": "Pricing"}
        context = {"page": page, "userAgent": CHROME, "seq": 1}
        events: list[Any] = [
            wire(now, context=context, properties={"a": 1}, category="c", name="n"),
            wire(now + 1, type="identify", userId="ada", traits={"plan": "pro"}),
            wire(now + 2, type="track", event="Ordered", userId="ada", integrations={"a": True}),
            wire(now + 3, type="group", groupId="g", userId="ada"),
            wire(now + 4, type="alias", userId="ada", previousId="old"),
            wire(now + 5, type="screen", context={"sessionId": "s"}),
            {"type": "track"},
            7,
        ]
        door.post({"batch": events})
        eventually(lambda: len(door.read("/v1/events").json["data"]) == 6)
        eventually(lambda: len(door.failed()) == 2)
        yield door


@pytest.fixture(scope="module")
def contract(door: Door) -> Contract:
    answer = door("GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    found: Contract = answer.json
    return found


def test_it_is_openapi_and_says_where_it_is(door: Door, contract: Contract) -> None:
    spec: dict[Hashable, Any] = dict(contract.items())
    validate(spec)
    assert contract["openapi"].startswith("3.1")
    assert contract["servers"] == [{"url": door.server.url}]
    names = [one["operationId"] for _, _, one in operations(contract)]
    assert len(set(names)) == len(names)
    used = {ref for ref in refs(contract) if ref.startswith("#/components/")}
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters")
        for name in contract["components"][kind]
    }
    assert used == there, "all are there, and none is there for nothing"


def operations(contract: Contract) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def refs(part: Any) -> Iterator[str]:
    for value in part.values() if isinstance(part, dict) else part:
        if isinstance(value, dict | list):
            yield from refs(value)
        elif isinstance(part, dict) and "$ref" in part:
            yield part["$ref"]


@pytest.mark.parametrize("prefix", ["", "/m/n"])
@pytest.mark.parametrize("script", ["kit.js", "shop.js"])
def test_it_has_every_route_and_no_other(prefix: str, script: str) -> None:
    settings = config.Config(path_prefix=prefix, script_name=script)
    document = openapi.document(prefix, script, "")
    table = routes.routes(wiring.parts(settings))
    assert {(method, path) for method, path, _ in operations(document)} == {
        (route.method, route.path) for route in table
    }
    kinds = {"write key": "writing", "read token": "reading", "anyone": "pages"}
    by_route = {(route.method, route.path): kinds[route.access.value] for route in table}
    for method, path, operation in operations(document):
        assert operation["tags"] == [by_route[method, path]]


class Noted(Mapping[str, str]):
    """A query, or headers, that notes what is asked for."""

    def __init__(self, there: Mapping[str, str]) -> None:
        self.there = there
        self.looked_at: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.looked_at.add(name)
        return self.there[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nothing else of it is read")

    def __len__(self) -> int:
        return 1


PIXEL = {"data": "e30"}
WRITER = {"write_key": OPEN_KEY}
TRIED: dict[str, list[dict[str, str]]] = {
    "/v1/sessions": [{"user_id": "ada"}],
    "/v1/funnels": [{"steps": "a"}],
    "/v1/stats": [{}, {"group_by": "path"}],
    "/v1/i.gif": [PIXEL, PIXEL | WRITER],
}


def test_it_has_every_parameter_that_is_looked_at_and_no_other(
    tmp_path: Path, contract: Contract
) -> None:
    """A handler is called with queries that note which names they are asked for."""
    environment = settings() | {"TRACKER_DATA": str(tmp_path)}
    parts = wiring.parts(config.from_environment(environment))
    table = {(route.method, route.path): route for route in routes.routes(parts)}
    mistaken = {"user", "userId", "anonymous", "anonymousId", "session", "sessionId"}
    for method, path, operation in operations(contract):
        headers = Noted({"authorization": f"Bearer {OPEN_TOKEN}"})
        writes = method == "POST" and operation["tags"] == ["writing"]
        body = b'{"batch": [{"type": "page", "userId": "u"}]}' if writes else b""
        looked_at: set[str] = set()
        for there in TRIED.get(path, [{}, WRITER] if writes else [{}]):
            query = Noted(there)
            request = Request(method, path, headers, query, body)
            request.parameters = {"user_id": "u", "write_key": "k", "version": "v", "file": "f"}
            routes.answer(table[method, path], request, parts.config)
            looked_at |= query.looked_at
        documented = parameters_of(contract, operation)
        assert looked_at - mistaken == documented["query"], (method, path)
        seen = headers.looked_at & {"if-none-match"}
        assert seen == {name.lower() for name in documented["header"]}, (method, path)


def parameters_of(contract: Contract, operation: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"query": set(), "header": set(), "path": set()}
    for one in operation["parameters"]:
        name = one.get("$ref", "").rpartition("/")[2]
        parameter = contract["components"]["parameters"][name] if name else one
        found[parameter["in"]].add(parameter["name"])
    return found


READS = {
    "/v1/events": ["", "?user_id=ada&limit=1", "?limit=0", "?session_id=s", "?bots=only"],
    "/v1/sessions": ["?user_id=ada", "?anonymous_id=v&limit=1", ""],
    "/v1/users/{user_id}": ["ada", "nobody", "x" * 257, "ada?bots=no"],
    "/v1/stats": ["?since=2026-01-01", "?group_by=path", "?group_by=browser&path=/pricing", "?x=1"],
    "/v1/delivery": ["", "?since=x"],
    "/v1/failed-events": ["", "?limit=1", "?order=x"],
    "/v1/failed-events/counts": ["", "?group_by=field", "?group_by=x"],
    "/v1/live": ["", "?bots=include", "?bots=x"],
    "/v1/status": [""],
    "/v1/funnels": ["?steps=/pricing,Ordered", "?steps=", ""],
    "/v1/retention": ["", "?since=x"],
}


def test_what_is_read_is_of_the_shape_that_it_says(door: Door, contract: Contract) -> None:
    reading = {
        path
        for method, path, operation in operations(contract)
        if method == "GET" and operation["tags"] == ["reading"]
    }
    assert reading == READS.keys()
    for path, queries in READS.items():
        for query in queries:
            target = path.replace("{user_id}", "") + query
            for token in (OPEN_TOKEN, ALL_TOKEN, "nobody's"):
                answer = door.read(target, token)
                check(contract, "GET", path, answer.status, answer.json)
    elsewhere = door.read("/v1/status?site=guarded")
    check(contract, "GET", "/v1/status", elsewhere.status, elsewhere.json)
    headers = {"authorization": f"Bearer {OPEN_TOKEN}"}

    def known() -> int:
        etag = door("GET", "/v1/live", None, headers).headers["etag"]
        return door("GET", "/v1/live", None, headers | {"if-none-match": etag}).status

    eventually(lambda: known() == 304)


def test_what_is_written_is_answered_in_the_shape_that_it_says(
    door: Door, contract: Contract
) -> None:
    bodies = (b'{"batch": []}', b'{"batch": [1, {"type": "page"}]}', b"[]", b"{", b"x" * 600_000)
    for method, path, operation in operations(contract):
        if operation["tags"] != ["writing"] or method != "POST":
            continue
        for key in (OPEN_KEY, GUARDED_KEY, "nobody's"):
            for body in bodies:
                headers = {"origin": "https://evil.example"}
                answer = door("POST", f"{path}?write_key={key}", body, headers)
                check(contract, "POST", path, answer.status, answer.json)
        answer = door("POST", path, b"{}", {"content-encoding": "br"})
        check(contract, "POST", path, answer.status, answer.json)
    for path in ("/v1/failed-events/replay", "/v1/failed-events/replay?limit=x"):
        headers = {"authorization": f"Bearer {OPEN_TOKEN}"}
        for body in (b"", b'{"ids": ["a"]}', b'{"ids": 1}', b"x" * 600_000):
            answer = door("POST", path, body, headers)
            check(contract, "POST", path.partition("?")[0], answer.status, answer.json)
    headers = {"authorization": f"Bearer {OPEN_TOKEN}"}
    answer = door("DELETE", "/v1/users/somebody", None, headers)
    check(contract, "DELETE", "/v1/users/{user_id}", answer.status, answer.json)


def check(contract: Contract, method: str, path: str, status: int, answer: Any) -> None:
    """The status is one of those that are said, and the answer of its shape."""
    told = contract["paths"][path][method.lower()]["responses"]
    assert str(status) in told, (method, path, status)
    (content,) = told[str(status)]["content"].values()
    schema = content["schema"] | {"components": contract["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    faults = [f"{fault.instance_path}: {fault.message}" for fault in validator.iter_errors(answer)]
    assert not faults, (method, path, status, faults)


def test_what_browsers_load_is_of_the_type_that_it_says(door: Door, contract: Contract) -> None:
    for method, path, operation in operations(contract):
        if operation["tags"] != ["pages"] or "{" in path:
            continue
        answer = door(method, path)
        types = operation["responses"][str(answer.status)]["content"]
        assert answer.headers["content-type"].partition(";")[0] in types, path
        if "304" in operation["responses"]:
            known = {"if-none-match": answer.headers["etag"]}
            assert door(method, path, None, known).status == 304
    missing = door("GET", "/dashboard/x/y.js")
    check(contract, "GET", "/dashboard/{version}/{file}", missing.status, missing.json)


def test_the_limits_are_those_of_the_code(contract: Contract) -> None:
    shapes = contract["components"]["parameters"]
    assert shapes["limit"]["schema"]["maximum"] == parameters.MAX_LIMIT
    assert shapes["limit"]["schema"]["default"] == parameters.DEFAULT_LIMIT
