"""The recorder: writes down, session by session, what a Result will hold. It reads the ledger and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind import metrics
from tradewind.clock import Clock
from tradewind.errors import ReservedRecordName
from tradewind.ledger import Ledger
from tradewind.result import Result
from tradewind.semantics import Semantics
from tradewind.tables import PERF, empty_table
from tradewind_data.assets import AssetFinder

STATUSES = np.array(["open", "filled", "cancelled", "rejected", "held"], dtype=object)

# The money columns in the order in which a session's row is written; the others are derived at the end.
ROW = (
    "starting_cash",
    "starting_value",
    "starting_exposure",
    "ending_cash",
    "ending_value",
    "ending_exposure",
    "portfolio_value",
    "capital_used",
    "long_value",
    "short_value",
    "long_exposure",
    "short_exposure",
    "longs_count",
    "shorts_count",
)
# Names of the result's packets that a recorded variable may not take, besides the performance columns.
NESTED = ("orders", "transactions", "positions")


class Recorder:
    """Preallocated rows for a run of T sessions, and the lists of what comes irregularly."""

    def __init__(self, clock: Clock, ledger: Ledger, finder: AssetFinder, semantics: Semantics) -> None:
        self._clock, self._ledger, self._finder, self._semantics = clock, ledger, finder, semantics
        self.sessions = 0
        self._rows = np.zeros((len(clock), len(ROW)))
        self._start = (ledger.cash, 0.0, 0.0)
        self._value_before, self._flow_before = ledger.equity, ledger.flow
        self._values_before = np.zeros(len(clock))
        self._fills: list[tuple[int, int, Any]] = []
        self._holdings: list[tuple[np.ndarray, ...]] = []
        self._recorded: dict[str, Any] = {}
        self._recorded_rows: list[dict[str, Any]] = []
        self._optimizer: list[dict[str, Any]] = []
        self._duals: list[pd.DataFrame] = []
        self._calls = 0
        self.benchmark_returns: np.ndarray | None = None
        self.benchmark_name: str | None = None

    # ---------------------------------------------------------------- while the run goes on

    def start_of_session(self) -> None:
        """Note what the session starts with: cash, value and exposure."""
        totals = self._ledger.totals
        self._start = (self._ledger.cash, totals.value, totals.exposure)

    def record(self, values: Mapping[str, Any]) -> None:
        """Note recorded variables; a name keeps its last value on the sessions that follow."""
        if self._semantics.reserved_record_names:
            for name in values:
                if name in PERF or name in NESTED:
                    raise ReservedRecordName(name)
        self._recorded = {**self._recorded, **values}

    def fills(self, session: int, now: int, fills: Any) -> None:
        """Note the fills of one bar."""
        if len(fills):
            self._fills.append((session, now, fills))

    def optimization(self, session: int, result: Any) -> None:
        """Note one call of the optimizer: its status, certificate and binding rows."""
        found = result.diagnostics
        self._optimizer.append(
            {
                "session": self._label(session),
                "call": self._calls,
                "status": result.status,
                "objective": found.objective,
                "solver": found.solver,
                "iterations": found.iterations,
                "residual": found.certificate.residual if found.certificate is not None else np.nan,
            }
        )
        if result.success:
            self._duals.append(self._binding(session, found.constraints))
        self._calls += 1

    def _binding(self, session: int, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the binding rows of one call in the shape of the duals table."""
        binding = rows[rows["binding"].to_numpy(dtype=bool)]
        at_upper = binding["side"].to_numpy() == "upper"
        return pd.DataFrame(
            {
                "session": self._label(session),
                "call": self._calls,
                "constraint": binding["constraint"].astype(str).to_numpy(),
                "label": ["" if label is None else str(label) for label in binding["label"]],
                "side": binding["side"].to_numpy(),
                "value": binding["value"].to_numpy(),
                "bound": np.where(at_upper, binding["upper"], binding["lower"]).astype(float),
                "slack": binding["slack"].to_numpy(),
                "shadow_price": binding["shadow_price"].to_numpy(),
            }
        )

    def end_of_session(self, session: int) -> None:
        """Write the session's row."""
        ledger, totals, t = self._ledger, self._ledger.totals, self.sessions
        cash, equity = ledger.cash, ledger.equity
        self._rows[t] = (
            *self._start,
            cash,
            totals.value,
            totals.exposure,
            equity,
            ledger.flow - self._flow_before,
            totals.long_value,
            totals.short_value,
            totals.long_exposure,
            totals.short_exposure,
            totals.longs,
            totals.shorts,
        )
        self._values_before[t] = self._value_before
        self._value_before, self._flow_before = equity, ledger.flow
        self._note_holdings(session)
        self._recorded_rows.append(self._recorded)
        self.sessions = t + 1

    def _note_holdings(self, session: int) -> None:
        """Keep a copy of the held columns and their figures."""
        held, book = self._ledger.held.copy(), self._ledger.book
        if len(held):
            at = np.full(len(held), session)
            value = np.where(
                book.cash_settled[held], 0.0, book.amount[held] * book.last_price[held] * book.multiplier[held]
            )
            self._holdings.append((at, held, book.amount[held], book.cost_basis[held], book.last_price[held], value))

    # ---------------------------------------------------------------- the result

    def _label(self, session: int) -> pd.Timestamp:
        return self._clock.sessions.index[session]

    def result(self, blotter: Any, info: Mapping[str, Any], timing: pd.DataFrame) -> Result:
        """Return everything recorded so far; `info` identifies the run."""
        index = self._clock.sessions.index[self._clock.first : self._clock.first + self.sessions].rename("session")
        return Result(
            perf=self._perf(index, blotter),
            orders=self._orders(blotter),
            fills=self._fill_table(),
            positions=self._position_table(),
            recorded=self._recorded_table(index),
            optimizer=pd.DataFrame(self._optimizer) if self._optimizer else empty_table("optimizer"),
            duals=pd.concat(self._duals, ignore_index=True) if self._duals else empty_table("duals"),
            timing=timing,
            info=dict(info),
        )

    def _perf(self, index: pd.DatetimeIndex, blotter: Any) -> pd.DataFrame:
        """Return the performance table: the rows written, and what follows from them."""
        perf = pd.DataFrame(self._rows[: self.sessions], index=index, columns=list(ROW))
        sessions = self._clock.sessions
        span = slice(self._clock.first, self._clock.first + self.sessions)
        perf["period_label"] = index.strftime("%Y-%m")
        perf["period_open"] = _utc(sessions.opens[span] + 60 * 10**9)
        perf["period_close"] = _utc(sessions.closes[span])
        value, before = perf["portfolio_value"].to_numpy(), self._values_before[: self.sessions]
        perf["returns"] = _ratio(value - before, before, 0.0)
        perf["pnl"] = self._pnl(perf, before)
        gross = perf["long_exposure"].to_numpy() - perf["short_exposure"].to_numpy()
        perf["gross_leverage"] = _ratio(gross, value, np.inf)
        perf["net_leverage"] = _ratio(perf["ending_exposure"].to_numpy(), value, np.inf)
        perf["max_leverage"] = np.maximum.accumulate(perf["gross_leverage"].to_numpy())
        perf["positions_count"] = perf["longs_count"] + perf["shorts_count"]
        perf["transactions_count"] = self._transactions_a_session()
        perf["orders_count"] = self._orders_a_session(blotter)
        perf["trading_days"] = np.arange(1, self.sessions + 1)
        perf["treasury_period_return"] = perf["excess_return"] = 0.0
        return perf.assign(**metrics.expanding(perf["returns"].to_numpy(), self._benchmark()))

    def _transactions_a_session(self) -> np.ndarray:
        """Return int64[T]: the fills of each session, closing fills included."""
        counts = np.zeros(self.sessions, dtype=np.int64)
        for session, _, fills in self._fills:
            counts[session - self._clock.first] += len(fills)
        return counts

    def _orders_a_session(self, blotter: Any) -> np.ndarray:
        """Return int64[T]: the orders placed, filled or cancelled in each session, each counted once a session."""
        o, count = blotter.orders, blotter.count
        closes = self._clock.sessions.closes
        filled = [(fills.order, np.full(len(fills), session)) for session, _, fills in self._fills]
        which = np.concatenate([np.arange(count), np.arange(count), *(order for order, _ in filled)])
        when = [np.searchsorted(closes, o.created[:count]), np.searchsorted(closes, o.updated[:count])]
        session = np.concatenate([*when, *(at for _, at in filled)]) - self._clock.first
        pairs = np.unique(np.stack([session, which])[:, which >= 0], axis=1)
        return np.bincount(pairs[0], minlength=self.sessions)[: self.sessions]

    def _pnl(self, perf: pd.DataFrame, before: np.ndarray) -> np.ndarray:
        """Return each session's gain, from the previous end or from the session's own start."""
        value = perf["portfolio_value"].to_numpy()
        if self._semantics.pnl_includes_dividends:
            return np.asarray(value - before)
        return np.asarray(value - perf["starting_cash"].to_numpy() - perf["starting_value"].to_numpy())

    def _benchmark(self) -> np.ndarray | None:
        return None if self.benchmark_returns is None else self.benchmark_returns[: self.sessions]

    def _symbols(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (sids, symbols) of columns."""
        distinct, where = np.unique(columns, return_inverse=True)
        assets = [self._finder.asset_at(int(column)) for column in distinct]
        sids = np.array([asset.sid for asset in assets], dtype=np.int64)
        symbols = np.array([asset.symbol for asset in assets], dtype=object)
        return sids[where], symbols[where]

    def _orders(self, blotter: Any) -> pd.DataFrame:
        """Return the orders table."""
        o, count = blotter.orders, blotter.count
        sids, symbols = self._symbols(o.column[:count])
        verbs = np.array(blotter.verbs, dtype=object)
        columns: dict[str, Any] = {"order_id": np.arange(count), "sid": sids, "symbol": symbols}
        for name in ("created", "updated"):
            columns[name] = _utc(getattr(o, name)[:count])
        for name in ("amount", "filled", "commission", "limit", "stop", "limit_reached", "stop_reached"):
            columns[name] = getattr(o, name)[:count]
        columns["status"] = STATUSES[o.status[:count]]
        columns["reason"] = [blotter.final_reason(i) for i in range(count)]
        columns["via"] = verbs[o.via[:count]]
        return pd.DataFrame(columns)

    def _fill_table(self) -> pd.DataFrame:
        """Return the fills table."""
        if not self._fills:
            return empty_table("fills")
        parts = [fills for _, _, fills in self._fills]
        sizes = [len(part) for part in parts]
        session = np.repeat([session for session, _, _ in self._fills], sizes)
        sids, symbols = self._symbols(_joined(parts, "column"))
        order = _joined(parts, "order")
        return pd.DataFrame(
            {
                "session": self._clock.sessions.index[session],
                "time": _utc(np.repeat([now for _, now, _ in self._fills], sizes)),
                "sid": sids,
                "symbol": symbols,
                "order_id": _nullable(order),
                "amount": _joined(parts, "amount"),
                "price": _joined(parts, "price"),
                "commission": _joined(parts, "commission"),
            }
        )

    def _position_table(self) -> pd.DataFrame:
        """Return the positions table."""
        if not self._holdings:
            return empty_table("positions")
        at, column, amount, basis, price, value = (np.concatenate(parts) for parts in zip(*self._holdings, strict=True))
        sids, symbols = self._symbols(column)
        return pd.DataFrame(
            {
                "session": self._clock.sessions.index[at],
                "sid": sids,
                "symbol": symbols,
                "amount": amount,
                "cost_basis": basis,
                "last_sale_price": price,
                "value": value,
            }
        )

    def _recorded_table(self, index: pd.DatetimeIndex) -> pd.DataFrame:
        """Return one column a recorded name in the order of first use; NaN before its first value."""
        names = list(self._recorded_rows[-1]) if self._recorded_rows else []
        return pd.DataFrame(
            {name: [row.get(name, np.nan) for row in self._recorded_rows] for name in names}, index=index
        )


def _joined(parts: Sequence[Any], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def _nullable(order: np.ndarray) -> Any:
    """Return the ordinals as a nullable column, null for closing fills (−1)."""
    return pd.arrays.IntegerArray(np.maximum(order, 0).astype(np.int64), order < 0)


def _utc(stamps: np.ndarray) -> pd.DatetimeIndex:
    """Return int64 ns as UTC times."""
    return pd.DatetimeIndex(np.asarray(stamps, dtype="datetime64[ns]"), tz="UTC")


def _ratio(above: np.ndarray, below: np.ndarray, where_zero: float) -> np.ndarray:
    """Return above / below, `where_zero` where below is 0."""
    return np.divide(above, below, out=np.full(len(above), where_zero), where=below != 0)
