"""(objective, constraints, current) → CompiledProblem: blocks are collected, boxes intersected, rows stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradewind_optimize.blocks import blocks_of
from tradewind_optimize.constraints.base import Constraint
from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Column, Floats, Ints, Keys, Universe, index_of, merge
from tradewind_optimize.objectives import Objective, Terms, named
from tradewind_optimize.problem import (
    OBJECTIVE,
    Block,
    Box,
    CompiledProblem,
    Convex,
    Hinge,
    HingeSet,
    Linear,
    Quadratic,
    RowMatrix,
)


@dataclass(frozen=True, eq=False)
class Compilation:
    """A problem together with the words it came from: what messages and diagnostics are written from.

    ``blocks``: pairs (ordinal of the constraint, block) in the user's order.
    """

    problem: CompiledProblem
    universe: Universe
    objective: Objective
    constraints: tuple[Constraint, ...]
    blocks: tuple[tuple[int, Block], ...]


def compile_problem(objective: Objective, constraints: Sequence[Constraint], current: Column) -> Compilation:
    """Align every word to one universe and stack the blocks; the order of the rows is the user's order."""
    brought = [label for constraint in constraints for label in constraint.brings()]
    keys = merge(named(objective), current.keys)
    if brought:
        keys = merge(keys, Keys(index_of(dict.fromkeys(brought))))
    held = keys.positions(current.keys)
    weights = np.zeros(len(keys))
    weights[held] = current.values
    weights.setflags(write=False)
    universe = Universe(keys, weights)
    blocks = tuple((i, block) for i, constraint in enumerate(constraints) for block in blocks_of(constraint, universe))
    problem = stack(universe, _terms(objective, universe, held), blocks)
    return Compilation(problem, universe, objective, tuple(constraints), blocks)


def _terms(objective: Objective, universe: Universe, held: Ints) -> Terms:
    """The terms of an objective, if they fit the universe."""
    terms, word, n = objective.terms(universe, held), type(objective).__name__, universe.n
    if not isinstance(terms, Terms):
        raise InvalidType(word, "terms()", terms, "an opt.Terms", "Return opt.Terms(linear=…, curvature=…, target=…).")
    for name in ("linear", "curvature", "target", "factor_center"):
        part = getattr(terms, name)
        if len(part) not in (0, n):
            raise InvalidParameter(word, f"terms().{name}", f"{len(part)} entries", f"of length 0 or {n}, one an asset")
    if len(terms.curvature) != len(terms.target):
        raise InvalidParameter(word, "terms().target", f"{len(terms.target)} entries", "as long as curvature")
    _require_shape(terms.costs, n, word)
    _require_convex(terms, word)
    return terms


def _require_shape(costs: HingeSet | None, n: int, word: str) -> None:
    """InvalidParameter when a part of the hinge costs is not [j, n]."""
    if costs is None:
        return
    for name in ("linear", "up", "down", "anchor"):
        shape = np.shape(getattr(costs, name))
        if shape != (len(costs), n):
            raise InvalidParameter(word, f"terms().costs.{name}", f"shape {shape}", f"of shape ({len(costs)}, {n})")


def _require_convex(terms: Terms, word: str) -> None:
    """InvalidParameter for numbers that are not finite, and for curvature, scales or costs below 0."""
    costs = () if terms.costs is None else (terms.costs.linear, terms.costs.up, terms.costs.down, terms.costs.anchor)
    factors = () if terms.factors is None else (terms.factors,)
    for part in (terms.linear, terms.curvature, terms.target, terms.factor_scales, *costs, *factors):
        if not np.isfinite(part).all():
            raise InvalidParameter(word, "terms()", "NaN or infinity", "finite everywhere")
    for part in (terms.curvature, terms.factor_scales, *costs[1:3]):
        if part.min(initial=0.0) < 0.0:
            raise InvalidParameter(word, "terms()", f"{part.min():g}", "≥ 0 in curvature, scales and slopes of costs")


