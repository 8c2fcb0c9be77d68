"""One input file (CSV, gzipped CSV or Parquet) as typed columns, every bad cell named by line, column and value.

The file is parsed in one pass by types. Only when that fails is it read again as text to find the first bad cell, so
good input never pays for the diagnosis. Header names match without regard to case or surrounding blanks; columns that
were not asked for are passed over. Dates are ``YYYY-MM-DD``, with a time only when it is midnight; empty cells are NaN,
NAT or "".
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pandas as pd

from tradewind_data.errors import BadInputFile, did_you_mean, listed
from tradewind_data.sessions import DAY_NS, date_text
from tradewind_data.tables import NAT, Array

if TYPE_CHECKING:
    import pyarrow as pa

DATE, NUMBER, TEXT, STAMP = "date", "number", "text", "time"
_DATE_PATTERN = r"\d{4}-\d{2}-\d{2}(?:[ T]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_BLOCK_BYTES = 4 << 20
_NEWLINE = ord("\n")
_EMPTY = ("", "nan", "na", "n/a", "null", "none", "nat")
_RULES = {
    DATE: ("a date is written YYYY-MM-DD, without a time of day", "Correct the date"),
    STAMP: ("a time is written YYYY-MM-DD HH:MM[:SS], in UTC or with its offset", "Correct the time"),
    NUMBER: ("it is not a number", "Write a plain number with a decimal point and no thousands separator"),
}


@dataclass(frozen=True)
class Wanted:
    """A column to read: its name in lower case, its kind (DATE, STAMP, NUMBER, TEXT), whether it must be there."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True, eq=False)
class InputTable:
    """The columns found.

    Dates and times int64 ns (NAT empty; times UTC), numbers float64 (NaN empty), text objects ("" empty). file: the
    path relative to the ingested folder, for messages. rows: the 0-based rows of the file that the columns hold, None
    for all.
    """

    path: Path
    file: str
    columns: dict[str, Array]
    rows: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def line(self, row: int) -> int:
        """The 1-based line of the file on which a 0-based row ends (for Parquet: the 1-based row)."""
        return int(self.lines(np.array([row]))[0])

    def lines(self, rows: Array) -> Array:
        """``line`` of each of the rows, int64[k], in one pass over the file."""
        rows = rows if self.rows is None else self.rows[rows]
        if self.path.suffix == ".parquet":
            return rows + 1
        wanted, found = set(rows.tolist()), {}
        with _open_text(self.path) as file:
            reader = csv.reader(file)
            numbers = (reader.line_num for record in reader if any(record))
            next(numbers)
            for row, number in enumerate(numbers):
                if row in wanted:
                    found[row] = number
                    if len(found) == len(wanted):
                        break
        return np.array([found[row] for row in rows.tolist()], dtype=np.int64)

    def bad(self, row: int, column: str | None, rule: str, move: str) -> BadInputFile:
        """The error that row ``row`` (0-based) breaks a rule in a column."""
        value = None if column is None else _shown(self.columns[column][row])
        return BadInputFile(self.file, rule, move, self.line(int(row)), column, value)

    def refuse(self, wrong: Array, column: str, rule: str, move: str) -> None:
        """Raise ``bad`` for the first row where ``wrong`` holds; nothing when it holds nowhere."""
        if wrong.any():
            raise self.bad(int(np.argmax(wrong)), column, rule, move)


def read_input(path: Path, file: str, wanted: Sequence[Wanted], compiled: bool = False) -> InputTable:
    """Read the wanted columns of a file. BadInputFile for whatever cannot be read; optional columns may be absent.

    compiled: try the parser of plain numbers (plaintext.py) first, which gives the same.
    """
    with _telling(file):
        if path.suffix == ".parquet":
            return InputTable(path, file, _read_parquet(path, file, wanted))
        found = read_together([path], [file], wanted, compiled) if compiled and path.suffix == ".csv" else None
        return InputTable(path, file, _read_csv(path, file, wanted)) if found is None else found.tables[0]


@dataclass(frozen=True, eq=False)
class TogetherRead:
    """Several files read in one pass: the columns of all of their rows, where each file's rows end, the tables."""

    columns: dict[str, Array]
    ends: Array
    tables: list[InputTable]


