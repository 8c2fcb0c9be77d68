"""Return statistics on plain arrays: running columns, the summary table, rolling windows, drawdowns, periods.

Throughout, r[t] is the simple return of session t (a fraction: 0.01 = 1 %), b[t] the benchmark's, N = len(r), A = 252
sessions a year, and the risk-free rate is 0. NaN means "not defined on these data": too few sessions, no dispersion, no
benchmark. Infinities are never returned. The conventions are empyrical's, named one by one in `STATISTICS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ANNUAL = 252
ZERO_VARIANCE = 1e-30

EXPANDING_COLUMNS = (
    "algorithm_period_return",
    "benchmark_period_return",
    "algo_volatility",
    "benchmark_volatility",
    "sharpe",
    "sortino",
    "alpha",
    "beta",
    "max_drawdown",
)


class Statistic(NamedTuple):
    """What one number of `summary` means: its key, its label in tables, its unit and its formula in words.

    `unit` is "fraction" (shown as a percentage), "ratio", "sessions", "money" or "count".
    """

    name: str
    label: str
    unit: str
    convention: str


STATISTICS = (
    Statistic("total_return", "Total return", "fraction", "∏(1+r) − 1"),
    Statistic("annual_return", "Annual return", "fraction", "∏(1+r)^(252/N) − 1"),
    Statistic("annual_volatility", "Annual volatility", "fraction", "std(r, ddof 1)·√252"),
    Statistic("sharpe", "Sharpe ratio", "ratio", "mean(r)/std(r, ddof 1)·√252, risk-free rate 0"),
    Statistic("sortino", "Sortino ratio", "ratio", "mean(r)·252 / (√mean(min(r,0)²)·√252), mean over all sessions"),
    Statistic("calmar", "Calmar ratio", "ratio", "annual return / |maximum drawdown|"),
    Statistic("max_drawdown", "Maximum drawdown", "fraction", "min(wealth/running peak) − 1, start value 1 is a peak"),
    Statistic("max_drawdown_sessions", "… its length", "sessions", "from the peak to the recovery, or to the end"),
    Statistic("omega", "Omega ratio", "ratio", "Σmax(r,0) / Σmax(−r,0)"),
    Statistic("stability", "Stability", "ratio", "R² of the regression of Σlog(1+r) on time"),
    Statistic("tail_ratio", "Tail ratio", "ratio", "|95th percentile| / |5th percentile|"),
    Statistic("value_at_risk", "Value at risk, 5 %, one day", "fraction", "5th percentile of r, historical"),
    Statistic("conditional_value_at_risk", "Expected shortfall, 5 %", "fraction", "mean of the lowest 5 % of r"),
    Statistic("skew", "Skew", "ratio", "biased third standardised moment"),
    Statistic("kurtosis", "Excess kurtosis", "ratio", "biased fourth standardised moment − 3"),
    Statistic("best_day", "Best day", "fraction", "max(r)"),
    Statistic("worst_day", "Worst day", "fraction", "min(r)"),
    Statistic("positive_days", "Days with a gain", "fraction", "share of sessions with r > 0"),
    Statistic("benchmark_total_return", "Benchmark, total return", "fraction", "∏(1+b) − 1"),
    Statistic("benchmark_annual_return", "Benchmark, annual return", "fraction", "∏(1+b)^(252/N) − 1"),
    Statistic("alpha", "Alpha", "fraction", "(1 + mean(r − beta·b))^252 − 1"),
    Statistic("beta", "Beta", "ratio", "cov(r, b) / var(b)"),
    Statistic("tracking_error", "Tracking error", "fraction", "std(r − b, ddof 1)·√252"),
    Statistic("information_ratio", "Information ratio", "ratio", "mean(r − b)/std(r − b, ddof 1)·√252"),
)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One excursion of wealth below its running peak.

    `depth` = wealth[valley]/wealth[peak] − 1 < 0. `peak`, `valley` and `recovery` are session ordinals of the run:
    `peak` is the last session at the old high (−1: the starting value), `recovery` the first session at or above it
    again (−1: not recovered when the run ended). `sessions` counts from the peak to the recovery or to the end.
    """

    depth: float
    peak: int
    valley: int
    recovery: int
    sessions: int


