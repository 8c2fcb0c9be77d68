"""The short ways of the verbs against the general one: the same orders, answers, refusals and notes, whatever is asked.

The books hold listed and unlisted assets, ended ones, sessions without a trade, prices next to nothing, contracts whose
price is negative; the arguments are numbers of every make, and what is none.
"""

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.framework.conftest import MarketMaker

from tradewind import api, verbs
from tradewind.blotter import VERBS
from tradewind.order_pad import ORDER, PERCENT, TARGET, TARGET_PERCENT, TARGET_VALUE, VALUE, OrderPad
from tradewind.orders import ExecutionStyle, rounded_to_tick
from tradewind.run import run_algorithm

SESSIONS = 10
SIZED = [ORDER, VALUE, PERCENT, TARGET, TARGET_VALUE, TARGET_PERCENT]
NAN, INF = math.nan, math.inf


class Own(ExecutionStyle):
    """A style whose prices are its own."""

    def get_limit_price(self, is_buy):
        return 12.345678 if is_buy else None


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rng = np.random.default_rng(4)
    market = MarketMaker(tmp_path_factory.mktemp("books") / "root")
    for sid, price in ((1, 30.0), (2, 7.31), (3, 1250.0)):
        close = np.round(price * np.exp(rng.normal(0, 0.03, SESSIONS).cumsum()), 2)
        close[1:-1][rng.random(SESSIONS - 2) < 0.25] = np.nan
        market.asset(sid, close)
    market.asset(4, [9.0] * 5, first=5).asset(5, [11.0] * 4, auto_close=6)
    market.asset(6, [1e-7, 2e-6] * (SESSIONS // 2))
    market.contract(7, "CLM21", np.linspace(2.0, -2.5, SESSIONS), multiplier=250.0, tick=0.25)
    return market.contract(8, "ESM21", np.linspace(40.0, 44.0, SESSIONS), multiplier=50.0).bundle()


plain = st.one_of(
    st.floats(-2e4, 2e4),
    st.floats(-2, 2),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-3000, 3000),
    st.sampled_from([0.99995, -0.9999, 1e11, 1e11 + 0.5, 1e12, 10**12, 10**30, 1e308, 5e-324, NAN, INF, 0, -0.0]),
)
numbers = st.one_of(
    plain,
    plain.filter(lambda value: abs(value) < 1e300).map(np.float64),
    st.floats(-100, 100, width=32).map(np.float32),
    st.integers(-128, 127).map(np.int8),
    st.integers(-3000, 3000).map(np.int64),
    st.sampled_from([True, Decimal("2.5"), np.array([3.0]), pd.Series([4]), "5", None, pd.NA, 1j, np.float64(NAN)]),
)
prices = st.one_of(
    st.none(), st.floats(0.0, 60.0), st.integers(0, 50), st.sampled_from([NAN, -1.0, "x", 1e9, np.float64(9.995), 1e15])
)
styles = st.one_of(
    st.none(),
    st.none(),
    st.floats(0.01, 60.0).map(api.LimitOrder),
    st.floats(0.01, 60.0).map(api.StopOrder),
    st.sampled_from([api.MarketOrder(), api.StopLimitOrder(8.0, 9.0), Own(), "limit"]),
)
orders = st.tuples(st.sampled_from(SIZED), st.integers(1, 10), numbers, st.just(None), st.just(None), st.none())
priced = st.tuples(st.sampled_from(SIZED), st.integers(1, 8), numbers, prices, prices, styles)
streams = st.lists(st.lists(orders | priced, max_size=9), min_size=1, max_size=SESSIONS)
NO_ASSETS = {9: "CLM21", 10: None}


def shortly(via, asset, *rest):
    return getattr(api, VERBS[via])(asset, *rest)


def generally(via, asset, *rest):
    return verbs.current_pad.get().order(via, asset, *rest)


def ran(bundle, stream, call, initialize=None, **more):
    """What every call answered or raised, and the run's result."""
    answers, bars = [], iter(stream)

    def handle_data(context, data):
        for via, sid, *rest in next(bars, ()):
            try:
                answers.append(call(via, NO_ASSETS[sid] if sid in NO_ASSETS else api.sid(sid), *rest))
            except Exception as error:
                answers.append((type(error), str(error)))

    return answers, run_algorithm(initialize=initialize, handle_data=handle_data, bundle=bundle, **more)


def assert_same(shorter, longer):
    (answers, result), (wanted, expected) = shorter, longer
    assert answers == wanted
    for table in ("orders", "events", "fills", "perf"):
        pd.testing.assert_frame_equal(getattr(result, table), getattr(expected, table), check_exact=True)


def limited(context):
    api.set_max_order_size(max_shares=500, on_error="log")
    api.set_long_only(on_error="log")


drawn = given(stream=streams, semantics=st.sampled_from(["tradewind", "zipline"]), controlled=st.booleans())


def check(bundle, stream, semantics, controlled):
    more = {"initialize": limited if controlled else None, "semantics": semantics}
    assert_same(ran(bundle, stream, shortly, **more), ran(bundle, stream, generally, **more))


@drawn
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_short_and_general_ways_order_the_same(bundle, stream, semantics, controlled):
    check(bundle, stream, semantics, controlled)


@pytest.mark.slow
@drawn
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_many_short_and_general_ways_order_the_same(bundle, stream, semantics, controlled):
    check(bundle, stream, semantics, controlled)


ASKED = {"order": 60, "order_target": 70.0, "order_percent": 0.5, "order_target_percent": 0.4}
ONE_OF_EACH = [
    [(via, sid, ASKED.get(VERBS[via], 9e5 + 1e5 * bar), limit, stop, None) for via in SIZED for sid in (8, 8)]
    for bar, (limit, stop) in enumerate(((None, None), (45.0, None), (None, 39.0), (45, 39.0)))
]


def test_what_is_plain_goes_the_short_way(bundle, monkeypatch):
    """The first order of a bar, too."""
    expected = ran(bundle, ONE_OF_EACH, generally)
    monkeypatch.setattr(OrderPad, "order", None)
    assert_same(ran(bundle, ONE_OF_EACH, shortly), expected)
    assert len(expected[1].orders) > 40
    assert set(expected[1].orders["via"]) == {VERBS[via] for via in SIZED}


@pytest.mark.parametrize("via", SIZED)
def test_a_wrong_short_way_would_be_seen(bundle, monkeypatch, via):
    right = OrderPad.shares_of

    def wrong(self, asked_via, column, asked):
        return right(self, asked_via, column, asked) * (1.01 if asked_via == via else 1.0)

    monkeypatch.setattr(OrderPad, "shares_of", wrong)
    with pytest.raises(AssertionError):
        assert_same(ran(bundle, ONE_OF_EACH[1:], shortly), ran(bundle, ONE_OF_EACH[1:], generally))


@given(
    price=st.floats(0, 1e7) | st.decimals(0, 10**6, places=4).map(float),
    tick=st.sampled_from([0.01, 0.25, 1 / 32, 1 / 64, 0.0005, 0.005, 1e-7, 5.0, 1 / 3, 0.015625]),
    down=st.booleans(),
)
@settings(max_examples=500, deadline=None, derandomize=True)
def test_prices_on_a_tick_are_rounded_to_ten_decimals(price, tick, down):
    ticks = math.floor(price / tick + 0.05 + 1e-9) if down else math.ceil(price / tick - 0.05 - 1e-9)
    assert rounded_to_tick(price, tick, down) == round(ticks * tick, 10)
