"""What a merger gives for a holding: cash, shares of the acquirer, or both.

A merger's ratio turns earlier prices of the target into prices of what replaces it, as a split's does: 1/ratio shares
of the acquirer replace one of the target, and `cash` is paid a share besides. For n shares of the target, with q the
acquirer's price,

    n' = trunc(n / ratio) shares of the acquirer at q;  cash n·cash + (n / ratio − n')·q

which is a sale of n at cash + q / ratio and a purchase of n' at q. When no price of the acquirer is known, q is what
keeps the value of the holding: q = (last − cash)·ratio, at least 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from tradewind_data.adjustments import Mergers


class Terms(NamedTuple):
    """One merger: the columns of target and acquirer (−1: none), the ratio, and the cash a share of the target."""

    target: int
    acquirer: int
    ratio: float
    cash: float


def taking_effect(mergers: Mergers, session: int) -> list[Terms]:
    """Return the mergers of a session that replace shares; those without acquirer and cash change prices alone."""
    rows = range(*np.searchsorted(mergers.session, (session, session + 1)))
    columns = mergers.column, mergers.acquirer_column, mergers.ratio, mergers.cash
    found = [Terms(*(column[row].item() for column in columns)) for row in rows]
    return [terms for terms in found if terms.acquirer >= 0 or terms.cash > 0.0]


def exchange(terms: Terms, amount: int, last: float, acquirer_price: float) -> tuple[float, int, float]:
    """Return (price got for a share of the target, whole shares of the acquirer, their price) for `amount` held.

    last: the target's last known price; acquirer_price: NaN where none is known.
    """
    if terms.acquirer < 0:
        return terms.cash, 0, 0.0
    ratio = Fraction(terms.ratio).limit_denominator(1_000_000_000)
    price = max((last - terms.cash) * terms.ratio, 0.0) if np.isnan(acquirer_price) else acquirer_price
    return terms.cash + price / float(ratio), int(amount / ratio), price
