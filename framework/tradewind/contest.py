"""The contest: rules as data, a verdict with one line a criterion, and the score.

A criterion compares percentiles of one daily series with its limits. The main limit holds between the 2nd and the 98th
percentile (2 % of the sessions may lie beyond it), the hard limit between the lowest and the highest value. Percentiles
interpolate linearly. `RULES` is the whole rule book; `judge` only reads it.

Two modes: "official" judges every session after warm-up as the published rules say; "notebook" repeats the published
checker with its quirks (the first five holding days are skipped, the first 124 of turnover, and the first 125 of beta
count as 0).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from tradewind import metrics
from tradewind.errors import BadParameter
from tradewind.metrics import Array
from tradewind.result import Result
from tradewind.wording import counted

Mode = Literal["official", "notebook"]
Status = Literal["PASS", "FAIL", "NOT JUDGED"]

PERCENTILES = (0, 2, 98, 100)
PERCENTILE_NAMES = {0: "lowest value", 2: "2nd percentile", 98: "98th percentile", 100: "highest value"}
OPTIMIZER_VERB = "order_optimal_portfolio"
MONTHS_3, MONTHS_6, YEARS_2 = 63, 126, 504
SETTLING_SESSIONS = 5
LEAST_VOLATILITY = 0.02


@dataclass(frozen=True, slots=True)
class Limit:
    """The value at `percentile` must be at least `bound` (percentiles 0 and 2) or at most it (98 and 100)."""

    percentile: int
    bound: float
    strict: bool = False

    def holds(self, value: float) -> bool:
        """Whether `value` respects the bound; a strict one excludes the bound itself."""
        if self.strict:
            return value > self.bound if self.percentile < 50 else value < self.bound
        return value >= self.bound if self.percentile < 50 else value <= self.bound


@dataclass(frozen=True, slots=True)
class Rule:
    """One criterion: a daily measure and its limits.

    `unit` formats the numbers: "%" (a fraction), "x" (a multiple of equity), "" (a plain number). `needs` names what is
    missing to judge it at all; a rule with `needs` has no limits to test yet.
    """

    name: str
    label: str
    unit: str
    limits: tuple[Limit, ...] = ()
    needs: str = ""


RULES = (
    Rule("universe", "Tradable universe", "%", (Limit(0, 0.90), Limit(2, 0.95)), needs="the risk model"),
    Rule("concentration", "Position concentration", "%", (Limit(98, 0.05), Limit(100, 0.10))),
    Rule("net_exposure", "Net exposure", "%", (Limit(98, 0.10), Limit(100, 0.20))),
    Rule("turnover", "Turnover", "%", (Limit(0, 0.03), Limit(2, 0.05), Limit(98, 0.65), Limit(100, 0.80))),
    Rule("leverage", "Leverage", "x", (Limit(0, 0.7), Limit(2, 0.8), Limit(98, 1.1), Limit(100, 1.2))),
    Rule("beta", "Beta to benchmark", "", (Limit(98, 0.3), Limit(100, 0.4))),
    Rule("sectors", "Sector exposures", "%", (Limit(98, 0.20), Limit(100, 0.25)), needs="the risk model"),
    Rule("styles", "Style exposures", "%", (Limit(98, 0.40), Limit(100, 0.50)), needs="the risk model"),
    Rule("positive_return", "Positive return", "%", (Limit(0, 0.0, strict=True),)),
    Rule("optimized_orders", "Orders by optimizer", "%", (Limit(0, 1.0),)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """The verdict on one rule: its status, the four percentiles of the measure (NaN: not judged), and a sentence."""

    rule: Rule
    status: Status
    percentiles: tuple[float, ...]
    sentence: str

    @property
    def figures(self) -> str:
        """The percentiles as text, "0.74|0.94|1.06|1.17"; one number when they are all the same one."""
        if self.status == "NOT JUDGED":
            return "–"
        shown = [_shown(value, self.rule.unit) for value in self.percentiles]
        return shown[0] if len(set(self.percentiles)) == 1 else "|".join(shown)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The contest's answer: one `Line` a rule, the score Σ r/max(vol₆₃, 2 %), and remarks on what was judged.

    `score` is NaN for a run too short to have one. `passed` is True when no judged rule failed and one was judged.
    """

    mode: Mode
    lines: tuple[Line, ...]
    score: float
    sessions: int
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """No FAIL and at least one PASS."""
        return self.count("FAIL") == 0 and self.count("PASS") > 0

    def count(self, status: Status) -> int:
        """How many lines have that status."""
        return sum(line.status == status for line in self.lines)

    def headline(self) -> str:
        """One sentence: how many criteria passed, failed and were not judged."""
        judged = len(self.lines) - self.count("NOT JUDGED")
        rest = f", {self.count('NOT JUDGED')} not judged" if self.count("NOT JUDGED") else ""
        return f"{self.count('PASS')} of {judged} judged criteria passed{rest}"

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON values (NaN stays a float: write it with a NaN-aware writer)."""
        return {
            "mode": self.mode,
            "passed": self.passed,
            "sessions": self.sessions,
            "score": self.score,
            "notes": list(self.notes),
            "criteria": [_line_dict(line) for line in self.lines],
        }

    def __str__(self) -> str:
        """The compact table: label, 0th|2nd|98th|100th percentile, status and sentence."""
        width = max(len(line.rule.label) for line in self.lines)
        across = max(len(line.figures) for line in self.lines)
        rows = [f"{x.rule.label:<{width}}  {x.figures:<{across}}  {x.status}: {x.sentence}" for x in self.lines]
        score = "–" if np.isnan(self.score) else f"{self.score:.4f}"
        return "\n".join([*rows, f"Score {score}", *self.notes, self.headline() + "."])


def _line_dict(line: Line) -> dict[str, Any]:
    return {
        "name": line.rule.name,
        "label": line.rule.label,
        "status": line.status,
        "percentiles": dict(zip(map(str, PERCENTILES), line.percentiles, strict=True)),
        "limits": {str(limit.percentile): limit.bound for limit in line.rule.limits},
        "sentence": line.sentence,
    }


class _NotJudged(Exception):
    """The measure has no value on this run; the message says why."""


Measure = Callable[[Result], Array]


def judge(result: Result, mode: Mode = "official") -> Verdict:
    """Compare the run with every rule of `RULES`.

    Each measure becomes a daily series; its 0th, 2nd, 98th and 100th percentile are held against the rule's limits.
    A rule that cannot be judged on this run says why; nothing raises for a short run. Raises BadParameter for a mode
    that does not exist.
    """
    if mode not in get_args(Mode):
        raise BadParameter("mode", mode, "'official' or 'notebook'", get_args(Mode))
    sessions = len(result.perf)
    if mode == "notebook" and _holding_days(result).sum() <= YEARS_2:
        why = f"the backtest must be longer than 2 years ({YEARS_2} holding days), it has {_holding_days(result).sum()}"
        return Verdict(mode, tuple(_unjudged(rule, why) for rule in RULES), nan, sessions)
    measures = OFFICIAL if mode == "official" else NOTEBOOK
    lines = tuple(_judged(rule, measures, result) for rule in RULES)
    return Verdict(mode, lines, score(result, mode), sessions, _notes(result, mode))


def _notes(result: Result, mode: Mode) -> tuple[str, ...]:
    if mode == "official" and len(result.perf) < YEARS_2:
        return (f"The contest asks for two years ({YEARS_2} sessions); this run has {len(result.perf)}.",)
    return ()


def _judged(rule: Rule, measures: Mapping[str, Measure], result: Result) -> Line:
    if rule.needs:
        return _unjudged(rule, f"needs {rule.needs}")
    try:
        series = measures[rule.name](result)
    except _NotJudged as reason:
        return _unjudged(rule, str(reason))
    found = tuple(float(value) for value in np.percentile(series, PERCENTILES))
    broken = [limit for limit in rule.limits if not limit.holds(found[PERCENTILES.index(limit.percentile)])]
    return Line(rule, "FAIL" if broken else "PASS", found, _failure(rule, broken, found) or _success(rule, found))


def _unjudged(rule: Rule, why: str) -> Line:
    return Line(rule, "NOT JUDGED", (nan,) * len(PERCENTILES), why)


def _shown(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "%" else f"{value:.2f}{unit}"


def _failure(rule: Rule, broken: list[Limit], found: tuple[float, ...]) -> str:
    """What each broken limit found, "98th percentile 1.18x > 1.10x"; empty when none is broken."""
    parts = []
    for limit in broken:
        value = found[PERCENTILES.index(limit.percentile)]
        sign = ("≤" if limit.strict else "<") if limit.percentile < 50 else (">")
        name = f"{PERCENTILE_NAMES[limit.percentile]} " if len(set(found)) > 1 else ""
        parts.append(f"{name}{_precise(value, limit.bound, rule.unit)} {sign} {_shown(limit.bound, rule.unit)}")
    return ", ".join(parts)


def _precise(value: float, bound: float, unit: str) -> str:
    """The value as shown, with more digits where rounding would make it look equal to the bound it broke."""
    short = _shown(value, unit)
    return (
        short if short != _shown(bound, unit) or value == bound else (f"{value:.4%}" if unit == "%" else f"{value:.6f}")
    )


def _success(rule: Rule, found: tuple[float, ...]) -> str:
    low = max((limit for limit in rule.limits if limit.percentile < 50), key=lambda x: x.percentile, default=None)
    high = min((limit for limit in rule.limits if limit.percentile > 50), key=lambda x: x.percentile, default=None)
    parts = []
    if low:
        parts.append(f"{_shown(found[PERCENTILES.index(low.percentile)], rule.unit)} {'>' if low.strict else '≥'} "
                     f"{_shown(low.bound, rule.unit)}")  # fmt: skip
    if high:
        parts.append(
            f"{_shown(found[PERCENTILES.index(high.percentile)], rule.unit)} ≤ {_shown(high.bound, rule.unit)}"
        )
    return ", ".join(parts)


# ---- measures of both modes -----------------------------------------------------------------------------------------


def _total_return(result: Result) -> Array:
    return _some(np.array([result.stats["total_return"]])[: len(result.perf)], result, 1)


def _optimized_orders(result: Result) -> Array:
    """The share of orders placed through the optimizer's verb."""
    if result.orders.empty:
        raise _NotJudged("the run placed no order")
    return np.array([(result.orders["via"] == OPTIMIZER_VERB).mean()])


