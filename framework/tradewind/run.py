"""Run an algorithm: open the bundle, put the parts together, simulate, return the Result."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from tradewind.algorithm import Algorithm, Market, UserFunctions
from tradewind.bar_data import BarData
from tradewind.blotter import Blotter
from tradewind.cancel_policy import EODCancel
from tradewind.capital import CapitalChange, capital_changes_of
from tradewind.clock import Clock
from tradewind.compat.loader import digest, load, parameter_values, read_source
from tradewind.compat.names import imported_names
from tradewind.errors import BadParameter, RunInterrupted
from tradewind.filling import Filling
from tradewind.ledger import Ledger
from tradewind.minute_prices import MinutePrices
from tradewind.prices import aligned_benchmark, prices_by
from tradewind.recorder import Recorder
from tradewind.result import Result
from tradewind.semantics import Semantics, name_of, semantics_named
from tradewind.simulator import Progress, Simulator
from tradewind_data.assets import Asset
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import SessionOutOfBounds

Date = str | pd.Timestamp | None
Benchmark = str | Asset | pd.Series | None

FREQUENCIES = {"daily": "1d", "minute": "1m"}
LIBRARIES = ("numpy", "pandas", "numba", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one run was asked for, unchecked; fields as in run_algorithm."""

    start: Date
    end: Date
    capital_base: float
    data_frequency: str
    emission_rate: str
    bundle: str | Path | Bundle
    benchmark: Benchmark
    semantics: str | Semantics
    capital_changes: Mapping[Any, Any] | None
    parameters: Mapping[str, Any]


def run_algorithm(
    start: Date = None,
    end: Date = None,
    initialize: Callable[[Any], Any] | None = None,
    capital_base: float = 10_000_000.0,
    handle_data: Callable[[Any, BarData], Any] | None = None,
    before_trading_start: Callable[[Any, BarData], Any] | None = None,
    analyze: Callable[[Any, pd.DataFrame], Any] | None = None,
    data_frequency: str = "daily",
    bundle: str | Path | Bundle = "demo",
    benchmark: Benchmark = None,
    semantics: str | Semantics = "tradewind",
    progress: Progress | None = None,
    capital_changes: Mapping[Any, Any] | None = None,
    emission_rate: str = "daily",
) -> Result:
    """Simulate an algorithm over a bundle's prices and return what was recorded.

    Parameters
    ----------
    start, end: first and last day of the run (a date, "2005-03-01"; the bundle's whole span by default). A day that is
        no session means the next session for start, the previous one for end.
    initialize, handle_data, before_trading_start, analyze: the user's functions. analyze(context, perf) receives
        `Result.to_zipline()` after the run; what looks up (symbol, get_order, get_environment …) works there, too.
    capital_base: cash at the start, in the bundle's currency.
    data_frequency: "daily", one bar a session, or "minute", when the bundle has minute bars.
    emission_rate: "daily", or "minute" in a minute run: the account at the end of each minute, too, in
        `Result.minutes`, and max_leverage over all of them.
    bundle: a bundle's name or folder, or an open Bundle.
    benchmark: a symbol, an Asset or a Series of daily returns; set_benchmark in initialize takes precedence.
    semantics: "tradewind", "zipline" or a Semantics (docs/deviations.md).
    progress: called after each session with (done, total, session label in ns, portfolio value).
    capital_changes: day → cash to add at the session's start (negative: to take), or ("target", portfolio value);
        in a minute run a time of day is the minute (UTC, by its end) that begins with it. The flow is no return;
        info["capital_changes"] of the result says what moved.

    Raises BadParameter; BundleNotFound and SessionOutOfBounds for data that is not there; RunInterrupted, carrying the
    partial result, on Ctrl-C; and whatever the user's functions raise, with the simulated time as a note and, as its
    attribute tradewind_result, the Result of the sessions before.
    """
    functions = UserFunctions(initialize, handle_data, before_trading_start, analyze)
    named = initialize or handle_data or before_trading_start
    about = {"name": getattr(named, "__module__", None) or "algorithm", "sha256": ""}
    plan = Plan(
        start=start, end=end, capital_base=capital_base, data_frequency=data_frequency, emission_rate=emission_rate,
        bundle=bundle, benchmark=benchmark, semantics=semantics, capital_changes=capital_changes, parameters={},
    )  # fmt: skip
    return _run(functions, about, plan, progress)


