"""From intentions to whole shares: pure functions, no state.

Rounding everywhere: a number of shares within 1e-4 of an integer is that integer, anything else is cut toward zero.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SNAP = 1e-4
LEAST_CUT = 1.0 - SNAP
NEXT_TO_NOTHING = 1e-6  # a price this small gives no number of shares


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
def whole(shares: float) -> int:
    """Return whole_shares of a finite number, for compiled code."""
    cut = np.trunc(shares)
    rest = shares - cut
    return int(cut) + (rest >= LEAST_CUT) - (rest <= -LEAST_CUT)


@njit(cache=True)
def prepared(
    book: np.recarray, closes: np.ndarray, lives_from: np.ndarray, lives_to: np.ndarray, session: int, out: np.ndarray
) -> None:
    """Write price·multiplier and the shares held of every column into out[0] and out[1], float64[2, N].

    The first is NaN where an order of that column needs a closer look: no close in this bar, or one next to nothing;
    not listed in this session. book: the ledger's table; lives_from, lives_to: int64[N], sessions.
    """
    for i in range(len(closes)):
        unit = closes[i] * book.multiplier[i]
        listed = lives_from[i] <= session and session <= lives_to[i]
        out[0, i] = unit if listed and abs(unit) > NEXT_TO_NOTHING else np.nan
        out[1, i] = book.amount[i]


@njit(cache=True)
def toward(
    weights: np.ndarray, equity: float, units: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (which, shares, exact): the orders from int64 `held` shares toward float64[n] weights.

    Target shares are w·equity/unit, rounded as above; units are price·multiplier, weights signed fractions of
    `equity`. which: int64, the entries with something to order; shares: int64, target − held; exact: float64, the same
    before rounding. A NaN unit gives no order, one of 0 a target of 0.
    """
    which, shares = np.empty(len(weights), dtype=np.int64), np.empty(len(weights), dtype=np.int64)
    exact, count = np.empty(len(weights)), 0
    for i in range(len(weights)):
        if np.isnan(units[i]):
            continue
        wanted = weights[i] * equity / units[i] if units[i] != 0.0 else 0.0
        missing = whole(wanted) - held[i]
        if missing:
            which[count], shares[count], exact[count], count = i, missing, wanted - held[i], count + 1
    return which[:count], shares[:count], exact[:count]
