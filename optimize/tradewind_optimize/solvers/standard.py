"""The form that general solvers take: two-sided rows over bounded variables."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind_optimize.problem import CompiledProblem, Floats, Ints


@dataclass(frozen=True, eq=False)
class StandardForm:
    """min cost'x (and what a subclass adds), lower ≤ x ≤ upper, row_lower ≤ R x ≤ row_upper; R as row-major triplets.

    ``problem`` is the one it stands for, whose weights a subclass gives back.
    """

    problem: CompiledProblem
    cost: Floats
    lower: Floats
    upper: Floats
    rows: Ints
    columns: Ints
    values: Floats
    row_lower: Floats
    row_upper: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of R."""
        return len(self.row_lower), len(self.cost)