def run_file(
    path: str | Path,
    *,
    bundle: str | Path | Bundle = "demo",
    start: Date = None,
    end: Date = None,
    capital_base: float = 10_000_000.0,
    data_frequency: str = "daily",
    emission_rate: str = "daily",
    benchmark: Benchmark = None,
    semantics: str | Semantics = "tradewind",
    parameters: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    capital_changes: Mapping[Any, Any] | None = None,
) -> Result:
    """Run an algorithm file; the API's names and the parameters are present in it without import.

    Parameters as in run_algorithm; `parameters` maps names to values, strings being read as Python literals where they
    are some. The original platform's import names (quantopian.algorithm, quantopian.optimize …) work inside the file.
    """
    path = Path(path)
    source = read_source(path)
    values = parameter_values(parameters or {})
    about = {"name": path.stem, "sha256": digest(source)}
    plan = Plan(
        start=start, end=end, capital_base=capital_base, data_frequency=data_frequency, emission_rate=emission_rate,
        bundle=bundle, benchmark=benchmark, semantics=semantics, capital_changes=capital_changes, parameters=values,
    )  # fmt: skip
    with imported_names():
        return _run(load(source, str(path), values), about, plan, progress)


def _run(functions: UserFunctions, about: Mapping[str, str], plan: Plan, progress: Progress | None) -> Result:
    """Put the parts of one run together, simulate, and return the result."""
    began = time.perf_counter()
    rules = semantics_named(plan.semantics)
    _check_frequencies(plan)
    opened = plan.bundle if isinstance(plan.bundle, Bundle) else open_bundle(plan.bundle)
    clock = _clock(opened, plan.start, plan.end, by_minute=plan.data_frequency == "minute")
    changes = capital_changes_of(plan.capital_changes, clock)
    simulator = _simulator(functions, opened, clock, _capital(plan.capital_base), rules, changes)
    simulator.recorder.by_minute = plan.emission_rate == "minute"
    facts = _facts(about, opened, clock, plan, rules)
    marks = {"open": time.perf_counter() - began}
    try:
        _simulate(simulator, plan.benchmark, progress, marks)
    except KeyboardInterrupt:
        partial = _result(simulator, {**facts, "status": "interrupted"}, marks)
        day = clock.sessions.index[simulator.session]
        raise RunInterrupted(partial, f"{day:%Y-%m-%d}") from None
    except Exception as error:
        vars(error).update(tradewind_result=_result(simulator, {**facts, "status": "failed"}, marks))
        raise
    result = _result(simulator, {**facts, "status": "complete"}, marks)
    with simulator.user_code():
        _analyze(simulator.algorithm, result, opened)
    return result


def _check_frequencies(plan: Plan) -> None:
    """Refuse a data_frequency or an emission_rate there is none of."""
    known = tuple(FREQUENCIES)
    if plan.data_frequency not in known:
        raise BadParameter("data_frequency", plan.data_frequency, "'daily' or 'minute'", known)
    if plan.emission_rate not in known or (plan.emission_rate, plan.data_frequency) == ("minute", "daily"):
        raise BadParameter("emission_rate", plan.emission_rate, "'daily', or 'minute' in a minute run", known)


def _simulate(simulator: Simulator, benchmark: Benchmark, progress: Progress | None, marks: dict[str, float]) -> None:
    """Run initialize, lay the benchmark, run the sessions; note what each took."""
    began = time.perf_counter()
    simulator.initialize()
    _lay_benchmark(simulator, benchmark)
    marks["initialize"] = time.perf_counter() - began
    began = time.perf_counter()
    simulator.run(progress)
    marks["sessions"] = time.perf_counter() - began


def _simulator(
    functions: UserFunctions,
    bundle: Bundle,
    clock: Clock,
    capital: float,
    semantics: Semantics,
    capital_changes: Mapping[int, Sequence[CapitalChange]],
) -> Simulator:
    """Make the ledger, the blotter, the recorder and the algorithm of one run."""
    finder, sessions, actions = bundle.finder, bundle.sessions, bundle.actions
    daily = prices_by(semantics, bundle.bars("1d"), actions, finder, sessions)
    market = Market(finder, MinutePrices(daily, bundle.bars("1m")) if clock.by_minute else daily, clock)
    ledger = Ledger(len(finder), len(sessions), capital, actions, semantics)
    ledger.trade_contracts(finder.multiplier, finder.cash_settled)
    blotter = Blotter(finder, semantics)
    if clock.by_minute and semantics.minute_orders_last_a_day:
        blotter.cancel_policy = EODCancel()
    recorder = Recorder(clock, ledger, finder, semantics)
    filling = Filling(blotter, finder, market.prices, semantics)
    algorithm = Algorithm(functions, market, ledger, blotter, filling, recorder)
    return Simulator(algorithm, market, actions, ledger, blotter, filling, recorder, semantics, capital_changes)


def _capital(capital_base: float) -> float:
    """Return the capital as a float; refuse what is not positive and finite."""
    try:
        value = float(capital_base)
    except (TypeError, ValueError):
        raise BadParameter("capital_base", capital_base, "a number") from None
    if not (math.isfinite(value) and value > 0):
        raise BadParameter("capital_base", capital_base, "positive and finite")
    return value


