"""Dividends and splits on positions, open orders and the figures of the day."""

from dataclasses import replace

import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.semantics import TRADEWIND


def run(market, free, handle_data, **more):
    return run_algorithm(
        initialize=free, handle_data=handle_data, capital_base=10_000.0, bundle=market.bundle(), **more
    )


def holding(on_sessions, shares):
    return on_sessions({0: lambda c, d: api.order(api.sid(1), shares)})


@pytest.mark.parametrize(("shares", "paid"), [(100, 50.0), (-100, -50.0)])
def test_a_dividend_is_earned_on_the_ex_date_and_paid_on_the_pay_date(market, free, on_sessions, shares, paid):
    market.asset(1, [10, 10, 10, 10, 10]).dividend(1, ex=2, amount=0.5, pay=4)
    perf = run(market, free, holding(on_sessions, shares)).perf
    assert (perf["portfolio_value"] - 10_000.0).tolist() == [0, 0, 0, 0, paid]
    assert perf["capital_used"].iloc[4] == paid


def test_selling_on_the_ex_date_keeps_the_claim(market, free, on_sessions):
    market.asset(1, [10] * 5).dividend(1, ex=2, amount=0.5, pay=4)
    orders = {0: lambda c, d: api.order(api.sid(1), 100), 1: lambda c, d: api.order(api.sid(1), -100)}
    assert run(market, free, on_sessions(orders)).perf["ending_cash"].iloc[-1] == 10_050.0


def test_buying_at_the_close_before_the_ex_date_earns_it_and_on_the_ex_date_not(market, free, on_sessions):
    market.asset(1, [10] * 5).dividend(1, ex=2, amount=0.5, pay=3)
    before = on_sessions({0: lambda c, d: api.order(api.sid(1), 100)})
    late = on_sessions({1: lambda c, d: api.order(api.sid(1), 100)})
    assert run(market, free, before).perf["portfolio_value"].iloc[-1] == 10_050.0
    assert run(market, free, late).perf["portfolio_value"].iloc[-1] == 10_000.0


def test_a_pay_date_that_is_no_session_pays_on_the_next_one_and_never_in_the_original(market, free, on_sessions):
    market.asset(1, [10] * 8).dividend(1, ex=2, amount=0.5, pay_date="2021-03-06")  # a Saturday
    buy = holding(on_sessions, 100)
    assert run(market, free, buy).perf["ending_cash"].tolist()[4:6] == [9_000.0, 9_050.0]
    never = replace(TRADEWIND, pay_on_next_session=False)
    again = run(market, free, holding(on_sessions, 100), semantics=never)
    assert again.perf["ending_cash"].iloc[-1] == 9_000.0


def test_pnl_of_the_pay_day_includes_the_dividend_and_in_the_original_not(market, free, on_sessions):
    market.asset(1, [10, 10, 10, 11]).dividend(1, ex=2, amount=0.5, pay=3)
    ours = run(market, free, holding(on_sessions, 100)).perf.iloc[3]
    assert (ours["pnl"], ours["starting_cash"]) == (150.0, 9_000.0)
    theirs = run(
        market, free, holding(on_sessions, 100), semantics=replace(TRADEWIND, pnl_includes_dividends=False)
    ).perf.iloc[3]
    assert (theirs["pnl"], theirs["starting_cash"]) == (100.0, 9_050.0)
    assert ours["returns"] == theirs["returns"] == pytest.approx(150 / 10_000)


def test_a_dividend_on_the_day_of_a_split_counts_the_shares_before_it(market, free, on_sessions):
    market.asset(1, [10, 10, 5, 5]).split(1, 2, 2, 1).dividend(1, ex=2, amount=0.5, pay=2)
    result = run(market, free, holding(on_sessions, 100))
    assert result.perf["ending_cash"].iloc[2] == 9_050.0
    assert result.positions["amount"].tolist() == [100, 200, 200]


def test_a_split_keeps_value_and_pays_the_fraction_at_market_value(market, free, on_sessions):
    market.asset(1, [30, 30, 20, 20]).split(1, 2, 3, 2)
    result = run(market, free, holding(on_sessions, 7))
    assert result.positions[["amount", "cost_basis"]].values.tolist() == [[7, 30.0], [10, 20.0], [10, 20.0]]
    assert result.perf["ending_cash"].tolist() == pytest.approx([10_000, 9_790, 9_800, 9_800])
    assert result.perf["portfolio_value"].tolist() == pytest.approx([10_000] * 4)


def test_a_third_never_loses_a_share(market, free, on_sessions):
    market.asset(1, [30, 30, 10]).split(1, 2, 3, 1)
    result = run(market, free, holding(on_sessions, 100))
    assert result.positions["amount"].tolist() == [100, 300]
    assert result.perf["ending_cash"].iloc[-1] == 7_000.0


