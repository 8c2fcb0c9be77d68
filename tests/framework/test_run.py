"""run_algorithm and run_file: dates, parameters, loading, old import names, refusals."""

import sys

import numpy as np
import pandas as pd
import pytest

from tradewind import run_algorithm, run_file
from tradewind.errors import AlgorithmError, AlgorithmSyntaxError, BadParameter, UsageError
from tradewind_data.errors import BundleNotFound, FrequencyNotFound, SessionOutOfBounds, SymbolNotFound

NOTHING = {"handle_data": lambda context, data: None}


@pytest.fixture
def program(tmp_path):
    """Write an algorithm file; return its path."""

    def write(text, name="algo.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_dates_default_to_the_bundles_span_and_move_to_sessions():
    whole = run_algorithm(**NOTHING)
    assert (whole.info["start"], whole.info["end"]) == ("2000-03-01", "2013-03-01")
    weekend = run_algorithm("2012-01-01", "2012-01-08", **NOTHING)  # a holiday weekend, then a Sunday
    assert (weekend.info["start"], weekend.info["end"]) == ("2012-01-03", "2012-01-06")
    aware = run_algorithm(pd.Timestamp("2012-01-03", tz="UTC"), pd.Timestamp("2012-01-04"), **NOTHING)
    assert len(aware.perf) == 2


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"start": "1999-01-04"}, SessionOutOfBounds, "1999-01-04"),
        ({"end": "2013-03-04"}, SessionOutOfBounds, "2013-03-01"),
        ({"start": "not a day"}, BadParameter, "start was 'not a day'"),
        ({"start": float("nan")}, BadParameter, "start was nan"),
        ({"start": "2012-02-01", "end": "2012-01-03"}, BadParameter, "not after end"),
        ({"start": "2012-01-07", "end": "2012-01-08"}, BadParameter, "at least one session"),
        ({"capital_base": -5}, BadParameter, "capital_base was -5"),
        ({"capital_base": "much"}, BadParameter, "a number"),
        ({"data_frequency": "weekly"}, BadParameter, "data_frequency was 'weekly'"),
        ({"data_frequency": "minute"}, FrequencyNotFound, "no '1m' bars; it has: 1d"),
        ({"semantics": "ziplin"}, BadParameter, "Did you mean"),
        ({"bundle": "demoo"}, BundleNotFound, "demo"),
        ({"benchmark": "MSFTT"}, SymbolNotFound, "MSFT"),
        ({"benchmark": "FB"}, BadParameter, "2012-05-18"),
        ({"benchmark": 5}, BadParameter, "benchmark was 5"),
        ({"benchmark": pd.Series([0.1, 0.2])}, BadParameter, "benchmark was 'a Series of 2'; .* one a date"),
        ({"benchmark": pd.Series(["a"], index=["2012-01-03"])}, BadParameter, "it must be daily returns, numbers"),
        ({"benchmark": pd.Series([np.inf], index=["2012-01-03"])}, BadParameter, "it must be daily returns, numbers"),
    ],
)
def test_bad_arguments_are_refused_by_name(given, error, said):
    with pytest.raises(error, match=said):
        run_algorithm(**NOTHING, **given)


def test_a_benchmark_is_a_symbol_or_a_series_of_returns():
    by_symbol = run_algorithm("2012-01-04", "2012-12-31", benchmark="IBM", **NOTHING)
    assert by_symbol.info["benchmark"] == "IBM"
    closes = run_algorithm("2012-01-03", "2012-12-31", **NOTHING)
    assert closes.info["benchmark"] is None
    days = by_symbol.perf.index[[0, 2]]
    series = pd.Series([0.01, 0.02], index=days.tz_localize("UTC"), name="mine")
    by_series = run_algorithm("2012-01-04", "2012-12-31", benchmark=series, **NOTHING)
    assert by_series.perf["benchmark_period_return"].iloc[-1] == pytest.approx(1.01 * 1.02 - 1)
    assert by_series.info["benchmark"] == "mine"


def test_the_benchmarks_first_return_needs_the_bar_before_or_its_open():
    first = run_algorithm("2012-05-18", "2012-05-21", benchmark="FB", **NOTHING)
    # listed that day: close over open, 38.23 / 42.05
    assert first.perf["benchmark_period_return"].iloc[0] == pytest.approx(38.2318 / 42.05 - 1, abs=2e-4)
    second = run_algorithm("2012-05-21", "2012-05-22", benchmark="FB", **NOTHING)
    assert second.perf["benchmark_period_return"].iloc[0] == pytest.approx(34.03 / 38.2318 - 1, abs=2e-4)


