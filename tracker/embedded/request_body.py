"""The body of a request as it comes in to the embedded host: whole, in time, and not too large."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Protocol

from tracker import body
from tracker.errors import Problem

DISCARDED_BYTES = 10 * 1024 * 1024
"""The largest request API Gateway takes."""


class Exchange(Protocol):
    """What the HTTP server hands on of a body (RSGI)."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __call__(self) -> bytes: ...


async def read(headers: Any, exchange: Exchange, seconds: float) -> bytes:
    """The body. Raises `Problem` 408 or 413."""
    try:
        async with asyncio.timeout(seconds):
            return await _read(headers, exchange)
    except TimeoutError:
        raise _incomplete("The body did not arrive in time.") from None


async def _read(headers: Any, exchange: Exchange) -> bytes:
    """Of one that is too large no more is read than it takes to be understood: a client that is
    still sending when the connection closes may never see the answer, and try for ever."""
    length = headers.get("content-length") or "0"
    waits = "expect" in headers
    if length.isdigit() and int(length) > (body.MAX_BODY_BYTES if waits else DISCARDED_BYTES):
        raise body.too_large()
    chunks: list[bytes] = []
    size = 0
    told = length.isdigit() and "transfer-encoding" not in headers
    if told and 0 < int(length) <= body.MAX_BODY_BYTES:
        # At once: each chunk would be a way to the HTTP server and back.
        with suppress(RuntimeError):  # what granian raises when the connection ends before
            chunks = [await exchange()]
        size = sum(map(len, chunks))
    else:
        async for chunk in exchange:
            size += len(chunk)
            if size <= body.MAX_BODY_BYTES:
                chunks.append(chunk)
            elif size > DISCARDED_BYTES:
                break
    if size > body.MAX_BODY_BYTES:
        raise body.too_large()
    if length.isdigit() and size < int(length):
        raise _incomplete("The connection ended before the whole body had arrived.")
    return b"".join(chunks)


def _incomplete(detail: str) -> Problem:
    """What has arrived may look like a whole body, or like one that can never be read."""
    detail += " Send the same bytes again."
    return Problem(408, "incomplete_body", detail, headers={"retry-after": "1"})
