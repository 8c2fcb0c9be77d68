"""Models from closing prices: weighted means, weighted regressions on market factors.

For a range (end − range, end] with sessions t = 1 … T, simple daily returns x_t (assets) and m_t (markets), and
observation weights w_t ∝ 1, t or t² that add to 1:

    r = h·Σ w x          D = h·Σ w (m − m̄)(m − m̄)'          F' = C⁻¹ Σ w (m − m̄)(x − x̄)',  C = D/h
    Q = h·Σ w e²,  e = (x − x̄) − F(m − m̄)

h = horizon in days, no correction for degrees of freedom, so that diag(Q) + FDF' has every asset's own weighted
variance on its diagonal. An asset that has only part of a range is estimated on that part. Without markets Q is the
variance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewind_optimize.meanvariance.errors import BadQuery, quoted
from tradewind_optimize.meanvariance.model import Model

Floats = NDArray[np.float64]
Closes = pd.DataFrame | Callable[[Sequence[str], date | None, date | None], pd.DataFrame]
"""Daily closes, one column a ticker on a naive DatetimeIndex, NaN where there is none; or a function (tickers, start,
end) → such a frame, without the columns it does not know (None: from the first, to the last session)."""

BASIC_MARKET = ("^GSPC", "^RUT", "^IXIC")
BASIC_RANGES = ("1mo", "3mo", "6mo", "1y", "2y", "5y")
FEWEST, ENDED = 15, 10
"""The fewest returns a ticker needs, and the days without a close after which it has ended."""
POWERS = {"equal": 0, "linear": 1, "quadratic": 2}
_RANGE = re.compile(r"(\d{1,4})(d|wk|mo|y)")
_UNITS = {"d": "days", "wk": "weeks", "mo": "months", "y": "years"}


@dataclass(frozen=True, eq=False)
class Prices:
    """The last close of one ticker: its session, the price, the first session it has a close on."""

    timestamp: str
    close: float
    first_quote: str

    def to_dict(self) -> dict[str, Any]:
        """{"timestamp", "close", "first_quote"}."""
        return {"timestamp": self.timestamp, "close": self.close, "first_quote": self.first_quote}


@dataclass(frozen=True, eq=False)
class Estimate:
    """What :func:`estimate_models` found.

    ``messages``: what was left out or cut short; ``tickers``: those with a model, in the order asked for; ``market``;
    ``models``: by range, in the order asked for; ``prices``: by ticker, None unless asked for.
    """

    messages: list[str]
    tickers: list[str]
    market: list[str]
    models: dict[str, Model]
    prices: dict[str, Prices] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answer of the Models API: plain lists and numbers."""
        out: dict[str, Any] = {
            "messages": list(self.messages),
            "tickers": list(self.tickers),
            "market": list(self.market),
            "models": {name: _wire(model) for name, model in self.models.items()},
        }
        if self.prices is not None:
            out["prices"] = {ticker: price.to_dict() for ticker, price in self.prices.items()}
        return out


def _wire(model: Model) -> dict[str, Any]:
    names = ("r", "Q", "F", "D") if model.has_factors else ("r", "Q")
    return model.to_dict(fields=names, as_list=True)


def closes_between(
    closes: Closes, tickers: Iterable[str], end: date | None = None, start: date | None = None
) -> pd.DataFrame:
    """The closes of the known tickers among ``tickers``, in that order, from start to end, both included."""
    names = list(dict.fromkeys(tickers))
    frame = closes if isinstance(closes, pd.DataFrame) else closes(names, start, end)
    kept = frame[[name for name in names if name in frame.columns]]
    if isinstance(closes, pd.DataFrame):
        kept = kept.sort_index().loc[_stamp(start) : _stamp(end)]
    return kept


def _stamp(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)