def _day(name: str, value: Date, default: int) -> int:
    """Return a day as ns at midnight, the default for None; refuse what is no date."""
    if value is None:
        return default
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError):
        raise BadParameter(name, value, "a date such as 2005-03-01") from None
    if pd.isna(stamp):
        raise BadParameter(name, value, "a date such as 2005-03-01")
    naive = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp
    return int(naive.normalize().as_unit("ns").value)


def _clock(bundle: Bundle, start: Date, end: Date, by_minute: bool) -> Clock:
    """Return the clock of the run; refuse days outside the bundle's bars."""
    reader, sessions = bundle.bars(FREQUENCIES["minute" if by_minute else "daily"]), bundle.sessions
    labels = sessions.labels
    first_day, last_day = int(labels[reader.first_session]), int(labels[reader.last_session])
    start_day, end_day = _day("start", start, first_day), _day("end", end, last_day)
    if start_day > end_day:
        raise BadParameter("start", start, f"not after end, which is {pd.Timestamp(end_day):%Y-%m-%d}")
    if start_day < first_day or end_day > last_day:
        wrong, name = (start_day, "start") if start_day < first_day else (end_day, "end")
        found, first, last = (f"{pd.Timestamp(day):%Y-%m-%d}" for day in (wrong, first_day, last_day))
        problem = (
            f"({name}) is outside bundle {bundle.name!r}, whose bars reach from {first} to {last}. Choose days within."
        )
        raise SessionOutOfBounds(found, first, last, problem)
    clock = Clock(sessions, sessions.at_or_after(start_day), sessions.at_or_before(end_day), by_minute)
    if len(clock) < 1:
        raise BadParameter("start", start, "such that at least one session lies between start and end")
    return clock


def _lay_benchmark(simulator: Simulator, benchmark: Benchmark) -> None:
    """Give the recorder the benchmark's daily returns over the run."""
    algorithm, market, recorder = simulator.algorithm, simulator.market, simulator.recorder
    chosen = benchmark if algorithm.settings.benchmark is None else algorithm.settings.benchmark
    if isinstance(chosen, str):
        chosen = algorithm.symbol(chosen)
    if isinstance(chosen, pd.Series):
        recorder.benchmark_returns = aligned_benchmark(
            chosen, market.clock.sessions, market.clock.first, market.clock.last
        )
        recorder.benchmark_name = str(chosen.name or "returns")
    elif isinstance(chosen, Asset):
        recorder.benchmark_returns = market.prices.returns_of(chosen, market.clock.first, market.clock.last)
        recorder.benchmark_name = chosen.symbol
    elif chosen is not None:
        raise BadParameter("benchmark", chosen, "a symbol, an Asset or a Series of daily returns")


def _facts(about: Mapping[str, str], bundle: Bundle, clock: Clock, plan: Plan, semantics: Semantics) -> dict[str, Any]:
    """Return what identifies the run, as JSON values."""
    index = clock.sessions.index
    return {
        "algorithm": dict(about),
        "parameters": {name: repr(value) for name, value in plan.parameters.items()},
        "bundle": {
            "name": bundle.name,
            "version": bundle.version,
            "hash": bundle.hash,
            "grade": bundle.manifest.grade,
        },
        "start": f"{index[clock.first]:%Y-%m-%d}",
        "end": f"{index[clock.last]:%Y-%m-%d}",
        "capital_base": float(plan.capital_base),
        "data_frequency": plan.data_frequency,
        "semantics": name_of(semantics),
        "versions": dict(_versions()),
    }


@cache
def _versions() -> Mapping[str, str]:
    """Return the versions a run depends on; they are read from files, and cannot change while a process lives."""
    libraries = {name: version(name) for name in LIBRARIES}
    return {"tradewind": version("tradewind"), "python": platform.python_version(), **libraries}


def _result(simulator: Simulator, facts: Mapping[str, Any], marks: Mapping[str, float]) -> Result:
    """Return what the recorder holds."""
    timing = pd.DataFrame({"step": list(marks), "seconds": list(marks.values())})
    named = {**facts, "benchmark": simulator.recorder.benchmark_name}
    if simulator.algorithm.settings.financing is not None:
        named["financing"] = simulator.algorithm.settings.financing.totals
    if simulator.desk is not None:
        named["margin"] = simulator.desk.totals
    if simulator.recorder.capital_changes:
        named["capital_changes"] = simulator.recorder.capital_changes
    return simulator.recorder.result(simulator.blotter, named, timing)


def _analyze(algorithm: Algorithm, result: Result, bundle: Bundle) -> None:
    """Call the user's analyze with the performance frame."""
    if algorithm.functions.analyze is not None:
        algorithm.functions.analyze(algorithm.context, result.to_zipline(bundle.finder.retrieve))
