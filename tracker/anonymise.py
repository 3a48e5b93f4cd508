"""What is never kept: whole IP addresses."""

import ipaddress
from typing import Any

import msgspec

Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(Members)


def truncate_ip(address: str | None) -> str | None:
    """The network an address belongs to: /24 for IPv4, /48 for IPv6.

    ``None`` for anything that is not an address, as nobody can say what it would give away.
    """
    if not address:
        return None
    try:
        ip = ipaddress.ip_address(address.partition("%")[0].strip())
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip  # whose first 48 bits hold a whole IPv4 address
    network = ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False)
    return str(network.network_address)


def needs_change(raw: bytes, context: dict[str, Any] | None) -> bool:
    """Whether an event holds something that may not be kept. ``context`` is the one that counts:
    the last, should a careless client have sent two."""
    return (context is not None and "ip" in context) or raw.count(b'"context"') > 1


def event(raw: bytes) -> bytes:
    """The same event, with an IP that the client put into its context truncated."""
    members = _members.decode(raw)
    own = members.get("context")
    if own is not None and bytes(own) != b"null":
        members["context"] = msgspec.Raw(context(own))
    return msgspec.json.encode(members)


def context(raw: bytes) -> bytes:
    """The same context, with its IP truncated."""
    members = _members.decode(raw)
    if "ip" not in members:
        return bytes(raw)
    address = msgspec.json.decode(members.pop("ip"))
    network = truncate_ip(address) if isinstance(address, str) else None
    if network:
        members["ip"] = msgspec.Raw(msgspec.json.encode(network))
    return msgspec.json.encode(members)
