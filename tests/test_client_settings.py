"""What other makers' clients ask for at their start, over HTTP."""

from collections.abc import Iterator

import pytest

from tests.door import (
    ALLOWED,
    GUARDED_KEY,
    Door,
    assert_problem,
    basic,
    settings,
    some_servers,
    start,
)
from tests.engines.leash import Leash

SEGMENT = f"/m/v1/projects/{GUARDED_KEY}/settings"
RUDDERSTACK = f"/m/sourceConfig/?p=npm&writeKey={GUARDED_KEY}"
PAGE = {"origin": ALLOWED}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, leash: Leash) -> Iterator[Door]:
    """A server of which every site takes events from its own pages only, under a path."""
    environment = settings(any_origin=False) | {"TRACKER_PATH_PREFIX": "/m"}
    with some_servers(tmp_path_factory.mktemp("settings"), leash) as servers:
        yield Door(start(servers, environment, "--no-demo"))


def test_segments_client_is_told_to_send_here_and_to_load_nothing(door: Door) -> None:
    answer = door("GET", SEGMENT, headers=PAGE)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    (name, told), *others = answer.json["integrations"].items()
    assert (name, others) == ("Segment.io", [])
    here = door.server.url.removeprefix("http://")
    assert told == {"apiKey": GUARDED_KEY, "apiHost": f"{here}/m/v1", "protocol": "http"}


def test_a_proxy_that_ends_tls_says_how_pages_come_here(door: Door) -> None:
    proxied = PAGE | {"x-forwarded-proto": "https", "host": "t.example.org"}
    told = door("GET", SEGMENT, headers=proxied).json["integrations"]["Segment.io"]
    assert (told["protocol"], told["apiHost"]) == ("https", "t.example.org/m/v1")
    strange = PAGE | {"x-forwarded-proto": "javascript"}
    told = door("GET", SEGMENT, headers=strange).json["integrations"]["Segment.io"]
    assert told["protocol"] == "http"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (RUDDERSTACK, {}),
        (RUDDERSTACK.replace("/?", "?"), {}),
        ("/m/sourceConfig/", {"authorization": basic(GUARDED_KEY)}),
    ],
    ids=["by query", "without a slash", "by Basic"],
)
def test_rudderstacks_client_is_told_to_load_and_report_nothing(
    door: Door, path: str, headers: dict[str, str]
) -> None:
    answer = door("GET", path, headers=PAGE | headers)
    assert answer.status == 200
    source = answer.json["source"]
    assert (source["id"], source["enabled"], source["destinations"]) == (GUARDED_KEY, True, [])
    off = {"enabled": False}
    assert source["config"] == {"statsCollection": {"errors": off, "metrics": off}}


@pytest.mark.parametrize("path", [SEGMENT, RUDDERSTACK])
def test_settings_are_for_the_pages_of_the_site(door: Door, path: str) -> None:
    answer = door("GET", path, headers=PAGE)
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["vary"] == "Origin", "so a cache keeps one for each origin"
    assert door("GET", path).status == 200, "nobody's page is no page of another site"
    refused = door("GET", path, headers={"origin": "https://evil.example"})
    assert_problem(refused, 403, "origin_not_allowed")
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/m/v1/projects/nobody/settings",
        "/m/v1/projects/%ff/settings",
        "/m/sourceConfig/",
        "/m/sourceConfig?writeKey=nobody",
        "/m/sourceConfig?writeKey=",
    ],
)
def test_an_unknown_key_has_no_settings(door: Door, path: str) -> None:
    answer = door("GET", path, headers=PAGE)
    assert_problem(answer, 401, "unknown_write_key")
    assert answer.headers["access-control-allow-origin"] == ALLOWED, "a page can read why"
    assert answer.headers["cache-control"] == "no-store"


def test_a_page_may_send_every_header_that_the_clients_send(door: Door) -> None:
    answer = door("OPTIONS", "/m/v1/batch", headers=PAGE)
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-retry-count", "anonymousid", "*"} <= set(allowed)