def _holding_days(result: Result) -> npt.NDArray[np.bool_]:
    """True for each session that ends with a position; bool[T]."""
    return np.asarray(result.perf.index.isin(result.positions["session"]))


def _rolling_beta(result: Result) -> Array:
    """beta over the last 126 sessions, NaN for the first 125; float64[T]."""
    if result.benchmark_returns is None:
        raise _NotJudged("the run has no benchmark (name one with --benchmark)")
    return metrics.rolling_beta(result.returns, result.benchmark_returns, MONTHS_6)


# ---- official -------------------------------------------------------------------------------------------------------


def _settled(result: Result, series: Array) -> Array:
    """The series without warm-up: the sessions before the first holding, at most five."""
    held = _holding_days(result)
    first = int(np.argmax(held)) if held.any() else len(held)
    return _some(series[min(first, SETTLING_SESSIONS) :], result, 1)


def _some(series: Array, result: Result, needed: int) -> Array:
    if len(series) == 0:
        raise _NotJudged(f"needs {counted(needed, 'session')}, the run has {len(result.perf)}")
    return series


def _concentration(result: Result) -> Array:
    return _settled(result, result.weights.abs().to_numpy().max(axis=1, initial=0.0))


def _net_exposure(result: Result) -> Array:
    return _settled(result, result.perf["net_leverage"].abs().to_numpy())