def last_prices(closes: Closes, tickers: Sequence[str], end: date | None = None) -> dict[str, Prices]:
    """The last close of each ticker up to ``end`` (default: the latest). BadQuery names the tickers without one."""
    frame = closes_between(closes, _tickers(tickers, "symbols"), end)
    unknown = [ticker for ticker in tickers if ticker not in frame.columns or not frame[ticker].notna().any()]
    if unknown:
        raise BadQuery("symbols", f"no prices for {', '.join(map(repr, unknown))}; check the spelling, or drop them")
    return {ticker: _last(frame[ticker].dropna()) for ticker in dict.fromkeys(tickers)}


def _last(known: pd.Series) -> Prices:
    return Prices(known.index[-1].isoformat(), float(known.iloc[-1]), known.index[0].date().isoformat())


def estimate_models(
    closes: Closes,
    tickers: Sequence[str],
    market: Sequence[str] = (),
    ranges: str | Sequence[str] = BASIC_RANGES,
    end: date | str | None = None,
    *,
    common: bool = False,
    include_prices: bool = False,
    trim_weekends: bool = True,
    horizon: int = 1,
    weights: str = "linear",
) -> Estimate:
    """One model for every range, from the closes up to and including ``end`` (default: all of them).

    Parameters
    ----------
    closes: see :data:`Closes`.
    tickers, market: the assets, and the factors F is measured against (none: diagonal models).
    ranges: "1mo", "2y", "30d", "ytd", "max" …, each ending at ``end``, in calendar days, months or years.
    common: measure F once, on the longest range, and use it in all of them, so that mixing models linearly is exact.
    include_prices: add the last close up to ``end`` of every ticker kept.
    trim_weekends: drop Saturdays and Sundays before returns are taken; otherwise closes are carried forward.
    horizon: days; r, D and Q are multiplied by it.
    weights: "linear" (w ∝ t), "quadratic" (w ∝ t²) or "equal".

    A ticker with fewer than max(15, factors + 5) returns in the longest range is left out with a message; one that
    covers only part of a range is estimated on that part, with a message. Raises BadQuery for an unknown market or
    range, when no ticker is left, and for values that cannot be meant.
    """
    assets, factors = _tickers(tickers, "tickers"), _tickers(market, "market", least=0)
    names = _ranges(ranges)
    power = _power(weights)
    days = _horizon(horizon)
    last = _day(end)
    frame = closes_between(closes, [*assets, *factors], last)
    data = _Data.of(frame, assets, factors, last, trim_weekends)
    starts = {name: _start(name, data.index) for name in names}
    longest = min(names, key=lambda name: starts[name])
    kept = data.keep(assets, factors, starts[longest])
    window = {name: data.window(starts[name], kept, factors, power, name) for name in names}
    loadings = window[longest].loadings if common and factors else None
    models = {name: window[name].model(days, loadings) for name in names}
    prices = {ticker: _last(frame[ticker].dropna()) for ticker in kept} if include_prices else None
    return Estimate(data.messages, kept, factors, models, prices)


def _tickers(given: Any, name: str, least: int = 1) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(t, str) for t in given):
        raise BadQuery(name, f"'{name}' must be an array of ticker symbols; found {quoted(given)}")
    if len(given) < least:
        raise BadQuery(name, f"'{name}' must name at least one ticker; it is empty")
    twice = sorted({ticker for ticker in given if list(given).count(ticker) > 1})
    if twice:
        raise BadQuery(name, f"'{name}' must not repeat a ticker; found {', '.join(twice)} more than once")
    return list(given)


