"""Raw windows as seen after corporate actions: in array operations, and compiled (scaling.py) where that is at hand."""

from __future__ import annotations

import sys

import numpy as np

from tradewind_data.adjustments import FloatArray
from tradewind_data.sessions import Int64Array

NO_COLUMNS = np.empty(0, dtype=np.int64)


def adjusted(
    raw: FloatArray, columns: Int64Array | None, column: Int64Array, rows: Int64Array, ratio: FloatArray
) -> FloatArray:
    """A copy of raw[n, k] in which the rows before rows[i] of asset column[i] are multiplied by ratio[i].

    columns: the asset columns of raw, None = all. Without an action it is raw itself. Compiled where the compiler is
    loaded.
    """
    if not len(column):
        return raw
    if "numba" not in sys.modules:
        return adjusted_by_numpy(raw, columns, column, rows, ratio)
    from tradewind_data.scaling import scale

    out = np.array(raw, order="C")
    scale(out, NO_COLUMNS if columns is None else columns, column, rows, ratio)
    return out


def adjusted_by_numpy(
    raw: FloatArray, columns: Int64Array | None, column: Int64Array, rows: Int64Array, ratio: FloatArray
) -> FloatArray:
    """What adjusted() answers, bit for bit, in array operations: only the columns that have an action are touched."""
    touched = np.unique(column)
    places = touched if columns is None else np.flatnonzero(np.isin(columns, touched))
    if not len(places):
        return raw
    n = len(raw)
    factor = np.ones((n, len(touched)))
    # An action beyond the window concerns all of its rows.
    np.multiply.at(factor, (np.minimum(rows, n) - 1, np.searchsorted(touched, column)), ratio)
    factor = np.multiply.accumulate(factor[::-1], axis=0)[::-1]
    if columns is not None:
        factor = factor[:, np.searchsorted(touched, columns[places])]
    out = np.array(raw, order="C")
    out[:, places] *= factor
    return out
