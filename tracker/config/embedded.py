"""The settings that only the embedded server has: who stands before it, and how much it takes."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec import Struct

from tracker.config import setting
from tracker.errors import ConfigError

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_NOBODY = "none"
_MOST = 10_000_000


class ServerSettings(Struct, frozen=True, kw_only=True):
    """How the embedded server meets the network."""

    trusted_proxies: tuple[Network, ...] = LOOPBACK
    """Whose ``X-Forwarded-…`` headers are believed. Whoever is on this machine may lie about an
    address; nobody from elsewhere may."""
    requests_per_address: int = 500
    """A second, from one address; 0: no limit. An office behind one address, or a backend, stays
    far below."""
    requests_per_key: int = 10_000
    """A second, with one write key; 0: no limit. More than two cores can take: lower it where one
    site must leave room for others."""
    request_seconds: int = 30
    """How long the head of a request may take to arrive, and then its body. A connection may be
    idle as long."""
    json_logs: bool = False
    """Whether a line of the log is a JSON object."""
    access_log: bool = False
    """Whether each request is a line of the log."""


def read(environment: Mapping[str, str]) -> ServerSettings:
    """Read the settings. Raises `ConfigError`."""
    usual = ServerSettings()
    return ServerSettings(
        trusted_proxies=_networks(environment, "TRACKER_TRUSTED_PROXIES", usual.trusted_proxies),
        requests_per_address=setting.whole(
            environment, "TRACKER_RATE_PER_ADDRESS", usual.requests_per_address, 0, _MOST
        ),
        requests_per_key=setting.whole(
            environment, "TRACKER_RATE_PER_KEY", usual.requests_per_key, 0, _MOST
        ),
        request_seconds=setting.whole(
            environment, "TRACKER_REQUEST_SECONDS", usual.request_seconds, 1, 3_600
        ),
        json_logs=setting.yes(environment, "TRACKER_JSON_LOGS"),
        access_log=setting.yes(environment, "TRACKER_ACCESS_LOG"),
    )


def _networks(
    environment: Mapping[str, str], name: str, usual: tuple[Network, ...]
) -> tuple[Network, ...]:
    text = environment.get(name, "").strip()
    if not text:
        return usual
    if text == _NOBODY:
        return ()
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"{name} is {text!r} ({error}): use addresses or networks with commas between,"
            f" such as 127.0.0.1,10.0.0.0/24, or {_NOBODY}"
        ) from None