@njit(cache=True)
def _running_moments(r: Array, b: Array, out: Array) -> None:
    """Welford's recursions: out[0..5, t] = mean r, Σ(r−r̄)², mean b, Σ(b−b̄)², Σ(r−r̄)(b−b̄), Σmin(r,0)² of r[:t+1].

    A constant series keeps sums of exactly 0, which the callers take as "no dispersion".
    """
    mean_r = mean_b = ss_r = ss_b = ss_rb = down = 0.0
    for t in range(r.shape[0]):
        n = t + 1.0
        from_r, from_b = r[t] - mean_r, b[t] - mean_b
        mean_r += from_r / n
        mean_b += from_b / n
        ss_r += from_r * (r[t] - mean_r)
        ss_b += from_b * (b[t] - mean_b)
        ss_rb += from_r * (b[t] - mean_b)
        down += min(r[t], 0.0) ** 2
        out[0, t], out[1, t], out[2, t], out[3, t], out[4, t], out[5, t] = mean_r, ss_r, mean_b, ss_b, ss_rb, down


def _ratio(top: Array, bottom: Array) -> Array:
    """top/bottom where it is finite, else NaN."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out = np.asarray(top / bottom, dtype=np.float64)
    out[~np.isfinite(out)] = nan
    return out


def _pair(returns: npt.ArrayLike, benchmark: npt.ArrayLike | None) -> tuple[Array, Array]:
    r = np.ascontiguousarray(returns, dtype=np.float64)
    b = np.zeros_like(r) if benchmark is None else np.ascontiguousarray(benchmark, dtype=np.float64)
    if r.ndim != 1 or r.shape != b.shape:
        raise ValueError(f"returns and benchmark must be two 1-d arrays of one length, were {r.shape} and {b.shape}")
    return r, b


def wealth(returns: npt.ArrayLike) -> Array:
    """∏(1+r) after each session; float64[T], 1.0 = the starting value."""
    return np.asarray(np.cumprod(1.0 + np.asarray(returns, dtype=np.float64)), dtype=np.float64)


def drawdown_series(returns: npt.ArrayLike) -> Array:
    """wealth/running peak − 1 after each session, ≤ 0; the starting value 1 is the first peak; float64[T]."""
    value = wealth(returns)
    return value / np.maximum.accumulate(np.maximum(value, 1.0)) - 1.0


def expanding(returns: npt.ArrayLike, benchmark_returns: npt.ArrayLike | None) -> dict[str, Array]:
    """Every running risk column of the daily performance frame, each computed on the sessions so far, in O(T).

    volatility = std(ddof 1)·√252, sharpe = mean/std·√252, sortino = mean·252/(√mean(min(r,0)²)·√252),
    beta = cov(r, b)/var(b) (NaN when var(b) < 1e-30), alpha = (1 + mean(r − beta·b))^252 − 1, max_drawdown = running
    minimum of wealth/peak − 1 with the start as first peak. All but the period returns and the drawdown are NaN on the
    first session; a ratio over no dispersion is NaN. Without a benchmark its returns count as 0, hence alpha and beta
    are NaN.

    Parameters: two float64[T] of simple daily returns. Returns: `EXPANDING_COLUMNS` → float64[T].
    """
    r, b = _pair(returns, benchmark_returns)
    moments = np.empty((6, len(r)))
    _running_moments(r, b, moments)
    mean_r, ss_r, mean_b, ss_b, ss_rb, down = moments
    n = np.arange(1.0, len(r) + 1.0)
    columns = {
        "algo_volatility": _deviation(ss_r, n),
        "benchmark_volatility": _deviation(ss_b, n),
        "sharpe": _ratio(mean_r * ANNUAL, _deviation(ss_r, n)),
        "sortino": _ratio(mean_r * ANNUAL, np.sqrt(down / n) * sqrt(ANNUAL)),
        "beta": _ratio(ss_rb, np.where(ss_b / n < ZERO_VARIANCE, nan, ss_b)),
    }
    columns["alpha"] = _compounded(mean_r - columns["beta"] * mean_b)
    for column in columns.values():
        column[:1] = nan
    columns["algorithm_period_return"] = wealth(r) - 1.0
    columns["benchmark_period_return"] = wealth(b) - 1.0
    columns["max_drawdown"] = np.minimum.accumulate(drawdown_series(r)) if len(r) else r.copy()
    return {name: columns[name] for name in EXPANDING_COLUMNS}


def _deviation(sum_of_squares: Array, n: Array) -> Array:
    """Annualised sample deviation √(Σ(x−x̄)²/(n−1))·√252; NaN for one session."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.where(n > 1.0, sum_of_squares / (n - 1.0), nan)) * sqrt(ANNUAL)


