"""Plain CSV as numbers by compiled code: one pass over the bytes, several times as fast as a parser of all of CSV.

A cell of at most 15 digits, p of them decimals, is k / 10^p with k and 10^p exact in float64, so the one IEEE division
gives the float nearest to the text, as every correct parser of decimals does, bit for bit. Dates (``YYYY-MM-DD``) and
times (``YYYY-MM-DD HH:MM:SS``, or with a T) become nanoseconds. An empty number is NaN.

What is not as plain as that (signs, exponents, blanks, quotes, longer numbers, other forms of dates, uneven lines) is
left to the general parser of delimited.py: then the answer is None.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from tradewind_data.sessions import DAY_NS
from tradewind_data.tables import Array

DATE, NUMBER, STAMP = "date", "number", "time"
PASSED, _NUMBER, _DATE, _STAMP = 0, 1, 2, 3
_KINDS = {None: PASSED, NUMBER: _NUMBER, DATE: _DATE, STAMP: _STAMP}
_FIRST_YEAR, _LAST_YEAR = 1678, 2261  # whole years of int64 nanoseconds
_MOST_DIGITS = 15
_TENS = 10.0 ** np.arange(_MOST_DIGITS + 1)
_SECOND = 1_000_000_000


def read_plain(body: npt.NDArray[np.uint8], kinds: Sequence[str | None]) -> dict[int, Array] | None:
    """Place in ``kinds`` → column: NUMBER float64, DATE and STAMP int64 ns; None where the text is not plain.

    body: whole lines without a header, the last ended by a newline. kinds: of the cells of a line, None for those to be
    passed over.
    """
    codes = np.array([_KINDS[kind] for kind in kinds], dtype=np.int64)
    rows = int(np.count_nonzero(body == ord("\n")))
    numbers = np.empty((int((codes == _NUMBER).sum()), rows))
    times = np.empty((int((codes > _NUMBER).sum()), rows), dtype=np.int64)
    if _parse(body, codes, _TENS, numbers, times) != rows:
        return None
    found = zip(np.flatnonzero(codes == _NUMBER).tolist(), numbers, strict=True)
    return dict([*found, *zip(np.flatnonzero(codes > _NUMBER).tolist(), times, strict=True)])


@njit(cache=True, nogil=True)
def _parse(text, kinds, tens, numbers, times):  # type: ignore[no-untyped-def]  # numba has no annotations
    """Rows parsed; −1 where something is not plain."""
    at, row, size, width = 0, 0, len(text), len(kinds)
    while at < size:
        number, time = 0, 0
        for cell in range(width):
            kind = kinds[cell]
            if kind == _NUMBER:
                at, numbers[number, row] = _number(text, at, tens)
                number += 1
            elif kind == PASSED:
                while text[at] != 44 and text[at] != 10:
                    at += 1
            else:
                at, times[time, row] = _time(text, at, size, kind)
                time += 1
            if at < 0 or text[at] != (10 if cell == width - 1 else 44):
                return -1
            at += 1
        row += 1
    return row


@njit(cache=True, nogil=True)
def _number(text, at, tens):  # type: ignore[no-untyped-def]  # numba has no annotations
    """(where the number ends, the number); −1 for what is none. NaN for no character."""
    whole, first, point = np.int64(0), at, -1
    while True:
        digit = np.int64(text[at]) - 48
        if 0 <= digit <= 9:
            whole = whole * 10 + digit
        elif digit == -2 and point < 0:
            point = at
        else:
            break
        at += 1
    digits = at - first - (point >= 0)
    if digits == 0 or digits > _MOST_DIGITS:
        return (at if at == first else -1), np.nan
    return at, whole * 1.0 if point < 0 else whole / tens[at - point - 1]


@njit(cache=True, nogil=True)
def _time(text, at, size, kind):  # type: ignore[no-untyped-def]  # numba has no annotations
    """(where the date or time ends, ns); −1 for what is none."""
    if size - at < 11:
        return -1, 0
    year, month, day = _two(text, at) * 100 + _two(text, at + 2), _two(text, at + 5), _two(text, at + 8)
    wrong = text[at + 4] != 45 or text[at + 7] != 45 or year < _FIRST_YEAR or year > _LAST_YEAR
    if wrong or month < 1 or month > 12 or day < 1 or day > _month_days(year, month):
        return -1, 0
    since = _day(year, month, day) * DAY_NS
    if kind == _DATE:
        return at + 10, since
    if size - at < 20 or not (text[at + 10] == 32 or text[at + 10] == 84):
        return -1, 0
    hour, minute, second = _two(text, at + 11), _two(text, at + 14), _two(text, at + 17)
    if text[at + 13] != 58 or text[at + 16] != 58 or hour < 0 or minute < 0 or second < 0:
        return -1, 0
    if hour > 23 or minute > 59 or second > 59:
        return -1, 0
    return at + 19, since + ((hour * 60 + minute) * 60 + second) * _SECOND


@njit(cache=True, nogil=True)
def _two(text, at):  # type: ignore[no-untyped-def]  # numba has no annotations
    """The number of two digits; below −1000 for other signs."""
    high, low = np.int64(text[at]) - 48, np.int64(text[at + 1]) - 48
    return 10 * high + low if 0 <= high <= 9 and 0 <= low <= 9 else -1_000_000


@njit(cache=True, nogil=True)
def _month_days(year, month):  # type: ignore[no-untyped-def]  # numba has no annotations
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


@njit(cache=True, nogil=True)
def _day(year, month, day):  # type: ignore[no-untyped-def]  # numba has no annotations
    """Days since 1970 of the Gregorian calendar, years counted from March."""
    since = year - 1 if month < 3 else year
    leaps = since // 4 - since // 100 + since // 400
    return 365 * since + leaps + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
