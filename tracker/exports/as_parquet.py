"""Parquet: the columns of `exports.columns`, with their types.

A Parquet file cannot be gone on with: its index comes last. So each chunk is a file of its own,
and at the end they are copied into one, a row group each.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.errors import ConfigError
from tracker.exports.columns import COLUMNS, row
from tracker.exports.form import WHOLE
from tracker.stores import Stored

INSTALL = "pip install -r requirements-export.txt"

_COMPRESSION = "zstd"


class Parquet:
    """Writes it. A mark is the number of chunks. Raises `ConfigError` without pyarrow."""

    def __init__(self) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ModuleNotFoundError as error:
            raise ConfigError(f"parquet needs {error.name}: {INSTALL}") from None
        self._arrow: Any = pyarrow
        self._parquet: Any = pyarrow.parquet
        types = {
            "text": pyarrow.string(),
            "json": pyarrow.string(),
            "number": pyarrow.int64(),
            "time": pyarrow.timestamp("us", tz="UTC"),
        }
        self._schema: Any = pyarrow.schema(
            [pyarrow.field(column.name, types[column.kind]) for column in COLUMNS]
        )

    def append(self, folder: Path, mark: int, chunk: Sequence[Stored]) -> int:
        cells = list(zip(*map(row, chunk), strict=True)) or [()] * len(COLUMNS)
        columns = [
            self._arrow.array(column, field.type)
            for column, field in zip(cells, self._schema, strict=True)
        ]
        table = self._arrow.Table.from_arrays(columns, schema=self._schema)
        path = _chunk(folder, mark)
        self._parquet.write_table(table, path, compression=_COMPRESSION)
        _sync(path)
        return mark + 1

    def finish(self, folder: Path, mark: int) -> None:
        whole = folder / WHOLE
        with self._parquet.ParquetWriter(whole, self._schema, compression=_COMPRESSION) as writer:
            for number in range(mark):
                writer.write_table(self._parquet.read_table(_chunk(folder, number)))
        _sync(whole)


def _chunk(folder: Path, number: int) -> Path:
    return folder / f"chunk-{number:06}"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
