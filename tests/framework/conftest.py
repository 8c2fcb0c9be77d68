"""Small made markets for the simulator's tests: a few sessions of a few assets, written as a real bundle."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pytest

from tradewind_data import tables
from tradewind_data.bundle import open_bundle
from tradewind_data.ingest.market import AssetBars, Market, day_after, sessions_for
from tradewind_data.ingest.writer import write_bundle
from tradewind_data.schema import FUTURES, TABLES

START = "2021-03-01"  # a Monday, the first day of a month


@cache
def new_york(start=START, months=3):
    """Sessions of the New York exchange from a date on."""
    first = pd.Timestamp(start).as_unit("ns")
    return sessions_for("XNYS", first.value, (first + pd.DateOffset(months=months)).as_unit("ns").value)


def ns(date):
    return pd.Timestamp(date).as_unit("ns").value


def table(name, rows):
    columns = FUTURES if name == "futures" else TABLES[name]
    out = tables.empty(columns)
    for i, column in enumerate(columns):
        out[column.name] = np.array([row[i] for row in rows], dtype=out[column.name].dtype)
    return out


class MarketMaker:
    """Collects assets and corporate actions by name, then writes a bundle and opens it."""

    def __init__(self, root, start=START):
        self.root, self.sessions = root, new_york(start)
        self.assets, self.bars = [], []
        self.splits, self.dividends, self.stock_dividends = [], [], []
        self.futures, self.mergers = [], []

    def day(self, session):
        """The label of a session, counted from 0."""
        return int(self.sessions.labels[session])

    def asset(
        self,
        sid: int,
        closes: Sequence[float],
        volume: float | Sequence[float] = 1e6,
        first: int = 0,
        auto_close: int | None = None,
        high_low: float = 0.0,
    ):
        """An asset with one close a session from `first` on; NaN is a session without a trade."""
        close = np.array(closes, dtype=float)
        labels = self.sessions.labels[first : first + len(close)].astype(np.int64)
        volumes = np.where(np.isnan(close), 0.0, np.broadcast_to(volume, close.shape))
        values = np.array([close, close + high_low, close - high_low, close, volumes])
        symbol = chr(ord("A") + len(self.assets)) * 3
        over = day_after(labels[-1:])[0] if auto_close is None else self.day(auto_close)
        self.assets.append((sid, symbol, f"{symbol} Inc.", "NYSE", "equity", labels[0], labels[-1], over, 1.0, 0.01))
        self.bars.append(AssetBars(sid, labels, values))
        return self

    def contract(self, sid, symbol, closes, multiplier=100.0, tick=0.01, **where):
        """A futures contract; the root symbol is the symbol without its month and year. `where` as in asset."""
        self.asset(sid, closes, **where)
        made = list(self.assets[-1])
        made[1:3] = symbol, symbol
        made[4], made[8:] = "future", (multiplier, tick)
        self.assets[-1] = tuple(made)
        self.futures.append((sid, symbol[:-3], tables.NAT, made[6]))
        return self

    def split(self, sid, session, new, old):
        self.splits.append((sid, self.day(session), new, old))
        return self

    def dividend(self, sid, ex, amount, pay=None, pay_date=None):
        paid = ns(pay_date) if pay_date else (self.day(pay) if pay is not None else tables.NAT)
        self.dividends.append((sid, self.day(ex), paid, amount, tables.NAT, tables.NAT))
        return self

    def stock_dividend(self, sid, paid_sid, ex, pay, ratio):
        self.stock_dividends.append((sid, paid_sid, self.day(ex), self.day(pay), ratio))
        return self

    def merger(self, sid, session, ratio, acquirer=-1, cash=0.0):
        self.mergers.append((sid, self.day(session), ratio, acquirer, cash))
        return self

    def bundle(self, name="made"):
        """Write and open the bundle."""
        written = {
            "assets": table("assets", self.assets),
            "symbols": table("symbols", [(a[0], a[1], a[5], a[6]) for a in self.assets]),
            "splits": table("splits", self.splits),
            "dividends": table("dividends", self.dividends),
            "stock_dividends": table("stock_dividends", self.stock_dividends),
            "mergers": table("mergers", self.mergers),
            "classifications": table("classifications", []),
        }
        futures = table("futures", self.futures) if self.futures else None
        write_bundle(Market(self.sessions, written, self.bars, futures=futures), name, self.root)
        return open_bundle(name, self.root)


@pytest.fixture
def market(tmp_path):
    """A MarketMaker that writes under the test's own folder."""
    return MarketMaker(tmp_path / "root")


@pytest.fixture
def free():
    """initialize for a market without costs: no slippage, no commission."""
    from tradewind.api import commission, set_commission, set_slippage, slippage

    def initialize(context):
        set_slippage(slippage.NoSlippage())
        set_commission(commission.NoCommission())

    return initialize


@pytest.fixture
def on_sessions():
    """Make a handle_data that runs given functions on given sessions (counted from 0)."""

    def make(actions: Mapping[int, object]):
        def handle_data(context, data):
            n = getattr(context, "bar", -1) + 1
            context.bar = n
            if n in actions:
                actions[n](context, data)

        return handle_data

    return make
