"""Readers of what vendors deliver: a small class turns a path into bars and tables, and the rest is common.

A reader has one method, ``read(path) → Delivery``. Others are found under the entry point group ``tradewind.readers``:

    [project.entry-points."tradewind.readers"]
    acme = "acme_reader:AcmeReader"

Bundles hold raw prices. A vendor that adjusts says so by undoing it here, where its convention is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tradewind_data.errors import BadIngestRequest, BadInputFile, did_you_mean, listed
from tradewind_data.ingest.folder import IngestReport
from tradewind_data.ingest.frames import ingest_frames

GROUP = "tradewind.readers"


@dataclass(frozen=True)
class Delivery:
    """What a reader found: (symbol, frame of raw daily bars) one after the other, and tables as in frames.py."""

    bars: Iterator[tuple[str, Any]]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class VendorReader(Protocol):
    """A reader of one vendor's files."""

    def read(self, path: Path) -> Delivery:
        """The bars and tables of a file or folder. BadInputFile for what cannot be read."""


class YahooReader:
    """Files as yfinance saves them, ``SYMBOL.csv`` or ``SYMBOL.parquet``.

    Date, Open, High, Low, Close, Volume[, Adj Close, Dividends, Stock Splits], prices, volumes and dividends adjusted
    for splits alone (``auto_adjust=False``). With S[t] = Π {split ratios after t}: raw price = price · S, raw volume =
    volume / S, raw dividend = dividend · S. Adj Close is not read.
    """

    def read(self, path: Path) -> Delivery:
        """Every file of a folder, or one file."""
        return Delivery((_symbol(file), self._raw(file)) for file in _files(path))

    def _raw(self, path: Path) -> pd.DataFrame:
        frame = _frame(path, ("date", "open", "high", "low", "close", "volume"))
        frame["date"] = pd.to_datetime(frame["date"].astype(str).str[:10]).dt.as_unit("ns")
        frame = frame.sort_values("date", kind="stable").reset_index(drop=True)
        splits = frame["stock splits"].fillna(0.0) if "stock splits" in frame else pd.Series(0.0, frame.index)
        ratio = np.where(splits > 0, splits, 1.0).astype(float)
        later = np.append(np.cumprod(ratio[::-1])[::-1][1:], 1.0)
        out = pd.DataFrame({"date": frame["date"]})
        for name in ("open", "high", "low", "close"):
            # A product of a rounded price is not the traded price to the last bit: back to a hundredth of a cent.
            out[name] = (frame[name] * later).round(4) if (later != 1.0).any() else frame[name]
        out["volume"] = (frame["volume"] / later).round()
        paid = frame["dividends"].fillna(0.0) if "dividends" in frame else 0.0
        return out.assign(dividend=np.round(paid * later, 6), split=ratio)


class StooqReader:
    """Files of the Stooq archive, ``symbol.us.txt`` or ``.csv``, in any depth of folders.

    <TICKER>, <PER>, <DATE> (YYYYMMDD), <TIME>, <OPEN>, <HIGH>, <LOW>, <CLOSE>, <VOL>[, <OPENINT>]; rows whose <PER> is
    not D are passed over. Stooq's prices are adjusted for splits and dividends and its files tell neither: the bundle
    is a bundle of adjusted prices without actions.
    """

    def read(self, path: Path) -> Delivery:
        """Every file below a folder, or one file."""
        return Delivery((_symbol(file).partition(".")[0].upper(), self._bars(file)) for file in _files(path))

    def _bars(self, path: Path) -> pd.DataFrame:
        frame = _frame(path, ("<date>", "<open>", "<high>", "<low>", "<close>", "<vol>"))
        if "<per>" in frame:
            frame = frame[frame["<per>"].astype(str).str.upper() == "D"]
        names = {f"<{name}>": name for name in ("open", "high", "low", "close")}
        out = frame[list(names)].rename(columns=names)
        dates = pd.to_datetime(frame["<date>"].astype(str), format="%Y%m%d", errors="coerce")
        return out.assign(date=dates.dt.as_unit("ns"), volume=frame["<vol>"])


BUILT_IN: dict[str, type[VendorReader]] = {"stooq": StooqReader, "yahoo": YahooReader}


def reader_of(name: str) -> VendorReader:
    """The reader of that name, ours or an installed one. BadIngestRequest names those there are."""
    if name in BUILT_IN:
        return BUILT_IN[name]()
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = sorted({*BUILT_IN, *found})
        rule = f"there is no such reader; readers: {', '.join(known)}.{did_you_mean(name, known)}"
        raise BadIngestRequest("reader", name, rule.rstrip(".?"))
    reader: VendorReader = found[name].load()()
    return reader


def ingest_vendor(
    reader: str, path: str | os.PathLike[str], name: str, calendar: str | None = None, **options: Any
) -> IngestReport:
    """Read a vendor's files and write them as the next version of the bundle ``name``; options as ingest_frames."""
    delivery = reader_of(reader).read(Path(path).expanduser())
    return ingest_frames(delivery.bars, name, calendar, tables=delivery.tables, **options)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [p for p in path.rglob("*") if p.suffix.lower() in (".csv", ".txt", ".parquet") and p.is_file()]
    if not found:
        raise BadIngestRequest("path", path, "there is no .csv, .txt or .parquet file in it")
    return sorted(found)


def _symbol(path: Path) -> str:
    return path.name[: -len(path.suffix)]


def _frame(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """A file with its column names in lower case. BadInputFile when one that is needed is missing."""
    try:
        frame = pd.read_parquet(path).reset_index() if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as e:
        raise BadInputFile(path.name, f"it cannot be read ({e})", "Download it again") from None
    frame.columns = pd.Index([str(column).strip().casefold() for column in frame.columns])
    for name in needed:
        if name not in frame:
            rule = f"it has no column {name!r}; its columns: {listed(frame.columns)}"
            raise BadInputFile(path.name, rule, "Choose another reader", 1, name)
    return frame
