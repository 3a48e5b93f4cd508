"""How much one answer may hold: a Lambda gives back 6 MB at the most, in base64.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from collections.abc import Iterable

from msgspec import Raw

MAX_BYTES = 4 * 1024 * 1024


def fitting(rows: Iterable[bytes]) -> list[Raw]:
    """The first of some rows of a list, as JSON: as many as fit into one answer, at least one."""
    shown: list[Raw] = []
    size = 0
    for row in rows:
        size += len(row) + 1
        if shown and size > MAX_BYTES:
            break
        shown.append(Raw(row))
    return shown
