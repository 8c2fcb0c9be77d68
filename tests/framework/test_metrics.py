"""metrics.py against empyrical, statistic by statistic, and against direct definitions where empyrical is silent."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradewind import metrics

with warnings.catch_warnings():  # the oracle's own imports are not ours to keep quiet
    warnings.simplefilter("ignore")
    import empyrical


def series(seed, n=400, loc=0.0004, scale=0.012):
    return np.random.default_rng(seed).normal(loc, scale, n)


def finite(x):
    return float(x) if np.isfinite(x) else np.nan


def oracle_row(r, b):
    """The running columns of one session, by the oracle on the prefix; infinities count as undefined."""
    with np.errstate(all="ignore"):
        return {
            "algorithm_period_return": finite(empyrical.cum_returns_final(r)),
            "benchmark_period_return": finite(empyrical.cum_returns_final(b)),
            "algo_volatility": finite(empyrical.annual_volatility(r)),
            "benchmark_volatility": finite(empyrical.annual_volatility(b)),
            "sharpe": finite(empyrical.sharpe_ratio(r)),
            "sortino": finite(empyrical.sortino_ratio(r)) if len(r) > 1 else np.nan,
            "alpha": finite(empyrical.alpha_aligned(r, b)),
            "beta": finite(empyrical.beta_aligned(r, b)),
            "max_drawdown": finite(empyrical.max_drawdown(r)),
        }


def assert_expanding(r, b, at):
    running = metrics.expanding(r, b)
    assert tuple(running) == metrics.EXPANDING_COLUMNS
    assert all(column.shape == r.shape and column.dtype == np.float64 for column in running.values())
    for t in at:
        for name, expected in oracle_row(r[: t + 1], b[: t + 1]).items():
            assert running[name][t] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), (name, t)


@pytest.mark.parametrize("seed", range(4))
def test_every_running_column_agrees_with_the_oracle(seed):
    r, b = series(seed), series(seed + 100)
    assert_expanding(0.6 * b + r, b, [0, 1, 2, 3, 10, 62, 125, 251, 399])


def test_idle_sessions_before_the_first_trade_leave_no_dust():
    r, b = np.concatenate((np.zeros(60), series(1, 60))), series(2, 120)
    running = metrics.expanding(r, b)
    assert (running["algo_volatility"][1:60] == 0.0).all()
    assert np.isnan(running["sharpe"][:60]).all()
    assert_expanding(r, b, range(0, 120, 7))


returns = arrays(np.float64, st.integers(2, 40), elements=st.floats(-0.2, 0.2).map(lambda x: round(x, 6)))


@settings(max_examples=60, deadline=None)
@given(returns, st.integers(0, 2**31))
def test_running_columns_on_any_returns(r, seed):
    assert_expanding(r, series(seed, len(r)), [0, 1, len(r) - 1])


@pytest.mark.parametrize("r", [np.zeros(30), np.full(30, 0.001), np.full(30, -0.001), np.array([0.01]), np.empty(0)])
def test_degenerate_runs_answer_nan_and_never_warn(r):
    summary = metrics.summary(r, np.zeros_like(r))
    assert set(summary) == {statistic.name for statistic in metrics.STATISTICS}
    assert not any(np.isinf(value) for value in summary.values())
    assert np.isnan(summary["sharpe"])
    assert np.isnan(summary["beta"])


def test_without_a_benchmark_alpha_and_beta_are_undefined_and_its_return_is_zero():
    running = metrics.expanding(series(3), None)
    assert np.isnan(running["alpha"]).all()
    assert np.isnan(running["beta"]).all()
    assert (running["benchmark_period_return"] == 0.0).all()
    assert np.isnan(metrics.summary(series(3))["benchmark_total_return"])


ORACLE = {
    "total_return": empyrical.cum_returns_final,
    "annual_return": empyrical.annual_return,
    "annual_volatility": empyrical.annual_volatility,
    "sharpe": empyrical.sharpe_ratio,
    "sortino": empyrical.sortino_ratio,
    "calmar": empyrical.calmar_ratio,
    "max_drawdown": empyrical.max_drawdown,
    "omega": empyrical.omega_ratio,
    "stability": empyrical.stability_of_timeseries,
    "tail_ratio": empyrical.tail_ratio,
    "value_at_risk": empyrical.value_at_risk,
    "conditional_value_at_risk": empyrical.conditional_value_at_risk,
}


@pytest.mark.parametrize("name", ORACLE)
@settings(max_examples=40, deadline=None)
@given(r=returns)
def test_summary_agrees_with_the_oracle(name, r):
    with np.errstate(all="ignore"):
        expected = finite(ORACLE[name](r))
    if name == "stability" and np.ptp(np.log1p(r)) == 0.0:
        return  # the oracle regresses a constant slope of rounding noise there
    assert metrics.summary(r)[name] == pytest.approx(expected, rel=1e-9, abs=1e-10, nan_ok=True)


def test_moments_agree_with_scipy():
    from scipy import stats

    r = series(7)
    summary = metrics.summary(r)
    assert summary["skew"] == pytest.approx(stats.skew(r), rel=1e-12)
    assert summary["kurtosis"] == pytest.approx(stats.kurtosis(r), rel=1e-12)


def test_relative_statistics():
    b = series(1)
    r = 0.5 * b + 0.0002 + series(2, scale=0.001)
    summary = metrics.summary(r, b)
    assert summary["beta"] == pytest.approx(empyrical.beta(r, b), rel=1e-9)
    assert summary["alpha"] == pytest.approx(empyrical.alpha(r, b), rel=1e-9)
    assert summary["information_ratio"] == pytest.approx(empyrical.excess_sharpe(r, b) * np.sqrt(252), rel=1e-9)


@pytest.mark.parametrize("window", [2, 21, 126])
def test_rolling_statistics_agree_with_the_oracle(window):
    r, b = series(4, 200), series(5, 200)
    for ours, theirs in (
        (metrics.rolling_beta(r, b, window), empyrical.roll_beta(r, b, window)),
        (metrics.rolling_sharpe(r, window), empyrical.roll_sharpe_ratio(r, window)),
        (metrics.rolling_volatility(r, window), empyrical.roll_annual_volatility(r, window)),
    ):
        assert len(ours) == 200
        assert np.isnan(ours[: window - 1]).all()
        np.testing.assert_allclose(ours[window - 1 :], np.asarray(theirs), rtol=1e-9, atol=1e-12)


def test_rolling_statistics_of_a_run_shorter_than_the_window_are_nan():
    r = series(4, 20)
    for column in (metrics.rolling_beta(r, r, 21), metrics.rolling_sharpe(r, 21), metrics.rolling_mean(r, 21)):
        assert column.shape == (20,)
        assert np.isnan(column).all()


def test_drawdowns_by_hand():
    path = np.array([1.1, 0.99, 1.045, 1.1, 1.21, 0.605, 1.21, 1.0])
    r = np.diff(np.concatenate(([1.0], path))) / np.concatenate(([1.0], path[:-1]))
    first, second, third = metrics.drawdowns(r)
    assert (first.peak, first.valley, first.recovery, first.sessions) == (4, 5, 6, 2)
    assert first.depth == pytest.approx(-0.5)
    assert (second.peak, second.valley, second.recovery, second.sessions) == (6, 7, -1, 1)
    assert (third.peak, third.valley, third.recovery, third.sessions) == (0, 1, 3, 3)


def test_a_loss_on_the_first_session_is_a_drawdown_from_the_start():
    (only,) = metrics.drawdowns(np.array([-0.1, 0.05, 0.2]))
    assert (only.peak, only.valley, only.recovery, only.sessions) == (-1, 0, 2, 3)


@settings(max_examples=50, deadline=None)
@given(returns)
def test_drawdowns_by_successive_removal(r):
    """The definition itself: take the deepest point, blot out its excursion, repeat."""
    under, expected = metrics.drawdown_series(r).copy(), []
    while under.min() < 0 and len(expected) < 5:
        valley = int(np.argmin(under))
        peak = max((t for t in range(valley) if under[t] >= 0), default=-1)
        end = next((t for t in range(valley, len(r)) if under[t] >= 0), len(r))
        expected.append((float(under[valley]), peak, valley, end if end < len(r) else -1))
        under[peak + 1 : end] = 0.0
    found = [(one.depth, one.peak, one.valley, one.recovery) for one in metrics.drawdowns(r)]
    assert sorted(found) == sorted(expected)


def test_periods_compound_to_the_whole():
    r, keys = series(9, 100), np.repeat(np.arange(10), 10)
    months, values = metrics.compounded_by(r, keys)
    assert months.tolist() == list(range(10))
    assert np.prod(1 + values) == pytest.approx(np.prod(1 + r), rel=1e-12)
    assert values[3] == pytest.approx(np.prod(1 + r[30:40]) - 1, rel=1e-12)


def test_arrays_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"were \(3,\) and \(2,\)"):
        metrics.expanding(np.zeros(3), np.zeros(2))