def stack(universe: Universe, terms: Terms, blocks: Sequence[tuple[int, Block]]) -> CompiledProblem:
    """One CompiledProblem from the objective's terms and all blocks."""
    n = universe.n
    lower, upper, lower_source, upper_source = _intersect(
        universe.everyone, [(i, b) for i, b in blocks if isinstance(b, Box)]
    )
    linear = [(i, b) for i, b in blocks if isinstance(b, Linear) and len(b.lower)]
    hinges = [(i, b) for i, b in blocks if isinstance(b, Hinge) and b.bound < np.inf]
    quadratics = [(i, b) for i, b in blocks if isinstance(b, Quadratic)]
    return CompiledProblem(
        current=universe.current,
        linear=_read_only(terms.linear if len(terms.linear) else np.zeros(n)),
        curvature=_read_only(terms.curvature),
        target=_read_only(terms.target),
        costs=terms.costs or HingeSet.empty(n),
        factors=_read_only(np.zeros((n, 0)) if terms.factors is None else terms.factors),
        factor_scales=_read_only(terms.factor_scales),
        factor_center=_read_only(terms.factor_center),
        constant=terms.constant,
        maximize=terms.maximize,
        exits=terms.exits,
        lower=_read_only(lower),
        upper=_read_only(upper),
        rows=RowMatrix.stack([RowMatrix.of(b.matrix) for _, b in linear], n),
        row_lower=_read_only(_joined([b.lower for _, b in linear])),
        row_upper=_read_only(_joined([b.upper for _, b in linear])),
        hinges=_hinge_set([b for _, b in hinges], n),
        hinge_bounds=_read_only(np.array([b.bound for _, b in hinges], dtype=np.float64)),
        quadratics=tuple(b for _, b in quadratics),
        general=tuple(b for _, b in blocks if isinstance(b, Convex)),
        lower_source=lower_source,
        upper_source=upper_source,
        row_source=np.array([i for i, b in linear for _ in b.lower], dtype=np.int64),
        row_labels=tuple(label for _, b in linear for label in b.labels),
        hinge_source=np.array([i for i, _ in hinges], dtype=np.int64),
        hinge_labels=tuple(b.label for _, b in hinges),
        quadratic_source=np.array([i for i, _ in quadratics], dtype=np.int64),
    )


def _intersect(everyone: Ints, boxes: Sequence[tuple[int, Box]]) -> tuple[Floats, Floats, Ints, Ints]:
    """The tightest bound of each side and the constraint that gave it (the first of several equal ones)."""
    n = len(everyone)
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    lower_source, upper_source = np.full(n, OBJECTIVE), np.full(n, OBJECTIVE)
    for ordinal, box in boxes:
        at = box.positions
        if at is everyone or (len(at) == n and (at == everyone).all()):  # the whole portfolio: no need to pick
            low, high = lower < box.lower, upper > box.upper
            np.maximum(lower, box.lower, out=lower)
            np.minimum(upper, box.upper, out=upper)
            lower_source[low], upper_source[high] = ordinal, ordinal
            continue
        below, above = (np.broadcast_to(side, at.shape) for side in (box.lower, box.upper))
        tighter = below > lower[at]
        lower[at[tighter]], lower_source[at[tighter]] = below[tighter], ordinal
        tighter = above < upper[at]
        upper[at[tighter]], upper_source[at[tighter]] = above[tighter], ordinal
    return lower, upper, lower_source, upper_source


def _hinge_set(hinges: Sequence[Hinge], n: int) -> HingeSet:
    if not hinges:
        return HingeSet.empty(n)
    out = np.zeros((4, len(hinges), n))
    for j, hinge in enumerate(hinges):
        if hinge.linear is not None:
            out[0, j] = hinge.linear
        out[1, j], out[2, j], out[3, j] = hinge.up, hinge.down, hinge.anchor
    out.setflags(write=False)
    return HingeSet(out[0], out[1], out[2], out[3])


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


def _read_only(array: Floats) -> Floats:
    view = array.view()  # a word's own array stays as writable as it was
    view.setflags(write=False)
    return view