def test_names_are_present_without_import_and_parameters_too(program):
    path = program(
        "def initialize(context):\n"
        "    context.asset = symbol('IBM')\n"
        "    schedule_function(buy, date_rules.month_start(), time_rules.market_open(minutes=30))\n"
        "    set_commission(commission.PerTrade(cost=FEE))\n"
        "    set_slippage(slippage.NoSlippage())\n"
        "def buy(context, data):\n"
        "    log.info('buying {}', context.asset)\n"
        "    order(context.asset, 10, style=LimitOrder(1000.0))\n"
        "    record(kind=KIND)\n"
    )
    result = run_file(path, start="2012-01-03", end="2012-03-30", parameters={"FEE": "2.5", "KIND": "abc"})
    assert result.fills["commission"].tolist() == [2.5] * 3
    assert set(result.recorded["kind"]) == {"abc"}
    assert result.info["parameters"] == {"FEE": "2.5", "KIND": "'abc'"}
    assert result.info["algorithm"]["name"] == "algo"
    assert len(result.info["algorithm"]["sha256"]) == 64


OLD = """
import quantopian.algorithm as algo
import quantopian.optimize as opt
from quantopian.algorithm import order_optimal_portfolio
from quantopian.optimize.experimental import RiskModelExposure
from zipline.api import symbol as find

def initialize(context):
    algo.schedule_function(rebalance, algo.date_rules.week_start(), algo.time_rules.market_open())

def rebalance(context, data):
    import quantopian.optimize
    assert quantopian.optimize is opt and opt.experimental.RiskModelExposure is RiskModelExposure
    order_optimal_portfolio(
        objective=opt.TargetWeights({find('IBM'): 0.5}),
        constraints=[opt.MaxGrossExposure(1.0)],
    )
"""


def test_the_original_import_names_work_inside_a_file_and_only_there(program):
    result = run_file(program(OLD), start="2012-01-03", end="2012-02-01")
    assert len(result.optimizer) == 5
    assert not [name for name in sys.modules if name.split(".")[0] in {"quantopian", "zipline"}]
    with pytest.raises(ModuleNotFoundError):
        import quantopian.algorithm  # noqa: F401


MOVED = """
from zipline.api import order, record, set_cancel_policy, set_commission, set_slippage, schedule_function, symbol
from zipline.assets import Equity
from zipline.errors import SymbolNotFound, TradingControlViolation
from zipline.finance import commission, slippage
from zipline.finance.asset_restrictions import RESTRICTION_STATES, HistoricalRestrictions, Restriction
from zipline.finance.asset_restrictions import StaticRestrictions
from zipline.finance.cancel_policy import NeverCancel
from zipline.finance.execution import LimitOrder
from zipline.utils.events import date_rules, time_rules


class Half(slippage.SlippageModel):
    allowed_asset_types = (Equity,)

    def __init__(self):
        super(Half, self).__init__()

    def process_order(self, data, order):
        return data.current(order.asset, "close") + 0.5 * order.direction, order.open_amount


def initialize(context):
    set_slippage(us_equities=Half())
    set_commission(us_equities=commission.PerShare(cost=0.01, min_trade_cost=None))
    set_cancel_policy(NeverCancel())
    schedule_function(buy, date_rules.month_start(), time_rules.market_open(minutes=1))


def buy(context, data):
    try:
        symbol("NONE")
    except SymbolNotFound:
        order(symbol("AAA"), 5, style=LimitOrder(11.0))
"""


def test_the_rooms_of_the_original_engine_are_there_for_a_file(market, tmp_path):
    path = tmp_path / "moved.py"
    path.write_text(MOVED)
    result = run_file(path, bundle=market.asset(1, [10] * 3).bundle())
    assert result.fills[["amount", "price", "commission"]].values.tolist() == [[5, 10.5, 0.05]]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("def initialize(context:\n    pass\n", AlgorithmSyntaxError, "line 1"),
        ("x = 1\n", AlgorithmError, "defines none of initialize"),
        ("import nothing_of_that_name\n", ModuleNotFoundError, "nothing_of_that_name"),
        ("def initialize(context):\n    symbol('IBMM')\n", SymbolNotFound, "IBM"),
    ],
)
def test_programs_that_cannot_run(program, text, error, said):
    with pytest.raises(error, match=said):
        run_file(program(text))


def test_files_that_are_no_programs(tmp_path):
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    for path, said in (("no.py", "there is no algorithm file"), (".", "is a folder"), ("latin.py", "not UTF-8")):
        with pytest.raises(UsageError, match=said):
            run_file(tmp_path / path)


def test_log_lines_carry_the_simulated_time(program, caplog):
    caplog.set_level("INFO")
    run_file(
        program("def handle_data(context, data):\n    log.info('%d %s', 5, 'x')\n    log.warn('y')\n"), end="2000-03-01"
    )
    assert caplog.messages == ["2000-03-01 21:00 5 x", "2000-03-01 21:00 y"]


def test_progress_is_told_after_each_session():
    told = []
    run_algorithm("2012-01-03", "2012-01-05", progress=lambda *facts: told.append(facts), **NOTHING)
    assert [(done, total, value) for done, total, _, value in told] == [(n, 3, 1e7) for n in (1, 2, 3)]
