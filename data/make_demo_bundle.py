"""Make the embedded demo bundle from the stock prices of bokeh-sampledata.

    python data/make_demo_bundle.py [FOLDER]

The sample gives raw open, high, low, close, volume and an adjusted close, but no corporate actions. They are
recovered: with f[t] = adjusted[t] / close[t], an action of session t shows as the jump ρ = f[t−1] / f[t] ≠ 1. The
source computed its factor from the ex-date's close, so

    dividend  a = (1/ρ − 1) · close[t],  a whole number of cents;    split  1/ρ a whole number, close falling with it.

Each jump must be one of the two, else the script stops. The sids are those of the original platform.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewind_data import tables
from tradewind_data.demo import DEMO, demo_folder
from tradewind_data.ingest import latechecks
from tradewind_data.ingest.market import Market, day_after, sessions_for
from tradewind_data.ingest.spool import AssetBars, held
from tradewind_data.ingest.writer import write_folder
from tradewind_data.manifest import Manifest
from tradewind_data.schema import FIELDS, TABLES

ASSETS = {
    "AAPL": (24, "Apple Inc.", "NASDAQ"),
    "IBM": (3766, "International Business Machines Corporation", "NYSE"),
    "MSFT": (5061, "Microsoft Corporation", "NASDAQ"),
    "GOOG": (26578, "Google Inc.", "NASDAQ"),
    "FB": (42950, "Facebook, Inc.", "NASDAQ"),
}
TECHNOLOGY = "311"
SOURCE = "bokeh-sampledata stocks (archived Quandl WIKI prices, public domain); see NOTICE"
CENT_TOLERANCE = 1e-4
JUMP_TOLERANCE = 1e-7


def sample() -> dict[str, pd.DataFrame]:
    """symbol → frame of date, open, high, low, close, volume, adj_close, ascending by date."""
    from bokeh_sampledata import stocks

    return {symbol: pd.DataFrame(getattr(stocks, symbol)) for symbol in ASSETS}


def actions(frame: pd.DataFrame) -> tuple[list[tuple[int, int]], list[tuple[int, float]]]:
    """([(row, new shares an old one)], [(row, dividend)]) recovered from the jumps of adjusted close / close."""
    close = frame["close"].to_numpy()
    factor = frame["adj_close"].to_numpy() / close
    jump = factor[1:] / factor[:-1]
    splits, dividends = [], []
    for row in np.flatnonzero(np.abs(jump - 1) > JUMP_TOLERANCE) + 1:
        growth = jump[row - 1]
        cents = (growth - 1) * close[row] * 100
        if abs(growth - round(growth)) < JUMP_TOLERANCE and close[row] < 0.75 * close[row - 1]:
            splits.append((int(row), round(growth)))
        elif abs(cents - round(cents)) < CENT_TOLERANCE * 100 and growth < 1.25:
            dividends.append((int(row), round(cents) / 100))
        else:
            raise SystemExit(f"row {row}: a jump of {growth} is neither a split nor a dividend in whole cents")
    return splits, dividends


def market() -> Market:
    """The five stocks as a Market."""
    frames = sample()
    labels = {s: pd.DatetimeIndex(f["date"]).as_unit("ns").asi8 for s, f in frames.items()}
    splits: list[tuple[Any, ...]] = []
    dividends: list[tuple[Any, ...]] = []
    for symbol, frame in frames.items():
        sid = ASSETS[symbol][0]
        found = actions(frame)
        splits += [(sid, labels[symbol][row], new, 1) for row, new in found[0]]
        dividends += [(sid, labels[symbol][row], tables.NAT, cash, tables.NAT, tables.NAT) for row, cash in found[1]]
    return Market(
        sessions=sessions_for("XNYS", min(x[0] for x in labels.values()), max(x[-1] for x in labels.values())),
        tables={
            **_asset_tables(labels),
            "splits": _table("splits", splits),
            "dividends": _table("dividends", dividends),
            "stock_dividends": _table("stock_dividends", []),
            "mergers": _table("mergers", []),
        },
        bars=held(
            AssetBars(sid, labels[symbol], frames[symbol][list(FIELDS)].to_numpy(np.float64).T.copy())
            for symbol, (sid, *_) in sorted(ASSETS.items(), key=lambda item: item[1])
        ),
        source=SOURCE,
    )


def _asset_tables(labels: dict[str, Any]) -> dict[str, tables.Table]:
    rows, borne, codes = [], [], []
    for symbol, (sid, name, exchange) in sorted(ASSETS.items(), key=lambda item: item[1]):
        first, last = labels[symbol][[0, -1]]
        close = day_after(last)
        rows.append((sid, symbol, name, exchange, "equity", first, last, close, 1.0, 0.01))
        borne.append((sid, symbol, first, last))
        codes.append((sid, first, tables.NAT, "morningstar_sector", TECHNOLOGY))
    return {
        "assets": _table("assets", rows),
        "symbols": _table("symbols", borne),
        "classifications": _table("classifications", codes),
    }


def _table(name: str, rows: list[tuple[Any, ...]]) -> tables.Table:
    columns = TABLES[name]
    out = tables.empty(columns)
    for i, column in enumerate(columns):
        out[column.name] = np.array([row[i] for row in rows], dtype=out[column.name].dtype)
    return out


def make(folder: Path) -> Manifest:
    """Write the demo bundle into a folder; its manifest."""
    found = market()
    return write_folder(replace(found, quality=latechecks.whole(found)), DEMO, folder)


if __name__ == "__main__":
    made = make(Path(sys.argv[1]) if len(sys.argv) > 1 else demo_folder())
    print(made.content_hash)  # noqa: T201  a script's answer
