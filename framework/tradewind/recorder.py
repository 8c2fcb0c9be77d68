"""The recorder: writes down, session by session, what a Result will hold. It reads the ledger and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tradewind import kernels, recorded
from tradewind.clock import Clock
from tradewind.errors import BooksDoNotBalance, ReservedRecordName
from tradewind.ledger import Ledger
from tradewind.result import Result
from tradewind.semantics import Semantics
from tradewind.tables import PERF, empty_table
from tradewind_data.assets import AssetFinder

# Names of the result's packets that a recorded variable may not take, besides the performance columns.
NESTED = ("orders", "transactions", "positions")
FIRST_PIECE = 1 << 15  # rows for holdings; further pieces grow, since memory comes more cheaply in large ones


class Recorder:
    """Preallocated rows for a run of T sessions, and the lists of what comes irregularly."""

    def __init__(self, clock: Clock, ledger: Ledger, finder: AssetFinder, semantics: Semantics) -> None:
        self._clock, self._ledger, self._finder, self._semantics = clock, ledger, finder, semantics
        self.sessions = 0
        self._rows = np.zeros((len(clock) + 1, len(kernels.ROW)))
        self._rows[0, [3, 6]] = ledger.equity
        self._piece = FIRST_PIECE
        self._holdings, self._held = np.empty(self._piece, dtype=kernels.HOLDING), 0
        self._closed_holdings: list[np.ndarray | recorded.Quiet] = []
        self._flows: list[recorded.Flow] = []
        self._cash = ledger.book.cash.data
        self.capital_changes: list[dict[str, Any]] = []
        self._variables: dict[str, Any] = {}
        self._variable_rows: list[dict[str, Any]] = []
        self._optimizer: list[dict[str, Any]] = []
        self._duals: list[tuple[int, int, Any]] = []
        self._calls = 0
        self.benchmark_returns: np.ndarray | None = None
        self.benchmark_name: str | None = None
        self.by_minute = False
        self._minutes: list[tuple[float, ...]] = []
        self._minute_variables: list[dict[str, Any]] = []

    # ---------------------------------------------------------------- while the run goes on

    def start_of_session(self) -> None:
        """Note what the session starts with: cash, value and exposure."""
        t = self.sessions
        kernels.record_start(self._ledger.book.cash, self._rows[t], self._rows[t + 1])
        if not self._semantics.pnl_includes_dividends:  # shares received today are inside, too
            self._rows[t + 1, 1:3] = self._ledger.totals.value, self._ledger.totals.exposure

    def capital_change(self, session: int, kind: str, value: float, minute: int, equity: float, delta: float) -> None:
        """Note money from outside; minute: ns UTC, 0 for the session's start. equity: the portfolio value before it."""
        day = f"{self._clock.sessions.index[session]:%Y-%m-%d}"
        fact = {"session": day, "type": kind, "value": value, "delta": delta}
        self.capital_changes.append(fact | ({"time": f"{pd.Timestamp(minute):%Y-%m-%d %H:%M}"} if minute else {}))
        self._flows.append(recorded.Flow(self.sessions, minute, equity, delta))

    def record(self, values: Mapping[str, Any]) -> None:
        """Note recorded variables; a name keeps its last value on the sessions that follow."""
        if self._semantics.reserved_record_names:
            for name in values:
                if name in PERF or name in NESTED:
                    raise ReservedRecordName(name)
        self._variables = {**self._variables, **values}

    def optimization(self, session: int, result: Any) -> None:
        """Note one call of the optimizer: its status, certificate and binding rows."""
        found = result.diagnostics
        self._optimizer.append(
            {
                "session": session,
                "call": self._calls,
                "status": result.status,
                "objective": found.objective,
                "solver": found.solver,
                "iterations": found.iterations,
                "residual": found.certificate.residual if found.certificate is not None else np.nan,
            }
        )
        if result.success:
            self._duals.append((session, self._calls, found.binding_rows()))
        self._calls += 1

    def _calls_table(self) -> pd.DataFrame:
        """Return the optimizer's calls."""
        table = pd.DataFrame(self._optimizer)
        return table.assign(session=self._clock.sessions.index[table["session"].to_numpy()])

    def _binding(self) -> pd.DataFrame:
        """Return the binding rows of all calls in the shape of the duals table."""
        every = [rows for _, _, rows in self._duals]
        at = np.repeat(np.arange(len(every)), [len(rows) for rows in every])
        columns: dict[str, Any] = {
            "session": self._clock.sessions.index[[session for session, _, _ in self._duals]][at],
            "call": np.array([call for _, call, _ in self._duals], dtype=np.int64)[at],
            "constraint": [word for rows in every for word in rows.constraint],
            "label": ["" if label is None else str(label) for rows in every for label in rows.label],
        }
        for name in ("side", "value", "bound", "slack", "shadow_price"):
            columns[name] = np.concatenate([rows.column(name) for rows in every])
        return pd.DataFrame(columns)

    def end_of_session(self, session: int, begun: bool = True) -> None:
        """Write the session's row and holdings; unless it has begun, it starts where the one before ended."""
        held, book, place = self._ledger.held, self._ledger.book, self.sessions + 1
        if self._held + len(held) > len(self._holdings):
            self._make_room(len(held))
        self._held = kernels.record_end(
            book.table, book.cash, held, self._rows, place, begun, self._holdings, self._held, session
        )
        if self._cash[kernels.BROKEN]:
            raise self._unbalanced(session)
        self._variable_rows.append(self._variables)
        self.sessions = place

    def end_of_minute(self, session: int, now: int) -> None:
        """Note what the account holds at the end of a minute (ns UTC)."""
        ledger, sums = self._ledger, self._ledger.totals
        figures = sums.value, sums.exposure, sums.long_exposure, sums.short_exposure, ledger.flow
        self._minutes.append((session, now, ledger.cash, *figures))
        self._minute_variables.append(self._variables)

    def run_quiet(self, close: np.ndarray, first: int, stop: int) -> int:
        """Let the ledger run sessions on which nobody acts, and write them down; return the first one it left."""
        held = self._ledger.held
        reached = self._ledger.run_quiet(close, first, stop, self._rows[self.sessions :])
        if reached > first and len(held):
            self._put_aside()
            quiet = recorded.Quiet(first, reached, held.copy(), self._ledger.book.table[held], close)
            self._closed_holdings.append(quiet)
        self._written(reached - first)
        return reached

    def _written(self, sessions: int) -> None:
        """Count the sessions just written."""
        if self._cash[kernels.BROKEN]:
            raise self._unbalanced(int(self._cash[kernels.BROKEN]) - 1)
        self._variable_rows.extend([self._variables] * sessions)
        self.sessions += sessions

    def _unbalanced(self, session: int) -> BooksDoNotBalance:
        """Return the error that names the session and the asset whose figures do not agree."""
        worst, cash = self._ledger.worst_column(), self._ledger.book.cash
        asset = None if worst is None else self._finder.asset_at(worst)
        day = f"{self._clock.sessions.index[session]:%Y-%m-%d}"
        row = self._rows[session - self._clock.first + 1]
        return BooksDoNotBalance(day, asset, float(row[6]), float(cash[kernels.BASE] + cash[kernels.GAIN]))

    def _make_room(self, entries: int) -> None:
        """Begin a new piece of holdings, since that many more do not fit: nothing is ever copied to make room."""
        self._put_aside()
        self._piece = max(4 * self._piece, entries)
        self._holdings = np.empty(self._piece, dtype=kernels.HOLDING)

    def _put_aside(self) -> None:
        """Close the piece of holdings that is being written; what is left of it is the next one."""
        if self._held:
            self._closed_holdings.append(self._holdings[: self._held])
            self._holdings, self._held = self._holdings[self._held :], 0

    # ---------------------------------------------------------------- the result

    def result(self, blotter: Any, info: Mapping[str, Any], timing: pd.DataFrame) -> Result:
        """Return everything recorded so far; `info` identifies the run. Long tables are made when asked for."""
        finder, sessions = self._finder, self._clock.sessions
        held = [*self._closed_holdings, self._holdings[: self._held]]
        index = sessions.index[self._clock.first : self._clock.first + self.sessions].rename("session")
        return Result(
            partial(self._performance, blotter),
            orders=partial(recorded.orders, blotter, finder),
            revisions=partial(recorded.revisions, blotter.revisions),
            fills=partial(recorded.fills, blotter.fills.written, finder, sessions),
            positions=partial(recorded.positions, held, finder, sessions, self._clock.first + self.sessions),
            recorded=partial(recorded.variables, self._variable_rows[: self.sessions], index),
            events=partial(recorded.events, blotter, finder),
            minutes=partial(self._minute_table, blotter),
            timing=lambda: timing,
            info=dict(info),
            **self._optimizations(),
        )

    def _optimizations(self) -> dict[str, Any]:
        """Return the tables of the optimizer's calls, where there were any."""
        tables: dict[str, Any] = {"optimizer": self._calls_table} if self._optimizer else {}
        return tables | {"duals": self._binding} if self._duals else tables

    def _performance(self, blotter: Any) -> pd.DataFrame:
        """Return the performance table."""
        length, first = self.sessions, self._clock.first
        counts = recorded.counts_a_session(blotter, self._clock.sessions, first, length)
        benchmark = None if self.benchmark_returns is None else self.benchmark_returns[:length]
        return recorded.performance(
            self._rows[: length + 1],
            *self._openings(length),
            self._clock.sessions,
            first,
            counts,
            benchmark,
            recorded.peaks(self._minutes, first, length),
        )

    def _minute_table(self, blotter: Any) -> pd.DataFrame:
        """Return the minutes table, without rows when minutes were not to be recorded."""
        if not self._minutes:
            return empty_table("minutes")
        perf, sessions = self._performance(blotter), self._clock.sessions
        whole = [row for row in self._minutes if row[0] < self._clock.first + self.sessions]
        known = self._minute_variables[: len(whole)]
        return recorded.minutes(
            whole, known, perf, self._openings(self.sessions), self._flows, sessions, self._clock.first
        )

    def _openings(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float64[length] each: what every session's pnl, and its return, start from."""
        return recorded.openings(self._rows[: length + 1], self._flows, self._semantics.pnl_includes_dividends)
