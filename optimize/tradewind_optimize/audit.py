"""The compiled half of the certificate: how far each asset is from the minimum of its own Lagrangian.

Written apart from the solvers on purpose: it looks at every end, every kink and every stationary point, and takes
nothing over from how an answer was found.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_optimize.problem import Floats


def constant(array: Floats) -> Floats:
    """A read-only C-contiguous view, so that compiled code meets one type only."""
    out = np.ascontiguousarray(array)
    if out.flags.writeable:
        out = out.view()
        out.setflags(write=False)
    return out


@njit(cache=True)
def excess(
    w: np.ndarray,
    slope: np.ndarray,
    bend: np.ndarray,
    target: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    anchor: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> float:
    """Σ [φᵢ(wᵢ) − min φᵢ over the box]; up, down, anchor [J, n] carry their prices; ``bend`` may have length 0."""
    order = np.empty(len(anchor), dtype=np.int64)
    total = 0.0
    for i in range(len(w)):
        h = bend[i] if len(bend) else 0.0
        t = target[i] if len(bend) else 0.0
        low, high = lower[i], upper[i]
        best = min(_value(i, low, slope[i], h, t, up, down, anchor), _value(i, high, slope[i], h, t, up, down, anchor))
        rate = slope[i]
        sort_kinks(i, anchor, order)
        for j in range(len(order)):
            rate -= down[j, i]
        for at in range(len(order) + 1):
            if h > 0.0:
                x = min(max(t - rate / h, low), high)
                best = min(best, _value(i, x, slope[i], h, t, up, down, anchor))
            if at < len(order):
                j = order[at]
                x = min(max(anchor[j, i], low), high)
                best = min(best, _value(i, x, slope[i], h, t, up, down, anchor))
                rate += up[j, i] + down[j, i]
        total += _value(i, w[i], slope[i], h, t, up, down, anchor) - best
    return total


@njit(cache=True)
def _value(
    i: int, x: float, slope: float, h: float, t: float, up: np.ndarray, down: np.ndarray, anchor: np.ndarray
) -> float:
    out = slope * x + 0.5 * h * (x - t) ** 2
    for j in range(len(anchor)):
        move = x - anchor[j, i]
        out += up[j, i] * move if move > 0.0 else -down[j, i] * move
    return out


@njit(cache=True)
def sort_kinks(i: int, anchor: np.ndarray, order: np.ndarray) -> None:
    """order = the kinks of asset i by rising anchor, ties in their own order."""
    for j in range(len(order)):
        at = j
        while at > 0 and anchor[order[at - 1], i] > anchor[j, i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = j
