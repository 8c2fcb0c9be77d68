"""One Newton step of the multipliers under their signs: a small modified LDL' factorisation and an active set.

Pivots that vanish beside their row's own size (rows that repeat one another, rows without a free asset) are replaced by
the fraction ``soft`` of it; the step then ascends mostly along what the active rows leave undecided.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DEAD = 1e-11
"""A pivot below this fraction of its row's own size counts as zero."""


@njit(cache=True)
def newton_step(
    matrix: np.ndarray,
    work: np.ndarray,
    soft: float,
    active: np.ndarray,
    g: np.ndarray,
    z: np.ndarray,
    sign: np.ndarray,
    step: np.ndarray,
) -> bool:
    """step = M⁻¹g over the active rows, multipliers that would cross zero stopping there; False when it climbs nowhere.

    A row that must not move at all is left out, one that would cross is pinned to −z, and the rest is solved again.
    """
    p = len(active)
    inside, d, rest = np.ones(p, dtype=np.bool_), np.zeros(p), np.empty(p)
    for _ in range(p + 1):
        for a in range(p):
            rest[a] = g[active[a]]
            for b in range(p):
                if not inside[b]:
                    rest[a] -= matrix[a, b] * d[b]
        _solve(matrix, work, soft, inside, rest, d)
        if not _stop_at_zero(active, z, sign, inside, d):
            break
    step[:] = 0.0
    rise = 0.0
    for a in range(p):
        step[active[a]] = d[a]
        rise += d[a] * g[active[a]]
    return rise > 0.0 or _first_stop(matrix, work, soft, active, g, z, sign, step)


@njit(cache=True)
def _stop_at_zero(active: np.ndarray, z: np.ndarray, sign: np.ndarray, inside: np.ndarray, d: np.ndarray) -> bool:
    """Pin the multipliers that the step d would carry across zero; True when there were any."""
    found = False
    for a in range(len(active)):
        j = active[a]
        if inside[a] and sign[j] * (z[j] + d[a]) < 0.0:
            inside[a], d[a], found = False, -z[j], True
    return found


@njit(cache=True)
def _first_stop(
    matrix: np.ndarray,
    work: np.ndarray,
    soft: float,
    active: np.ndarray,
    g: np.ndarray,
    z: np.ndarray,
    sign: np.ndarray,
    step: np.ndarray,
) -> bool:
    """The plain Newton step without the rows that sit at zero and must stay, cut where the first multiplier stops."""
    p = len(active)
    inside, d, rest = np.ones(p, dtype=np.bool_), np.zeros(p), np.empty(p)
    for a in range(p):
        rest[a] = g[active[a]]
    for _ in range(p + 1):
        d[:] = 0.0
        _solve(matrix, work, soft, inside, rest, d)
        again = False
        for a in range(p):
            j = active[a]
            if inside[a] and z[j] == 0.0 and sign[j] * d[a] < 0.0:
                inside[a], again = False, True
        if not again:
            break
    share, rise = 1.0, 0.0
    for a in range(p):
        j = active[a]
        if inside[a] and sign[j] * (z[j] + d[a]) < 0.0:
            share = min(share, -z[j] / d[a])
    for a in range(p):
        step[active[a]] = share * d[a] if inside[a] else 0.0
        rise += step[active[a]] * g[active[a]]
    return rise > 0.0


@njit(cache=True)
def _solve(
    matrix: np.ndarray, work: np.ndarray, soft: float, inside: np.ndarray, rest: np.ndarray, d: np.ndarray
) -> None:
    """LDL' of the inside rows with vanishing pivots replaced; d is overwritten there and kept elsewhere."""
    p = len(inside)
    for a in range(p):
        if not inside[a]:
            continue
        total = rest[a]
        pivot = matrix[a, a]
        for b in range(a):
            if not inside[b]:
                continue
            value = matrix[a, b]
            for c in range(b):
                if inside[c]:
                    value -= work[a, c] * work[b, c] * work[c, c]
            work[a, b] = value / work[b, b]
            pivot -= work[a, b] * value
            total -= work[a, b] * d[b]
        work[a, a] = pivot if pivot > DEAD * matrix[a, a] else soft * matrix[a, a]
        d[a] = total
    for a in range(p - 1, -1, -1):
        if inside[a]:
            d[a] /= work[a, a]
            for c in range(a + 1, p):
                if inside[c]:
                    d[a] -= work[c, a] * d[c]
