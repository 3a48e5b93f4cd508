"""The lines of docs/clients.md, which set the clients up."""

import re
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.proxy import Proxy
from tests.engines.required import required
from tests.engines.server import WRITE_KEY, Server

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".engines/clients"
DOCUMENT = (ROOT / "docs/clients.md").read_text()

PREFIX = "/api"
"""What the paths of the documented host begin with, as on AWS."""


class Way(NamedTuple):
    """Where a client runs, and by which way it comes to the server."""

    server: Server
    proxy: Proxy
    browser: Browser
    scratch: Path
    leash: Leash


def lines(heading: str, number: int = 0) -> str:
    """A block of code under a heading, for a host without TLS."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"^```\w+\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return blocks[number].replace("WRITE_KEY", WRITE_KEY).replace('"https"', '"http"')


def pointed_at(text: str, proxy: Proxy) -> str:
    """The same code, for the server behind a proxy."""
    text = text.replace("https://t.example.org", proxy.url)
    return text.replace("t.example.org", f"{LOOPBACK}:{proxy.port}")


def installed(part: str) -> Path:
    """The folder of a part that scripts/install-engines brings."""
    folder = INSTALLED / part
    if not folder.exists():
        required(f"the client {part}", "run scripts/install-engines")
    return folder
