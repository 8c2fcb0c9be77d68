"""Mergers in the books: shares for shares, cash for shares, both; fractions, shorts, open orders, unknown prices."""

import math

import numpy as np
import pytest

import tradewind.api as api
from tradewind import run_algorithm

NAN = np.nan


def run(market, place, semantics="tradewind"):
    """The result of a run that places orders in its first bar, free of cost."""

    def initialize(context):
        api.set_slippage(api.slippage.NoSlippage())
        api.set_commission(api.commission.NoCommission())
        context.placed = False

    def handle_data(context, data):
        if not context.placed:
            place()
            context.placed = True

    return run_algorithm(
        initialize=initialize,
        handle_data=handle_data,
        bundle=market.bundle(),
        capital_base=100_000.0,
        semantics=semantics,
    )


def held(result, session):
    """sid → shares at the end of a session, counted from 0."""
    rows = result.positions[result.positions["session"] == result.perf.index[session]]
    return dict(zip(rows["sid"], rows["amount"], strict=True))


@pytest.mark.parametrize("semantics", ["tradewind", "zipline"])
def test_a_merger_replaces_shares_and_in_the_original_they_stay(market, semantics):
    market.asset(1, [10, 10, 12, NAN, NAN], auto_close=9).asset(2, [30, 30, 30, 31, 31]).merger(1, 3, 2.5, 2)
    result = run(market, lambda: api.order(api.sid(1), 101), semantics)
    if semantics == "zipline":
        assert held(result, 4) == {1: 101}
        return
    # 101 / 2.5 = 40.4 shares at 30: 40 of them, and 0.4·30 in cash.
    assert held(result, 3) == {2: 40}
    cash = 100_000 - 1_010 + 0.4 * 30
    assert result.perf["ending_cash"].iloc[3] == pytest.approx(cash, rel=1e-13)
    assert result.perf["portfolio_value"].iloc[3] == pytest.approx(cash + 40 * 31, rel=1e-13)
    assert result.fills["price"].tolist() == [10.0, 12.0, 30.0]
    assert result.fills["order_id"].isna().tolist() == [False, True, True]


def test_cash_alone_and_cash_besides_shares_and_a_short(market):
    market.asset(1, [10, 10, 12, NAN], auto_close=9).merger(1, 3, 1.0, cash=12.5)
    market.asset(2, [50] * 4, auto_close=9).merger(2, 3, 0.5, 3, cash=4.0).asset(3, [23] * 4)

    def place():
        api.order(api.sid(1), 100)
        api.order(api.sid(2), -10)

    result = run(market, place)
    assert held(result, 3) == {3: -20}
    paid = 100_000 - 1_000 + 500 + 100 * 12.5 - 10 * 4.0
    assert result.perf["ending_cash"].iloc[3] == pytest.approx(paid, rel=1e-13)


def test_an_acquirer_without_a_price_keeps_the_value(market):
    market.asset(1, [10, 10, 12, NAN], auto_close=9).asset(2, [NAN, 6.5], first=3).merger(1, 3, 0.5, 2, cash=1.0)
    result = run(market, lambda: api.order(api.sid(1), 100))
    assert held(result, 3) == {2: 200}
    assert result.perf["portfolio_value"].iloc[3] == pytest.approx(result.perf["portfolio_value"].iloc[2], rel=1e-13)


def test_open_orders_end_with_the_merger(market):
    market.asset(1, [10, 10, 12, NAN], auto_close=9).asset(2, [30] * 4).merger(1, 3, 2.0, 2)
    result = run(market, lambda: api.order(api.sid(1), 100, limit_price=5.0))
    assert result.orders[["status", "filled"]].values.tolist() == [["cancelled", 0]]
    assert math.isclose(result.perf["portfolio_value"].iloc[-1], 100_000.0)


@pytest.mark.parametrize("side", [1, -1])
def test_more_than_half_a_share_is_still_a_fraction(market, side):
    market.asset(1, [10, 10, 12, NAN, NAN], auto_close=9).asset(2, [30] * 5).merger(1, 3, 2.5, 2)
    result = run(market, lambda: api.order(api.sid(1), side * 104))
    assert held(result, 3) == {2: side * 41}  # 104 / 2.5 = 41.6
    cash = 100_000 + side * (-1_040 + 0.6 * 30)
    assert result.perf["ending_cash"].iloc[3] == pytest.approx(cash, rel=1e-13)


def test_more_cash_than_the_last_price_leaves_nothing_for_shares_without_a_price(market):
    market.asset(1, [10, 10, 12, NAN], auto_close=9).asset(2, [NAN, 6.5], first=3).merger(1, 3, 0.5, 2, cash=15.0)
    result = run(market, lambda: api.order(api.sid(1), 100))
    assert result.fills["price"].tolist() == [10.0, 15.0, 0.0]
    assert result.perf["ending_cash"].iloc[3] == 100_000 - 1_000 + 1_500
