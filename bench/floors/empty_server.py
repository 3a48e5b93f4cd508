"""The floor of the embedded server: the same HTTP server, that reads a body and answers 200."""

import asyncio
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server


class Empty:
    """Answers everything with nothing."""

    async def __rsgi__(self, _scope: Any, exchange: Any) -> None:
        await exchange()
        exchange.response_empty(200, [])


asyncio.run(
    Server(
        Empty(),
        "127.0.0.1",
        int(sys.argv[1]),
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    ).serve()
)
