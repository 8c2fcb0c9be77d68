"""Bars as the original engine stores them, asked for by its semantics; ours keep every digit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tradewind.coarse import CoarseReader, in_thousandths
from tradewind.orders import coarsely_rounded_to_tick, rounded_to_tick
from tradewind.run import run_algorithm
from tradewind.semantics import TRADEWIND

NAN = np.nan


def histories(market, semantics, sid=1, bars=4):
    """What history answers on the last session, with the current close."""
    found = {}

    def handle_data(context, data):
        asset = context.sid(sid)
        if data.current_session == market.sessions.index[bars - 1]:
            found["close"] = data.history(asset, "close", bars, "1d").to_numpy()
            found["volume"] = data.history(asset, "volume", bars, "1d").to_numpy()
            found["now"] = data.current(asset, "close")

    run_algorithm(handle_data=handle_data, bundle=market.bundle(), semantics=semantics)
    return found


def test_prices_keep_every_digit_and_in_the_original_three_decimals(market):
    closes = [1.2345678, 0.0004, 8.00051, 7.9]
    market.asset(1, closes, volume=[10.0, 5_000_000_000.0, 7.0, 9.0])
    ours = histories(market, "tradewind")
    assert ours["close"].tolist() == closes
    assert ours["now"] == 7.9
    assert ours["volume"].tolist() == [10.0, 5e9, 7.0, 9.0]
    theirs = histories(market, "zipline")
    np.testing.assert_array_equal(theirs["close"], [1.235, NAN, 8.001, 7.9])
    assert theirs["volume"].tolist() == [10.0, 0.0, 7.0, 9.0]
    assert theirs["now"] == 7900 * 0.001


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_a_dividend_after_a_hole_adjusts_and_in_the_original_not(market, semantics):
    market.asset(1, [10.0, NAN, 9.0, 9.0]).dividend(1, 2, 0.5, pay=3)
    factor = 1.0 - 0.5 / 10.0 if semantics == "tradewind" else 1.0
    np.testing.assert_allclose(histories(market, semantics)["close"], [10.0 * factor, NAN, 9.0, 9.0], rtol=1e-15)


def test_each_of_the_two_can_be_had_alone(market):
    market.asset(1, [10.00049, NAN, 9.0, 9.0]).dividend(1, 2, 0.5, pay=3)
    only_rounded = histories(market, replace(TRADEWIND, exact_prices=False))
    np.testing.assert_allclose(only_rounded["close"], [9.5, NAN, 9.0, 9.0], rtol=1e-15)
    only_eve = histories(market, replace(TRADEWIND, dividend_ratio_from_last_close=False))
    np.testing.assert_allclose(only_eve["close"], [10.00049, NAN, 9.0, 9.0], rtol=1e-15)


def test_the_coarse_reader_of_whole_thousandths_is_the_reader(market):
    market.asset(1, [10.0, 11.0, 5.5, NAN, 5.25, 5.0], volume=100.0).split(1, 2, 2, 1)
    market.dividend(1, 4, 0.25).dividend(1, 5, 0.125)
    market.asset(2, [4.0, 4.5, 4.25, 4.75, 4.0, 4.5], volume=100.0).dividend(2, 3, 0.5)
    bundle = market.bundle()
    reader = bundle.bars("1d")
    coarse = CoarseReader(reader, bundle.actions, rounded=True, eve_only=False)
    first, every = reader.first_session, np.arange(2)
    for field in ("close", "volume"):
        for end in range(first + 2, first + 6):
            expected = reader.window(field, every, end, 3)
            np.testing.assert_allclose(coarse.window(field, every, end, 3), expected, rtol=1e-13)
            np.testing.assert_allclose(coarse.window(field, None, end, 3), expected, rtol=1e-13)
    np.testing.assert_allclose(coarse.factors(first + 5), reader.factors(first + 5), rtol=1e-13)
    assert not coarse.values("close").flags.writeable


def test_thousandths():
    got = in_thousandths("close", np.array([0.0004, 0.0006, 1.0005, 5e6, NAN]))
    np.testing.assert_array_equal(got, [NAN, 0.001, 1.0, NAN, NAN])
    assert in_thousandths("volume", np.array([0.0, 12.9, 2.0**32])).tolist() == [0.0, 12.0, 0.0]


def test_coarse_ticks_agree_with_ours_but_for_the_last_bit():
    for price in np.random.default_rng(5).uniform(0.5, 900.0, 500):
        for down in (True, False):
            assert coarsely_rounded_to_tick(price, 0.01, down) == pytest.approx(rounded_to_tick(price, 0.01, down))
    assert coarsely_rounded_to_tick(135.67, 0.01, True) == 13567 * 0.01 != 135.67
    assert np.isnan(coarsely_rounded_to_tick(NAN, 0.01, True))


def test_a_stock_dividend_in_an_asset_held_before_is_worth_its_price_of_today(market):
    """A holding sold long ago leaves no price behind: new shares and the fraction count at the last close."""
    market.asset(1, [10.0] * 8).asset(2, [5.0, 5.0, 5.0, 5.0, 20.0, 20.0, 20.0, 20.0])
    market.stock_dividend(1, 2, 5, 6, 0.105)
    values = {}

    def handle_data(context, data):
        n = context.n = getattr(context, "n", -1) + 1
        orders = {0: [(1, 100), (2, 10)], 1: [(2, -10)]}
        for sid, amount in orders.get(n, []):
            context.order(context.sid(sid), amount)

    def before_trading_start(context, data):
        values[data.current_session] = context.portfolio.portfolio_value

    result = run_algorithm(handle_data=handle_data, before_trading_start=before_trading_start, bundle=market.bundle())
    day = market.sessions.index[6]
    assert result.perf.loc[day, "capital_used"] == pytest.approx(0.5 * 20.0)
    held = result.positions.set_index(["session", "sid"])
    assert held.loc[(day, 2), "amount"] == 10
    assert held.loc[(day, 2), "last_sale_price"] == 20.0
    assert result.perf["portfolio_value"].diff()[day] == pytest.approx(10.5 * 20.0)
    assert values[pd.Timestamp(day)] == pytest.approx(result.perf.loc[day, "portfolio_value"])