def read_together(
    paths: Sequence[Path], files: Sequence[str], wanted: Sequence[Wanted], compiled: bool = False
) -> TogetherRead | None:
    """What read_input would give for each of several CSV files of one header, from one pass of the parser.

    A call of the parser costs as much as five hundred rows. None for files that are not as plain as that takes (other
    headers, quotes, carriage returns, blank lines, dates with a time, a cell of another kind): read_input reads them,
    or says what is wrong.
    """
    import pyarrow as pa

    try:
        texts = [text if text.endswith(b"\n") else text + b"\n" for text in (path.read_bytes() for path in paths)]
        header = texts[0][: texts[0].find(b"\n") + 1]
        if not header or not all(_plain(text, header) for text in texts):
            return None
        bodies = [memoryview(text)[len(header) :] for text in texts]
        ends = np.cumsum([np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == _NEWLINE) for body in bodies])
        columns = _compiled(bodies, paths[0], files[0], wanted) if compiled else None
        if columns is None and len(paths) > 1:
            columns = _columns(pa.BufferReader(b"".join([header, *bodies])), paths[0], files[0], wanted, pa.date32())
    except (OSError, BadInputFile, pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if columns is None or len(next(iter(columns.values()))) != ends[-1]:
        return None
    spans = zip((0, *ends[:-1].tolist()), ends.tolist(), strict=True)
    cut = [{name: values[lo:hi] for name, values in columns.items()} for lo, hi in spans]
    tables = [InputTable(path, file, own) for path, file, own in zip(paths, files, cut, strict=True)]
    return TogetherRead(columns, ends, tables)


def _compiled(bodies: Sequence[memoryview], path: Path, file: str, wanted: Sequence[Wanted]) -> dict[str, Array] | None:
    """The wanted columns by the parser of plain numbers, None where they are not as plain."""
    from tradewind_data.ingest.plaintext import read_plain

    header = _header(path, file)
    spelled = _matched(header, file, wanted)
    names = {header.index(spelled[w.name]): w for w in wanted if w.name in spelled}
    if any(w.kind == TEXT for w in names.values()):
        return None
    body = np.frombuffer(bodies[0] if len(bodies) == 1 else b"".join(bodies), dtype=np.uint8)
    found = read_plain(body, [names[i].kind if i in names else None for i in range(len(header))])
    return None if found is None else {names[i].name: column for i, column in found.items()}


def _plain(text: bytes, header: bytes) -> bool:
    """Whether every line after the header is one row."""
    return text.startswith(header) and text.find(b'"', len(header)) < 0 and b"\r" not in text


@contextlib.contextmanager
def _telling(file: str) -> Iterator[None]:
    """What the disk or the packing of a file says against reading it, as BadInputFile."""
    try:
        yield
    except UnicodeDecodeError as e:
        rule = f"the text is not UTF-8 (byte {e.start})"
        raise BadInputFile(file, rule, "Save the file as UTF-8") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as e:
        raise BadInputFile(file, f"it cannot be unpacked ({e})", "Compress it again with gzip") from None
    except OSError as e:
        raise BadInputFile(file, f"it cannot be read ({e.strerror or e})", "Make the file readable") from None


def _shown(value: Any) -> object:
    """A cell as a message shows it: dates in ISO, numbers as Python's, empty text as ''."""
    if isinstance(value, np.integer):
        return "" if value == NAT else date_text(int(value))
    return value.item() if isinstance(value, np.generic) else value


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _matched(header: Iterable[str], file: str, wanted: Sequence[Wanted]) -> dict[str, str]:
    """wanted name → the header's own spelling. BadInputFile for a missing or doubled column."""
    spelled: dict[str, str] = {}
    doubled: list[str] = []
    for name in header:
        key = name.strip().casefold()
        if key in spelled:
            doubled.append(name)
        spelled.setdefault(key, name)
    names = {w.name for w in wanted}
    for name in doubled:
        if name.strip().casefold() in names:
            raise BadInputFile(file, f"column {name.strip()!r} appears twice", "Keep one of them", 1, name.strip())
    for w in wanted:
        if w.required and w.name not in spelled:
            near = did_you_mean(w.name, [s for s in spelled if s])
            rule = f"it has no column {w.name!r}; its columns: {listed(s for s in spelled if s)}.{near}"
            raise BadInputFile(file, rule.rstrip("."), f"Add the column {w.name!r} to the header", 1, w.name)
    return {w.name: spelled[w.name] for w in wanted if w.name in spelled}


def header_of(path: Path, file: str) -> list[str]:
    """The names of a file's columns as they are written. BadInputFile for a file that cannot be read."""
    with _telling(file):
        return _header(path, file)


def _header(path: Path, file: str) -> list[str]:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(path).names)
        except (pa.ArrowException, OSError) as e:
            raise BadInputFile(file, f"it cannot be read as Parquet ({e})", "Write the file again") from None
    with _open_text(path) as text:
        found = next((record for record in csv.reader(text) if any(record)), None)
    if found is None:
        raise BadInputFile(file, "it is empty", "Write a header line and the rows, or remove the file")
    return found


