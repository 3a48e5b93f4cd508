"""A client cannot tell the two hosts apart: the same request, over HTTP to the embedded server and
as an API Gateway event to the Chalice app, has the same answer."""

import base64
import gzip
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from chalice.app import Chalice

from tests.door import (
    ALL_TOKEN,
    ALLOWED,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_KEY,
    OPEN_TOKEN,
    Answer,
    Door,
    basic,
    settings,
    some_servers,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.test_user_agent import CHROME, GOOGLEBOT
from tracker import config, consumer, routes, timestamps, wiring
from tracker.parts import Parts
from tracker.stores import FailedEvent
from tracker.stores.sqlite.store import SqliteStore


class Gateway:
    """Gives requests to a Chalice app as API Gateway's Lambda proxy integration does: bodies in
    base64 (every type is a binary one), path parameters as they stand in the URL
    (https://github.com/aws/chalice/issues/511), query parameters decoded."""

    def __init__(
        self,
        app: Chalice,
        domain: str = "abc.execute-api.us-east-1.amazonaws.com",
        base: str = "/api",
    ) -> None:
        self._app = app
        self._domain = domain
        self._base = base

    def at(self, domain: str, base: str) -> "Gateway":
        """The same API, under a domain of the user's."""
        return Gateway(self._app, domain, base)

    def __call__(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        url = urlsplit(target)
        resource, parameters = self._resource(url.path)
        query = parse_qs(url.query, keep_blank_values=True)
        event = {
            "resource": resource,
            "path": url.path,
            "httpMethod": method,
            "headers": dict(headers) if headers else None,
            "multiValueHeaders": {k: [v] for k, v in headers.items()} if headers else None,
            "queryStringParameters": {k: v[-1] for k, v in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "path": f"{self._base}{url.path}",
                "stage": "api",
                "domainName": self._domain,
                "identity": {"sourceIp": "127.0.0.1"},
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }
        answer = self._app(json.loads(json.dumps(event)), None)
        answer = json.loads(json.dumps(answer))  # as Lambda hands it on
        raw = answer["body"].encode()
        sent = {name.lower(): value for name, value in answer["headers"].items()}
        content = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw
        return Answer(answer["statusCode"], sent, content)

    def _resource(self, path: str) -> tuple[str, dict[str, str]]:
        """API Gateway itself answers for a path that no resource matches; it knows no slash at the
        end (so says chalice/local.py)."""
        path = path.removesuffix("/") or "/"
        if path in self._app.routes:
            return path, {}
        for resource in self._app.routes:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(resource))
            if found := re.fullmatch(pattern, path):
                return resource, found.groupdict()
        raise AssertionError(f"API Gateway has no resource for {path}")


class Hosts(NamedTuple):
    embedded: Door
    chalice: Gateway
    parts: Parts
    """The Chalice app's queue and store."""

    def both(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, Answer]:
        return (
            self.embedded(method, target, body, headers),
            self.chalice(method, target, body, headers),
        )

    def consume(self) -> None:
        """Lambda's part: what is queued is given to the consumer."""
        while messages := self.parts.queue.receive(10, 0):
            consumer.consume([message.body for message in messages], self.parts.store)
            self.parts.queue.delete([message.receipt for message in messages])


VISITS = [
    {
        "type": "page",
        "anonymousId": "visitor",
        "messageId": f"m{number}",
        "timestamp": f"2026-10-01T10:00:{number:02}Z",
        "context": {"sessionId": "s", "ip": "198.51.100.7", "userAgent": CHROME},
        **({"userId": "a/b c"} if number > 3 else {}),
    }
    for number in range(6)
]
USERS = ["ada@example.org", "a+b", "100%", "zoë"]


@pytest.fixture(scope="module")
def hosts(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Hosts]:
    scratch = tmp_path_factory.mktemp("hosts")
    environment = settings(any_origin=False) | {"TRACKER_DATA": str(scratch / "chalice")}
    with some_servers(scratch, leash) as servers, pytest.MonkeyPatch.context() as patch:
        embedded = Door(start(servers, environment, "--no-demo"))
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.delitem(sys.modules, "app", raising=False)
        app: Chalice = import_module("app").app
        sys.modules.pop("app")
        hosts = Hosts(embedded, Gateway(app), wiring.parts(config.from_environment(environment)))
        seen = {"type": "page", "timestamp": "2026-10-02T10:00:00Z"}
        users = [seen | {"userId": user, "messageId": user} for user in USERS]
        bad = [{"type": "page", "messageId": "bad", "context": {"x": 1}}]
        crawled = [seen | {"anonymousId": "crawler", "messageId": "crawled"}]
        for events, key in ((VISITS, OPEN_KEY), (users, OPEN_KEY), (bad, GUARDED_KEY)):
            body = json.dumps({"batch": events}).encode()
            hosts.both("POST", f"/v1/batch?write_key={key}", body, {"CF-IPCountry": "NZ"})
        body = json.dumps({"batch": crawled}).encode()
        target, agent = f"/v1/batch?write_key={OPEN_KEY}", {"User-Agent": GOOGLEBOT}
        hosts.both("POST", target, body, agent | {"CloudFront-Viewer-Country": "DE"})
        hosts.consume()
        eventually(lambda: len(embedded.read("/v1/events").json["data"]) == 6 + len(USERS))
        eventually(lambda: embedded.failed(GUARDED_TOKEN))
        eventually(lambda: embedded.read("/v1/events?bots=only").json["data"])
        yield hosts


ONE = json.dumps({"batch": [{"type": "page", "anonymousId": "one", "messageId": "x"}]}).encode()
PIXEL = base64.urlsafe_b64encode(b'{"type": "page", "anonymousId": "one"}').decode()
HEAD_PIXEL = base64.urlsafe_b64encode(b'{"type": "page", "anonymousId": "of-a-head"}').decode()
READ = {"authorization": f"Bearer {OPEN_TOKEN}"}


GUARDED = {"authorization": f"Bearer {GUARDED_TOKEN}"}
GZIPPED = {"content-encoding": "gzip"}


class Case(NamedTuple):
    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


def post(
    body: bytes | None,
    target: str = f"/v1/batch?write_key={OPEN_KEY}",
    headers: Mapping[str, str] | None = None,
) -> Case:
    return Case("POST", target, body, headers)


def read(target: str, headers: Mapping[str, str] | None = None) -> Case:
    return Case("GET", target, None, READ if headers is None else headers)


CASES = {
    "a batch": post(ONE),
    "a batch without an Accept header": post(ONE, headers={"content-type": "application/json"}),
    "a batch as plain text": post(ONE, headers={"content-type": "text/plain", "accept": "*/*"}),
    "a batch for a client that wants JSON": post(ONE, headers={"accept": "application/json"}),
    "a batch for a client that wants HTML": post(ONE, headers={"accept": "text/html"}),
    "a form": post(b"a=b", headers={"content-type": "application/x-www-form-urlencoded"}),
    "gzip": post(gzip.compress(ONE), headers={"content-encoding": "gzip"}),
    "not gzip": post(ONE, headers={"content-encoding": "gzip"}),
    "an unknown encoding": post(ONE, headers={"content-encoding": "br"}),
    "bytes": post(b"\xff\xfe"),
    "no body": post(None),
    "not a batch": post(b"[]"),
    "a bad event": post(b'{"batch": [null, {"type": "page", "userId": 1}]}'),
    "over the limit": post(b" " * 600_000),
    "too many events": post(b'{"batch": [' + b",".join([b"1"] * 2_501) + b"]}"),
    "an empty batch": post(b'{"batch": []}'),
    "no write key": post(ONE, "/v1/batch"),
    "Basic": post(ONE, "/v1/b", {"authorization": basic(OPEN_KEY)}),
    "a single event": post(b'{"userId": "u", "messageId": "y"}', f"/v1/p?write_key={OPEN_KEY}"),
    "an origin that is not the site's": post(
        ONE, f"/v1/batch?write_key={GUARDED_KEY}", {"origin": "https://evil.example"}
    ),
    "an origin of the site": post(
        ONE, f"/v1/batch?write_key={GUARDED_KEY}", {"Origin": ALLOWED, "Accept": "*/*"}
    ),
    "a beacon of RudderStack's client": post(ONE, f"/beacon/v1/batch?writeKey={OPEN_KEY}"),
    "a slash at the end": post(ONE, f"/v1/batch/?write_key={OPEN_KEY}"),
    "settings for Segment's client, for nobody": Case("GET", "/v1/projects/x/settings"),
    "settings for Segment's client, for a page of no site": Case(
        "GET", f"/v1/projects/{GUARDED_KEY}/settings", None, {"origin": "https://evil.example"}
    ),
    "settings for RudderStack's client": Case(
        "GET", f"/sourceConfig/?p=npm&writeKey={OPEN_KEY}", None, {"origin": ALLOWED}
    ),
    "settings for RudderStack's client, by Basic": Case(
        "GET", "/sourceConfig", None, {"authorization": basic(GUARDED_KEY), "origin": ALLOWED}
    ),
    "settings for RudderStack's client, for nobody": Case("GET", "/sourceConfig/"),
    "the head of settings": Case("HEAD", f"/sourceConfig/?view=ad&writeKey={OPEN_KEY}"),
    "a preflight for settings": Case("OPTIONS", "/sourceConfig/", None, {"origin": ALLOWED}),
    "a preflight": Case("OPTIONS", "/v1/batch", None, {"origin": ALLOWED}),
    "a preflight of another origin": Case("OPTIONS", "/v1/t", None, {"origin": "https://a.b"}),
    "a preflight for reading": Case("OPTIONS", "/v1/users/x", None, {"origin": ALLOWED}),
    "the pixel": Case("GET", f"/v1/i.gif?data={PIXEL}&write_key={OPEN_KEY}"),
    "the pixel for an image": Case(
        "GET", f"/v1/i.gif?data={PIXEL}&write_key={OPEN_KEY}", None, {"accept": "image/*"}
    ),
    "the pixel without anything": Case("GET", "/v1/i.gif"),
    "the head of the pixel": Case("HEAD", f"/v1/i.gif?data={HEAD_PIXEL}&write_key={OPEN_KEY}"),
    "kit.js": Case("GET", "/kit.js"),
    "kit.js of another version": Case("GET", "/kit.js", None, {"if-none-match": '"x"'}),
    "the head of kit.js": Case("HEAD", "/kit.js"),
    "health": Case("GET", "/health"),
    "a file of another version": Case("GET", "/dashboard/000000000000/app.js"),
    "the head of health": Case("HEAD", "/health", None, {"accept": "*/*"}),
    "no read token": Case("GET", "/v1/events"),
    "a wrong read token": read("/v1/events", {"Authorization": "Bearer wrong"}),
    "a token for all sites": read("/v1/events", {"authorization": f"Bearer {ALL_TOKEN}"}),
    "another site": read("/v1/events?site=guarded"),
    "a person": read(f"/v1/events?user_id={quote('a/b c', safe='')}&order=asc"),
    "a visitor": read("/v1/events?anonymous_id=visitor"),
    "a session": read("/v1/events?session_id=s&limit=2"),
    "filters": read("/v1/events?anonymous_id=visitor&type=page&since=2026-10-01T12:00:02+02:00"),
    "bots": read("/v1/events?bots=only"),
    "bots and people": read("/v1/events?anonymous_id=visitor&bots=include"),
    "a bad word about bots": read("/v1/events?bots=exclude"),
    "a limit given twice": read("/v1/events?anonymous_id=visitor&limit=x&limit=1"),
    "a bad limit": read("/v1/events?limit=0"),
    "a bad cursor": read("/v1/events?cursor=%C3%BC"),
    "an empty parameter": read("/v1/events?user_id="),
    "two ids": read("/v1/events?user_id=a&anonymous_id=b"),
    "an id given twice": read("/v1/events?user_id=a&user_id=b"),
    "a strange query": read("/v1/events?anonymous_id=%ff&=&x"),
    **{
        f"sessions {query}": read(f"/v1/sessions?{query}")
        for query in (
            *("anonymous_id=visitor", f"user_id={quote('a/b c', safe='')}&order=asc&limit=1"),
            *("user_id=a%2Bb", "", "user_id=a&anonymous_id=b", "user_id=a&cursor=x"),
            "anonymous_id=visitor&since=2026-10-02",
        )
    },
    "sessions without a token": Case("GET", "/v1/sessions?user_id=a"),
    "failed events": read("/v1/failed-events", {"authorization": f"Bearer {GUARDED_TOKEN}"}),
    **{
        f"a replay of {name}": post(body, f"/v1/failed-events/replay{query}", headers)
        for name, body, query, headers in (
            ("all", None, "", GUARDED),
            ("all, with an empty body", b" ", "?limit=1000", GUARDED),
            ("some ids", b'{"ids": ["a", "b"]}', "?limit=3", GUARDED),
            ("no ids", b'{"ids": []}', "", GUARDED),
            ("packed ids", gzip.compress(b'{"ids": ["a"]}'), "", GUARDED | GZIPPED),
            ("what is not JSON", b"{", "", GUARDED),
            ("what is no list", b'{"ids": null}', "", GUARDED),
            ("a misspelt member", b'{"id": ["a"]}', "", GUARDED),
            ("too many ids", json.dumps({"ids": ["a"] * 1001}).encode(), "", GUARDED),
            ("a bad limit", None, "?limit=none", GUARDED),
            ("a bad cursor", None, "?cursor=x", GUARDED),
            ("another site", None, "?site=open", GUARDED),
            ("nobody's", None, "", None),
        )
    },
    "live without a token": Case("GET", "/v1/live"),
    "live with a bad limit": read("/v1/live?limit=0"),
    "status without a token": Case("GET", "/v1/status"),
    "status of another site": read("/v1/status?site=guarded"),
    **{
        f"{path}, {query}": read(f"/v1/{path}?{query}")
        for path, query in (
            ("funnels", "steps=%5B%22page%3A%2F%22%5D&since=2026-10-01&until=2026-10-03"),
            ("funnels", "steps=a,b&until=2026-10-03&window=1w&bots=only"),
            ("funnels", "steps="),
            ("funnels", "steps=a&window=x"),
            ("retention", "since=2026-10-01&until=2026-10-12"),
            ("retention", "since=2026-10-01&until=2026-09-12"),
        )
    },
    "a user with a slash": read("/v1/users/a%2Fb%20c"),
    **{f"user {user}": read("/v1/users/" + quote(user, safe="")) for user in USERS},
    "a user whose plus is not encoded": read("/v1/users/a+b"),
    "a user that is no UTF-8": read("/v1/users/%ff"),
    "a user with a broken escape": read("/v1/users/%zz"),
    "an unknown user": read("/v1/users/nobody"),
    "a user id over the limit": read("/v1/users/" + "x" * 257),
}

OF_THE_CONNECTION = {"date", "server", "content-length", "connection"}
OF_THE_MOMENT = re.compile(r'"(receivedAt|id)":"[^"]*"')


@pytest.mark.parametrize("name", CASES)
def test_both_hosts_give_the_same_answer(hosts: Hosts, name: str) -> None:
    embedded, chalice = hosts.both(*CASES[name])
    assert chalice.status == embedded.status, chalice
    assert _lasting(chalice) == _lasting(embedded)
    assert _headers(chalice) == _headers(embedded)


def test_both_hosts_tell_segments_client_where_they_are(hosts: Hosts) -> None:
    path = f"/v1/projects/{OPEN_KEY}/settings"
    headers = {"x-forwarded-proto": "https", "host": "t.example.org", "accept": "*/*"}
    embedded = hosts.embedded("GET", path, None, headers)
    chalice = hosts.chalice.at("t.example.org", "")("GET", path, None, headers)
    assert embedded.status == chalice.status == 200
    assert embedded.json == chalice.json
    assert _headers(chalice) == _headers(embedded)
    told = embedded.json["integrations"]["Segment.io"]
    assert told == {"apiKey": OPEN_KEY, "apiHost": "t.example.org/v1", "protocol": "https"}
    of_stage = hosts.chalice("GET", path, None, headers).json["integrations"]["Segment.io"]
    assert of_stage["apiHost"] == "abc.execute-api.us-east-1.amazonaws.com/api/v1"
    mapped = hosts.chalice.at("t.example.org", "/m/n")("GET", path, None, headers)
    assert mapped.json["integrations"]["Segment.io"]["apiHost"] == "t.example.org/m/n/v1"


def test_both_hosts_know_an_etag(hosts: Hosts) -> None:
    etag = hosts.embedded("GET", "/kit.js").headers["etag"]
    embedded, chalice = hosts.both("GET", "/kit.js", None, {"if-none-match": etag})
    assert (embedded.status, embedded.body) == (304, b"")
    assert (chalice.status, chalice.body) == (304, b"")
    assert chalice.headers["etag"] == embedded.headers["etag"] == etag
    assert chalice.headers["cache-control"] == embedded.headers["cache-control"]


def test_both_hosts_have_one_contract(hosts: Hosts) -> None:
    embedded, chalice = hosts.both("GET", "/openapi.json")
    assert (embedded.status, chalice.status) == (200, 200)
    assert _headers(chalice) == _headers(embedded)
    assert chalice.json["servers"] == [
        {"url": "https://abc.execute-api.us-east-1.amazonaws.com/api"}
    ]
    assert chalice.json | {"servers": embedded.json["servers"]} == embedded.json


def test_both_hosts_tell_what_is_now(hosts: Hosts) -> None:
    """What is now is another thing a moment later: its shape is the same, and 304 where it is."""
    for path in ("/v1/live?bots=only", "/v1/status"):
        embedded, chalice = hosts.both("GET", path, None, READ)
        assert (embedded.status, chalice.status) == (200, 200)
        assert embedded.json.keys() == chalice.json.keys()
        assert _headers(chalice).keys() == _headers(embedded).keys()
    for host in (hosts.embedded, hosts.chalice):

        def unchanged(host: Door | Gateway = host) -> bool:
            etag = host("GET", "/v1/live?bots=only", None, READ).headers["etag"]
            known = READ | {"if-none-match": etag}
            return host("GET", "/v1/live?bots=only", None, known).status == 304

        eventually(unchanged)


def test_no_two_paths_have_different_parameters_at_one_place(hosts: Hosts) -> None:
    """API Gateway refuses that: only one sibling may have a variable path part."""
    names: dict[tuple[str, ...], set[str]] = {}
    for route in routes.routes(hosts.parts):
        segments = route.path.split("/")
        for place, segment in enumerate(segments):
            if segment.startswith("{"):
                names.setdefault(tuple(segments[:place]), set()).add(segment)
    assert [parameters for parameters in names.values() if len(parameters) > 1] == []


def test_both_hosts_serve_the_dashboard(hosts: Hosts) -> None:
    embedded, chalice = hosts.both("GET", "/")
    assert embedded.status == chalice.status == 200
    assert _headers(embedded) | {"etag": ""} == _headers(chalice) | {"etag": ""}
    assert '<base href="./">' in embedded.body.decode()
    at_stage = chalice.body.decode()
    assert at_stage == embedded.body.decode().replace('href="./"', 'href="/api/"')
    for base, path in (("", "./"), ("/m/n", "/m/n/")):
        page = hosts.chalice.at("t.example.org", base)("GET", "/").body.decode()
        assert f'<base href="{path}">' in page
    files = [part for part in at_stage.split('"') if part.startswith("dashboard/")]
    for path in files:
        embedded, chalice = hosts.both("GET", f"/{path}")
        assert chalice.status == embedded.status == 200
        assert chalice.body == embedded.body
        assert _headers(chalice) == _headers(embedded)


def test_pages_of_both_hosts_hold_the_same(hosts: Hosts) -> None:
    target = "/v1/events?anonymous_id=visitor&limit=4"
    first, first_of_chalice = hosts.both("GET", target, None, READ)
    assert _lasting(first_of_chalice) == _lasting(first), "with the same cursor"
    target += f"&cursor={first.json['next_cursor']}"
    second, second_of_chalice = hosts.both("GET", target, None, READ)
    assert _lasting(second_of_chalice) == _lasting(second)
    assert len(first.json["data"] + second.json["data"]) == 6


LAMBDA_BYTES = 6 * 1024 * 1024
"""What a Lambda can answer with, in base64."""


@pytest.mark.parametrize("path", ["events?anonymous_id=large&order=asc", "failed-events?order=asc"])
def test_a_list_of_large_rows_comes_in_answers_that_a_lambda_can_give(
    hosts: Hosts, path: str
) -> None:
    at = {"timestamp": "2026-10-04T10:00:00Z", "anonymousId": "large"}
    kind = "page" if path.startswith("events") else "track"  # one without a name is rejected
    names = [f"{kind}-{number:03}" for number in range(225)]
    for start_at in range(0, len(names), 15):
        events = [
            at | {"type": kind, "messageId": one, "properties": {"x": "\\" * 15_500}}
            for one in names[start_at : start_at + 15]
        ]
        body = json.dumps({"batch": events}).encode()
        assert {one.status for one in hosts.both("POST", _BATCH, body)} == {200}
    hosts.consume()
    eventually(lambda: _walked(hosts.embedded, path, kind) == names)
    assert _walked(hosts.chalice, path, kind) == names


_BATCH = f"/v1/batch?write_key={OPEN_KEY}"


def _walked(host: Door | Gateway, path: str, kind: str) -> list[str]:
    """The message ids of a whole list that begin so: each page holds as many rows as can be."""
    found: list[str] = []
    pages = 0
    target = f"/v1/{path}&limit=1000"
    while True:
        answer = host("GET", target, None, READ)
        assert len(base64.b64encode(answer.body)) < LAMBDA_BYTES
        ids = [row["messageId"] or "" for row in answer.json["data"]]
        found += [one for one in ids if one.startswith(f"{kind}-")]
        pages += 1
        if answer.json["next_cursor"] is None:
            assert pages <= 4
            return sorted(found)
        target = f"/v1/{path}&limit=1000&cursor={answer.json['next_cursor']}"


def test_asking_for_a_head_stores_nothing_on_either_host(hosts: Hosts) -> None:
    target = f"/v1/i.gif?data={HEAD_PIXEL}&write_key={OPEN_KEY}"
    for answer in hosts.both("HEAD", target):
        assert (answer.status, answer.body) == (200, b"")
    after = b'{"batch": [{"type": "page", "anonymousId": "after-a-head"}]}'
    hosts.both("POST", _BATCH, after)
    hosts.consume()
    hosts.embedded.stored("after-a-head")
    for answer in hosts.both("GET", "/v1/events?anonymous_id=of-a-head", None, READ):
        assert answer.json["data"] == []


def test_what_both_hosts_stored_is_the_same(hosts: Hosts) -> None:
    visit = VISITS[0] | {"anonymousId": "same", "messageId": "same"}
    body = {"batch": [visit], "context": {"locale": "de"}}
    packed = gzip.compress(json.dumps(body).encode())
    target = f"/v1/import?write_key={OPEN_KEY}"
    headers = {
        "content-encoding": "gzip",
        "user-agent": "Agent/2",
        "x-forwarded-for": "203.0.113.9",
    }
    for answer in hosts.both("POST", target, packed, headers):
        assert answer.json["accepted"] == 1
    hosts.consume()
    hosts.embedded.stored("same")
    embedded, chalice = hosts.both("GET", "/v1/events?anonymous_id=same", None, READ)
    assert _lasting(chalice) == _lasting(embedded)
    (event,) = chalice.json["data"]
    assert event["context"] | {"locale": "de", "ip": "198.51.100.0"} == event["context"]


def test_what_is_replayed_is_stored_by_both_hosts(hosts: Hosts) -> None:
    failed = [
        FailedEvent(
            id=f"f{number}",
            site="open",
            received_at=timestamps.parse("2126-10-03T10:00:00Z") + number,
            field="",
            reason="was not understood",
            payload=json.dumps(
                {"type": "page", "anonymousId": "replayed", "messageId": f"r{number}"}
            ),
        )
        for number in range(5)
    ]
    SqliteStore(hosts.embedded.server.data / wiring.STORE_FILE).append_failed(failed)
    hosts.parts.store.append_failed(failed)
    target = "/v1/failed-events/replay?limit=3"
    first, first_of_chalice = hosts.both("POST", target, None, READ)
    assert _lasting(first_of_chalice) == _lasting(first)
    assert (first.json["replayed"], first.json["rejected"]) == (3, [])
    target += f"&cursor={first.json['next_cursor']}"
    for answer in hosts.both("POST", target, b'{"ids": ["f0", "f1"]}', READ):
        assert (answer.json["replayed"], answer.json["next_cursor"]) == (2, None)
    for answer in hosts.both("POST", target, None, READ):  # once more: no harm is done
        assert answer.status == 200
    hosts.consume()
    hosts.embedded.stored("replayed", 5)
    embedded, chalice = hosts.both("GET", "/v1/events?anonymous_id=replayed", None, READ)
    assert _lasting(chalice) == _lasting(embedded)
    assert {event["receivedAt"][:10] for event in chalice.json["data"]} == {"2126-10-03"}
    eventually(lambda: not _ids(hosts.embedded.failed()) & {one.id for one in failed})
    left = hosts.chalice("GET", "/v1/failed-events", None, READ).json["data"]
    assert not _ids(left) & {one.id for one in failed}


def _ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def test_an_unavailable_queue_is_the_same_503(hosts: Hosts, tmp_path: Path) -> None:
    """The queue's folder is a file: no queue can be made there."""
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (settings() | {"TRACKER_DATA": str(blocked / "data")}).items():
            patch.setenv(name, value)
        patch.delitem(sys.modules, "app", raising=False)
        gateway = Gateway(import_module("app").app)
        sys.modules.pop("app")
    answer = gateway("POST", f"/v1/batch?write_key={OPEN_KEY}", ONE)
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.json["code"] == "unavailable"
    health = gateway("GET", "/health")
    assert health.status == 503
    assert "queue" in health.json["detail"]
    assert gateway("GET", "/v1/events", None, READ).status == 503
    assert gateway("POST", "/v1/failed-events/replay", None, READ).status == 503


def _lasting(answer: Answer) -> Any:
    """The body, without what differs from moment to moment."""
    text = answer.body.decode("latin-1")
    if "json" in answer.headers.get("content-type", ""):
        text = OF_THE_MOMENT.sub(r'"\1":"…"', text)
    return text


def _headers(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k not in OF_THE_CONNECTION}
