"""The linear program of the dual simplex: pieces of weights between their kinks, from the lower end of each box up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from tradewind_optimize.problem import Arrays
from tradewind_optimize.solvers.separable import dot, hinge_value, sorted_kinks

NOISE = 1e-12
"""Costs are moved by this fraction of the largest one, each asset's by its own, so that ties cannot cycle."""


class Program(NamedTuple):
    """The pieces: asset, ends and cost of each, its slope in every hinge row [k, P], and the bounds of the rows."""

    asset: np.ndarray
    start: np.ndarray
    end: np.ndarray
    cost: np.ndarray
    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray


class State(NamedTuple):
    """Where the method stands; variables P + j are row activities.

    ``side``: 1 at its lower bound, −1 at its upper one, 0 basic or unable to move.
    """

    x: np.ndarray
    least: np.ndarray
    most: np.ndarray
    reduced: np.ndarray
    side: np.ndarray
    place: np.ndarray
    basis: np.ndarray
    inverse: np.ndarray
    alpha: np.ndarray
    column: np.ndarray
    asset_part: np.ndarray
    chosen: np.ndarray
    ratio: np.ndarray
    weight: np.ndarray
    moved: np.ndarray


@njit(cache=True)
def cut(data: Arrays) -> Program:
    """The pieces of every asset from the lower end of its box to the upper one."""
    m, n = data.rows.shape
    k, count = len(data.limits), len(data.up)
    order = sorted_kinks(data.anchor)
    room = n * (count + 1)
    asset, start, end = np.empty(room, dtype=np.int64), np.empty(room), np.empty(room)
    cost, slope = np.empty(room), np.empty((k, room))
    p = 0
    for i in range(n):
        at = data.lower[i]
        for s in range(count + 1):
            until = data.upper[i] if s == count else min(max(data.anchor[order[s, i], i], at), data.upper[i])
            if until <= at:
                continue
            asset[p], start[p], end[p], cost[p] = i, at, until, data.cost[i]
            for j in range(count):
                each = data.up[j, i] if data.anchor[j, i] <= at else -data.down[j, i]
                if j < k:
                    slope[j, p] = data.straight[j, i] + each
                else:
                    cost[p] += each
            at = until
            p += 1
    low, high = np.empty(m + k), np.empty(m + k)
    for j in range(m):
        value = dot(data.rows[j], data.lower, n)
        low[j], high[j] = data.row_lower[j] - value, data.row_upper[j] - value
    for j in range(k):
        low[m + j], high[m + j] = -np.inf, data.limits[j] - hinge_value(data, j, data.lower)
    return Program(asset[:p], start[:p], end[:p], cost[:p], slope[:, :p].copy(), low, high)


@njit(cache=True)
def moved_costs(program: Program) -> tuple[np.ndarray, float]:
    """The costs, each asset's moved by its own sliver of the largest one; and that largest one."""
    scale = 0.0
    for value in program.cost:
        scale = max(scale, abs(value))
    scale = scale if scale > 0.0 else 1.0
    out = program.cost.copy()
    for s in range(len(out)):
        share = (program.asset[s] + 1) * 0.6180339887498949 % 1.0
        out[s] += NOISE * scale * (share - 0.5)
    return out, scale


@njit(cache=True)
def weights_of(data: Arrays, program: Program, state: State, out: np.ndarray) -> None:
    """w = lower + Σ pieces, by their ends where they are full, so that kinks are met exactly."""
    out[:] = data.lower
    for s in range(len(program.cost)):
        i, x = program.asset[s], state.x[s]
        if out[i] == program.start[s]:
            full = x == program.end[s] - program.start[s]
            out[i] = program.end[s] if full else program.start[s] + x
        else:
            out[i] += x
    for i in range(len(out)):
        out[i] = min(max(out[i], data.lower[i]), data.upper[i])
