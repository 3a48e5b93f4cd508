"""What is never kept of a person: what each site's settings take out before anything is queued."""

import hmac
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from tracker import timestamps
from tracker.config import NEW_SECRET, Config, Site
from tracker.errors import ConfigError
from tracker.event import NULL

Members = dict[str, Raw]
_members = msgspec.json.Decoder(Members)
_items = msgspec.json.Decoder(list[Raw])

_ESCAPED_LETTER = re.compile(rb"\\u00[67]")
r"""How a member's name may begin to hide: ``"conte\u0078t"``."""

_HASHED = re.compile(r"hash:[0-9a-f]{32}")


def of_site(config: Config, name: str) -> "Rules":
    """The rules of a site. Raises `ConfigError` where it hashes, and there is no secret."""
    site = config.keys.sites.get(name)
    return Rules(name, site, config.secret) if site else USUAL


class Rules:
    """What one site keeps of addresses and properties. To follow them twice changes nothing."""

    def __init__(self, name: str, site: Site, secret: str | None) -> None:
        if site.hashes and not secret:
            raise ConfigError(
                f"site {name!r} hashes, and TRACKER_SECRET is not set: `python -m tracker"
                f" provision` makes one for a stage, `serve` for a folder, or do it yourself with"
                f" `{NEW_SECRET}`"
            )
        self._site = name
        self._secret = (secret or "").encode()
        self._ip = site.ip
        self._drop = frozenset(site.drop)
        self._hash = frozenset(site.hash)
        self._names = [f'"{name}"'.encode() for name in (*site.drop, *site.hash)]

    def address(self, address: str | None, at: int) -> str | None:
        """What is kept of an IP address that was seen at that time, if anything."""
        if self._ip == "none" or not address:
            return None
        if self._ip == "truncated":
            return truncate_ip(address)
        if _HASHED.fullmatch(address):
            return address
        ip = _parsed(address)
        if ip is None:
            return None
        if self._ip == "full":
            return str(ip)
        return self._hashed(f"ip {timestamps.sortable(at)[:10]}", str(ip))

    def event(self, raw: bytes, context: Mapping[str, Any] | None, at: int) -> bytes:
        """What is kept of an event. ``context`` is the one that counts: the last, should a
        careless client have sent two."""
        if self._names and self._mention(raw):
            return self._without(raw, at)
        if self._ip != "full" and (
            (context is not None and "ip" in context)
            or raw.count(b'"context"') > 1
            or (b"\\" in raw and _ESCAPED_LETTER.search(raw))
        ):
            return self._without(raw, at)
        return raw  # as most are

    def context(self, raw: bytes, at: int) -> bytes:
        """What is kept of a context. Raises `msgspec.MsgspecError` for what is not an object."""
        members = _members.decode(raw)
        if "ip" not in members and "traits" not in members:
            return bytes(raw)
        if "ip" in members and self._ip != "full":
            told = msgspec.json.decode(members.pop("ip"))
            kept = self.address(told, at) if isinstance(told, str) else None
            if kept:
                members["ip"] = Raw(msgspec.json.encode(kept))
        if "traits" in members:
            members["traits"] = self._properties(members["traits"])
        return msgspec.json.encode(members)

    def payload(self, sent: bytes, at: int) -> bytes | None:
        """What is kept of an event that breaks a rule of the contract; ``None`` for nothing, as
        there is no telling where in it the names stand."""
        try:
            return self._without(sent, at)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None if self._names else sent

    def _without(self, raw: bytes, at: int) -> bytes:
        members = _members.decode(raw)
        for name in ("properties", "traits"):
            if name in members:
                members[name] = self._properties(members[name])
        if "context" in members:
            own = bytes(members["context"])
            is_object = own[:1] == b"{"
            members["context"] = (
                Raw(self.context(own, at)) if is_object else self._properties(Raw(own))
            )
        return msgspec.json.encode(members)

    def _mention(self, raw: bytes) -> bool:
        """Whether a name may be in there; escapes can spell any."""
        if b"\\" in raw:
            return True
        for name in self._names:  # noqa: SIM110  (any() takes ten times as long)
            if name in raw:
                return True
        return False

    def _properties(self, raw: Raw) -> Raw:
        """Without what is dropped, with what is hashed, at any depth. Raw, so that all else stays
        as it was sent: a number has no largest value there."""
        text = bytes(raw)
        if not self._names or not self._mention(text):
            return raw
        if text[:1] == b"{":
            kept = {
                name: self._opaque(value) if name in self._hash else self._properties(value)
                for name, value in _members.decode(text).items()
                if name not in self._drop
            }
            return Raw(msgspec.json.encode(kept))
        if text[:1] == b"[":
            return Raw(msgspec.json.encode([self._properties(one) for one in _items.decode(text)]))
        return raw

    def _opaque(self, raw: Raw) -> Raw:
        """The hash of a value, or of each value in it."""
        text = bytes(raw)
        if text[:1] == b"{":
            members = _members.decode(text)
            kept = {
                name: self._opaque(value)
                for name, value in members.items()
                if name not in self._drop
            }
            return Raw(msgspec.json.encode(kept))
        if text[:1] == b"[":
            return Raw(msgspec.json.encode([self._opaque(one) for one in _items.decode(text)]))
        if raw == NULL:
            return raw
        value: str = msgspec.json.decode(text) if text[:1] == b'"' else text.decode()
        if not _HASHED.fullmatch(value):
            value = self._hashed("property", value)
        return Raw(msgspec.json.encode(value))

    def _hashed(self, kind: str, value: str) -> str:
        """Equal for equal values of one site and kind, and telling nothing without the secret."""
        key = hmac.digest(self._secret, f"{kind} {self._site}".encode(), "sha256")
        return f"hash:{hmac.digest(key, value.encode(), 'sha256').hex()[:32]}"


USUAL = Rules("", Site([]), None)
"""Those of a site that sets none."""


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0].strip())
    except ValueError:
        return None
    return (isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped) or ip


@lru_cache(1024)
def truncate_ip(address: str) -> str | None:
    """The network an address belongs to: /24 for IPv4, /48 for IPv6.

    ``None`` for anything that is not an address, as nobody can say what it would give away.
    """
    ip = _parsed(address)
    if ip is None:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.sixtofour or ip  # whose first 48 bits hold a whole IPv4 address
    network = ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False)
    return str(network.network_address)
