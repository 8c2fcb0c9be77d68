"""OptimizationResult: the answer, or the reason why there is none."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from tradewind_optimize.diagnostics import Diagnostics
from tradewind_optimize.errors import OptimizationError
from tradewind_optimize.labels import Column
from tradewind_optimize.problem import Status

_PATH = {"cvxpy": "; the general path"}

ROWS = 20
"""How many rows of one constraint print_diagnostics shows: those with the highest shadow prices, then the tightest."""


def _table(constraints: pd.DataFrame) -> str:
    """The table of constraints as text: bounds that are not there and rounding noise left out, binding rows starred."""
    if not len(constraints):
        return "no constraint binds"
    order = constraints.sort_values(["shadow_price", "slack"], ascending=[False, True], kind="stable")
    rank = order.groupby("constraint", sort=False).cumcount().reindex(constraints.index)
    shown = constraints[rank < ROWS]
    columns = {
        "constraint": list(shown["constraint"]),
        "label": ["" if label is None else str(label) for label in shown["label"]],
        **{name: [_number(value) for value in shown[name]] for name in ("value", "lower", "upper", "slack")},
        "shadow price": [_number(value) for value in shown["shadow_price"]],
        "": [f"* {side}" if binds else "" for side, binds in zip(shown["side"], shown["binding"], strict=True)],
    }
    widths = [max(map(len, [name, *cells])) for name, cells in columns.items()]
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    lines = ["  ".join(_padded(cell, width, at) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
             for row in rows]  # fmt: skip
    hidden = len(constraints) - len(shown)
    more = [f"… and {hidden} more rows: see diagnostics.constraints."] if hidden else []
    return "\n".join([*(line.rstrip() for line in lines), *more])


def _padded(cell: str, width: int, at: int) -> str:
    return cell.rjust(width) if 2 <= at <= 6 else cell.ljust(width)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return f"{0.0 if abs(value) < 1e-12 else value:.6g}"


def _series(weights: Column) -> pd.Series:
    # adding 0.0 turns −0.0 into 0.0, so that equal answers have equal bytes
    return pd.Series(weights.values + 0.0, index=weights.keys.index)


@dataclass(frozen=True, eq=False, repr=False)
class OptimizationResult:
    """The result of an optimization.

    Attributes
    ----------
    status: "optimal", "infeasible", "unbounded" or "failed".
    new_weights: Series of float64 over every asset of the problem (those of the objective, then held ones, then those a
        constraint brought in), or None if the optimization failed.
    old_weights: Series over the same index: the portfolio before the optimization, 0.0 where nothing was held.
    before, answer: the same two portfolios as labels with an array, for who needs no Series.
    diagnostics: objective, solver, certificate, table of constraints.
    error: the exception raise_for_status raises, or None.
    """

    status: Status
    before: Column
    answer: Column | None
    diagnostics: Diagnostics
    error: OptimizationError | None = None

    @cached_property
    def new_weights(self) -> pd.Series | None:
        """The optimal portfolio; see the class."""
        return None if self.answer is None else _series(self.answer)

    @cached_property
    def old_weights(self) -> pd.Series:
        """The portfolio before the optimization; see the class."""
        return _series(self.before)

    @property
    def success(self) -> bool:
        """Whether there is a certified optimal portfolio."""
        return self.status == "optimal"

    def raise_for_status(self) -> None:
        """Raise InfeasibleConstraints, UnboundedObjective or OptimizationFailed unless the optimization succeeded."""
        if self.error is not None:
            raise self.error

    def print_diagnostics(self) -> None:
        """Write a summary to standard output: certificate and table, or the explanation of a failure."""
        sys.stdout.write(self._summary())

    def _summary(self) -> str:
        if self.error is not None:
            return f"status: {self.status}\n{self.error}\n"
        known, certificate = self.diagnostics, self.diagnostics.certificate
        lines = [
            f"status:     {self.status}",
            f"objective:  {known.objective:.10g}",
            f"solver:     {known.solver} ({known.iterations} iterations{_PATH.get(known.solver, '')})",
        ]
        if certificate is not None:
            lines.append(f"violation:  {certificate.residual:.1e} (at most {certificate.tolerance:.0e})")
            lines.append(f"gap:        {certificate.gap:.1e} (at most {certificate.gap_tolerance:.1e})")
        return "\n".join([*lines, "", _table(known.constraints), ""])

    def __repr__(self) -> str:
        return f"OptimizationResult(status={self.status!r}, assets={len(self.before)})"
