"""When a chain rolls: which contract is the primary one in each session, known before the session opens.

The chain c₀, c₁, … is walked once, forward; it never goes back to an earlier contract. In session s the primary is the
first contract that has not been left in s or before, and cₖ is left in

    calendar   the first session on or after its auto-close date
    volume     the first session s of cₖ as primary after which V(cₖ₊₁, s−1) > V(cₖ, s−1), with both alive in s−1,
               at the latest where the calendar, or the end of its life, ends it

V is the volume of a session's bar. Nothing of session s itself is looked at, nor anything later.
"""

from __future__ import annotations

import numpy as np

from tradewind_data.adjustments import FloatArray
from tradewind_data.contracts import Chain
from tradewind_data.sessions import Int64Array


def calendar_rolls(chain: Chain) -> Int64Array:
    """Return int64[m − 1], ascending: the session in which the primary contract becomes k + 1."""
    return chain.close[:-1]


def volume_rolls(chain: Chain, volume: FloatArray) -> Int64Array:
    """Return int64[m − 1], ascending: the session in which the primary contract becomes k + 1.

    volume: float64[R, N], the bars' volumes by session and column, 0 where there is none.
    """
    rolls = np.empty(max(len(chain) - 1, 0), dtype=np.int64)
    since = int(chain.start[0]) if len(chain) else 0
    for k in range(len(rolls)):
        over = max(since, min(int(chain.close[k]), int(chain.end[k]) + 1))
        first = max(since, int(chain.start[k]) + 1, int(chain.start[k + 1]) + 1)
        last = min(over, len(volume))
        before = slice(first - 1, max(last - 1, first - 1))
        passed = volume[before, chain.columns[k + 1]] > volume[before, chain.columns[k]]
        rolls[k] = since = first + int(np.argmax(passed)) if passed.any() else over
    return rolls


def contracts_at(chain: Chain, rolls: Int64Array, sessions: Int64Array, offset: int) -> Int64Array:
    """Return int64[n]: the place in the chain that is `offset` after the primary contract in each session.

    −1 where there is none, or where it is not listed yet.
    """
    place = np.searchsorted(rolls, sessions, side="right") + offset
    inside = np.minimum(place, len(chain) - 1)
    return np.where((place < len(chain)) & (chain.start[inside] <= sessions), place, -1)
