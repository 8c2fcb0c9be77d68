"""A synthetic market as a bundle: assets, bars, actions, sectors, quarterly reports and an index fund.

Nothing in it is real, even where assets bear real tickers: the bundle's source and every asset's name say so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewind_data import tables
from tradewind_data.errors import BadIngestRequest, BadInputFile
from tradewind_data.ingest import latechecks
from tradewind_data.ingest.delimited import NUMBER, TEXT, Wanted, read_input
from tradewind_data.ingest.listing import whole_sids
from tradewind_data.ingest.market import Market, Progress, day_after, sessions_for
from tradewind_data.ingest.parallel import Meter
from tradewind_data.ingest.quality import Quality
from tradewind_data.ingest.reporting import IngestReport, report
from tradewind_data.ingest.series import Jump, check_series
from tradewind_data.ingest.spool import BUDGET_BYTES, AssetBars, Spool
from tradewind_data.ingest.staging import check_name
from tradewind_data.ingest.writer import commit, writing
from tradewind_data.schema import TABLES
from tradewind_data.sessions import Int64Array, Sessions
from tradewind_data.synthetic import fundamentals
from tradewind_data.synthetic.minutes import minute_bars
from tradewind_data.synthetic.prices import AssetHistory, history, index_history
from tradewind_data.synthetic.returns import SECTORS, FloatArray, ReturnModel, traits

CALENDAR = "XNYS"
FIRST_SID, INDEX_SID, INDEX_SYMBOL = 1_000_001, 8554, "SPY"
CLOSED_AFTER = 3


@dataclass(frozen=True)
class Plan:
    """What market is made: number of assets, first and last day, seed, sessions at the end with minute bars, names.

    names: (sid, symbol) of the first assets; the others are SYN0001 … with sids from 1 000 001.
    """

    assets: int = 500
    start: str = "2010-01-04"
    end: str = "2019-12-31"
    seed: int = 7
    minute_days: int = 0
    names: tuple[tuple[int, str], ...] = ()

    def named(self, asset: int) -> tuple[int, str]:
        """sid and symbol of an asset's number."""
        return self.names[asset] if asset < len(self.names) else (FIRST_SID + asset, f"SYN{asset + 1:04d}")


class SyntheticMarket:
    """A market that is made asset by asset. ``truth`` knows what its returns were expected to be."""

    def __init__(self, plan: Plan) -> None:
        _refuse(plan)
        self.plan = plan

    @cached_property
    def sessions(self) -> Sessions:
        """The session table to be stored."""
        first, last = (pd.Timestamp(day).as_unit("ns").value for day in (self.plan.start, self.plan.end))
        return sessions_for(CALENDAR, first, last)

    @cached_property
    def labels(self) -> Int64Array:
        """Labels (ns) of the T days of the market."""
        first, last = (pd.Timestamp(day).as_unit("ns").value for day in (self.plan.start, self.plan.end))
        labels = self.sessions.labels
        return labels[(labels >= first) & (labels <= last)]

    @cached_property
    def model(self) -> ReturnModel:
        """The returns behind the prices."""
        return ReturnModel(self.plan.seed, len(self.labels))

    def truth(self, asset: int) -> FloatArray:
        """float64[T]: the log return of each day as it could be expected the day before, NaN outside the asset's life.

        Premia, planted signals and, once it has begun, the end of the asset's life. It is no part of the bundle.
        """
        made, out = history(self.model, asset), np.full(len(self.labels), np.nan)
        out[made.life.first : made.life.last + 1] = made.expected
        return out

    def market(self, bars: Spool, minutes: Spool, progress: Progress | None = None) -> Market:
        """Make every asset; its bars go into the spools."""
        making = _Making(self, bars, minutes)
        meter = Meter(progress, self.plan.assets + 1)
        for asset in range(self.plan.assets):
            meter.step(asset, f"making {self.plan.named(asset)[1]}")
            meter.count(making.add(asset))
        meter.step(self.plan.assets, f"making {INDEX_SYMBOL}")
        making.add_index()
        return making.finished()


def _refuse(plan: Plan) -> None:
    if not 1 <= plan.assets <= 100_000:
        raise BadIngestRequest("assets", plan.assets, "a market has between 1 and 100 000 assets")
    if plan.seed < 0:
        raise BadIngestRequest("seed", plan.seed, "a seed is a whole number of at least 0")
    _refuse_names(plan)
    first, last = pd.Timestamp(plan.start), pd.Timestamp(plan.end)
    if last < first + pd.DateOffset(years=1):
        raise BadIngestRequest("end", plan.end, f"it lies less than a year after the start {plan.start}")


def _refuse_names(plan: Plan) -> None:
    if len(plan.names) > plan.assets:
        rule = f"{len(plan.names)} names were given: there must be an asset for each"
        raise BadIngestRequest("assets", plan.assets, rule)
    for sid, symbol in plan.names:
        if FIRST_SID - 1 <= sid <= FIRST_SID + plan.assets or symbol.startswith("SYN"):
            rule = f"sids from {FIRST_SID - 1} and symbols SYN… are given to assets without a name"
            raise BadIngestRequest("names", f"{sid}, {symbol}", rule)


