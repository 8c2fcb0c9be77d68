"""From intentions to whole shares: pure functions, no state.

Rounding everywhere: a number of shares within 1e-4 of an integer is that integer, anything else is cut toward zero.
"""

from __future__ import annotations

import numpy as np

SNAP = 1e-4


def whole_shares(shares: float) -> int:
    """Return whole shares: snapped to the nearest integer within 1e-4, else truncated toward zero.

    Raises ValueError for NaN, OverflowError for an infinity.
    """
    nearest = round(shares)
    return nearest if -SNAP <= shares - nearest <= SNAP else int(shares)


def shares_of_value(value: float, price: float, multiplier: float) -> float:
    """Return value / (price·multiplier), untruncated; 0 for a price within 1e-6 of 0."""
    unit = price * multiplier
    return 0.0 if abs(unit) < 1e-6 else value / unit


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