def _read_csv(path: Path, file: str, wanted: Sequence[Wanted]) -> dict[str, Array]:
    import pyarrow as pa

    try:
        return _columns(_unpacked(path), path, file, wanted)
    except pa.ArrowInvalid:
        spelled = _matched(_header(path, file), file, wanted)
        return _read_as_text(path, file, spelled, {w.name: w.kind for w in wanted if w.name in spelled})


def _columns(
    source: Any, path: Path, file: str, wanted: Sequence[Wanted], dates: pa.DataType | None = None
) -> dict[str, Array]:
    """The wanted columns of a source under the header of the file at ``path``; dates: the type they are parsed as.

    Errors as of _parse and _matched.
    """
    import pyarrow as pa

    spelled = _matched(_header(path, file), file, wanted)
    kinds = {w.name: w.kind for w in wanted if w.name in spelled}
    arrow = {DATE: dates or pa.timestamp("s"), STAMP: pa.timestamp("s"), NUMBER: pa.float64(), TEXT: pa.string()}
    data = _parse(source, path, file, {spelled[name]: arrow[kind] for name, kind in kinds.items()})
    return {name: _values(data.column(spelled[name]), kind) for name, kind in kinds.items()}


def _parse(source: Any, path: Path, file: str, types: dict[str, pa.DataType]) -> pa.Table:
    """Arrow's CSV parser, one thread, on a path or an open source.

    BadInputFile for a row of another width, ArrowInvalid for a cell of another type.
    """
    from pyarrow import csv as arrow_csv

    uneven: list[Any] = []

    def keep(row: Any) -> str:
        uneven.append(row)
        return "skip"

    # The byte order mark is dropped by Arrow itself; blank lines do not count as rows.
    data = arrow_csv.read_csv(
        source,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
        convert_options=arrow_csv.ConvertOptions(column_types=types, include_columns=list(types)),
    )
    if uneven:
        row = uneven[0]
        rule = f"the line has {row.actual_columns} cells, the header {row.expected_columns}"
        raise BadInputFile(file, rule, "Complete the line or remove it", _line_of(path, row.text), None, row.text[:60])
    return data


def _unpacked(path: Path) -> Any:
    """The file itself, or its unpacked bytes: Arrow's own gzip reader does not notice a file that was cut short."""
    import pyarrow as pa

    return pa.BufferReader(gzip.decompress(path.read_bytes())) if path.suffix == ".gz" else path


def _line_of(path: Path, text: str) -> int | None:
    with _open_text(path) as file:
        return next((i for i, line in enumerate(file, start=1) if line.rstrip("\r\n") == text), None)


def _values(data: pa.ChunkedArray, kind: str) -> Array:
    import pyarrow as pa

    if kind == TEXT:
        return np.array([t.strip() for t in data.fill_null("").to_pylist()], dtype=object)
    if kind in (DATE, STAMP):
        days = data.type == pa.date32()
        units, unit = (data.cast(pa.int32()), DAY_NS) if days else (data.cast(pa.int64()), 1_000_000_000)
        if not data.null_count:
            return units.to_numpy().astype(np.int64) * unit
        null = np.asarray(units.is_null())
        return np.where(null, NAT, np.asarray(units.fill_null(0).to_numpy()).astype(np.int64) * unit)
    return (data if data.type == pa.float64() else data.cast(pa.float64())).to_numpy()


