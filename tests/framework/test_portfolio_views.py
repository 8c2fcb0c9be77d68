"""What the algorithm sees of its holdings: names, times, what cannot be set, and what is there at every moment."""

import math

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm

NAN = np.nan


def run(market, free, handle_data, **more):
    return run_algorithm(
        initialize=free, handle_data=handle_data, capital_base=10_000.0, bundle=market.bundle(), **more
    )


def close(market, session):
    return pd.Timestamp(int(market.sessions.closes[session]), tz="UTC")


def test_the_price_of_a_holding_is_as_old_as_the_moment_and_past_its_life_as_the_last_close(market, free, on_sessions):
    market.asset(1, [10, 11, NAN, 12], auto_close=6).asset(2, [5] * 7)
    seen = []

    def look(context, data):
        held = context.portfolio.positions[api.sid(1)]
        seen.append((held.last_sale_price, held.last_sale_date))

    buy = {0: lambda c, d: api.order(api.sid(1), 100)}
    run(market, free, on_sessions({**buy, 1: look, 2: look, 3: look, 5: look}))
    assert seen == [
        (11.0, close(market, 1)),
        (11.0, close(market, 2)),  # no trade: the price is carried forward
        (12.0, close(market, 3)),
        (12.0, close(market, 3)),  # past its last session
    ]


def test_what_is_not_held_or_never_traded_has_no_such_time(market, free, on_sessions):
    market.asset(1, [10] * 5).asset(2, [NAN, NAN, NAN, NAN, 7]).stock_dividend(1, 2, ex=2, pay=3, ratio=0.5)
    seen = []

    def look(context, data):
        seen.extend(context.portfolio.positions[api.sid(sid)].last_sale_date for sid in (1, 2))

    run(market, free, on_sessions({0: look, 1: lambda c, d: api.order(api.sid(1), 100)}))
    assert seen == [None, None]
    seen.clear()
    run(market, free, on_sessions({0: lambda c, d: api.order(api.sid(1), 100), 3: look, 4: look}))
    assert seen == [close(market, 3), None, close(market, 4), close(market, 4)]


def test_what_was_sold_has_no_price_either(market, free, on_sessions):
    market.asset(1, [10, 11, 12, 13])
    seen = []

    def look(context, data):
        seen.append(context.portfolio.positions[api.sid(1)].last_sale_price)

    trades = {0: lambda c, d: api.order(api.sid(1), 5), 1: look, 2: lambda c, d: api.order(api.sid(1), -5), 3: look}
    run(market, free, on_sessions(trades))
    assert seen == [11.0, 0.0]


def test_before_the_open_the_time_is_the_mornings(market, free, on_sessions):
    market.asset(1, [10] * 4)
    seen = []

    def morning(context, data):
        held = context.portfolio.positions[api.sid(1)]
        if held.amount:
            seen.append(held.last_sale_date == api.get_datetime())

    run(market, free, on_sessions({0: lambda c, d: api.order(api.sid(1), 1)}), before_trading_start=morning)
    assert seen == [True, True]


@pytest.mark.parametrize("name", ["cash", "positions", "start_date", "portfolio_value", "positons"])
def test_a_portfolio_cannot_be_set(market, free, on_sessions, name):
    market.asset(1, [10] * 2)
    with pytest.raises(AttributeError):
        run(market, free, on_sessions({0: lambda c, d: setattr(c.portfolio, name, 5)}))


@pytest.mark.parametrize("name", ["leverage", "accrued_interest", "settled_cash", "levrage"])
def test_an_account_cannot_be_set(market, free, on_sessions, name):
    market.asset(1, [10] * 2)
    with pytest.raises(AttributeError):
        run(market, free, on_sessions({0: lambda c, d: setattr(c.account, name, 5)}))


@pytest.mark.parametrize("name", ["amount", "asset", "cost_basis", "last_sale_price", "anything"])
def test_a_position_cannot_be_set(market, free, on_sessions, name):
    market.asset(1, [10] * 2)
    with pytest.raises(AttributeError):
        run(market, free, on_sessions({0: lambda c, d: setattr(c.portfolio.positions[api.sid(1)], name, 5)}))


def test_a_copy_of_the_holdings_keeps_its_keys(market, free, on_sessions):
    market.asset(1, [10] * 4)
    kept = []

    def sell(context, data):
        kept.append(context.portfolio.positions.copy())
        api.order_target(api.sid(1), 0)

    run(market, free, on_sessions({0: lambda c, d: api.order(api.sid(1), 1), 2: sell}))
    assert [(asset.sid, held.amount) for asset, held in kept[0].items()] == [(1, 0)]


def test_an_account_worth_nothing(market, free, on_sessions):
    market.asset(1, [10, 10, 20])
    seen = []
    orders = {
        0: lambda c, d: api.order(api.sid(1), -1_000),
        2: lambda c, d: seen.extend([c.portfolio.portfolio_value, c.account.cushion, c.account.gross_leverage]),
    }
    run(market, free, on_sessions(orders))
    assert seen[0] == 0.0
    assert math.isnan(seen[1])
    assert seen[2] == math.inf
