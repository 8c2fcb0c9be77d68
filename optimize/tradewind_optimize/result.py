"""OptimizationResult: the answer, or the reason why there is none."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pandas as pd

from tradewind_optimize.diagnostics import Diagnostics
from tradewind_optimize.errors import OptimizationError
from tradewind_optimize.problem import Status


@dataclass(frozen=True, eq=False)
class OptimizationResult:
    """The result of an optimization.

    Attributes
    ----------
    status: "optimal", "infeasible", "unbounded" or "failed".
    new_weights: Series of float64 over every asset of the problem (those of the objective, then held ones, then those a
        constraint brought in), or None if the optimization failed.
    old_weights: Series over the same index: the portfolio before the optimization, 0.0 where nothing was held.
    diagnostics: objective, solver, certificate, table of constraints.
    error: the exception raise_for_status raises, or None.
    """

    status: Status
    new_weights: pd.Series | None
    old_weights: pd.Series
    diagnostics: Diagnostics
    error: OptimizationError | None = None

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
            f"solver:     {known.solver} ({known.iterations} iterations)",
        ]
        if certificate is not None:
            lines.append(f"violation:  {certificate.residual:.1e} (at most {certificate.tolerance:.0e})")
            lines.append(f"gap:        {certificate.gap:.1e} (at most {certificate.gap_tolerance:.1e})")
        table = known.constraints.to_string(index=False, na_rep="") if len(known.constraints) else "no constraint binds"
        return "\n".join([*lines, "", table, ""])

    def __repr__(self) -> str:
        return f"OptimizationResult(status={self.status!r}, assets={len(self.old_weights)})"
