"""What a run recorded: ten tables and the facts that identify the run.

A Result is built once, at the end of a run; every table is brought to its schema there (tables.py), so that equal
contents are equal bytes on disk (runfiles.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewind import metrics, packets, runfiles
from tradewind.errors import BadParameter
from tradewind.orders import order_id as named
from tradewind.orders import ordinal_of
from tradewind.story import WAITS, Story, story_of
from tradewind.tables import SCHEMAS, conformed, empty_table
from tradewind.wording import html, percent, ratio

SOLVED = "optimal"
"""The status word of the optimizer table that means a certified portfolio."""


Source = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table, or what makes it: a table nobody asks for is never made."""


class _Table:
    """One table of a Result: made from its source and brought to its schema when first asked for, then kept."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, result: Any, owner: type | None = None) -> pd.DataFrame:
        source = result._sources[self._name]
        if callable(source):
            source = result._sources[self._name] = conformed(self._name, source())
        table: pd.DataFrame = source
        return table

    def __set__(self, result: Any, value: Any) -> None:
        raise AttributeError(f"a Result is never changed: result.replaced({self._name}=…) gives another one")


class Result:
    """Everything one run recorded, as frames (columns and dtypes: `SCHEMAS`).

    perf: one row a session, indexed by session, the money columns and the running risk columns.
    orders: one row an order, by order_id = order of placement. `via` is the verb that placed it, asked its argument,
        shares what that came to before rounding; bars_untraded, bars_unreached, bars_full and bars_beyond_limit count
        the bars in which the open order did not fill, by the reason (`story.WAITS`).
    revisions: one row each time a split of `new` shares for `old` changed an open order: its terms before, its signed
        shares and those still open after it.
    fills: one row a fill; order_id is null for a position closed at the end of an asset's life; multiplier is the
        currency that a point is worth, 1 for shares.
    positions: one row a session and asset held at its end; exposure = amount·price·multiplier (currency), value the
        same, but 0 for a contract, whose gains are in the cash.
    recorded: one column a name given to record(), one row a session; a value stays until the next, NaN before any.
    optimizer: one row a call of the optimizer; residual is the largest violation its certificate found.
    duals: the binding rows of each call, with bound, slack and shadow price.
    events: what else happened to orders (event "controlled", …), and what kept one from being placed ("not
        placed", order_id null); before and after are the order's signed shares, left what is open then.
    minutes: one row a minute when emission_rate is "minute": what the account holds at its end, and pnl, returns and
        capital_used since the session's start; then one column a recorded name.
    timing: the only clock times.
    info: what was run (algorithm, parameters, bundle, dates, versions), JSON values only.

    Each parameter but info is a frame or a function that makes it; a table is made when it is first asked for.
    """

    perf = _Table()
    orders = _Table()
    revisions = _Table()
    fills = _Table()
    positions = _Table()
    recorded = _Table()
    optimizer = _Table()
    duals = _Table()
    minutes = _Table()
    events = _Table()
    timing = _Table()

    def __init__(self, perf: Source, *, info: Mapping[str, Any] | None = None, **tables: Source) -> None:
        unknown = sorted(set(tables) - set(SCHEMAS))
        if unknown:
            raise TypeError(f"a Result has no table {', '.join(unknown)}; its tables are {', '.join(SCHEMAS)}")
        given = {"perf": perf, **tables}
        self._sources: dict[str, Source] = {
            name: source if callable(source) else conformed(name, source) for name, source in given.items()
        }
        for name in SCHEMAS:
            self._sources.setdefault(name, partial(empty_table, name))
        self.info: Mapping[str, Any] = dict(info or {})

    def replaced(self, **changes: Any) -> Result:
        """Return a Result with other tables or another info, the rest as here."""
        return Result(**{**self._sources, "info": self.info, **changes})

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name → frame, in the order of `SCHEMAS`."""
        return {name: getattr(self, name) for name in SCHEMAS}

    @cached_property
    def returns(self) -> pd.Series:
        """Simple daily returns, a fraction, by session; float64[T]."""
        return self.perf["returns"].copy()

    @cached_property
    def benchmark_returns(self) -> pd.Series | None:
        """b[t] = (1+B[t])/(1+B[t−1]) − 1 from the benchmark's running return B; None when the run had no benchmark."""
        if self.info.get("benchmark") is None:
            return None
        level = 1.0 + self.perf["benchmark_period_return"]
        return (level / level.shift(fill_value=1.0) - 1.0).rename("benchmark")

    @cached_property
    def traded(self) -> pd.Series:
        """|amount·price·multiplier| of each fill, currency."""
        return (self.fills["amount"] * self.fills["price"] * self.fills["multiplier"]).abs()

    @cached_property
    def turnover(self) -> pd.Series:
        """Σ traded of the session's fills / portfolio value at its end; float64[T], 0 without a fill."""
        traded = self.traded.groupby(self.fills["session"]).sum()
        return (traded.reindex(self.perf.index, fill_value=0.0) / self.perf["portfolio_value"]).rename("turnover")

    @cached_property
    def weights(self) -> pd.DataFrame:
        """exposure / portfolio value, session × symbol, 0 where an asset is not held; columns by ascending sid.

        Two assets of one symbol are told apart as SYMBOL-sid.
        """
        held = self.positions
        wide = held.pivot(index="session", columns="sid", values="exposure").sort_index(axis=1)
        wide = wide.reindex(self.perf.index).fillna(0.0).div(self.perf["portfolio_value"], axis=0)
        names = held.drop_duplicates("sid", keep="last").set_index("sid")["symbol"].reindex(wide.columns)
        twice = names.duplicated(keep=False)
        sids = names.index.tolist()
        wide.columns = [f"{name}-{sid}" if two else name for sid, name, two in zip(sids, names, twice, strict=True)]
        return wide

    @cached_property
    def stats(self) -> dict[str, float]:
        """Name → number: the return statistics (`metrics.STATISTICS` says how), then sizes of the book and of trading.

        NaN where a number is not defined on this run.
        """
        found = metrics.summary(self.returns, self.benchmark_returns)
        return {**found, **self._book(), **self._trading()}

    def _book(self) -> dict[str, float]:
        perf = self.perf
        last = perf["portfolio_value"].iloc[-1] if len(perf) else np.nan
        return {
            "sessions": float(len(perf)),
            "capital_base": float(self.info.get("capital_base", np.nan)),
            "final_value": float(last),
            "mean_gross_leverage": float(perf["gross_leverage"].mean()),
            "max_gross_leverage": float(perf["gross_leverage"].max()),
            "mean_net_leverage": float(perf["net_leverage"].mean()),
            "max_position_weight": float(self.weights.abs().to_numpy().max(initial=0.0)),
        }

    def _trading(self) -> dict[str, float]:
        return {
            "mean_turnover": float(self.turnover.mean()),
            "orders": float(len(self.orders)),
            "fills": float(len(self.fills)),
            "commission": float(self.fills["commission"].sum()),
            "optimizer_calls": float(len(self.optimizer)),
            "optimizer_failures": float((self.optimizer["status"] != SOLVED).sum()),
        }

    def explain(self, order_id: Any) -> Story:
        """The story of one order, named by its ordinal, its id or a snapshot: print it, or look at its `steps`.

        Raises BadParameter when the run has no such order.
        """
        ordinal = ordinal_of(order_id)
        if not 0 <= ordinal < len(self.orders):
            raise self._unknown(order_id)
        tables = (self.fills, self.revisions, self.events)
        fills, revisions, events = (table[(table["order_id"] == ordinal).fillna(False)] for table in tables)
        return story_of(self.orders.iloc[ordinal], fills, revisions, events, self.perf["period_close"].max())

    def _unknown(self, name: Any) -> BadParameter:
        """Return the error for what names no order of this run; orders of an asset of that symbol are told."""
        orders = self.orders
        if orders.empty:
            return BadParameter("order_id", name, "an order of this run, which placed none")
        last = len(orders) - 1
        found = orders.loc[orders["symbol"] == name, "order_id"].tolist() if isinstance(name, str) else []
        if found:
            listed = ", ".join(map(str, found[:5])) + (" …" if len(found) > 5 else "")
            return BadParameter("order_id", name, f"an order, not a symbol: those of {name} are {listed}")
        return BadParameter("order_id", name, f"an order of this run, 0 to {last}, or its id", (named(last),))

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What became of the orders: a row a status and reason, with counts and sums over its orders.

        orders: how many; asked and filled: Σ|shares|; commission in currency; then the bars they waited, by reason.
        Orders that were never placed stand under the status "not placed"; shares are 0 where they are not known.
        """
        orders = self.orders.assign(orders=1, asked=self.orders["amount"].abs(), filled=self.orders["filled"].abs())
        refused = self.events[self.events["event"] == "not placed"].rename(columns={"detail": "reason"})
        refused = refused.assign(status="not placed", orders=1, asked=refused["before"].abs().fillna(0.0))
        numbers = ["orders", "asked", "filled", "commission", *WAITS]
        table = pd.concat([orders, refused], ignore_index=True)[["status", "reason", *numbers]]
        return table.fillna(dict.fromkeys(numbers, 0)).groupby(["status", "reason"], sort=True)[numbers].sum()

    def to_zipline(self, asset_of: Callable[[int], object] | None = None) -> pd.DataFrame:
        """The performance frame in the original engine's form: what `analyze(context, perf)` receives.

        Indexed by period_close (UTC); the scalar columns of `perf`, the recorded names, and the columns orders,
        transactions, positions, each a list of dicts (keys: packets.py). An order appears on each session on which it
        was placed, filled or cancelled, as it stood then.

        Parameters: `asset_of` maps a sid to the object under "sid" (a running algorithm passes its Assets); without it
        sids stay ints.
        """
        frame = self.perf.join(self.recorded.reindex(self.perf.index))
        lists = packets.nested(
            self.perf.index, self.orders, self.revisions, self.fills, self.positions, asset_of or int
        )
        for name, column in lists.items():
            frame[name] = pd.Series(column, index=frame.index, dtype=object)
        return frame.set_index(pd.DatetimeIndex(frame["period_close"], name=None), drop=False)

    def save(self, directory: str | Path) -> Path:
        """Write the run as a directory; it appears whole or not at all, and replaces an earlier run of that name.

        Equal results give equal bytes in every file but timing.parquet. Returns the directory. Raises FileExistsError
        when the path exists and is neither an empty directory nor a run.
        """
        facts = {"info": dict(self.info), "stats": self.stats}
        return runfiles.write(Path(directory), facts, self.tables)

    @classmethod
    def load(cls, run_dir: str | Path) -> Result:
        """Read a run directory written by `save`.

        Raises RunNotFound when there is no run at that path, RunDamaged when a file is missing, unreadable or does not
        have the sha256 that result.json records.
        """
        info, tables = runfiles.read(Path(run_dir), tuple(SCHEMAS))
        return cls(**tables, info=info)

    @property
    def name(self) -> str:
        """The algorithm's name, "algorithm" when the run does not say."""
        return str((self.info.get("algorithm") or {}).get("name") or "algorithm")

    @property
    def span(self) -> str:
        """First and last session, "2000-03-01 → 2013-03-01"."""
        if self.perf.empty:
            return "no session"
        return f"{self.perf.index[0]:%Y-%m-%d} → {self.perf.index[-1]:%Y-%m-%d}"

    def _headline(self) -> list[tuple[str, str]]:
        stats = self.stats
        return [
            ("return", percent(stats["total_return"], sign=True)),
            ("Sharpe", ratio(stats["sharpe"])),
            ("max drawdown", percent(stats["max_drawdown"])),
            ("volatility", percent(stats["annual_volatility"])),
            ("orders", f"{len(self.orders):,}"),
        ]

    def __repr__(self) -> str:
        bundle = (self.info.get("bundle") or {}).get("name", "no bundle named")
        numbers = ", ".join(f"{label} {value}" for label, value in self._headline())
        return f"<Result {self.name} on {bundle}, {self.span}, {len(self.perf):,} sessions: {numbers}>"

    def _repr_html_(self) -> str:
        """A strip of numbers and a line of the portfolio's value, without script."""
        cells = "".join(f"<td><small>{label}</small><br><b>{value}</b></td>" for label, value in self._headline())
        line = sparkline(self.perf["portfolio_value"].to_numpy())
        return f"<div><b>{html(self.name)}</b> {self.span}<table><tr>{cells}</tr></table>{line}</div>"


def sparkline(values: Iterable[float], width: int = 360, height: int = 48) -> str:
    """An inline SVG polyline through at most `width` evenly spaced points of `values`, described for screen readers."""
    line = np.asarray(values, dtype=np.float64)
    line = line[np.isfinite(line)]
    if len(line) < 2:
        return ""
    picked = line[np.linspace(0, len(line) - 1, min(width, len(line))).astype(np.int64)]
    spread = float(np.ptp(picked)) or 1.0
    x = np.linspace(1, width - 1, len(picked))
    y = (height - 2) * (1.0 - (picked - picked.min()) / spread) + 1.0
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    label = f"portfolio value, from {line[0]:,.0f} to {line[-1]:,.0f}"
    return (
        f'<svg role="img" aria-label="{label}" width="{width}" height="{height}">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.2"/></svg>'
    )
