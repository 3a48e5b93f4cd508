"""JSON but for what some encoders write by mistake: ``NaN`` and ``Infinity`` (Python's does so
unless told not to), and control characters that are not escaped (what was put together by hand).

None of it is JSON (RFC 8259, sections 6 and 7), and a decoder gives up on the whole body. It is
looked for only then: so one such event costs no other.
"""

import os
import re
from collections.abc import Sequence

from msgspec import Raw

_TOKEN = re.compile(
    rb'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z))|[\[\]{},]|(?P<number>-?Infinity|NaN)',
    re.DOTALL,
)
_MOST_TOKENS = 150_000
"""So many are looked at, for 0.2 s: the largest body of real events has 100 000."""

_CONTROL = re.compile(rb"[\x00-\x1f]")


def fault(raw: bytes) -> str | None:
    """The first thing in a text that is not JSON, if it is one of these."""
    for token in _TOKEN.finditer(raw):
        if token["number"]:
            return f"{token[0].decode()} is not JSON: send null"
        if token["string"] and _CONTROL.search(token[0]):
            return "a string holds a control character that is not escaped"
    return None


def legible(raw: bytes) -> bytes:
    """The same as JSON that can be read: text, the numbers as strings, the characters escaped."""
    text = raw.decode(errors="replace").encode()
    if b"NaN" in text or b"Infinity" in text or _CONTROL.search(text):
        return _TOKEN.sub(_as_json, text)
    return text


def _as_json(token: re.Match[bytes]) -> bytes:
    if token["number"]:
        return b'"%b"' % token[0]
    return _CONTROL.sub(lambda one: b"\\u%04x" % one[0][0], token[0])


class SetAside:
    """A batch whose faulty items are taken out, for the rest to be read, and put back."""

    def __init__(self, body: bytes) -> None:
        """``body`` is an object, and the items are those of the arrays in it."""
        self._mark = f"set aside {os.urandom(8).hex()} "  # nobody can write it into a body
        self._items: list[bytes] = []
        kept: list[bytes] = []
        copied = depth = start = 0
        faulty = False
        self.rest = body
        """The body with something else in their place."""
        for number, token in enumerate(_TOKEN.finditer(body)):
            if number == _MOST_TOKENS:
                return
            first = token[0][:1]
            if token["number"] or (token["string"] and _CONTROL.search(token[0])):
                faulty = True
            elif depth == 2 and first in b",]":
                if faulty:
                    kept += (
                        body[copied:start],
                        b'"%b%d"' % (self._mark.encode(), len(self._items)),
                    )
                    copied = token.start()
                    self._items.append(body[start:copied].strip())
                start, faulty = token.end(), False
            if first in b"[{":
                depth += 1
                if depth == 2:
                    start, faulty = token.end(), False
            elif first in b"]}":
                depth -= 1
        self.rest = b"".join((*kept, body[copied:]))

    def put_back(self, batch: Sequence[Raw]) -> list[Raw]:
        """The items of the rest, and those that were taken out, where they were."""
        mark = f'"{self._mark}'.encode()
        return [
            Raw(self._items[int(bytes(raw)[len(mark) : -1])])
            if bytes(raw).startswith(mark)
            else raw
            for raw in batch
        ]
