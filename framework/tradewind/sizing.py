"""From intentions to whole shares: pure functions, no state.

Rounding everywhere: a number of shares within 1e-4 of an integer is that integer, anything else is cut toward zero.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SNAP = 1e-4
LEAST_CUT = 1.0 - SNAP


def whole_shares(shares: float) -> int:
    """Return whole shares: snapped to the nearest integer within 1e-4, else truncated toward zero.

    Raises ValueError for NaN, OverflowError for an infinity.
    """
    whole = int(shares)
    rest = shares - whole
    if -LEAST_CUT < rest < LEAST_CUT:
        return whole
    return whole + 1 if rest > 0 else whole - 1


@njit(cache=True)
def each_whole(shares: np.ndarray) -> np.ndarray:
    """Return int64[n]: whole_shares of every entry of a finite float64[n]."""
    out = np.empty(len(shares), dtype=np.int64)
    for i in range(len(shares)):
        whole = np.trunc(shares[i])
        rest = shares[i] - whole
        out[i] = int(whole) + (rest >= LEAST_CUT) - (rest <= -LEAST_CUT)
    return out


def whole_shares_of_weights(
    weights: np.ndarray, equity: float, prices: np.ndarray, multipliers: np.ndarray
) -> np.ndarray:
    """Return int64 target shares, w·equity/(price·multiplier) rounded as above, for float64[n] weights.

    Weights are signed fractions of `equity`. A NaN price gives 0 shares.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = weights * equity / (prices * multipliers)
    shares = np.where(np.isfinite(shares), shares, 0.0)
    nearest = np.rint(shares)
    snapped = np.where(np.abs(shares - nearest) <= SNAP, nearest, np.trunc(shares))
    return snapped.astype(np.int64)
