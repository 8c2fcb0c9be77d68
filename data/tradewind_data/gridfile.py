"""Files of bars: the dense grid of one period (sessions or minutes × assets), stored without loss.

Rows are sorted by (time, sid), in row groups of whole times of at most GROUP_CELLS cells, so decoding a column is a
reshape. A field whose values are all exact multiples of a power of ten is stored as whole numbers k with the power p
in the column's metadata (``tradewind.scale`` = 10^p, null = NaN) and read back as k / 10^p. IEEE division rounds
correctly, as the parsing of the decimal text did, so the numbers come back bit for bit; the writer compares them all
and stores a field that does not as float64.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tradewind_data import tables
from tradewind_data.errors import BundleCorrupt
from tradewind_data.places import Place, arrow_source
from tradewind_data.schema import BAR_TABLES, FIELDS, GRID_KEY, SCALE_KEY, Column, arrow_schema
from tradewind_data.sessions import DAY_NS, Int64Array, date_text

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray = npt.NDArray[np.float64]

GROUP_CELLS = 1 << 21
_WHOLE = {"int32": np.dtype(np.int32)}
_POWERS = range(5)
_SAMPLE = 512
_ALL_KNOWN = np.empty(0, dtype=np.uint8)
_ALL_KNOWN.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Grid:
    """The axes of a file.

    first: label of its first session (ns); sessions, rows: numbers; sids ascending; group_rows: rows (times) of a row
    group, of which the last may have fewer.
    """

    first: int
    sessions: int
    rows: int
    sids: Int64Array
    group_rows: int

    def groups(self) -> Iterator[tuple[int, int]]:
        """[lo, hi) of the rows of each group."""
        for lo in range(0, self.rows, self.group_rows):
            yield lo, min(self.rows, lo + self.group_rows)

    def text(self, scales: Mapping[str, float]) -> bytes:
        """The axes and the fields' scales as JSON, for the file's metadata, with a checksum of their own."""
        facts = {
            "first": date_text(self.first),
            "sessions": self.sessions,
            "rows": self.rows,
            "group_rows": self.group_rows,
            "sids": self.sids.tolist(),
            "scales": dict(scales),
        }
        return json.dumps({**facts, "crc": _crc(facts)}).encode()

    def same(self, other: Grid) -> bool:
        """Whether the axes are equal."""
        mine, theirs = (self.first, self.sessions, self.rows), (other.first, other.sessions, other.rows)
        return mine == theirs and np.array_equal(self.sids, other.sids)


def new_grid(first: int, sessions: int, rows: int, sids: Int64Array) -> Grid:
    """The axes of a file to be written: row groups of as many whole times as GROUP_CELLS allows."""
    return Grid(first, sessions, rows, sids, max(1, GROUP_CELLS // max(1, len(sids))))


def stated(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """What a file's key-value metadata say of its axes. KeyError or ValueError for none, or for changed ones."""
    facts: dict[str, Any] = json.loads(metadata[GRID_KEY])
    told = facts.pop("crc", None)
    if told is not None and told != _crc(facts):
        raise ValueError("its axes are not what was written")
    return facts


def _crc(facts: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(facts, sort_keys=True).encode())


def grid_of(facts: Mapping[str, Any]) -> Grid:
    """The axes that a file states. KeyError or ValueError when it states none."""
    first = int(np.datetime64(facts["first"], "D").astype(np.int64)) * DAY_NS
    sids = np.array(facts["sids"], dtype=np.int64)
    return Grid(first, int(facts["sessions"]), int(facts["rows"]), sids, int(facts["group_rows"]))


Chunk = Callable[[int, int], FloatArray]