def _compounded(daily: Array) -> Array:
    """(1 + daily)^252 − 1, NaN where that overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _ratio(np.power(1.0 + daily, ANNUAL) - 1.0, np.ones_like(daily))


def summary(returns: npt.ArrayLike, benchmark: npt.ArrayLike | None = None) -> dict[str, float]:
    """The statistics of a whole run: every key of `STATISTICS`, in that order, by the formula written there.

    Parameters: float64[N] simple daily returns, and the benchmark's on the same sessions or None. The benchmark keys
    are NaN without a benchmark; every key is NaN where its formula has no finite value (N too small, no dispersion).
    """
    r, b = _pair(returns, benchmark)
    found = dict.fromkeys((statistic.name for statistic in STATISTICS), nan)
    if len(r) == 0:
        return found
    running = {name: float(column[-1]) for name, column in expanding(r, None if benchmark is None else b).items()}
    found.update(_level(r, running), **_shape(r), **_tails(r))
    if benchmark is not None:
        found.update(_relative(r, b, running))
    return {name: value if np.isfinite(value) else nan for name, value in found.items()}


def _level(r: Array, running: dict[str, float]) -> dict[str, float]:
    worst = drawdowns(r, top=1)
    annual = annual_return(r)
    return {
        "total_return": running["algorithm_period_return"],
        "annual_return": annual,
        "annual_volatility": running["algo_volatility"],
        "sharpe": running["sharpe"],
        "sortino": running["sortino"],
        "calmar": annual / -running["max_drawdown"] if running["max_drawdown"] < 0.0 else nan,
        "max_drawdown": running["max_drawdown"],
        "max_drawdown_sessions": float(worst[0].sessions) if worst else 0.0,
    }


def annual_return(returns: npt.ArrayLike) -> float:
    """∏(1+r)^(252/N) − 1; NaN for no session or for a negative final wealth."""
    r = np.asarray(returns, dtype=np.float64)
    final = float(np.prod(1.0 + r))
    return float(final ** (ANNUAL / len(r)) - 1.0) if len(r) and final >= 0.0 else nan


def _shape(r: Array) -> dict[str, float]:
    """Omega, stability, skew, kurtosis: the form of the distribution; NaN below two sessions or without dispersion."""
    gains, losses = float(r[r > 0.0].sum()), float(-r[r < 0.0].sum())
    found = {"omega": gains / losses if losses > 0.0 and len(r) > 1 else nan, "stability": _stability(r)}
    if len(r) > 1 and np.ptp(r) > 0.0:
        z = (r - r.mean()) / r.std()
        found.update(skew=float((z**3).mean()), kurtosis=float((z**4).mean() - 3.0))
    return found


def _stability(r: Array) -> float:
    if len(r) < 2 or r.min() <= -1.0:
        return nan
    path = np.log1p(r).cumsum()
    time = np.arange(len(r)) - (len(r) - 1) / 2.0
    rise = path - path.mean()
    return float(_ratio(np.array((time @ rise) ** 2), np.array((time @ time) * (rise @ rise))))


def _tails(r: Array) -> dict[str, float]:
    low, high = np.percentile(r, [5.0, 95.0])
    last = int((len(r) - 1) * 0.05)
    return {
        "tail_ratio": float(_ratio(np.array(abs(high)), np.array(abs(low)))),
        "value_at_risk": float(low),
        "conditional_value_at_risk": float(np.partition(r, last)[: last + 1].mean()),
        "best_day": float(r.max()),
        "worst_day": float(r.min()),
        "positive_days": float((r > 0.0).mean()),
    }


def _relative(r: Array, b: Array, running: dict[str, float]) -> dict[str, float]:
    active = expanding(r - b, None)
    return {
        "benchmark_total_return": running["benchmark_period_return"],
        "benchmark_annual_return": annual_return(b),
        "alpha": running["alpha"],
        "beta": running["beta"],
        "tracking_error": float(active["algo_volatility"][-1]),
        "information_ratio": float(active["sharpe"][-1]),
    }


def drawdowns(returns: npt.ArrayLike, top: int = 5) -> tuple[Drawdown, ...]:
    """The `top` deepest drawdowns, deepest first, found by taking out the deepest excursion again and again.

    An excursion is a longest run of sessions below the running peak, so excursions never overlap and the successive
    removal amounts to sorting them by depth (ties: the earlier first).
    """
    under = drawdown_series(returns)
    below = np.concatenate(([False], under < 0.0, [False]))
    starts, ends = np.flatnonzero(below[1:] & ~below[:-1]), np.flatnonzero(below[:-1] & ~below[1:])
    found = [_excursion(under, int(first), int(end)) for first, end in zip(starts, ends, strict=True)]
    return tuple(sorted(found, key=lambda one: (one.depth, one.peak))[:top])


def _excursion(under: Array, first: int, end: int) -> Drawdown:
    valley = first + int(np.argmin(under[first:end]))
    recovered = end < len(under)
    last = end if recovered else len(under) - 1
    return Drawdown(float(under[valley]), first - 1, valley, end if recovered else -1, last - (first - 1))


def compounded_by(returns: npt.ArrayLike, keys: Integers) -> tuple[Integers, Array]:
    """∏(1+r) − 1 within each run of equal keys (a month or year number a session, in order of time).

    Parameters: float64[T] returns, int64[T] keys. Returns: (keys of the runs, float64 compounded returns).
    """
    r = np.asarray(returns, dtype=np.float64)
    if len(r) == 0:
        return keys[:0], r
    starts = np.concatenate(([0], np.flatnonzero(np.diff(keys)) + 1))
    return keys[starts], np.multiply.reduceat(1.0 + r, starts) - 1.0


def _windows(x: npt.ArrayLike, window: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(np.asarray(x, dtype=np.float64), window)


def _padded(values: Array, length: int) -> Array:
    out = np.full(length, nan)
    if len(values):
        out[length - len(values) :] = values
    return out


def rolling_mean(x: npt.ArrayLike, window: int) -> Array:
    """Mean of the last `window` values; float64[T], NaN for the first window − 1."""
    values = np.asarray(x, dtype=np.float64)
    return _padded(_windows(values, window).mean(axis=1) if len(values) >= window else values[:0], len(values))


def rolling_volatility(returns: npt.ArrayLike, window: int = 126) -> Array:
    """std(ddof 1)·√252 of the last `window` returns; float64[T], NaN for the first window − 1."""
    r = np.asarray(returns, dtype=np.float64)
    if len(r) < window:
        return np.full(len(r), nan)
    view = _windows(r, window)
    # np.std of a constant window is not exactly 0; "no dispersion" must be
    moving = np.where(np.ptp(view, axis=1) == 0.0, 0.0, view.std(axis=1, ddof=1))
    return _padded(moving * sqrt(ANNUAL), len(r))


def rolling_sharpe(returns: npt.ArrayLike, window: int = 126) -> Array:
    """mean/std(ddof 1)·√252 of the last `window` returns; float64[T], NaN where undefined."""
    return _ratio(rolling_mean(returns, window) * ANNUAL, rolling_volatility(returns, window))


def rolling_beta(returns: npt.ArrayLike, benchmark: npt.ArrayLike, window: int = 126) -> Array:
    """cov(r, b)/var(b) over the last `window` sessions; float64[T], NaN for the first window − 1 or var(b) < 1e-30."""
    r, b = _pair(returns, benchmark)
    if len(r) < window:
        return np.full(len(r), nan)
    wide_b = _windows(b, window)
    centred = wide_b - wide_b.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1)
    covariance = (centred * _windows(r, window)).mean(axis=1)
    return _padded(_ratio(covariance, np.where(variance < ZERO_VARIANCE, nan, variance)), len(r))
