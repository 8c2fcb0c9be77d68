"""Windows of prices scaled by the corporate actions after each row, in compiled code."""

from __future__ import annotations

import numpy as np
from numba import njit

from tradewind_data.adjustments import FloatArray
from tradewind_data.sessions import Int64Array


@njit(cache=True)
def scale(out: FloatArray, columns: Int64Array, column: Int64Array, rows: Int64Array, ratio: FloatArray) -> None:
    """Multiply, in place, the rows of out[n, k] before rows[i] of asset column[i] by ratio[i].

    columns: int64[k], the asset columns of out; empty stands for 0 … k − 1. The products are taken from the last row
    upwards, as np.multiply.accumulate takes them: the same bits.
    """
    n, k = out.shape
    first, following = np.full(column.max() + 1, -1), np.empty(len(column), dtype=np.int64)
    for i in range(len(column) - 1, -1, -1):
        following[i], first[column[i]] = first[column[i]], i
    here = np.empty(n)
    for j in range(k):
        asset = columns[j] if len(columns) else j
        if asset >= len(first) or first[asset] < 0:
            continue
        here[:] = 1.0
        i = first[asset]
        while i >= 0:
            here[min(rows[i], n) - 1] *= ratio[i]  # an action beyond the window concerns all of its rows
            i = following[i]
        factor = 1.0
        for row in range(n - 1, -1, -1):
            factor *= here[row]
            out[row, j] *= factor