def write_grid(path: Path, frequency: str, grid: Grid, stamps: Mapping[str, Int64Array], chunk: Chunk) -> str:
    """Write the grid's cells and return the digest of its values.

    stamps: the time columns of the frequency's table (``session``; ``minute`` too for minutes), int64[rows] ns.
    chunk(lo, hi) gives float64[5, hi − lo, N] by FIELDS; it is asked twice for each group when there are several,
    so that only one is held. The digest of a file of one group is its table's; of several, the SHA-256 of theirs.
    """
    import pyarrow.parquet as pq

    columns = BAR_TABLES[frequency]
    groups = list(grid.groups())
    only = chunk(*groups[0]) if len(groups) == 1 else None
    powers = _powers_of([only] if only is not None else (chunk(lo, hi) for lo, hi in groups))
    scales = {field: 10.0**power for field, power in powers.items() if power is not None}
    schema = _schema(columns, powers).with_metadata({GRID_KEY: grid.text(scales)})
    path.parent.mkdir(parents=True, exist_ok=True)
    digests = []
    with pq.ParquetWriter(path, schema, **_options(columns, powers)) as file:
        for lo, hi in groups:
            values = only if only is not None else chunk(lo, hi)
            table = _table(grid, stamps, lo, hi, values)
            digests.append(tables.digest(columns, table))
            file.write_table(
                _encoded(columns, table, schema, powers), row_group_size=max(1, (hi - lo) * len(grid.sids))
            )
    return digests[0] if len(digests) == 1 else tables.digest_of(digests)


def _table(grid: Grid, stamps: Mapping[str, Int64Array], lo: int, hi: int, values: FloatArray) -> dict[str, Any]:
    n = len(grid.sids)
    table: dict[str, Any] = {name: np.repeat(times[lo:hi], n) for name, times in stamps.items()}
    table["sid"] = np.tile(grid.sids, hi - lo)
    table.update({field: values[i].reshape(-1) for i, field in enumerate(FIELDS)})
    return table


def _powers_of(chunks: Any) -> dict[str, int | None]:
    """field → the smallest p for which every value is k / 10^p with |k| < 2^31, or None."""
    powers: dict[str, int | None] = dict.fromkeys(FIELDS, 0)
    for values in chunks:
        for i, field in enumerate(FIELDS):
            if powers[field] is not None:
                powers[field] = exact_power(values[i].reshape(-1), at_least=powers[field] or 0)
    return powers


