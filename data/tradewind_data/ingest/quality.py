"""Quality at the door: every flaw of the input gets a code, a severity, an asset and a date.

    error     the row cannot be right: it is kept in quarantine.parquet and stays out of the bars
    warning   the row is stored, a reader should look at it
    note      a fact worth knowing

The findings are written to quality.parquet and, for people, to quality.html. The grade of a bundle is A without errors
or warnings, B with warnings, C with at most one row in a thousand quarantined, D with more.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tradewind_data import tables
from tradewind_data.gridfile import FloatArray
from tradewind_data.schema import FIELDS, Column
from tradewind_data.sessions import Int64Array, date_text
from tradewind_data.tables import NAT, Table

ERROR, WARNING, NOTE = "error", "warning", "note"
CODES: dict[str, tuple[str, str]] = {
    "missing_field": (ERROR, "a price or the volume is missing in a row that has others"),
    "not_finite": (ERROR, "a price or the volume is infinite"),
    "not_positive": (ERROR, "a price is not greater than 0"),
    "negative_volume": (ERROR, "the volume is negative"),
    "volume_without_price": (ERROR, "there is volume, but no price"),
    "high_below_low": (ERROR, "the high is below the low"),
    "duplicate": (ERROR, "a second row of the same time; the first is kept"),
    "off_calendar": (ERROR, "the date is no session of the calendar"),
    "outside_lifetime": (ERROR, "the date lies outside the asset's lifetime in assets.csv"),
    "off_grid": (ERROR, "the time ends no minute of a session"),
    "left_labelled": (ERROR, "a minute is stamped with the open: with its beginning, not its end"),
    "ohlc_order": (WARNING, "open or close lies outside low … high"),
    "gap": (WARNING, "sessions between the first and the last bar have none"),
    "stale_tail": (WARNING, "the asset ends in sessions that repeat one price without volume"),
    "outlier": (WARNING, "a close leaps far from its neighbours and comes back at once"),
    "unexplained_jump": (WARNING, "prices jump by the ratio of a split, but there is no action"),
    "split_not_in_prices": (WARNING, "a split is listed, but prices do not jump: they may be adjusted already"),
    "dividend_twice": (WARNING, "a dividend follows one of the same amount within ten days"),
    "dividend_refused": (
        WARNING,
        "a dividend is not below the close before it, or none is known: it adjusts nothing",
    ),
    "revision": (NOTE, "a stored bar or action was replaced by an append"),
    "no_bars": (NOTE, "the asset has no bars"),
}
LATE = ("split_not_in_prices", "dividend_twice", "dividend_refused", "no_bars")  # asked of the whole bundle each time
FINDINGS: tuple[Column, ...] = (
    Column("code", "string", "what is wrong (ingest/quality.py)"),
    Column("severity", "string", "error, warning or note"),
    Column("sid", "int64", "the asset; null = none in particular", nullable=True),
    Column("symbol", "string", "its symbol"),
    Column("time", "time", "date, or end of the minute; null = none in particular", nullable=True),
    Column("detail", "string", "what was found"),
    Column("file", "string", "file of the input"),
    Column("line", "int64", "its line; null = none in particular", nullable=True),
)
QUARANTINE: tuple[Column, ...] = (
    *FINDINGS[:1],
    *FINDINGS[2:6],
    *(Column(name, "float64", "as found") for name in FIELDS),
    *FINDINGS[6:],
)
_MOST_SHOWN = 500
_QUARANTINED_FOR_C = 1e-3


@dataclass(frozen=True, eq=False)
class Flaws:
    """k flaws of one kind in one asset.

    code; sid (−1: none in particular); times int64[k] ns (NAT: none); details: one text each; file and lines (−1:
    none) of the input; values float64[5, k]: the rows put into quarantine, None for flaws that leave the row where it
    is.
    """

    code: str
    sid: int
    times: Int64Array
    details: tuple[str, ...]
    file: str = ""
    lines: Int64Array | None = None
    values: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.times)


def flaw(code: str, sid: int, time: int, detail: str, file: str = "") -> Flaws:
    """One flaw that quarantines nothing."""
    return Flaws(code, sid, np.array([time], dtype=np.int64), (detail,), file)


@dataclass
class Quality:
    """The findings of one ingest, as they come."""

    flaws: list[Flaws] = field(default_factory=list)
    rows: int = 0

    @classmethod
    def of(cls, folder: Path, rows: int) -> Quality:
        """The findings that a bundle's folder holds on its input's rows, of which there were ``rows``."""
        if not (folder / "quality.parquet").is_file():
            return cls(rows=rows)
        found = tables.read(folder / "quality.parquet", FINDINGS)
        kept = folder / "quarantine.parquet"
        put_aside = tables.read(kept, QUARANTINE) if kept.is_file() else tables.empty(QUARANTINE)
        flaws = [*_grouped(found, put_aside["code"].tolist()), *_grouped(put_aside, ())]
        return cls([f for f in flaws if f.code not in LATE], rows)

    def add(self, found: Iterable[Flaws]) -> None:
        """Take what was found; empty entries are dropped."""
        self.flaws.extend(f for f in found if len(f))

    @property
    def counts(self) -> dict[str, int]:
        """code → number of findings, by code."""
        counts: Counter[str] = Counter()
        for each in self.flaws:
            counts[each.code] += len(each)
        return dict(sorted(counts.items()))

    @property
    def quarantined(self) -> int:
        """Rows kept out of the bars."""
        return sum(len(f) for f in self.flaws if f.values is not None)

    @property
    def grade(self) -> str:
        """A, B, C or D, as the module says."""
        worst = {CODES[code][0] for code in self.counts}
        if ERROR in worst:
            return "C" if self.quarantined <= _QUARANTINED_FOR_C * max(self.rows, 1) else "D"
        return "B" if WARNING in worst else "A"

    def findings(self, symbols: Mapping[int, str]) -> Table:
        """The table FINDINGS, sorted by code, asset and time."""
        return _sorted(FINDINGS, [_finding_rows(f, symbols) for f in self.flaws])

    def quarantine(self, symbols: Mapping[int, str]) -> Table:
        """The table QUARANTINE, sorted by code, asset and time."""
        kept = [f for f in self.flaws if f.values is not None]
        return _sorted(QUARANTINE, [_quarantine_rows(f, symbols) for f in kept])

    def write(self, folder: Path, symbols: Mapping[int, str], title: str) -> list[str]:
        """Write quality.parquet, quality.html and, when rows were quarantined, quarantine.parquet; their names."""
        findings = self.findings(symbols)
        tables.write(folder / "quality.parquet", FINDINGS, findings)
        (folder / "quality.html").write_text(page(title, self, findings), encoding="utf-8")
        names = ["quality.parquet", "quality.html"]
        if self.quarantined:
            tables.write(folder / "quarantine.parquet", QUARANTINE, self.quarantine(symbols))
            names.append("quarantine.parquet")
        return names


def _grouped(table: Table, but: Collection[str]) -> Iterator[Flaws]:
    """The rows of a table as Flaws by code, asset and file; the codes ``but`` left out."""
    groups: dict[tuple[str, int, str], list[int]] = {}
    for i, key in enumerate(zip(table["code"].tolist(), table["sid"].tolist(), table["file"].tolist(), strict=True)):
        if key[0] not in but:
            groups.setdefault(key, []).append(i)
    for (code, sid, file), rows in groups.items():
        values = np.stack([table[name][rows] for name in FIELDS]) if "close" in table else None
        details = tuple(table["detail"][rows]) if "detail" in table else ("",) * len(rows)
        yield Flaws(code, sid, table["time"][rows], details, file, table["line"][rows], values)


def _common(f: Flaws, symbols: Mapping[int, str]) -> dict[str, tables.Array]:
    n = len(f)
    return {
        "code": np.full(n, f.code, dtype=object),
        "sid": np.full(n, f.sid, dtype=np.int64),
        "symbol": np.full(n, symbols.get(f.sid, ""), dtype=object),
        "time": f.times,
        "file": np.full(n, f.file, dtype=object),
        "line": np.full(n, -1, dtype=np.int64) if f.lines is None else f.lines,
    }


def _finding_rows(f: Flaws, symbols: Mapping[int, str]) -> dict[str, tables.Array]:
    severity = np.full(len(f), CODES[f.code][0], dtype=object)
    return {**_common(f, symbols), "severity": severity, "detail": np.array(f.details, dtype=object)}


def _quarantine_rows(f: Flaws, symbols: Mapping[int, str]) -> dict[str, tables.Array]:
    values = np.empty((len(FIELDS), len(f))) if f.values is None else f.values
    detail = np.array(f.details, dtype=object)
    return {**_common(f, symbols), "detail": detail, **dict(zip(FIELDS, values, strict=True))}


def _sorted(columns: tuple[Column, ...], parts: list[dict[str, tables.Array]]) -> Table:
    parts = [tables.empty(columns), *parts]
    joined = {c.name: np.concatenate([p[c.name] for p in parts]) for c in columns}
    order = np.lexsort((joined["line"], joined["time"], joined["sid"], joined["code"].astype(str)))
    return {name: values[order] for name, values in joined.items()}


def page(title: str, quality: Quality, findings: Table) -> str:
    """The findings as one HTML page without script or network: the grade, the counts, the first rows of each code."""
    counts = quality.counts
    summary = "".join(_row((code, *CODES[code], f"{n:,}")) for code, n in counts.items())
    shown = [_row(_cells(findings, i)) for i in range(min(tables.length(findings), _MOST_SHOWN))]
    left = tables.length(findings) - len(shown)
    more = f"<p>{left:,} more are in quality.parquet.</p>" if left > 0 else ""
    return (
        f"<!doctype html><meta charset='utf-8'><title>{html.escape(title)}</title>"
        "<style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:left}"
        "tr:nth-child(even){background:#f4f4f4}</style>"
        f"<h1>{html.escape(title)}</h1><p>Grade <b>{quality.grade}</b>: {quality.rows:,} rows read, "
        f"{quality.quarantined:,} in quarantine.</p>"
        f"<table>{_row(('Code', 'Severity', 'Meaning', 'Findings'), 'th')}{summary}</table>"
        f"<h2>Findings</h2><table>{_row(('Code', 'Symbol', 'Time', 'Detail', 'File', 'Line'), 'th')}"
        f"{''.join(shown)}</table>{more}\n"
    )


def _cells(findings: Table, i: int) -> tuple[str, ...]:
    time, line = int(findings["time"][i]), int(findings["line"][i])
    when = "" if time == NAT else date_text(time)
    place = "" if line < 0 else str(line)
    return (findings["code"][i], findings["symbol"][i], when, findings["detail"][i], findings["file"][i], place)


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>\n"
