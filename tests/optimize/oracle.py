"""Compiled blocks written once more in cvxpy: what a set of (constraint, labels) admits, and how far it is from it."""

import cvxpy as cp
import numpy as np

from tradewind_optimize.problem import Box, Convex, Hinge, Linear, Quadratic, RowMatrix


def elements(compilation):
    """Every (ordinal of the constraint, label, block, row) of a compilation."""
    out = []
    for ordinal, block in compilation.blocks:
        if isinstance(block, Box):
            labels = list(compilation.universe.labels[block.positions])
        else:
            labels = block.labels if isinstance(block, Linear) else [block.label]
        out += [(ordinal, label, block, row) for row, label in enumerate(labels)]
    return out


def chosen(compilation, conflict):
    """The elements a conflict names: all rows of a constraint whose labels are listed (or that has none)."""
    words = compilation.constraints
    out = []
    for word, labels in conflict:
        ordinal = next(i for i, each in enumerate(words) if each is word)
        out += [
            element
            for element in elements(compilation)
            if element[0] == ordinal and (element[1] in labels or (element[1] is None and not labels))
        ]
    return out


def distance(some, n):
    """(least total violation of the elements, portfolio), each in its own units."""
    w = cp.Variable(n)
    rows = {}
    for _, _, block, row in some:
        rows.setdefault(id(block), (block, []))[1].append(row)
    costs = [_violation(block, np.array(which), w) for block, which in rows.values()]
    problem = cp.Problem(cp.Minimize(sum(costs) if costs else cp.Constant(0)))
    curved = any(isinstance(block, (Quadratic, Convex)) for _, _, block, _ in some)
    with np.errstate(invalid="ignore"):  # 0 · ∞ in cvxpy's own bounds
        problem.solve(solver=cp.CLARABEL if curved else cp.HIGHS)
    return problem.value, w.value


def _violation(block, rows, w):
    if isinstance(block, Box):
        low, high = (np.broadcast_to(side, block.positions.shape)[rows] for side in (block.lower, block.upper))
        return _outside(w[block.positions[rows]], low, high)
    if isinstance(block, Linear):
        return _outside(RowMatrix.of(block.matrix).to_dense()[rows] @ w, block.lower[rows], block.upper[rows])
    if isinstance(block, Hinge):
        move = w - block.anchor
        straight = 0 if block.linear is None else block.linear @ w
        return cp.pos(straight + block.up @ cp.pos(move) + block.down @ cp.neg(move) - block.bound)
    if isinstance(block, Quadratic):
        covariance = (block.factors * block.scales) @ block.factors.T
        if block.specific is not None:
            covariance += np.diag(block.specific)
        root = np.linalg.cholesky(covariance + 1e-15 * np.eye(len(covariance)))
        return cp.pos(cp.norm(root.T @ (w - block.center)) - block.radius)
    parts = block.constraints(w)
    return sum(cp.sum(cp.pos(part.args[0] - part.args[1])) for part in parts)


def _outside(value, low, high):
    below, above = np.flatnonzero(np.isfinite(low)), np.flatnonzero(np.isfinite(high))
    parts = [cp.sum(cp.pos(low[below] - value[below]))] if len(below) else []
    parts += [cp.sum(cp.pos(value[above] - high[above]))] if len(above) else []
    return sum(parts) if parts else cp.Constant(0)
