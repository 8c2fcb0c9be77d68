"""Readers of what vendors deliver: a small class turns a path into bars and tables, and the rest is common.

A reader has one method, ``read(path) → Delivery``. Others are found under the entry point group ``tradewind.readers``:

    [project.entry-points."tradewind.readers"]
    acme = "acme_reader:AcmeReader"

Bundles hold raw prices. A vendor that adjusts says so by undoing it here, where its convention is known.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind_data.errors import BadIngestRequest, BadInputFile, did_you_mean, listed
from tradewind_data.ingest.frames import ingest_frames
from tradewind_data.ingest.reporting import IngestReport

GROUP = "tradewind.readers"


@dataclass(frozen=True)
class Delivery:
    """What a reader found: (symbol, frame of raw daily bars) one after the other, and tables as in frames.py.

    warnings: sentences for the ingest's report; a reader may add to them while its bars are taken.
    """

    bars: Iterator[tuple[str, Any]]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class VendorReader(Protocol):
    """A reader of one vendor's files."""

    def read(self, path: Path) -> Delivery:
        """The bars and tables of a file or folder. BadInputFile for what cannot be read."""


class YahooReader:
    """Files as yfinance saves them, ``SYMBOL.csv`` or ``SYMBOL.parquet``, one ticker a file.

    Date, Open, High, Low, Close, Volume[, Adj Close, Dividends, Stock Splits]; the two further header lines that
    ``yfinance.download`` writes are passed over. With ``auto_adjust=False`` there is an Adj Close, and prices, volumes
    and dividends are adjusted for splits alone. With S[t] = Π {split ratios after t}: raw price = price · S, raw volume
    = volume / S, raw dividend = dividend · S. Adj Close is not read. A file without one holds prices that are adjusted
    for dividends too: its dividends are left out, else they would count twice, and the report says so.
    """

    def read(self, path: Path) -> Delivery:
        """Every file of a folder, or one file."""
        warnings: list[str] = []
        return Delivery(((_symbol(file), self._raw(file, warnings)) for file in _files(path)), warnings=warnings)

    def _raw(self, path: Path, warnings: list[str]) -> pd.DataFrame:
        frame = _frame(path, ("date", "open", "high", "low", "close", "volume"))
        frame["date"] = _days(path, frame, "date", "%Y-%m-%d", 10)
        frame = frame.sort_values("date", kind="stable").reset_index(drop=True)
        splits = _numbers(path, frame, "stock splits")
        ratio = np.where(splits > 0, splits, 1.0)
        later = np.append(np.cumprod(ratio[::-1])[::-1][1:], 1.0)
        out = pd.DataFrame({"date": frame["date"]})
        for name in ("open", "high", "low", "close"):
            # A product of a rounded price is not the traded price to the last bit: back to a hundredth of a cent.
            prices = _numbers(path, frame, name)
            out[name] = (prices * later).round(4) if (later != 1.0).any() else prices
        out["volume"] = (_numbers(path, frame, "volume") / later).round()
        return out.assign(dividend=self._dividends(path, frame, later, warnings), split=ratio)

    def _dividends(self, path: Path, frame: pd.DataFrame, later: Any, warnings: list[str]) -> Any:
        paid = np.nan_to_num(_numbers(path, frame, "dividends"))
        if "adj close" in frame or not paid.any():
            return np.round(paid * later, 6)
        warnings.append(
            f"{path.name} has no Adj Close: its prices are adjusted for dividends, so its dividends were left out; "
            "download with auto_adjust=False for raw prices"
        )
        return np.zeros(len(frame))


class StooqReader:
    """Files of Stooq: of its archive, ``symbol.us.txt`` or ``.csv`` in any depth of folders, or of its pages,
    ``symbol_us_d.csv``.

    <TICKER>, <PER>, <DATE> (YYYYMMDD), <TIME>, <OPEN>, <HIGH>, <LOW>, <CLOSE>, <VOL>[, <OPENINT>], where rows whose
    <PER> is not D are passed over; or Date (YYYY-MM-DD), Open, High, Low, Close[, Volume]. Stooq's prices are adjusted
    for splits and dividends and its files tell neither: the bundle is a bundle of adjusted prices without actions.
    """

    def read(self, path: Path) -> Delivery:
        """Every file below a folder, or one file."""
        return Delivery((_of_stooq(_symbol(file)), self._bars(file)) for file in _files(path))

    def _bars(self, path: Path) -> pd.DataFrame:
        frame = _frame(path, ())
        frame.columns = pd.Index([_STOOQ.get(name, name.strip("<>")) for name in frame.columns])
        _need(path, frame, ("date", "open", "high", "low", "close"))
        if "per" in frame:
            frame = frame[frame["per"].astype(str).str.upper() == "D"]
        compact = frame["date"].astype(str).str.fullmatch(r"\d{8}").all()
        out = pd.DataFrame({"date": _days(path, frame, "date", "%Y%m%d" if compact else "%Y-%m-%d", 10)})
        for name in ("open", "high", "low", "close", "volume"):
            out[name] = _numbers(path, frame, name)
        return out


