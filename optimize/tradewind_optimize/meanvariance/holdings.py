"""What is held: a table of shares and bounds from a file or frame, its groups, and the arithmetic of share bounds."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.meanvariance.errors import PyOptimumException, quoted

Floats = NDArray[np.float64]
Sides = tuple[Floats | None, Floats | None]

LESS_THAN_OR_EQUAL = "\u2264"
GREATER_THAN_OR_EQUAL = "\u2265"
EQUAL = "\u003d"


def read_csv(filepath: str | bytes | io.BytesIO | Path) -> pd.DataFrame:
    """The file as a frame with stripped column names and texts; bytes are a path, or the content if they hold lines."""
    source: Any = filepath
    if isinstance(filepath, bytes):
        source = io.BytesIO(filepath) if b"\n" in filepath else os.fsdecode(filepath)
    frame = pd.read_csv(source, skipinitialspace=True)
    return frame.rename(columns=lambda name: str(name).strip())


def holdings_of(given: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """(shares, lower, upper by ticker; members by group) of a frame with a column or index ``ticker``.

    ``shares`` defaults to 0; ``groups`` holds group names between "|". The frame is left as it was. Raises
    AssertionError without ticker, PyOptimumException for repeated tickers, bad shares and groups that repeat a member.
    """
    frame = given.reset_index() if given.index.name == "ticker" else given.copy()
    if "ticker" not in frame.columns:
        raise AssertionError("Portfolio must contain a column named 'ticker'")
    tickers = [str(ticker).strip() for ticker in frame["ticker"]]
    twice = sorted({ticker for ticker in tickers if tickers.count(ticker) > 1})
    if twice:
        raise PyOptimumException(f"Ticker {', '.join(twice)} stands in the portfolio more than once; add up its shares")
    shares = _shares(frame, tickers)
    table = pd.DataFrame({"shares": shares, "lower": -np.inf, "upper": np.inf}, pd.Index(tickers, name="ticker"))
    return table, _groups(frame, tickers)


def _shares(frame: pd.DataFrame, tickers: list[str]) -> Floats:
    if "shares" not in frame.columns:
        return np.zeros(len(frame))
    shares = np.asarray(pd.to_numeric(frame["shares"], errors="coerce"), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(shares))
    if len(bad):
        found = quoted(frame["shares"].iloc[bad[0]])
        raise PyOptimumException(f"The shares of {tickers[bad[0]]} must be a number; found {found}")
    return shares


def _groups(frame: pd.DataFrame, tickers: list[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    names = frame["groups"] if "groups" in frame.columns else [None] * len(frame)
    for ticker, text in zip(tickers, names, strict=True):
        for name in text.split("|") if isinstance(text, str) else ():
            if name.strip():
                groups.setdefault(name.strip(), []).append(ticker)
    for name, members in groups.items():
        if len(set(members)) != len(members):
            raise PyOptimumException(f"Group {name} members are not unique")
    return groups


def in_shares(value: Any, unit: str, shares: Floats, close: Floats | None) -> Floats:
    """The value of a constraint in shares, float64[n]: percent means percent of the shares held.

    Raises ValueError for what is no number, another unit, or dollars without prices.
    """
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number, list, np.ndarray)):
        raise ValueError("value must be int, float, list or NDArray")
    out = np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), shares.shape))
    if unit == "shares":
        return out
    if unit == "value":
        if close is None:
            raise ValueError("a constraint in dollars needs prices: retrieve them first")
        return np.asarray(out / close)
    if unit == "percent value":
        if (shares == 0).any():
            warnings.warn("a percentage of no shares is no shares: the bound is 0", stacklevel=3)
        return np.asarray(out * (shares / 100))
    raise ValueError(f"unit '{unit}' is not supported")


def sides_of(function: str, sign: str, value: Floats, shares: Floats) -> Sides:
    """(lower, upper) bounds on holdings, in shares; None for a side the constraint leaves alone.

    purchases: x − shares; sales: shares − x; short sales: −x; holdings: x. Raises ValueError for other words.
    """
    edges = {
        "purchases": shares + value,
        "sales": shares - value,
        "short sales": -value,
        "holdings": value,
    }
    if function not in edges:
        raise ValueError(f"function '{function}' is not one of {', '.join(edges)}")
    if sign not in (LESS_THAN_OR_EQUAL, GREATER_THAN_OR_EQUAL, EQUAL):
        raise ValueError(f"sign '{sign}' is not one of {LESS_THAN_OR_EQUAL}, {GREATER_THAN_OR_EQUAL}, {EQUAL}")
    edge = edges[function]
    if sign == EQUAL:
        return edge, edge
    upwards = (sign == GREATER_THAN_OR_EQUAL) == (function in ("purchases", "holdings"))
    return (edge, None) if upwards else (None, edge)


def allowed(sides: Sides, shares: Floats, short_sales: bool, buy: bool, sell: bool) -> Sides:
    """The bounds moved to where the options allow holdings: ≥ 0, ≤ shares, ≥ shares."""

    def clip(side: Floats | None) -> Floats | None:
        if side is None:
            return None
        side = side if short_sales else np.where(side > 0, side, 0.0)
        side = side if buy else np.where(side > shares, shares, side)
        return side if sell else np.where(side < shares, shares, side)

    return clip(sides[0]), clip(sides[1])


def group_measures(change: Floats) -> list[float]:
    """[sum, what was bought, what was sold] of the changes of a group."""
    return [float(change.sum()), float(change[change >= 0].sum()), float(-change[change <= 0].sum())]


def check_known(tickers: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError naming the tickers that are not known."""
    unknown = [ticker for ticker in tickers if ticker not in set(known)]
    if unknown:
        raise ValueError(f"Tickers {unknown} are not in the current portfolio.")