def _read_as_text(path: Path, file: str, spelled: dict[str, str], kinds: dict[str, str]) -> dict[str, Array]:
    """The slow road: all cells as text, the first bad one named; what the fast parser merely did not know is read."""
    import pyarrow as pa

    try:
        data = _parse(_unpacked(path), path, file, {spelled[name]: pa.string() for name in kinds})
    except pa.ArrowInvalid as e:
        found = str(e).partition("\n")[0]
        utf8 = "UTF8" in found or "UTF-8" in found
        rule = "the text is not UTF-8" if utf8 else f"it cannot be read as CSV ({found})"
        raise BadInputFile(file, rule, "Save the file as UTF-8" if utf8 else "Repair the file") from None
    texts = {name: data.column(spelled[name]).fill_null("").to_pandas().astype(str).str.strip() for name in kinds}
    out: dict[str, Array] = {}
    for name, kind in kinds.items():
        out[name], wrong = _from_text(texts[name], kind)
        if wrong.any():
            row = int(np.argmax(wrong))
            line = InputTable(path, file, {}).line(row)
            raise BadInputFile(file, *_RULES[kind], line, name, texts[name].iloc[row])
    return out


def _from_text(cells: pd.Series, kind: str) -> tuple[Array, Array]:
    """(values, where the cell is neither empty nor of the kind)."""
    if kind == TEXT:
        return cells.to_numpy(dtype=object), np.zeros(len(cells), dtype=bool)
    blank = cells.str.lower().isin(_EMPTY).to_numpy()
    if kind == NUMBER:
        numbers = pd.to_numeric(cells.mask(blank), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers) & ~blank
    if kind == STAMP:
        times = pd.to_datetime(cells.mask(blank), format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
        times = times.dt.as_unit("ns")
        ns = times.to_numpy().astype("datetime64[ns]").astype(np.int64)
        return np.where(times.isna(), NAT, ns), times.isna().to_numpy() & ~blank
    days = pd.to_datetime(cells.str[:10], format="%Y-%m-%d", errors="coerce").dt.as_unit("ns")
    wrong = (days.isna() | ~cells.str.fullmatch(_DATE_PATTERN)).to_numpy(dtype=bool) & ~blank
    return np.where(days.isna(), NAT, days.to_numpy().astype("datetime64[ns]").astype(np.int64)), wrong


def _read_parquet(path: Path, file: str, wanted: Sequence[Wanted]) -> dict[str, Array]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as source:
            spelled = _matched(source.schema_arrow.names, file, wanted)
            data = source.read(columns=list(spelled.values()))
    except (pa.ArrowException, OSError) as e:
        raise BadInputFile(file, f"it cannot be read as Parquet ({e})", "Write the file again") from None
    out: dict[str, Array] = {}
    for w in wanted:
        if w.name in spelled:
            try:
                out[w.name] = _from_parquet(data.column(spelled[w.name]), w.kind)
            except (pa.ArrowException, ValueError) as e:
                rule = f"it is not a column of {w.kind}s ({str(e).partition(chr(10))[0]})"
                raise BadInputFile(file, rule, f"Store it as a {w.kind}", None, w.name) from None
    return out


def _from_parquet(data: pa.ChunkedArray, kind: str) -> Array:
    import pyarrow as pa

    if kind == TEXT:
        return _values(data.cast(pa.string()), TEXT)
    if kind == NUMBER:
        return _values(data, NUMBER)
    if pa.types.is_timestamp(data.type) and kind == STAMP:
        return np.where(
            np.asarray(data.is_null()),
            NAT,
            data.cast(pa.timestamp("ns", tz=data.type.tz)).cast(pa.int64()).fill_null(0).to_numpy(),
        )
    if pa.types.is_timestamp(data.type):
        # A label is the date as it stands on the wall of its time zone, not the UTC instant.
        stamps = pd.DatetimeIndex(data.to_pandas()).tz_localize(None).as_unit("ns")
    else:
        stamps = pd.DatetimeIndex(data.cast(pa.date32()).to_pandas()).as_unit("ns")
    return np.where(stamps.isna(), NAT, stamps.asi8)


def refuse_time_of_day(table: InputTable, column: str) -> None:
    """BadInputFile for the first date with a time of day."""
    values = table[column]
    table.refuse((values != NAT) & (values % DAY_NS != 0), column, *_RULES[DATE])
