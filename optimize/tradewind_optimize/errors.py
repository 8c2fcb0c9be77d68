"""What can go wrong, as objects that carry the facts.

OptimizationError
├── InfeasibleConstraints    no portfolio satisfies every constraint
├── UnboundedObjective       some weight could grow for ever and the objective with it
├── OptimizationFailed       no solver produced an answer that passed its certificate
├── InvalidParameter         (also ValueError) a number, label or option that cannot be meant
└── InvalidType              (also TypeError) an argument of the wrong kind
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Violation:
    """One constraint that one special portfolio would break.

    Attributes: ``portfolio`` ("target", "current" or "empty"), ``constraint`` (its name and assets), ``reasons`` (one
    sentence a violated row, in the order of the rows).
    """

    portfolio: str
    constraint: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Relaxation:
    """One bound that would have to give.

    Attributes: ``constraint`` (the user's object), ``label`` (asset, group or factor; None where the row has none),
    ``side`` ("lower" or "upper"), ``bound`` as given, ``needed`` instead, ``amount`` = |needed − bound|.
    """

    constraint: Any
    label: Hashable
    side: str
    bound: float
    needed: float
    amount: float

    def __str__(self) -> str:
        name = "" if self.label is None else f" for {_name(self.label)}"
        side = "min" if self.side == "lower" else "max"
        return f"{self.constraint!r}{name}: {side} {self.bound:.6g} → {self.needed:.6g} (by {self.amount:.6g})"


@dataclass(frozen=True)
class Explanation:
    """Why no portfolio exists.

    Attributes: ``conflict``: pairs (constraint, labels), the user's own constraints and inside them the assets, groups
    or factors (none where the constraint is one row) that cannot hold together, while without any one of them the
    others can. ``relaxation``: the :class:`Relaxation` of least total amount after which a portfolio exists.
    """

    conflict: tuple[tuple[Any, tuple[Hashable, ...]], ...] = ()
    relaxation: tuple[Relaxation, ...] = ()

    def portable(self) -> Explanation:
        """The same, with constraints that cannot be pickled replaced by their repr."""
        return Explanation(
            tuple((_portable(word), labels) for word, labels in self.conflict),
            tuple(replace(each, constraint=_portable(each.constraint)) for each in self.relaxation),
        )


class _Named:
    """Stands for a constraint that could not travel; shows as it did."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


def _portable(word: Any) -> Any:
    try:
        pickle.dumps(word)
    except Exception:  # whatever a user's class raises
        return _Named(repr(word))
    return word


def _name(label: Hashable) -> str:
    return label if isinstance(label, str) else repr(label)


def _names(labels: Sequence[Hashable], most: int = 10) -> str:
    shown = ", ".join(_name(label) for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")


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

_CONFLICT = """
These constraints cannot hold together, though without any one of them the
others can:
"""

_RELAXATION = """
The smallest relaxation that would leave a portfolio:
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

    Attributes: ``conflict``: a tuple of pairs (constraint, labels), the smallest set of the user's constraints, and of
    labels inside them, that cannot hold together (see :class:`Explanation`). ``relaxation``: a tuple of
    :class:`Relaxation`, how little would have to give. ``shortfall``: the least total violation any portfolio can reach
    while single positions keep their bounds (of bounds that cross, by how much in all), each row in its own units; NaN
    when it is not known. ``violations``: a tuple of :class:`Violation`, the constraints that the target, the current
    and the empty portfolio would break. All of these are worked out when first asked for.
    """

    def __init__(
        self,
        violations: tuple[Violation, ...] | Callable[[], tuple[Violation, ...]] = (),
        shortfall: float | Callable[[], float] = float("nan"),
        explanation: Explanation | Callable[[], Explanation] = Explanation(),
    ) -> None:
        super().__init__()
        self._violations = violations
        self._shortfall = shortfall
        self._explanation = explanation

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.violations, self.shortfall, self.explanation.portable())

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What three special portfolios would break; see the class."""
        if callable(self._violations):
            self._violations = self._violations()
        return self._violations

    @property
    def shortfall(self) -> float:
        """The least total violation; see the class."""
        if callable(self._shortfall):
            self._shortfall = self._shortfall()
        return self._shortfall

    @property
    def explanation(self) -> Explanation:
        """Conflict and relaxation together."""
        if not isinstance(self._explanation, Explanation):
            self._explanation = self._explanation()
        return self._explanation

    @property
    def conflict(self) -> tuple[tuple[Any, tuple[Hashable, ...]], ...]:
        """Pairs (constraint, labels) that cannot hold together; see the class."""
        return self.explanation.conflict

    @property
    def relaxation(self) -> tuple[Relaxation, ...]:
        """The bounds that would have to give, and by how much; see the class."""
        return self.explanation.relaxation

    def _reasons(self) -> str:
        text = ""
        if self.conflict:
            text += _CONFLICT + "\n" + "".join(f"   {_member(*pair)}\n" for pair in self.conflict)
        if self.relaxation:
            shown = [f"   {each}\n" for each in self.relaxation[:10]]
            more = len(self.relaxation) - len(shown)
            text += _RELAXATION + "\n" + "".join(shown) + (f"   … and {more} more.\n" if more else "")
        return text

    def __str__(self) -> str:
        text = _INFEASIBLE + self._reasons() + (_SPOT_CHECKED if self.violations else "")
        for name, title in _TITLES.items():
            broken = [v for v in self.violations if v.portfolio == name]
            text += f"\n{title}\n" if broken else ""
            for violation in broken:
                reasons = "\n".join(f"      {reason}" for reason in violation.reasons)
                text += f"\n   Would violate {violation.constraint} because:\n{reasons}\n"
        return text


def _member(constraint: Any, labels: tuple[Hashable, ...]) -> str:
    named: tuple[Hashable, ...] = getattr(constraint, "named", tuple)()
    return repr(constraint) + (f" for {_names(labels)}" if labels and labels != named else "")


class UnboundedObjective(OptimizationError):
    """The objective improves for ever along some direction of weights.

    Attributes: ``assets``: the labels whose weights run away, largest first; ``directions``: +1 (long) or −1 (short)
    for each of them; ``missing``: the constraints that would bound them, any one of which is enough.
    """

    def __init__(
        self,
        assets: tuple[Hashable, ...] = (),
        directions: tuple[int, ...] = (),
        missing: tuple[str, ...] = ("MaxGrossExposure(max)",),
    ) -> None:
        super().__init__(assets, directions, missing)
        self.assets = assets
        self.directions = directions
        self.missing = missing

    def __str__(self) -> str:
        shown = ", ".join(
            f"{asset!r} ({'long' if sign > 0 else 'short'})"
            for asset, sign in list(zip(self.assets, self.directions, strict=True))[:10]
        )
        more = f" and {len(self.assets) - 10} more" if len(self.assets) > 10 else ""
        run = f" These weights could grow without limit: {shown}{more}." if shown else ""
        return (
            "The objective has no optimum: no constraint bounds the size of the portfolio in a direction that "
            f"improves it.{run} Add {', or '.join(self.missing)}."
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
