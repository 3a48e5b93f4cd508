"""Who a request comes from, where proxies stand before the server.

A proxy tells it in ``X-Forwarded-For`` and ``X-Forwarded-Proto``; so can anybody else, so that
these headers are believed of named proxies only. Each proxy adds, at the right, whom it was asked
by: from there, the first that is no proxy of ours is the client. What stands further left is what
that client said.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from tracker.config.embedded import Network

FOR = "x-forwarded-for"
PROTO = "x-forwarded-proto"

_REMEMBERED = 1024
"""Nearly all requests come from few addresses."""


class Proxies:
    """The proxies that are believed."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self.trusts = lru_cache(_REMEMBERED)(self._trusts)

    def _trusts(self, address: str) -> bool:
        """Whether an address, as `plain` writes it, is one of them."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The client's address. ``peer`` is who has connected, ``forwarded_for`` all that the
        header says."""
        client = peer
        for said in reversed(forwarded_for.split(",") if forwarded_for else []):
            if not self.trusts(client):
                return client
            address = plain(said)
            if address is None:  # nobody knows whom that proxy was asked by
                return client
            client = address
        return client

    def scheme(self, peer: str, headers: Mapping[str, str], own: str) -> str:
        """``http`` or ``https``: what the client's URL begins with."""
        if headers.get(PROTO) == "https" and self.trusts(peer):
            return "https"
        return own


@lru_cache(_REMEMBERED)
def plain(text: str) -> str | None:
    """An address in its usual form, without port, brackets and zone; ``None`` if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str((isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip)
