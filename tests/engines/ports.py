"""Ports of this machine: a free one, and who listens where."""

import ipaddress
import os
import socket
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

LOOPBACK = "127.0.0.1"
LISTENING = "0A"  # the kernel's TCP_LISTEN


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, path: str) -> int:
    """The status of GET `path`; no proxy of the environment is asked."""
    connection = HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def listening(group: int) -> list[tuple[str, int]]:
    """Every address and port that the processes of one group listen on (Linux: read from /proc)."""
    sockets = _sockets(group)
    found = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTENING and f"socket:[{rest[5]}]" in sockets:
                address, port = local.split(":")
                found.append((_address(address), int(port, 16)))
    return found


def is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _sockets(group: int) -> set[str]:
    names = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if os.getpgid(int(process.name)) == group:
                for file in (process / "fd").iterdir():
                    with suppress(OSError):  # it was closed meanwhile
                        names.add(str(file.readlink()))
    return names


def _address(kernel: str) -> str:
    """The kernel writes an address as 32-bit words in the machine's own byte order."""
    words = [bytes.fromhex(kernel[i : i + 8])[::-1] for i in range(0, len(kernel), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
