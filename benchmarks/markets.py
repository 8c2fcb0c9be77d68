"""Random-walk markets as bundles for the benchmarks, written once under the platform's temporary folder."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from tradewind_data import tables
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.market import AssetBars, Market, day_after, sessions_for
from tradewind_data.ingest.writer import write_bundle
from tradewind_data.schema import TABLES

ROOT = Path(tempfile.gettempdir()) / "tradewind-benchmarks"


def random_walk(assets, sessions, seed=0):
    """(close, volume): float64[sessions, assets], correlated through one market factor.

    Where assets are few, each trades more: the capital of the benchmarks has to find room in one day's volume.
    """
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.01, (sessions, 1))
    close = 50 * np.exp(np.cumsum(market + rng.normal(0, 0.015, (sessions, assets)), axis=0))
    volume = rng.integers(200_000, 2_000_000, (sessions, assets)).astype(float)
    return close, volume * _depth(assets)


def _depth(assets):
    return max(1, 20 // assets)


def table(name, rows):
    out = tables.empty(TABLES[name])
    for i, column in enumerate(TABLES[name]):
        out[column.name] = np.array([row[i] for row in rows], dtype=out[column.name].dtype)
    return out


def walk_bundle(assets, years, actions=False):
    """A bundle of `assets` random walks over `years` from 2005-01-03; the same bytes whenever it is asked for.

    With actions, 55 % of the assets pay quarterly dividends and a fifth split 2:1 once.
    """
    name = f"walk-{assets}x{years}" + ("-deep" if _depth(assets) > 1 else "") + ("-actions" if actions else "")
    try:
        return open_bundle(name, ROOT)
    except Exception:
        return _make(name, assets, years, actions)


def _make(name, assets, years, actions):
    first = pd.Timestamp("2005-01-03").as_unit("ns")
    last = (first + pd.DateOffset(years=years) - pd.Timedelta(days=1)).as_unit("ns")
    calendar = sessions_for("XNYS", first.value, last.value)
    inside = (calendar.labels >= first.value) & (calendar.labels <= last.value)
    labels = calendar.labels[inside].astype(np.int64)
    close, volume = random_walk(assets, len(labels))
    bars = [
        AssetBars(sid, labels, np.array([close[:, i], close[:, i], close[:, i], close[:, i], volume[:, i]]))
        for i, sid in enumerate(range(1, assets + 1))
    ]
    over = int(day_after(labels[-1:])[0])
    rows = [
        (sid, f"S{sid:04d}", "", "XNYS", "equity", int(labels[0]), int(labels[-1]), over, 1.0, 0.01)
        for sid in range(1, assets + 1)
    ]
    written = {
        "assets": table("assets", rows),
        "symbols": table("symbols", [(r[0], r[1], r[5], r[6]) for r in rows]),
        "splits": table("splits", _splits(assets, labels) if actions else []),
        "dividends": table("dividends", _dividends(assets, labels) if actions else []),
        "stock_dividends": table("stock_dividends", []),
        "mergers": table("mergers", []),
        "classifications": table("classifications", []),
    }
    write_bundle(Market(calendar, written, bars), name, ROOT)
    return open_bundle(name, ROOT)


def _splits(assets, labels):
    return [(sid, int(labels[(37 * sid) % (len(labels) - 300) + 300]), 2, 1) for sid in range(1, assets + 1, 5)]


def _dividends(assets, labels):
    payers = range(1, int(0.55 * assets) + 1)
    ex = [(sid, t) for sid in payers for t in range(20 + sid % 60, len(labels) - 15, 63)]
    return [(sid, int(labels[t]), int(labels[t + 12]), 0.2, tables.NAT, tables.NAT) for sid, t in ex]