_STOOQ = {"<vol>": "volume"}
BUILT_IN: dict[str, type[VendorReader]] = {"stooq": StooqReader, "yahoo": YahooReader}


def reader_of(name: str) -> VendorReader:
    """The reader of that name, ours or an installed one. BadIngestRequest names those there are, or what fails."""
    if name in BUILT_IN:
        return BUILT_IN[name]()
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = sorted({*BUILT_IN, *found})
        rule = f"there is no such reader; readers: {', '.join(known)}.{did_you_mean(name, known)}"
        raise BadIngestRequest("reader", name, rule.rstrip(".?"))
    try:
        reader: VendorReader = found[name].load()()
    except (ImportError, AttributeError, TypeError) as e:
        rule = f"its entry point {found[name].value!r} cannot be loaded ({type(e).__name__}: {e})"
        raise BadIngestRequest("reader", name, rule) from e
    return reader


def ingest_vendor(
    reader: str, path: str | os.PathLike[str], name: str, calendar: str | None = None, **options: Any
) -> IngestReport:
    """Read a vendor's files and write them as the next version of the bundle ``name``; options as ingest_frames."""
    delivery = reader_of(reader).read(Path(path).expanduser())
    made = ingest_frames(delivery.bars, name, calendar, tables=delivery.tables, **options)
    return replace(made, warnings=(*made.warnings, *delivery.warnings))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [p for p in path.rglob("*") if p.suffix.lower() in (".csv", ".txt", ".parquet") and p.is_file()]
    if not found:
        raise BadIngestRequest("path", path, "there is no .csv, .txt or .parquet file in it")
    return sorted(found)


def _symbol(path: Path) -> str:
    return path.name[: -len(path.suffix)]


def _of_stooq(name: str) -> str:
    """The ticker in a file's name: ``acme.us`` or ``acme_us_d``."""
    return re.sub(r"_[a-z]{2}_[dwm]$", "", name.lower()).partition(".")[0].upper()


def _frame(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """A file with its column names in lower case. BadInputFile when one that is needed is missing."""
    try:
        frame = pd.read_parquet(path).reset_index() if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as e:
        raise BadInputFile(path.name, f"it cannot be read ({e})", "Download it again") from None
    frame.columns = pd.Index([_column(name) for name in frame.columns])
    if frame.columns[0] == "price" and len(frame) > 1 and str(frame.iloc[0, 0]).casefold() == "ticker":
        frame = frame.iloc[2:].rename(columns={"price": "date"}).reset_index(drop=True)
    if frame.columns.has_duplicates:
        name = str(frame.columns[frame.columns.duplicated()][0])
        raise BadInputFile(path.name, f"it has several columns {name!r}", "Save one ticker a file", 1, name)
    _need(path, frame, needed)
    return frame


def _column(name: object) -> str:
    """A column's name in lower case; of a pair (field, ticker), also one written as text, the field."""
    first = name[0] if isinstance(name, tuple) else str(name)
    pair = re.fullmatch(r"\('([^']*)', '[^']*'\)", first)
    return (pair[1] if pair else first).strip().casefold()


def _need(path: Path, frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in frame:
            rule = f"it has no column {name!r}; its columns: {listed(frame.columns)}"
            raise BadInputFile(path.name, rule, "Choose another reader", 1, name)


def _numbers(path: Path, frame: pd.DataFrame, name: str) -> Any:
    """float64[n] of a column, zeros for one that is not there. BadInputFile for a cell that is no number."""
    if name not in frame:
        return np.zeros(len(frame))
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(path, frame, name, np.isnan(values) & frame[name].notna().to_numpy(), "it is not a number")
    return values


def _days(path: Path, frame: pd.DataFrame, name: str, written: str, length: int) -> pd.Series:
    """The dates of a column, from the first ``length`` characters. BadInputFile for a cell that is no date."""
    days = pd.to_datetime(frame[name].astype(str).str[:length], format=written, errors="coerce")
    _refuse(path, frame, name, days.isna().to_numpy(), "it is not a date")
    return days.dt.as_unit("ns")


def _refuse(path: Path, frame: pd.DataFrame, name: str, wrong: Any, rule: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        found = str(frame[name].iloc[row])
        raise BadInputFile(path.name, rule, "Correct it, or download the file again", row + 2, name, found)
