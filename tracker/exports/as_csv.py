"""CSV: the columns of `exports.columns`, as text."""

import csv
import io
from collections.abc import Iterable, Sequence

from tracker import timestamps
from tracker.exports.as_lines import Lines
from tracker.exports.columns import COLUMNS, row
from tracker.stores import Stored


class Csv(Lines):
    """Writes them, as RFC 4180 says: but for the lines' ends, which are a line feed's."""

    def header(self) -> bytes:
        return _encoded([[column.name for column in COLUMNS]])

    def rows(self, chunk: Sequence[Stored]) -> Iterable[bytes]:
        yield _encoded(map(_text, map(row, chunk)))


def _text(cells: Sequence[object]) -> list[object]:
    return [
        timestamps.format(cell) if column.kind == "time" and isinstance(cell, int) else cell
        for column, cell in zip(COLUMNS, cells, strict=True)
    ]


def _encoded(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
