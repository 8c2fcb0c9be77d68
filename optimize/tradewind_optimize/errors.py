"""What can go wrong, as objects that carry the facts.

OptimizationError
├── InfeasibleConstraints    no portfolio satisfies every constraint
├── UnboundedObjective       some weight could grow for ever and the objective with it
├── OptimizationFailed       no solver produced an answer that passed its certificate
├── InvalidParameter         (also ValueError) a number, label or option that cannot be meant
└── InvalidType              (also TypeError) an argument of the wrong kind
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Violation:
    """One constraint that one special portfolio would break.

    Attributes: ``portfolio`` ("target", "current" or "empty"), ``constraint`` (its repr), ``reasons`` (one sentence a
    violated row, in the order of the rows).
    """

    portfolio: str
    constraint: str
    reasons: tuple[str, ...]


class OptimizationError(Exception):
    """Base of everything this package raises."""


class InvalidParameter(OptimizationError, ValueError):
    """A parameter whose value cannot be meant.

    Attributes: ``word`` (the class or function), ``parameter``, ``found``, ``expected``, ``hint`` (what to do, or "").
    """

    def __init__(self, word: str, parameter: str, found: Any, expected: str, hint: str = "") -> None:
        super().__init__(word, parameter, found, expected, hint)
        self.word, self.parameter, self.found, self.expected, self.hint = word, parameter, found, expected, hint

    def __str__(self) -> str:
        return f"{self.word}: {self.parameter} must be {self.expected}; found {self.found}. {self.hint}".rstrip()


class InvalidType(OptimizationError, TypeError):
    """A parameter of the wrong kind; attributes as for :class:`InvalidParameter`."""

    def __init__(self, word: str, parameter: str, found: Any, expected: str, hint: str = "") -> None:
        super().__init__(word, parameter, found, expected, hint)
        self.word, self.parameter, self.found, self.expected, self.hint = word, parameter, found, expected, hint

    def __str__(self) -> str:
        kind = type(self.found).__name__
        return f"{self.word}: {self.parameter} must be {self.expected}; found a {kind}. {self.hint}".rstrip()


_INFEASIBLE = """The attempted optimization failed because no portfolio could be found that
satisfied all required constraints.
"""

_SPOT_CHECKED = """
The following special portfolios were spot checked and found to be in violation
of at least one constraint:
"""

_TITLES = {
    "target": "Target Portfolio (as provided to TargetWeights):",
    "current": "Current Portfolio (at the time of the optimization):",
    "empty": "Empty Portfolio (no positions):",
}


class InfeasibleConstraints(OptimizationError):
    """No portfolio satisfies every constraint at once.

    Attributes: ``violations``: a tuple of :class:`Violation`, the constraints that the target, the current and the
    empty portfolio would break. ``shortfall``: the least total violation any portfolio can reach, in weight units
    (NaN when it was not computed).
    """

    def __init__(self, violations: tuple[Violation, ...] = (), shortfall: float = float("nan")) -> None:
        super().__init__(violations, shortfall)
        self.violations = violations
        self.shortfall = shortfall

    def __str__(self) -> str:
        text = _INFEASIBLE + (_SPOT_CHECKED if self.violations else "")
        for name, title in _TITLES.items():
            broken = [v for v in self.violations if v.portfolio == name]
            text += f"\n{title}\n" if broken else ""
            for violation in broken:
                reasons = "\n".join(f"      {reason}" for reason in violation.reasons)
                text += f"\n   Would violate {violation.constraint} because:\n{reasons}\n"
        return text


class UnboundedObjective(OptimizationError):
    """The objective improves for ever along some direction of weights.

    Attributes: ``assets``: the labels whose weights run away, largest first; ``directions``: +1 (long) or −1 (short)
    for each of them.
    """

    def __init__(self, assets: tuple[Hashable, ...] = (), directions: tuple[int, ...] = ()) -> None:
        super().__init__(assets, directions)
        self.assets = assets
        self.directions = directions

    def __str__(self) -> str:
        shown = ", ".join(
            f"{asset!r} ({'long' if sign > 0 else 'short'})"
            for asset, sign in list(zip(self.assets, self.directions, strict=True))[:10]
        )
        more = f" and {len(self.assets) - 10} more" if len(self.assets) > 10 else ""
        run = f" These weights could grow without limit: {shown}{more}." if shown else ""
        return (
            "The objective has no optimum: no constraint bounds the size of the portfolio in a direction that "
            f"improves it.{run} Add MaxGrossExposure(max), or PositionConcentration bounds for every asset."
        )


class OptimizationFailed(OptimizationError):
    """Every solver that was tried failed, or its answer failed the certificate.

    Attributes: ``attempts``: pairs (solver, what was wrong with its answer and by how much).
    """

    def __init__(self, attempts: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        tried = "; ".join(f"{solver}: {reason}" for solver, reason in self.attempts) or "no solver accepts this problem"
        return f"The optimization failed although the constraints may be satisfiable ({tried})."