def exact_power(values: FloatArray, at_least: int = 0) -> int | None:
    """The smallest p ≥ at_least with values == rint(values · 10^p) / 10^p bit for bit, |k| < 2^31; NaN passes.

    None when there is none up to 4.
    """
    for power in _POWERS[at_least:]:
        if _exact(np.ascontiguousarray(values[:: max(1, len(values) // _SAMPLE)]), power) and _exact(values, power):
            return power
    return None


def _exact(values: FloatArray, power: int) -> bool:
    scale = 10.0**power
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.rint(values * scale) + 0.0  # a whole number has no negative zero
        same = (whole / scale).view(np.int64) == values.view(np.int64)
        return bool(((same & (np.abs(whole) < 2**31 - 1)) | np.isnan(values)).all())


def _schema(columns: tuple[Column, ...], powers: Mapping[str, int | None]) -> pa.Schema:
    import pyarrow as pa

    schema = arrow_schema(columns)
    for i, column in enumerate(columns):
        power = powers.get(column.name)
        if power is not None:
            scale = {SCALE_KEY: str(10**power).encode()}
            schema = schema.set(i, pa.field(column.name, pa.int32(), nullable=True, metadata=scale))
    return schema


def _options(columns: tuple[Column, ...], powers: Mapping[str, int | None]) -> dict[str, Any]:
    whole = [name for name, power in powers.items() if power is not None]
    # Sessions and sids repeat as they stand, which the compression sees best when nothing was done to them before.
    encodings = {
        c.name: "PLAIN" if c.kind != "time" else "DELTA_BINARY_PACKED" for c in columns if c.name not in powers
    }
    return {
        "compression": "zstd",
        "compression_level": tables.ZSTD_LEVEL,
        "write_page_checksum": True,
        "use_dictionary": [name for name, power in powers.items() if power is None],
        "column_encoding": {**encodings, **dict.fromkeys(whole, "BYTE_STREAM_SPLIT")},
    }


def _encoded(
    columns: tuple[Column, ...], table: tables.Table, schema: pa.Schema, powers: Mapping[str, int | None]
) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for column in columns:
        values, power = table[column.name], powers.get(column.name)
        stored = schema.field(column.name).type
        arrays.append(tables.to_arrow(column, values, stored) if power is None else _scaled(values, power))
    return pa.Table.from_arrays(arrays, schema=schema)


def _scaled(values: FloatArray, power: int) -> pa.Array:
    """The whole numbers k = values · 10^power as int32, NaN as null."""
    import pyarrow as pa

    none = np.isnan(values)
    whole = values * 10.0**power
    np.rint(whole, out=whole)
    if not none.any():
        return pa.array(whole.astype(np.int32))
    whole[none] = 0.0
    valid = pa.py_buffer(np.packbits(~none, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(values), [valid, pa.py_buffer(whole.astype(np.int32))])


class GridFile:
    """One file of bars, opened when first read and kept open; its footer is parsed once.

    path, and the names of the bundle and the file for messages. Every failure to read is a BundleCorrupt.
    """

    def __init__(self, path: Place, bundle: str) -> None:
        self._path, self._bundle = path, bundle

    @property
    def name(self) -> str:
        """The file's path relative to its bundle."""
        return "/".join(self._path.parts[-3:])

    @property
    def frequency(self) -> str:
        """``1d`` or ``1m``, by the folder the file lies in."""
        return self._path.parent.name

    @cached_property
    def grid(self) -> Grid:
        """The axes of the file."""
        with self._guarded():
            return grid_of(self._stated)

    @cached_property
    def _stated(self) -> dict[str, Any]:
        return stated(self._file.metadata.metadata or {})

    def values(self, field: str, lo: int = 0, hi: int | None = None, out: FloatArray | None = None) -> FloatArray:
        """float64[hi − lo, N] of a field, rows lo … hi − 1 of the file, written to ``out`` (C order) where it is given.

        Only the row groups that hold them are read.
        """
        grid = self.grid
        hi = grid.rows if hi is None else hi
        size, n = grid.group_rows, len(grid.sids)
        groups = list(range(lo // size, -(-hi // size)))
        out = np.empty((hi - lo, n)) if out is None else out
        with self._guarded():
            data = self._read([field], groups)
            self._decoded(data, field, (lo - groups[0] * size) * n, out)
        return out

    def few(self, field: str, columns: Int64Array, lo: int, hi: int) -> FloatArray:
        """float64[hi − lo, k] of some of the file's columns, of which alone the numbers are decoded."""
        size, n, parts = self.grid.group_rows, len(self.grid.sids), []
        for group in range(lo // size, -(-hi // size)):
            first, last = max(lo, group * size), min(hi, (group + 1) * size)
            rows = np.arange(first, last)[:, None] - group * size
            with self._guarded():
                data = self._read([field], [group])
                if len(data) != min(size, self.grid.rows - group * size) * n:
                    raise ValueError(f"{len(data)} cells in the row group {group}")
                parts.append(np.empty((last - first, len(columns))))
                self._decoded(data.take((rows * n + columns).ravel()), field, 0, parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def each(
        self, fields: Sequence[str], out: Mapping[str, FloatArray] | None = None
    ) -> Iterator[tuple[str, int, FloatArray]]:
        """(field, first row, float64[rows, N]) of several fields, a row group of all of them in one read.

        Written to ``out[field]`` where that is given, else to an array that the next answer writes over.
        """
        n, spare = len(self.grid.sids), np.empty(0)
        for group, (lo, hi) in enumerate(self.grid.groups()):
            spare = spare if spare.size >= (hi - lo) * n else np.empty((hi - lo) * n)
            with self._guarded():
                data = self._read(fields, [group])
            for field in fields:
                values = spare[: (hi - lo) * n].reshape(-1, n) if out is None else out[field][lo:hi]
                with self._guarded():
                    self._decoded(data, field, 0, values)
                yield field, lo, values

    def _decoded(self, data: pa.Table, field: str, skipped: int, out: FloatArray) -> None:
        """Write the cells of a field from ``skipped`` on to out."""
        stored, scale = data.column(field), _scale(data, field)
        if self._stated.get("scales", {field: scale}).get(field) != scale:
            raise ValueError(f"the scale {scale} of {field} is not what was written")
        part, flat, at = stored.slice(skipped, out.size), out.reshape(-1), 0
        if len(part) < out.size:
            raise ValueError(f"{len(stored)} cells where {skipped + out.size} belong")
        for chunk in part.chunks:
            _decode(chunk, scale, flat[at : at + len(chunk)])
            at += len(chunk)

    def labels(self) -> Int64Array:
        """int64[rows] ns: the session labels of the file's rows."""
        import pyarrow as pa

        with self._guarded():
            days = self._read(["session"], None).column("session").cast(pa.date32()).cast(pa.int32()).to_numpy()
            return days.astype(np.int64).reshape(self.grid.rows, -1)[:, 0] * DAY_NS

    def stamps(self) -> Int64Array:
        """int64[rows] ns: the times of a minute file's rows."""
        import pyarrow as pa

        with self._guarded():
            stamps = self._read(["minute"], None).column("minute").cast(pa.timestamp("ns", tz="UTC"))
            times: Int64Array = stamps.cast(pa.int64()).to_numpy()
            return times.reshape(self.grid.rows, -1)[:, 0]

    def _read(self, names: Sequence[str], groups: list[int] | None) -> pa.Table:
        """Columns as they are stored."""
        wanted = list(range(self._file.num_row_groups)) if groups is None else groups
        return self._file.read_row_groups(wanted, columns=list(names), use_threads=False)

    @cached_property
    def _file(self) -> Any:
        """The open file: opening it for each field costs as much as a third of decoding it."""
        import pyarrow.parquet as pq

        with self._guarded():
            near = isinstance(self._path, Path)  # where reading ahead only costs
            return pq.ParquetFile(arrow_source(self._path), page_checksum_verification=True, pre_buffer=not near)

    def __reduce__(self) -> tuple[type[GridFile], tuple[Place, str]]:
        return GridFile, (self._path, self._bundle)

    def _guarded(self) -> _Guard:
        return _Guard(self._bundle, self.name)


def _scale(data: pa.Table, field: str) -> float | None:
    """The scale of whole numbers, None for a column of float64."""
    found = (data.schema.field(field).metadata or {}).get(SCALE_KEY)
    return None if found is None else float(found)


def _decode(chunk: pa.Array, scale: float | None, out: FloatArray) -> None:
    """Write a stored column to out: float64 as it is, int32 k as k / scale, its nulls as NaN."""
    if scale is None:
        out[:] = chunk.to_numpy(zero_copy_only=False)
        return
    start, n = chunk.offset, len(chunk)
    whole = np.frombuffer(chunk.buffers()[1], dtype=_WHOLE[str(chunk.type)], count=start + n)[start:]
    first = start // 8
    bits = np.frombuffer(chunk.buffers()[0], dtype=np.uint8)[first:] if chunk.null_count else _ALL_KNOWN
    if "numba" in sys.modules:
        from tradewind_data.wholes import divide

        divide(whole, bits, start - 8 * first, scale, out)
        return
    np.divide(whole, scale, out=out)
    if len(bits):
        known = np.unpackbits(bits, count=start - 8 * first + n, bitorder="little")[start - 8 * first :]
        out[np.flatnonzero(known == 0)] = np.nan


class _Guard:
    """Turns whatever goes wrong while a bundle's file is read into BundleCorrupt."""

    def __init__(self, bundle: str, name: str) -> None:
        self._bundle, self._name = bundle, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(error, FileNotFoundError):
            raise BundleCorrupt(self._bundle, self._name, "is missing") from None
        if isinstance(error, pa.ArrowException | OSError | KeyError | ValueError):
            problem = f"cannot be read as bars ({type(error).__name__}: {error})"
            raise BundleCorrupt(self._bundle, self._name, problem) from error
