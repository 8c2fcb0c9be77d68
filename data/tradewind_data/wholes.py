"""The whole numbers k of a file of bars as the floats k / 10^p, in one compiled pass.

The same IEEE division as numpy's, so the same bits, at two thirds of the time. For processes that have the compiler
loaded already; to load it takes longer than any file.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def divide(whole, known, skipped, scale, out):  # type: ignore[no-untyped-def]  # numba has no annotations
    """Write whole / scale to out, NaN where a value is not known.

    whole: int32[n]; known: uint8 bit map, least significant bit first; its bit ``skipped`` belongs to the first value;
    empty when all are known; out: float64[n].
    """
    for i in range(len(out)):
        out[i] = whole[i] / scale
    for byte in range(len(known)):
        if known[byte] == 0xFF:
            continue
        for bit in range(8):
            i = 8 * byte + bit - skipped
            if 0 <= i < len(out) and not (known[byte] >> bit) & 1:
                out[i] = np.nan
