"""The markets of the simulation benchmarks: one set of arrays, as a bundle for us and as .npz for every other engine.

Prices are whole cents with open = high = low = close, so that engines that fill at the next open fill at our next close
and none loses digits. Volumes never limit an order: engines with and without a volume limit do the same work.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.markets import ROOT, random_walk, table
from benchmarks.minute_loop import minute_bundle
from tradewind_data import tables
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import DataError
from tradewind_data.ingest.market import AssetBars, Market, day_after, sessions_for
from tradewind_data.ingest.writer import write_bundle

FOLDER = ROOT / "simulation"


@dataclass(frozen=True)
class Prices:
    """A market on disk: bundle by name, arrays as file, labels of its sessions (ns)."""

    bundle: str
    arrays: Path
    labels: np.ndarray
    store: Path  # what another engine has made of the arrays


def daily_prices(assets, years, actions=False):
    """`assets` random walks over `years` from 2005; actions: quarterly dividends of 55 %, splits of a fifth."""
    name = f"sim-{assets}x{years}" + ("-actions" if actions else "")
    file = FOLDER / f"{name}.npz"
    if not _is_there(name, file):
        given = _walk(assets, years, actions)
        _write_bundle(given, assets, name)
        _write_arrays(file, given)
    with np.load(file) as stored:
        return Prices(name, file, stored["labels"], FOLDER / name)


def minute_prices(assets, days):
    """The bundle of minute_loop.py, and its arrays."""
    bundle = minute_bundle(assets, days)
    file = FOLDER / f"minutes-{assets}x{days}.npz"
    if not file.exists():
        reader, minutes = bundle.bars("1m"), bundle.sessions.minutes
        days_of = range(reader.first_session, reader.last_session + 1)
        given = {
            name: np.concatenate([reader.session_values(name, s) for s in days_of]) for name in ("close", "volume")
        }
        starts = np.asarray(minutes.starts)[days_of.start : days_of.stop + 1]
        given["stamps"] = np.asarray(minutes.stamps(int(starts[0]), int(starts[-1])))
        given["starts"] = starts - starts[0]
        given["labels"] = bundle.sessions.labels[days_of.start : days_of.stop].astype(np.int64)
        _write_arrays(file, {**given, **_no_actions()})
    with np.load(file) as stored:
        return Prices(f"minutes-{assets}x{days}", file, stored["labels"], FOLDER / f"minutes-{assets}x{days}")


def _is_there(name, file):
    try:
        open_bundle(name, ROOT)
    except DataError:
        return False
    return file.exists()


def _walk(assets, years, actions):
    first = pd.Timestamp("2005-01-03").as_unit("ns")
    last = (first + pd.DateOffset(years=years) - pd.Timedelta(days=1)).as_unit("ns")
    calendar = sessions_for("XNYS", first.value, last.value)
    labels = calendar.labels[(calendar.labels >= first.value) & (calendar.labels <= last.value)].astype(np.int64)
    close, volume = random_walk(assets, len(labels))
    volume *= 100
    months = pd.DatetimeIndex(labels.astype("datetime64[ns]")).month
    given = {"calendar": calendar, "labels": labels, "volume": volume, **_no_actions()}
    given["monthly"] = np.r_[True, months[1:] != months[:-1]]
    if actions:
        given["splits"] = _splits(assets, labels, close)
    given["close"] = np.maximum(np.round(close, 2), 0.5)
    if actions:
        given["dividends"], given["amounts"] = _dividends(assets, labels, given["close"])
    return given


def _no_actions():
    return {"splits": np.zeros((0, 2), np.int64), "dividends": np.zeros((0, 3), np.int64), "amounts": np.zeros(0)}


def _splits(assets, labels, close):
    """2:1 splits (sid, effective label); the prices before them become twice as high."""
    rows = []
    for sid in range(1, assets + 1, 5):
        t = (37 * sid) % (len(labels) // 2) + len(labels) // 4
        close[:t, sid - 1] *= 2
        rows.append((sid, int(labels[t])))
    return np.array(rows, np.int64)


def _dividends(assets, labels, close):
    """Quarterly dividends of 0.4 % of the price of the day before: (sid, ex label, pay label), amounts."""
    payers = range(1, max(int(0.55 * assets), 1) + 1)
    at = [(sid, t) for sid in payers for t in range(20 + sid % 60, len(labels) - 15, 63)]
    rows = np.array([(sid, labels[t], labels[t + 12]) for sid, t in at], np.int64)
    return rows, np.array([max(round(0.004 * close[t - 1, sid - 1], 2), 0.01) for sid, t in at])


def _write_bundle(given, assets, name):
    labels, close, volume = given["labels"], given["close"], given["volume"]
    bars = [
        AssetBars(i + 1, labels, np.array([close[:, i], close[:, i], close[:, i], close[:, i], volume[:, i]]))
        for i in range(assets)
    ]
    over = int(day_after(labels[-1:])[0])
    span = int(labels[0]), int(labels[-1])
    rows = [(sid, f"S{sid:04d}", "", "XNYS", "equity", *span, over, 1.0, 0.01) for sid in range(1, assets + 1)]
    paid = zip(given["dividends"].tolist(), given["amounts"].tolist(), strict=True)
    written = {
        "assets": table("assets", rows),
        "symbols": table("symbols", [(row[0], row[1], *span) for row in rows]),
        "splits": table("splits", [(sid, at, 2, 1) for sid, at in given["splits"].tolist()]),
        "dividends": table("dividends", [(*row, amount, tables.NAT, tables.NAT) for row, amount in paid]),
        **{empty: table(empty, []) for empty in ("stock_dividends", "mergers", "classifications")},
    }
    write_bundle(Market(given["calendar"], written, bars), name, ROOT)


def _write_arrays(file, given):
    FOLDER.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(".half.npz")
    np.savez(half, **{name: values for name, values in given.items() if name != "calendar"})
    half.replace(file)