def test_the_originals_split_rounds_the_basis_and_pays_the_fraction_at_it(market, free, on_sessions):
    market.asset(1, [30.01, 30.01, 10, 10]).split(1, 2, 1, 3)
    theirs = replace(TRADEWIND, exact_splits=False)
    result = run(market, free, holding(on_sessions, -101), semantics=theirs)
    # −101/3 = −33.67 shares; the fraction −0.667 is paid for at round(30.01·3, 2) = 90.03
    assert result.positions["amount"].tolist() == [-101, -33, -33]
    assert result.positions["cost_basis"].iloc[1] == 90.03
    assert result.perf["ending_cash"].iloc[2] == pytest.approx(10_000 + 101 * 30.01 - 60.02)


def test_open_orders_are_scaled_by_a_split(market, free, on_sessions):
    market.asset(1, [30, 30, 10, 10]).split(1, 2, 3, 1)
    placed = on_sessions({1: lambda c, d: api.order(api.sid(1), 10, limit_price=31.0, stop_price=29.0)})
    order = run(market, free, placed).orders.iloc[0]
    assert (order["amount"], order["filled"], order["status"]) == (30, 30, "filled")
    assert (order["limit"], order["stop"]) == (10.33, 9.67)


@pytest.mark.parametrize(("ours", "status"), [(True, "cancelled"), (False, "filled")])
def test_an_order_emptied_by_a_reverse_split(market, free, on_sessions, ours, status):
    market.asset(1, [30, 30, 300, 300]).split(1, 2, 1, 10)
    semantics = replace(TRADEWIND, emptied_order_is_cancelled=ours)
    placed = on_sessions({1: lambda c, d: api.order(api.sid(1), 9)})
    order = run(market, free, placed, semantics=semantics).orders.iloc[0]
    assert (order["status"], order["filled"], order["amount"]) == (status, 0, 0)
    assert (order["reason"] == "a split left no shares") is ours


def test_a_stock_dividend_dilutes_the_basis_and_pays_the_fraction(market, free, on_sessions):
    market.asset(1, [10, 10, 9.5, 9.5]).stock_dividend(1, 1, ex=2, pay=2, ratio=0.055)
    result = run(market, free, holding(on_sessions, 100))
    last = result.positions.iloc[-1]
    assert last["amount"] == 105
    assert last["cost_basis"] == pytest.approx(1_000 / 105)
    assert result.perf["ending_cash"].iloc[-1] == pytest.approx(9_000 + 0.5 * 10)


def test_the_originals_stock_dividend_loses_the_fraction_and_keeps_the_basis(market, free, on_sessions):
    market.asset(1, [10, 10, 9.5]).stock_dividend(1, 1, ex=2, pay=2, ratio=0.055)
    theirs = replace(TRADEWIND, stock_dividend_dilutes=False)
    result = run(market, free, holding(on_sessions, 100), semantics=theirs)
    assert result.positions.iloc[-1][["amount", "cost_basis"]].tolist() == [105, 10.0]
    assert result.perf["ending_cash"].iloc[-1] == 9_000


@pytest.mark.parametrize(
    ("short", "left", "basis"), [(-50, 30, 0.0), (-80, 0, 0.0), (-100, -20, 20.0), (40, 120, 20 / 3)]
)
def test_shares_received_of_an_asset_held_short_reduce_it_first(market, free, on_sessions, short, left, basis):
    market.asset(1, [10] * 6).asset(2, [20] * 6).stock_dividend(1, 2, ex=2, pay=3, ratio=0.8)
    seen = []

    def look(context, data):
        held = context.portfolio.positions[api.sid(2)]
        seen.append((held.amount, held.cost_basis))

    orders = {0: lambda c, d: (api.order(api.sid(1), 100), api.order(api.sid(2), short)), 4: look}
    result = run(market, free, on_sessions(orders))
    assert seen == [(left, pytest.approx(basis, rel=1e-13, abs=0.0))]
    assert result.perf["portfolio_value"].iloc[-1] == 10_000 + 80 * 20


def test_a_fraction_of_another_assets_share_is_paid_at_that_assets_price(market, free, on_sessions):
    market.asset(1, [10] * 5).asset(2, [20] * 5).stock_dividend(1, 2, ex=2, pay=2, ratio=0.5)
    perf = run(market, free, holding(on_sessions, 101)).perf
    assert perf["ending_cash"].iloc[-1] == pytest.approx(10_000 - 1_010 + 0.5 * 20, rel=1e-14)
    assert perf["ending_value"].iloc[-1] == 1_010 + 50 * 20


