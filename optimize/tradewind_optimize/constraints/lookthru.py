"""ETF look-through: the exposure of a portfolio to the constituents of the funds it holds.

With E (constituents × funds) the effective weight of a stock s is  w_s + Σ_f E[s, f] w_f , over all funds f of the
frame that are in the portfolio. The funds themselves have no effective weight of their own; constituents outside the
portfolio have one as soon as a fund in it holds them. One level only: a fund inside a fund counts as a stock.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from tradewind_optimize.errors import InvalidParameter, InvalidType
from tradewind_optimize.labels import Ints, Keys, Universe, index_of, merge
from tradewind_optimize.problem import RowMatrix

_LOG = logging.getLogger(__name__)


class Lookthru:
    """The decomposition given by one ``etf_lookthru`` frame.

    Parameters: ``frame`` (constituents × funds, weights in [0, 1], NaN = 0), ``word`` (for messages). Raises
    InvalidParameter for a weight outside [0, 1]; a column whose sum is outside [0.9, 1.1] is logged as a warning.
    """

    def __init__(self, frame: Any, word: str) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise InvalidType(word, "etf_lookthru", frame, "a DataFrame (constituents x ETFs)")
        self.constituents = Keys(index_of(frame.index)).require_unique(word, "etf_lookthru.index")
        self.funds = Keys(index_of(frame.columns)).require_unique(word, "etf_lookthru.columns")
        given = _numbers(frame, word)
        self.weights = np.where(np.isnan(given), 0.0, given)
        if ((self.weights < 0) | (self.weights > 1)).any():
            row, fund = np.argwhere((self.weights < 0) | (self.weights > 1))[0]
            found = f"{self.weights[row, fund]:g} for {frame.index[row]!r} in {frame.columns[fund]!r}"
            raise InvalidParameter(word, "etf_lookthru", found, "a weight from 0.0 to 1.0 in every cell")
        self._report_sums(word)

    def _report_sums(self, word: str) -> None:
        sums = self.weights.sum(axis=0)
        for fund, total in zip(self.funds.index, sums, strict=True):
            if not 0.9 <= total <= 1.1:
                _LOG.warning("%s: the constituents of %r in etf_lookthru sum to %.4g, not about 1.", word, fund, total)

    def effective(self, universe: Universe) -> tuple[Keys, RowMatrix]:
        """(labels, M): row s of M (len(labels) × n) gives the effective weight of label s from the weights."""
        fund_at = universe.positions(self.funds)
        present = np.flatnonzero(fund_at >= 0)
        stocks = np.setdiff1d(np.arange(universe.n), fund_at[present])
        held = np.flatnonzero((self.weights[:, present] != 0).any(axis=1))
        labels = merge(Keys(universe.labels[stocks]), Keys(self.constituents.index[held]))
        rows, columns, values = self._entries(present, fund_at, held, labels)
        rows = np.concatenate([np.arange(len(stocks)), rows])
        order = np.argsort(rows, kind="stable")
        columns = np.concatenate([stocks, columns])[order]
        values = np.concatenate([np.ones(len(stocks)), values])[order]
        return labels, RowMatrix((len(labels), universe.n), None, rows[order], columns, values)

    def _entries(self, present: Ints, fund_at: Ints, held: Ints, labels: Keys) -> tuple[Ints, Ints, Any]:
        block = self.weights[np.ix_(held, present)]
        row, fund = np.nonzero(block)
        rows = labels.positions(Keys(self.constituents.index[held]))[row]
        return rows, fund_at[present][fund], block[row, fund]


def _numbers(frame: pd.DataFrame, word: str) -> Any:
    try:
        return frame.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        bad = [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
        raise InvalidType(word, "etf_lookthru", frame, "numeric in every column", f"Not so: {bad}.") from None