def _ranges(given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, Sequence) or not names or not all(isinstance(name, str) for name in names):
        raise BadQuery("range", f"'range' must be a range such as '1y' or an array of them; found {quoted(given)}")
    for name in names:
        match = _RANGE.fullmatch(name)
        if name not in ("ytd", "max") and (match is None or not 0 < int(match[1]) <= 9999 // _DAYS_IN[match[2]]):
            raise BadQuery("range", f"'range' must be such as 30d, 3mo, 1y, ytd or max; found {quoted(name)}")
    return list(dict.fromkeys(names))


_DAYS_IN = {"d": 1, "wk": 2, "mo": 6, "y": 66}  # keeps end − range inside what timestamps hold


def _power(weights: Any) -> int:
    if not isinstance(weights, str) or weights not in POWERS:
        raise BadQuery("options.weights", f"'weights' must be one of {', '.join(POWERS)}; found {quoted(weights)}")
    return POWERS[weights]


def _horizon(horizon: Any) -> int:
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or not 1 <= horizon <= 10_000:
        expected = "a whole number of days from 1 to 10000"
        raise BadQuery("options.horizon", f"'horizon' must be {expected}; found {quoted(horizon)}")
    return int(horizon)


def _day(end: Any) -> date | None:
    if end is None or isinstance(end, date):
        return end
    try:
        return date.fromisoformat(end)
    except (TypeError, ValueError):
        raise BadQuery("end", f"'end' must be a date such as 2024-12-13; found {quoted(end)}") from None


def _start(name: str, index: pd.DatetimeIndex) -> pd.Timestamp:
    """The day before the first day of the range."""
    end = index[-1]
    if name == "max":
        return index[0] - pd.Timedelta(days=1)
    if name == "ytd":
        return pd.Timestamp(end.year, 1, 1) - pd.Timedelta(days=1)
    match = _RANGE.fullmatch(name)
    if match is None:
        raise BadQuery("range", f"'range' must be such as 1y; found {quoted(name)}")
    offset: Any = pd.DateOffset
    return end - offset(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, eq=False)
class _Data:
    """Daily returns of everything asked for; ``messages`` grows while the estimate is made."""

    index: pd.DatetimeIndex
    returns: pd.DataFrame
    messages: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, frame: pd.DataFrame, assets: list[str], factors: list[str], end: date | None, trim_weekends: bool
    ) -> _Data:
        unknown = [name for name in factors if name not in frame.columns or not frame[name].notna().any()]
        if unknown:
            raise BadQuery("market", f"no prices for the market {', '.join(map(repr, unknown))}; name another one")
        if trim_weekends:
            frame = frame[pd.DatetimeIndex(frame.index).day_of_week < 5]
        frame = frame.loc[frame.notna().any(axis=1)].where(frame > 0)
        if len(frame) < 2:
            raise BadQuery("tickers", f"no prices for {', '.join(assets)} at that date; name others, or a later date")
        filled = frame.ffill().where(frame.bfill().notna())  # gaps are carried, what ended stays ended
        returns = filled.pct_change(fill_method=None)
        out = cls(pd.DatetimeIndex(frame.index), returns)
        if end is not None and pd.Timestamp(end) > frame.index[-1] and (pd.Timestamp(end) - frame.index[-1]).days > 4:
            out.messages.append(
                f"The last prices are those of {frame.index[-1]:%Y-%m-%d}: models end there, not {end}."
            )
        return out

    def keep(self, assets: list[str], factors: list[str], start: pd.Timestamp) -> list[str]:
        """The assets with enough returns since ``start``."""
        fewest, inside = max(FEWEST, len(factors) + 5), self.index > start
        kept = []
        for name in assets:
            known = self.returns[name].dropna() if name in self.returns.columns else self.returns.iloc[:0, 0]
            count = int(known.index.isin(self.index[inside]).sum())
            if count and (self.index[-1] - known.index[-1]).days > ENDED:
                self.messages.append(f"{name} was left out: its prices end on {known.index[-1]:%Y-%m-%d}.")
            elif count >= fewest:
                kept.append(name)
            else:
                what = f"only {count} returns" if count else "no prices"
                self.messages.append(f"{name} was left out: {what} up to {self.index[-1]:%Y-%m-%d}.")
        if not kept:
            raise BadQuery("tickers", f"no model can be made: {' '.join(self.messages)}")
        return kept

    def window(self, start: pd.Timestamp, assets: list[str], factors: list[str], power: int, name: str) -> _Window:
        """The returns of one range with their weights."""
        inside = self.index > start
        market = self.returns.loc[inside, factors].to_numpy(dtype=np.float64)
        whole = ~np.isnan(market).any(axis=1)
        returns = self.returns.loc[inside, assets].to_numpy(dtype=np.float64)[whole]
        fewest = len(factors) + 2
        if len(returns) < fewest:
            found = f"{len(returns)} returns up to {self.index[-1]:%Y-%m-%d}"
            raise BadQuery(
                "range", f"the range '{name}' holds {found}; at least {fewest} are needed: name a longer one"
            )
        known = ~np.isnan(returns)
        for asset, count in zip(assets, known.sum(axis=0), strict=True):
            if count < fewest:
                raise BadQuery("range", f"the range '{name}' holds {count} returns of {asset}; name a longer one")
            if count < len(returns):
                self.messages.append(f"{asset} has {count} of {len(returns)} returns of {name}; those were used.")
        return _Window(np.ascontiguousarray(market[whole]), np.ascontiguousarray(returns), power)