def test_shares_of_an_asset_that_never_traded_are_worth_nothing_until_it_does(market, free, on_sessions):
    market.asset(1, [10] * 5).asset(2, [float("nan")] * 4 + [20]).stock_dividend(1, 2, ex=2, pay=2, ratio=0.5)
    perf = run(market, free, holding(on_sessions, 100)).perf
    assert perf["portfolio_value"].tolist() == [10_000.0] * 4 + [11_000.0]


def test_a_hair_below_a_whole_share_is_a_whole_share(market, free, on_sessions):
    assert 100 * 0.29 < 29
    market.asset(1, [10] * 4).stock_dividend(1, 1, ex=2, pay=2, ratio=0.29)
    result = run(market, free, holding(on_sessions, 100))
    assert result.positions["amount"].tolist() == [100, 129, 129]
    assert result.perf["ending_cash"].iloc[-1] == 9_000.0


def test_a_holding_that_a_reverse_split_leaves_without_shares_has_no_basis(market, free, on_sessions):
    market.asset(1, [10, 10, 100, 100]).split(1, 2, 1, 10)
    seen = []
    orders = {
        0: lambda c, d: api.order(api.sid(1), 3),
        3: lambda c, d: seen.append(c.portfolio.positions[api.sid(1)].cost_basis),
    }
    assert run(market, free, on_sessions(orders)).perf["ending_cash"].iloc[-1] == 10_000.0
    assert seen == [0.0]


def test_an_odd_order_to_sell_is_cut_toward_zero_by_a_split(market, free, on_sessions):
    market.asset(1, [10, 10, 20, 20]).split(1, 2, 1, 2)
    orders = {0: lambda c, d: api.order(api.sid(1), -7, limit_price=100)}
    assert run(market, free, on_sessions(orders)).orders["amount"].tolist() == [-3]


def test_a_quiet_pay_day_of_the_original_starts_with_the_dividend(market, free):
    market.asset(1, [10] * 6).dividend(1, ex=3, amount=0.5, pay=4)

    def initialize(context):
        free(context)
        api.schedule_function(lambda c, d: api.order_target(api.sid(1), 100), api.date_rules.month_start())

    after = replace(TRADEWIND, pnl_includes_dividends=False)
    result = run_algorithm(initialize=initialize, capital_base=10_000.0, bundle=market.bundle(), semantics=after)
    assert result.perf["starting_cash"].tolist() == [10_000, 10_000, 9_000, 9_000, 9_050, 9_050]
    assert result.perf["pnl"].tolist() == [0] * 6


@pytest.mark.parametrize("side", [1, -1])
def test_a_split_of_large_numbers_stays_exact(market, free, on_sessions, side):
    new, old, shares = 1_000_000_000, 999_999_937, 99_999_999_999  # the product is beyond 64 bits
    market.asset(1, [10] * 4).split(1, 2, new, old)
    perf = run(market, free, holding(on_sessions, side * shares))
    assert perf.positions["amount"].tolist() == [side * n for n in (shares, shares * new // old, shares * new // old)]


@pytest.mark.parametrize(("exact", "stop", "limit"), [(True, 0.004, 0.02), (False, 0.0, 0.02)])
def test_a_stop_of_a_few_cents_survives_a_split_and_in_the_original_not(market, free, on_sessions, exact, stop, limit):
    market.asset(1, [0.3, 0.3, 0.03, 0.003, 0.003]).split(1, 2, 10, 1)

    def place(context, data):
        api.order(api.sid(1), -10, stop_price=0.04)
        api.order(api.sid(1), 10, limit_price=0.2)

    semantics = replace(TRADEWIND, exact_splits=exact)
    orders = run(market, free, on_sessions({1: place}), semantics=semantics).orders
    assert (orders["stop"][0], orders["limit"][1]) == (stop, limit)
    assert orders["status"].tolist() == ["filled" if exact else "open", "filled"]


def test_a_split_keeps_the_decimals_of_the_tick(market, free, on_sessions):
    market.asset(1, [1.0, 1.0, 0.5, 0.5]).split(1, 2, 2, 1)
    market.assets[-1] = (*market.assets[-1][:-1], 0.0001)
    placed = on_sessions({1: lambda c, d: api.order(api.sid(1), 10, limit_price=0.8643)})
    assert run(market, free, placed).orders["limit"].tolist() == [pytest.approx(0.4322, abs=1e-4)]


@pytest.mark.parametrize(("dilutes", "held"), [(True, [200, 240]), (False, [200, 220])])
def test_shares_still_owed_are_split_with_their_asset(market, free, on_sessions, dilutes, held):
    market.asset(1, [10, 10, 10, 5, 5, 5]).stock_dividend(1, 1, ex=2, pay=4, ratio=0.2).split(1, 3, 2, 1)
    semantics = replace(TRADEWIND, stock_dividend_dilutes=dilutes)
    result = run(market, free, holding(on_sessions, 100), semantics=semantics)
    assert result.positions["amount"].tolist()[-3:-1] == held