def _leverage(result: Result) -> Array:
    return _settled(result, result.perf["gross_leverage"].to_numpy())


def _turnover(result: Result) -> Array:
    return _some(metrics.rolling_mean(result.turnover, MONTHS_3)[MONTHS_3 - 1 :], result, MONTHS_3)


def _beta(result: Result) -> Array:
    series = _some(_rolling_beta(result)[MONTHS_6 - 1 :], result, MONTHS_6)
    if np.isnan(series).all():
        raise _NotJudged("the benchmark does not move")
    return np.abs(series[~np.isnan(series)])


# ---- notebook -------------------------------------------------------------------------------------------------------


def _held(result: Result, series: Array) -> Array:
    """Holding days only, the first five of them skipped."""
    return series[_holding_days(result)][SETTLING_SESSIONS:]


def _notebook_turnover(result: Result) -> Array:
    """Traded value / portfolio value on days with holdings or fills, 63-day mean, without the first 124 days.

    A day that ends flat has no portfolio value in the published checker, and counts as 0.
    """
    held = _holding_days(result)
    active = held | result.perf.index.isin(result.fills["session"])
    daily = np.where(held, result.turnover.to_numpy(), 0.0)[active]
    return _some(metrics.rolling_mean(daily, MONTHS_3)[2 * (MONTHS_3 - 1) :], result, 2 * MONTHS_3 - 1)


OFFICIAL: Mapping[str, Measure] = {
    "concentration": _concentration,
    "net_exposure": _net_exposure,
    "turnover": _turnover,
    "leverage": _leverage,
    "beta": _beta,
    "positive_return": _total_return,
    "optimized_orders": _optimized_orders,
}
NOTEBOOK: Mapping[str, Measure] = {
    "concentration": lambda r: _held(r, r.weights.abs().to_numpy().max(axis=1, initial=0.0)),
    "net_exposure": lambda r: _held(r, r.perf["net_leverage"].abs().to_numpy()),
    "turnover": _notebook_turnover,
    "leverage": lambda r: _held(r, r.perf["gross_leverage"].to_numpy()),
    "beta": lambda r: np.abs(np.nan_to_num(_rolling_beta(r))),
    "positive_return": _total_return,
    "optimized_orders": _optimized_orders,
}


def daily_scores(result: Result) -> Array:
    """r[t] / max(vol₆₃[t], 2 %), vol₆₃ the annualised deviation of the 63 returns up to t; float64[T − 62]."""
    volatility = metrics.rolling_volatility(result.returns, MONTHS_3)[MONTHS_3 - 1 :]
    return result.returns.to_numpy()[MONTHS_3 - 1 :] / np.maximum(volatility, LEAST_VOLATILITY)


def score(result: Result, mode: Mode = "official") -> float:
    """The contest's score: official, the sum of the last 63 daily scores; notebook, the sum from session 503 on.

    NaN when the run has not that many sessions (125, 504).
    """
    daily = daily_scores(result) if len(result.perf) >= MONTHS_3 else np.empty(0)
    counted = daily[-MONTHS_3:] if mode == "official" else daily[YEARS_2 - MONTHS_3 :]
    enough = len(daily) >= MONTHS_3 if mode == "official" else len(counted) > 0
    return float(counted.sum()) if enough else nan