@dataclass(frozen=True, eq=False)
class _Window:
    """Returns of markets [T, k] and assets [T, n] (NaN where unknown), and the power of the weights."""

    market: Floats
    returns: Floats
    power: int

    def _weights(self, rows: NDArray[np.bool_]) -> Floats:
        weights = np.where(rows, np.arange(1.0, len(rows) + 1) ** self.power, 0.0)
        return np.asarray(weights / weights.sum())

    @property
    def loadings(self) -> Floats:
        """F, float64[n, k]."""
        return self._moments(None)[2]

    def model(self, days: int, loadings: Floats | None) -> Model:
        """The model of this window; ``loadings`` replaces its own F."""
        mean, residual, own, covariance = self._moments(loadings)
        data: dict[str, Any] = {"r": mean * days, "Q": residual * days}
        if self.market.shape[1]:
            data |= {"F": own, "D": covariance * days}
        return Model(data)

    def _moments(self, given: Floats | None) -> tuple[Floats, Floats, Floats, Floats]:
        """(mean [n], residual variance [n], F [n, k], market covariance [k, k]), assets with equal gaps at once."""
        n, k = self.returns.shape[1], self.market.shape[1]
        mean, residual, loadings = np.empty(n), np.empty(n), np.empty((n, k))
        known = ~np.isnan(self.returns)
        patterns, group = np.unique(known, axis=1, return_inverse=True)
        for number, rows in enumerate(patterns.T):
            members = np.flatnonzero(group.ravel() == number)
            x, m, w = self.returns[rows][:, members], self.market[rows], self._weights(rows)[rows]
            mean[members] = w @ x
            x, m = x - mean[members], m - w @ m
            own = _regression(m, x, w) if given is None else given[members]
            loadings[members], residual[members] = own, w @ (x - m @ own.T) ** 2
        weights = self._weights(np.ones(len(self.market), dtype=np.bool_))
        centered = self.market - weights @ self.market
        covariance = (centered * weights[:, None]).T @ centered
        return mean, residual, loadings, (covariance + covariance.T) / 2


def _regression(m: Floats, x: Floats, w: Floats) -> Floats:
    """Weighted least squares of centred x on centred m, float64[n, k]; the shortest solution where m is collinear."""
    if not m.shape[1]:
        return np.zeros((x.shape[1], 0))
    root = np.sqrt(w)[:, None]
    return np.asarray(np.linalg.lstsq(root * m, root * x, rcond=1e-12)[0].T)


def models_from(response: Mapping[str, Any]) -> dict[str, Model]:
    """The models of an answer of the Models API."""
    return {name: Model(data) for name, data in response["models"].items()}
