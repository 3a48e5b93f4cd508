"""Behind a reverse proxy, what it says of a client is believed; what a client says is not."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.door import GUARDED_KEY, OPEN_KEY, Door, settings, some_servers, start
from tests.engines.leash import Leash
from tests.engines.server import Servers
from tests.events import wire
from tracker.config import embedded
from tracker.embedded.proxies import Proxies
from tracker.errors import ConfigError

PRIVATE = embedded.read({"TRACKER_TRUSTED_PROXIES": "127.0.0.1, ::1,10.0.0.0/8,fd00::/8"})


@pytest.fixture(scope="module")
def servers(
    _no_aws_account: None, tmp_path_factory: pytest.TempPathFactory, leash: Leash
) -> Iterator[Servers]:
    with some_servers(tmp_path_factory.mktemp("proxies"), leash) as servers:
        yield servers


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1,10.0.0.5,203.0.113.9 , 10.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "10.0.0.5, 10.0.0.6", "10.0.0.5"),
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("::1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("::1", "2001:DB8:0::7", "2001:db8::7"),
        ("::1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, _hidden, 10.0.0.3", "10.0.0.3"),
        ("127.0.0.1", " , ,", "127.0.0.1"),
        ("127.0.0.1", "<script>, " + "9" * 5000, "127.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(
    peer: str, header: str, client: str
) -> None:
    assert Proxies(PRIVATE.trusted_proxies).client(peer, header) == client


@pytest.mark.parametrize("value", ["localhost", "10.0.0.1/8", "10.0.0.0/8;::1", "none,::1", ","])
def test_a_proxy_that_is_no_address_is_one_clear_line(value: str) -> None:
    with pytest.raises(ConfigError, match=r"TRACKER_TRUSTED_PROXIES is .* use addresses"):
        embedded.read({"TRACKER_TRUSTED_PROXIES": value})


def seen(door: Door, forwarded_for: str) -> object:
    """The network that the server takes an event to be from."""
    visitor = uuid4().hex
    headers = {"x-forwarded-for": forwarded_for}
    assert door.post({"batch": [wire(anonymousId=visitor)]}, headers=headers).status == 200
    return door.stored(visitor)[0]["context"]["ip"]


def protocol(door: Door) -> object:
    """How the server tells Segment's client to come."""
    headers = {"x-forwarded-proto": "https"}
    told = door("GET", f"/v1/projects/{OPEN_KEY}/settings", headers=headers).json
    return told["integrations"]["Segment.io"]["protocol"]


def test_a_proxy_on_this_machine_is_believed_unless_told_otherwise(servers: Servers) -> None:
    door = Door(start(servers, settings()))
    assert seen(door, "6.6.6.6, 203.0.113.9") == "203.0.113.0"
    assert protocol(door) == "https"


def test_who_is_no_proxy_of_ours_is_not_believed(servers: Servers) -> None:
    named = {"TRACKER_TRUSTED_PROXIES": "10.0.0.1"}
    door = Door(start(servers, settings() | named))
    assert seen(door, "203.0.113.9") == "127.0.0.0"
    assert protocol(door) == "http"
    answer = door("GET", f"/v1/projects/{GUARDED_KEY}/settings")
    assert answer.status == 200
