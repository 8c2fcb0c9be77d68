"""Between Parquet and numpy: the tables of schema.py as columns of plain arrays, and the digest of their values.

In memory a table is a dict name → array: ``date`` and ``time`` columns int64 ns (NAT where null), strings object
arrays, a nullable int64 has −1 where null, a nullable bool is an object array with None. The digest covers names, kinds
and values, not the bytes of a file, so it does not change with the version of the Parquet library that wrote it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tradewind_data.places import Place, arrow_source
from tradewind_data.schema import Column, arrow_schema
from tradewind_data.sessions import DAY_NS

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]
Table = Mapping[str, Array]

NAT = np.iinfo(np.int64).min
ZSTD_LEVEL = 3


def length(table: Table) -> int:
    """Rows of a table: the length of any of its columns."""
    return len(next(iter(table.values())))


def empty(columns: tuple[Column, ...]) -> dict[str, Array]:
    """A table of no rows."""
    return {c.name: np.empty(0, dtype=_dtype(c)) for c in columns}


def sort_by(table: Table, *keys: str) -> dict[str, Array]:
    """The rows in ascending order of the keys, the first key leading; equal rows keep their order."""
    order = np.lexsort([table[k] for k in reversed(keys)])
    return {name: values[order] for name, values in table.items()}


def digest(columns: tuple[Column, ...], table: Table) -> str:
    """SHA-256 (hex) of the table's names, kinds and values; every NaN counts as the same value."""
    hasher = hashlib.sha256()
    for column in columns:
        hasher.update(f"{column.name}:{column.kind}:{len(table[column.name])};".encode())
        hasher.update(_canonical(column, table[column.name]))
    return hasher.hexdigest()


def digest_of(digests: Sequence[str]) -> str:
    """SHA-256 (hex) of several digests in their order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def write(path: Path, columns: tuple[Column, ...], table: Table, metadata: dict[bytes, bytes] | None = None) -> None:
    """Write the table as one zstd Parquet row group with statistics and a checksum a page.

    The same table and library give the same bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(columns)
    arrays = [to_arrow(c, table[c.name], schema.field(c.name).type) for c in columns]
    data = pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata))
    deltas = [c.name for c in columns if c.kind in ("date", "time")]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        data,
        path,
        row_group_size=max(1, data.num_rows),
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        write_page_checksum=True,
        use_dictionary=[c.name for c in columns if c.name not in deltas],
        column_encoding=dict.fromkeys(deltas, "DELTA_BINARY_PACKED"),
    )


def read(path: Place, columns: tuple[Column, ...]) -> dict[str, Array]:
    """The columns of a Parquet file as arrays. KeyError names a missing column; pyarrow's errors pass through."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(arrow_source(path), page_checksum_verification=True) as file:
        data = file.read(columns=[c.name for c in columns], use_threads=False)
    return {c.name: _from_arrow(c, data.column(c.name)) for c in columns}


def _dtype(column: Column) -> Any:
    if column.kind == "bool" and column.nullable:
        return object
    return {"float64": np.float64, "bool": np.bool_, "string": object}.get(column.kind, np.int64)


def _canonical(column: Column, values: Array) -> bytes | memoryview:
    if _dtype(column) is object:
        return json.dumps(list(values), ensure_ascii=False).encode()
    if column.kind == "float64" and (none := np.isnan(values)).any():
        values = np.where(none, np.nan, values)
    whole = np.ascontiguousarray(values).astype(np.dtype(_dtype(column)).newbyteorder("<"), copy=False)
    return whole.view(np.uint8).data


def to_arrow(column: Column, values: Array, kind: pa.DataType) -> pa.Array:
    """A column as an Arrow array of its stored type, NAT and −1 as nulls where it may have them."""
    import pyarrow as pa

    if column.kind in ("date", "time"):
        null = values == NAT
        numbers = np.where(null, 0, values)
        numbers = (numbers // DAY_NS).astype(np.int32) if column.kind == "date" else numbers
        return pa.array(numbers, mask=null if null.any() else None).view(kind)
    if column.kind == "int64" and column.nullable:
        return pa.array(values, type=kind, mask=values < 0)
    return pa.array(list(values) if _dtype(column) is object else values, type=kind, from_pandas=False)


def _from_arrow(column: Column, data: pa.ChunkedArray) -> Array:
    import pyarrow as pa

    if _dtype(column) is object:
        return np.array(data.to_numpy(zero_copy_only=False), dtype=object)
    if column.kind in ("date", "time"):
        days = column.kind == "date"
        numbers = data.cast(pa.date32() if days else pa.timestamp("ns", tz="UTC")).combine_chunks()
        null = np.asarray(numbers.is_null())
        whole = numbers.view(pa.int32() if days else pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        return np.where(null, NAT, whole.astype(np.int64) * (DAY_NS if days else 1))
    if column.kind == "int64" and column.nullable:
        data = data.fill_null(-1)
    return np.array(data.to_numpy(), dtype=_dtype(column))