class _Making:
    """The market while it is made."""

    def __init__(self, source: SyntheticMarket, bars: Spool, minutes: Spool) -> None:
        self._source, self._bars, self._minutes = source, bars, minutes
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES if name != "sessions"}
        self._quality = Quality()
        self._jumps: list[Jump] = []
        self._caps = np.zeros((2, len(source.labels)))
        self._opens = source.sessions.opens[np.searchsorted(source.sessions.labels, source.labels)]
        self._reports: list[tables.Table] = []

    def add(self, asset: int) -> int:
        """Make one asset; the number of its bars."""
        plan, made = self._source.plan, history(self._source.model, asset)
        sid, symbol = plan.named(asset)
        sector = SECTORS[traits(plan.seed, asset).sector]
        self._list(sid, symbol, f"Synthetic {symbol}", made, str(sector))
        cap = made.shares * made.values[3]
        days = np.arange(made.life.first + 1, made.life.last + 1)
        self._caps[0, days] += cap[:-1] * np.expm1(made.returns[1:])
        self._caps[1, days] += cap[:-1]
        self._store(sid, asset, made)
        source = self._source
        self._reports.append(fundamentals.reports(source.model, asset, sid, made, source.labels, self._opens))
        return len(made.returns)

    def add_index(self) -> None:
        """The fund that holds every asset by its market value."""
        gain, worth = self._caps
        gained = np.divide(gain, worth, out=np.zeros(len(worth)), where=worth > 0)
        made = index_history(self._source.plan.seed, gained)
        taken = {sid for sid, *_ in self._rows["assets"]}
        symbols = {row[1] for row in self._rows["assets"]}
        sid = INDEX_SID if INDEX_SID not in taken else FIRST_SID - 1
        symbol = INDEX_SYMBOL if INDEX_SYMBOL not in symbols else "SYNINDEX"
        self._list(sid, symbol, "Synthetic index fund", made, "")
        self._store(sid, self._source.plan.assets, made)

    def _list(self, sid: int, symbol: str, name: str, made: AssetHistory, sector: str) -> None:
        labels, life = self._source.labels, made.life
        first, last = int(labels[life.first]), int(labels[life.last])
        close = day_after(self._source.labels[[life.last]])[0]
        if life.end:
            every = self._source.sessions.labels
            close = every[np.searchsorted(every, last) + CLOSED_AFTER]
        self._rows["assets"].append((sid, symbol, name, "SYNTHETIC", "equity", first, last, int(close), 1.0, 0.01))
        if life.change > life.first:
            changed = int(labels[life.change])
            self._rows["symbols"].append((sid, f"{symbol}.OLD", first, int(labels[life.change - 1])))
            self._rows["symbols"].append((sid, symbol, changed, last))
        else:
            self._rows["symbols"].append((sid, symbol, first, last))
        if sector:
            self._rows["classifications"].append((sid, first, tables.NAT, "morningstar_sector", sector))
        self._rows["splits"] += [(sid, int(labels[day]), new, old) for day, new, old in made.splits]
        none = tables.NAT
        for day, amount in made.dividends:
            pay = int(labels[min(day + 15, len(labels) - 1)])
            self._rows["dividends"].append((sid, int(labels[day]), pay, amount, none, none))

    def _store(self, sid: int, asset: int, made: AssetHistory) -> None:
        bars = AssetBars(sid, self._source.labels[made.life.first : made.life.last + 1], made.values)
        flaws, jumps = check_series(bars)
        self._quality.add(flaws)
        self._quality.rows += len(bars.labels)
        self._jumps += jumps
        self._bars.add(bars)
        days = min(self._source.plan.minute_days, len(bars.labels))
        if days and made.life.last == len(self._source.labels) - 1:
            self._minutes.add(minute_bars(self._source.plan.seed, asset, bars, days, self._source.sessions))

    def finished(self) -> Market:
        """The market once every asset is made."""
        stored = {name: tables.sort_by(_table(name, rows), *_KEYS[name]) for name, rows in self._rows.items()}
        self._quality.add(latechecks.unexplained(self._jumps, stored))
        plan = self._source.plan
        source = f"SYNTHETIC market, seed {plan.seed}: no price, name or action in it is real"
        minutes = self._minutes if len(self._minutes) else None
        reports = {fundamentals.NAME: fundamentals.dataset(self._reports)}
        return Market(
            self._source.sessions, stored, self._bars, minutes, source=source, quality=self._quality, datasets=reports
        )


_KEYS: Mapping[str, tuple[str, ...]] = {
    name: ("sid", TABLES[name][1].name) if name != "assets" else ("sid",) for name in TABLES
}


def _table(name: str, rows: Sequence[tuple[Any, ...]]) -> tables.Table:
    out = tables.empty(TABLES[name])
    for i, column in enumerate(TABLES[name]):
        out[column.name] = np.array([row[i] for row in rows], dtype=out[column.name].dtype)
    return out


def read_names(path: Path) -> tuple[tuple[int, str], ...]:
    """(sid, symbol) of a CSV file with these two columns. BadInputFile for what cannot be used."""
    table = read_input(path, path.name, (Wanted("sid", NUMBER), Wanted("symbol", TEXT)))
    sids = whole_sids(table, "sid")
    table.refuse(sids < 0, "sid", "the sid is empty", "Write the sid")
    for column, values in (("sid", sids), ("symbol", table["symbol"])):
        if len(set(values.tolist())) != len(table):
            raise BadInputFile(path.name, f"a {column} stands twice", "Keep one row an asset", None, column)
    return tuple(zip(sids.tolist(), table["symbol"].tolist(), strict=True))


def ingest_synthetic(
    name: str,
    plan: Plan | None = None,
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    budget: int = BUDGET_BYTES,
) -> IngestReport:
    """Make the synthetic market of a plan and write it as the next version of the bundle ``name``.

    The same plan gives the same content hash on any number of cores. BadIngestRequest, BundleNotWritten.
    """
    check_name(name)
    source = SyntheticMarket(plan or Plan())
    with writing(name, root) as stage:
        bars, minutes = Spool("Y", stage.folder, budget), Spool("M", stage.folder, budget)
        try:
            market = source.market(bars, minutes, progress)
            return report(commit(market, name, stage, progress), name, market, [])
        finally:
            bars.close()
            minutes.close()
