"""A synthetic market of futures: chains of contracts on four underlyings, as a bundle. Nothing in it is real.

An underlying has a spot price S with clustered volatility and a carry c that wanders back to its mean; a contract with
τ years to its closing is worth

    F = S·exp(c·τ)

on its tick. What is traded in a root moves on from the contract that is closed next to the one after it about eight
sessions before the closing; later contracts have a little of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tradewind_data import tables
from tradewind_data.errors import BadIngestRequest
from tradewind_data.ingest.market import Market, Progress, sessions_for
from tradewind_data.ingest.quality import Quality
from tradewind_data.ingest.reporting import IngestReport, report
from tradewind_data.ingest.series import check_series
from tradewind_data.ingest.spool import AssetBars
from tradewind_data.ingest.staging import check_name
from tradewind_data.ingest.writer import commit, writing
from tradewind_data.schema import FUTURES, TABLES
from tradewind_data.sessions import Int64Array, Sessions
from tradewind_data.synthetic.returns import YEAR, FloatArray, garch, generator, log_volume, student
from tradewind_data.synthetic.volatility import ar1

CALENDAR, MONTHS = "XNYS", "FGHJKMNQUVXZ"
FIRST_SID = 2_000_000
STREAM = 900  # of the generators, apart from those of shares
MOVES_ON, WITHIN = 8.0, 1.5  # sessions before a closing at which half the trading has left, and how sharply it leaves
NS_A_YEAR = 365.25 * 86_400e9


@dataclass(frozen=True)
class Root:
    """One underlying.

    months: letters of its delivery months; ahead, day: a contract is closed on that day, so many months before its
    delivery month; lives: months it is listed; vol and carry: annual; volume: contracts a day.
    """

    symbol: str
    multiplier: float
    tick: float
    months: str
    ahead: int
    day: int
    lives: int
    price: float
    vol: float
    carry: float
    volume: float


ROOTS = (
    Root("CL", 1_000.0, 0.01, MONTHS, 1, 20, 8, 60.0, 0.34, -0.03, 400_000),
    Root("ES", 50.0, 0.25, "HMUZ", 0, 18, 12, 1_500.0, 0.17, 0.01, 1_500_000),
    Root("GC", 100.0, 0.1, "GJMQVZ", 1, 27, 12, 1_300.0, 0.16, 0.015, 200_000),
    Root("TY", 1_000.0, 0.015625, "HMUZ", 0, 20, 9, 125.0, 0.06, -0.01, 1_200_000),
)


@dataclass(frozen=True)
class Contract:
    """One contract: sid, symbol, its place among the days of the market (first … last), and its closing, ns."""

    sid: int
    symbol: str
    first: int
    last: int
    close: int


def contracts_of(root: Root, number: int, labels: Int64Array) -> list[Contract]:
    """Return the contracts of a root that are listed on some day of the market, in the order of their closing."""
    began, ended = pd.Timestamp(int(labels[0])), pd.Timestamp(int(labels[-1]))
    found: list[Contract] = []
    for month in pd.date_range(began.replace(day=1), ended + pd.DateOffset(months=root.lives + 2), freq="MS"):
        closing = (month - pd.DateOffset(months=root.ahead)).replace(day=root.day)
        letter = MONTHS[month.month - 1]
        first = int(np.searchsorted(labels, (closing - pd.DateOffset(months=root.lives)).as_unit("ns").value))
        last = int(np.searchsorted(labels, closing.as_unit("ns").value, side="right")) - 1
        if letter in root.months and last - first >= 20:
            sid = FIRST_SID + 1_000 * number + len(found)
            symbol = f"{root.symbol}{letter}{month.year % 100:02d}"
            found.append(Contract(sid, symbol, first, last, closing.as_unit("ns").value))
    return found


def _spot(root: Root, number: int, seed: int, days: int) -> tuple[FloatArray, FloatArray]:
    """Return (spot prices, carry), float64[T] each."""
    rng = generator(seed, number, STREAM)
    moves, _ = garch(student(rng, 5.0, days), root.vol / np.sqrt(YEAR), 0.05, 0.04, 0.90)
    carry = root.carry + 0.03 * ar1(rng.standard_normal(days), 0.99)
    return root.price * np.exp(np.cumsum(moves)), carry


def _bars(root: Root, close: FloatArray, seed: int, sid: int) -> FloatArray:
    """Return float64[4, n]: open, high, low, close on the tick."""
    rng, daily = generator(seed, sid, STREAM), root.vol / np.sqrt(YEAR)
    opening = close * np.exp(0.7 * daily * rng.standard_normal(len(close)))
    up, down = 0.4 * daily * np.abs(rng.standard_normal((2, len(close))))
    bars = np.array([opening, np.maximum(opening, close) * (1 + up), np.minimum(opening, close) * (1 - down), close])
    return np.round(np.maximum(np.rint(bars / root.tick), 1.0) * root.tick, 10)


def _shares(contracts: list[Contract], labels: Int64Array) -> Iterator[FloatArray]:
    """Yield, contract by contract, float64[T]: its part of what is traded in the root, 0 outside its life."""
    left, before, days = np.ones(len(labels)), np.zeros(len(labels)), np.arange(len(labels))
    for contract in contracts:
        closes = float(np.searchsorted(labels, contract.close))
        if closes >= len(labels):  # beyond the market: as many sessions as weekdays
            closes = len(labels) + (contract.close - int(labels[-1])) / 86_400e9 * 5 / 7
        stays = 1.0 / (1.0 + np.exp(np.minimum((MOVES_ON - (closes - days)) / WITHIN, 99.0)))
        listed = (contract.first <= days) & (days <= contract.last)
        yield np.where(listed, 0.95 * left * stays + 0.05 * 0.5**before, 0.0)
        before += listed
        left = left * np.where(listed, 1.0 - stays, 1.0)


class _Making:
    """The market while it is made."""

    def __init__(self, labels: Int64Array, seed: int) -> None:
        self.labels, self.seed = labels, seed
        self.assets: list[tuple[Any, ...]] = []
        self.futures: list[tuple[Any, ...]] = []
        self.bars: list[AssetBars] = []
        self.quality = Quality()

    def add(self, root: Root, number: int) -> None:
        """Make every contract of a root."""
        spot, carry = _spot(root, number, self.seed, len(self.labels))
        busy = np.exp(0.3 * log_volume(generator(self.seed, number, STREAM + 1), len(self.labels)))
        contracts = contracts_of(root, number, self.labels)
        for contract, share in zip(contracts, _shares(contracts, self.labels), strict=True):
            life = slice(contract.first, contract.last + 1)
            years = (contract.close - self.labels[life]) / NS_A_YEAR
            prices = _bars(root, spot[life] * np.exp(carry[life] * years), self.seed, contract.sid)
            volume = np.rint(root.volume * share[life] * busy[life]) + 1.0
            self._store(root, contract, np.vstack([prices, volume]))

    def _store(self, root: Root, contract: Contract, values: FloatArray) -> None:
        labels = self.labels[contract.first : contract.last + 1]
        span = int(labels[0]), int(labels[-1])
        facts = (contract.sid, contract.symbol, f"Synthetic {contract.symbol}", "SYNTHETIC", "future")
        self.assets.append((*facts, *span, contract.close, root.multiplier, root.tick))
        self.futures.append((contract.sid, root.symbol, tables.NAT, contract.close))
        bars = AssetBars(contract.sid, labels, values)
        self.quality.add(check_series(bars)[0])
        self.quality.rows += len(labels)
        self.bars.append(bars)

    def finished(self, sessions: Sessions) -> Market:
        """The market once every root is made."""
        stored = {name: tables.empty(columns) for name, columns in TABLES.items() if name != "sessions"}
        for name, rows in (("assets", self.assets), ("symbols", [(a[0], a[1], a[5], a[6]) for a in self.assets])):
            for column, values in zip(TABLES[name], zip(*rows, strict=True), strict=True):
                stored[name][column.name] = np.array(values, dtype=stored[name][column.name].dtype)
        futures = tables.empty(FUTURES)
        for column, values in zip(FUTURES, zip(*self.futures, strict=True), strict=True):
            futures[column.name] = np.array(values, dtype=futures[column.name].dtype)
        source = f"SYNTHETIC futures, seed {self.seed}: no price, name or contract in it is real"
        return Market(sessions, stored, self.bars, source=source, quality=self.quality, futures=futures)


def ingest_synthetic_futures(
    name: str,
    start: str = "2010-01-04",
    end: str = "2014-12-31",
    seed: int = 7,
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Make the synthetic market of futures and write it as the next version of the bundle ``name``.

    The same start, end and seed give the same content hash. BadIngestRequest, BundleNotWritten.
    """
    check_name(name)
    first, last = (pd.Timestamp(day).as_unit("ns") for day in (start, end))
    if last < first + pd.DateOffset(years=1):
        raise BadIngestRequest("end", end, f"it lies less than a year after the start {start}")
    if seed < 0:
        raise BadIngestRequest("seed", seed, "a seed is a whole number of at least 0")
    sessions = sessions_for(CALENDAR, first.value, last.value)
    labels = sessions.labels[(sessions.labels >= first.value) & (sessions.labels <= last.value)]
    making = _Making(labels, seed)
    for number, underlying in enumerate(ROOTS):
        making.add(underlying, number)
    market = making.finished(sessions)
    with writing(name, root) as stage:
        return report(commit(market, name, stage, progress), name, market, [])
