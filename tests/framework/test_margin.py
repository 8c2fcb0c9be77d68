"""Margin: what positions need, which orders are rejected, and what a margin call does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.api import (
    commission,
    get_order,
    margin,
    order,
    order_target_percent,
    set_cancel_policy,
    set_commission,
    set_margin,
    set_slippage,
    sid,
    slippage,
)
from tradewind.cancel_policy import EODCancel
from tradewind.errors import BadParameter, MarginCall, OnlyDuringInitialize
from tradewind.margin import MarginModel, Positions, RegT
from tradewind.run import run_algorithm
from tradewind.terminal import summary


def run(bundle, handle_data, *args, capital=1_000.0, cancel=None, **more):
    index = bundle.sessions.index
    first = bundle.sessions.at_or_after(pd.Timestamp("2021-03-01").as_unit("ns").value)

    def initialize(context):
        set_slippage(slippage.NoSlippage(), slippage.NoSlippage())
        set_commission(commission.NoCommission(), commission.NoCommission())
        if args:
            set_margin(*args, **more)
        if cancel is not None:
            set_cancel_policy(cancel)

    return run_algorithm(
        start=index[first],
        end=bundle.manifest.last_session,
        initialize=initialize,
        handle_data=handle_data,
        bundle=bundle,
        capital_base=capital,
    )


def positions(finder, sids, amounts, prices):
    assets = [finder.retrieve(s) for s in sids]
    exposure = np.array(amounts) * prices * [a.price_multiplier for a in assets]
    return Positions(assets, np.array(amounts), exposure)


def test_what_shares_and_contracts_need(market):
    finder = market.asset(1, [10.0]).asset(2, [10.0]).contract(3, "CLH21", [50.0], multiplier=100.0).bundle().finder
    held = positions(finder, [1, 2, 3], [100, -100, -2], [10.0, 10.0, 50.0])
    initial, maintenance = RegT().requirements(held)
    assert initial.tolist() == pytest.approx([500, 500, 1_000])
    assert maintenance.tolist() == pytest.approx([250, 300, 900])
    initial, maintenance = RegT(long=(1, 1), futures={"CL": (700, 650)}).requirements(held)
    assert initial.tolist() == pytest.approx([1_000, 500, 1_400])
    assert maintenance.tolist() == pytest.approx([1_000, 300, 1_300])
    with pytest.raises(BadParameter, match="a dict that has 'CL'"):
        RegT(futures={"ES": (700, 650)}).requirements(held)


def test_the_account_knows(market, on_sessions):
    bundle = market.asset(1, [10.0, 10.0, 12.0, 12.0]).bundle()
    seen = {}

    def look(context, data):
        account = context.account
        seen["required"] = account.initial_margin_requirement, account.maintenance_margin_requirement
        seen["free"] = account.available_funds, account.excess_liquidity, account.buying_power

    act = {0: lambda c, d: order(sid(1), 150), 2: look}
    run(bundle, on_sessions(act), margin.RegT())
    assert seen["required"] == pytest.approx((900, 450))
    assert seen["free"] == pytest.approx((400, 850, 800))
    run(bundle, on_sessions(act))
    assert seen["required"] == (0.0, 0.0)
    assert seen["free"] == pytest.approx((-500, -500, np.inf))


def test_the_newest_orders_beyond_the_equity_are_rejected(market, on_sessions, caplog):
    bundle = market.asset(1, [10.0] * 4).asset(2, [10.0] * 4).bundle()
    ids = []

    def buy(context, data):
        ids.extend([order(sid(1), 120), order(sid(2), 90), order(sid(1), 50), order(sid(2), -1)])

    def look(context, data):
        assert get_order(ids[1]).status == 3

    result = run(bundle, on_sessions({0: buy, 1: look}), RegT())
    # 120 need 600; 90 more 1,050, 50 more 1,300 of 1,000: the newest that raise the need go first.
    assert result.orders["status"].tolist() == ["filled", "rejected", "rejected", "filled"]
    assert result.orders["reason"].tolist()[2] == "not enough margin"
    assert result.info["margin"]["rejected_orders"] == 2
    assert ("Margin", "0 calls, 2 orders rejected") in summary(result)
    story = result.explain(2)
    assert "rejected: not enough margin, 50 shares were not filled" in str(story)
    assert "with it the initial margin would be 1,295.00, the equity is 1,000.00" in str(story)
    assert "order of 50 Equity(1 [AAA]) rejected" in caplog.text


def test_a_rebalance_is_looked_at_as_a_whole(market, on_sessions):
    bundle = market.asset(1, [10.0] * 6).asset(2, [10.0] * 6).bundle()

    def swap(context, data):
        order_target_percent(sid(2), 2.0)
        order_target_percent(sid(1), 0.0)

    result = run(bundle, on_sessions({0: lambda c, d: order_target_percent(sid(1), 2.0), 2: swap}), RegT())
    assert result.orders["status"].tolist() == ["filled"] * 3
    assert result.perf["gross_leverage"].tolist()[-1] == pytest.approx(2.0)


def test_orders_that_lower_the_need_are_never_rejected(market, on_sessions):
    bundle = market.asset(1, [10.0, 10.0, 7.0, 7.0, 7.0]).bundle()
    act = {0: lambda c, d: order(sid(1), 200), 2: lambda c, d: order(sid(1), -10), 3: lambda c, d: order(sid(1), 1)}
    result = run(bundle, on_sessions(act), RegT(), on_call="record")
    assert result.orders["status"].tolist() == ["filled", "filled", "rejected"]


def test_orders_may_be_allowed(market, on_sessions):
    bundle = market.asset(1, [10.0] * 3).bundle()
    result = run(bundle, on_sessions({0: lambda c, d: order(sid(1), 300)}), RegT(), on_order="allow")
    assert result.orders["status"].tolist() == ["filled"]
    assert result.info["margin"]["calls"] == []


CRASH = [10.0, 10.0, 6.0, 6.0, 6.0]


def test_a_call_cuts_every_position_in_the_next_bar(market, on_sessions):
    """200 + 40 shares at 10 with 1,200: at 6 the value is 1,440, the equity 240 and the maintenance margin 360."""
    bundle = market.asset(1, CRASH).asset(2, CRASH).bundle()
    act = on_sessions({0: lambda c, d: [order(sid(1), 200), order(sid(2), 40)], 2: lambda c, d: order(sid(1), 1)})
    result = run(bundle, act, RegT(), capital=1_200.0)
    (call,) = result.info["margin"]["calls"]
    assert call == {
        "session": "2021-03-03",
        "equity": pytest.approx(240),
        "initial": pytest.approx(720),
        "maintenance": pytest.approx(360),
        "action": "liquidate",
    }
    table = result.orders
    assert table["via"].tolist() == ["order", "order", "order", "margin_call", "margin_call"]
    assert table["amount"].tolist() == [200, 40, 1, -134, -27]
    assert table["status"].tolist() == ["filled", "filled", "rejected", "filled", "filled"]
    assert result.positions.groupby("session")["amount"].sum().tolist()[-2:] == [79, 79]
    assert "margin call: maintenance margin 360.00, equity 240.00" in str(result.explain(3))


def test_a_call_cancels_what_is_open(market, on_sessions):
    bundle = market.asset(1, CRASH).bundle()
    act = {0: lambda c, d: [order(sid(1), 200), order(sid(1), -100, limit_price=20.0)]}
    result = run(bundle, on_sessions(act), RegT())
    assert result.orders["reason"].tolist()[1] == "cancelled by a margin call"
    assert result.orders["amount"].tolist()[2] == -134  # the equity is 200, the initial margin 600: 66 shares stay
    assert result.positions["amount"].tolist()[-1] == 66


def test_orders_of_a_call_have_their_bar_before_a_policy_ends_them(market, on_sessions):
    bundle = market.asset(1, CRASH).bundle()
    act = on_sessions({0: lambda c, d: order(sid(1), 200)})
    result = run(bundle, act, RegT(), cancel=EODCancel())
    assert result.orders["status"].tolist() == ["filled", "filled"]


def test_without_equity_everything_goes(market, on_sessions):
    bundle = market.asset(1, [10.0, 10.0, 4.0, 4.0, 4.0]).bundle()
    result = run(bundle, on_sessions({0: lambda c, d: order(sid(1), 200)}), RegT())
    assert result.orders["amount"].tolist() == [200, -200]
    assert result.perf["ending_cash"].iloc[-1] == pytest.approx(-200)


def test_a_call_on_contracts(market, on_sessions):
    bundle = market.contract(3, "CLH21", [50.0, 50.0, 49.0, 49.0, 49.0], multiplier=10.0).bundle()
    act = on_sessions({0: lambda c, d: order(sid(3), 10)})
    result = run(bundle, act, RegT(futures={"CL": (100.0, 95.0)}))
    assert result.orders["amount"].tolist() == [10, -1]
    assert result.perf["portfolio_value"].tolist()[-1] == pytest.approx(900)


def test_record_and_stop(market, on_sessions):
    bundle = market.asset(1, CRASH).bundle()
    act = {0: lambda c, d: order(sid(1), 200)}
    result = run(bundle, on_sessions(act), RegT(), on_call="record")
    assert len(result.orders) == 1
    assert [call["session"] for call in result.info["margin"]["calls"]] == ["2021-03-03", "2021-03-04", "2021-03-05"]
    with pytest.raises(MarginCall, match=r"at the end of 2021-03-03: the positions need 300\.00") as caught:
        run(bundle, on_sessions(act), RegT(), on_call="stop")
    assert (caught.value.equity, caught.value.maintenance) == pytest.approx((200, 300))


def test_a_model_of_ones_own(market, on_sessions):
    class Half(MarginModel):
        def requirements(self, positions):
            needed = 0.5 * np.abs(positions.exposure)
            return needed, 0.8 * needed

    bundle = market.asset(1, [10.0] * 3).bundle()
    act = on_sessions({0: lambda c, d: [order(sid(1), 200), order(sid(1), 1)]})
    assert run(bundle, act, Half()).orders["status"].tolist() == ["filled", "rejected"]


def test_bad_parameters(market, on_sessions):
    bundle = market.asset(1, [10.0] * 2).bundle()
    for args, more, says in (
        ((RegT,), {}, "a MarginModel"),
        ((RegT(),), {"on_call": "liquidat"}, "Did you mean 'liquidate'"),
        ((RegT(),), {"on_order": "no"}, "'reject' or 'allow'"),
    ):
        with pytest.raises(BadParameter, match=says):
            run(bundle, None, *args, **more)
    for bad in ({"long": (0.2, 0.3)}, {"short": 0.5}, {"futures": {"CL": (1, -1)}}):
        with pytest.raises(BadParameter, match="a pair"):
            RegT(**bad)
    with pytest.raises(OnlyDuringInitialize):
        run(bundle, on_sessions({0: lambda c, d: set_margin(RegT())}))


@given(st.floats(0.01, 1.0), st.lists(st.tuples(st.integers(-500, 500), st.floats(1, 99)), min_size=1, max_size=6))
def test_what_a_call_leaves_can_be_carried(share, held):
    """Every position cut to E/I of its size, toward zero, needs at most E."""
    amount, price = np.array([n for n, _ in held]), np.array([p for _, p in held])

    def initial(n):
        return RegT().requirements(Positions([None] * len(n), n, n * price))[0].sum()

    equity = share * initial(amount)
    cut = np.trunc(amount * share)
    assert initial(cut) <= equity * (1 + 1e-12) + 1e-9


class Says(MarginModel):
    """A model that gives the answer it is told."""

    def __init__(self, answer):
        self.answer = answer

    def requirements(self, positions):
        return self.answer(positions)


def no_number(positions):
    return np.full((2, len(positions.amount)), np.nan)


@pytest.mark.parametrize(
    "answer",
    [
        no_number,
        lambda p: -no_number(p),
        lambda p: (-np.abs(p.exposure), np.abs(p.exposure)),
        lambda p: (np.abs(p.exposure), np.full(len(p.amount), np.inf)),
        lambda p: (np.zeros(7), np.zeros(7)),
        lambda p: (1.0, 1.0),
        lambda p: None,
        lambda p: np.abs(p.exposure),
        lambda p: ("much", "more"),
    ],
)
def test_what_a_margin_model_may_not_answer(market, on_sessions, answer):
    bundle = market.asset(1, [10.0] * 4).asset(2, [10.0] * 4).bundle()
    buy = {0: lambda c, d: [order(sid(s), 10) for s in (1, 2)]}
    with pytest.raises(BadParameter, match=r"(?s)Says.requirements.*2 numbers each, finite and not negative"):
        run(bundle, on_sessions(buy), Says(answer))


def test_a_model_may_answer_with_lists_and_what_it_writes_to_its_positions_stays_there(market, on_sessions):
    def answer(p):
        p.amount[:] = 0
        return [0.0] * len(p.amount), [0.0] * len(p.amount)

    bundle = market.asset(1, [10.0] * 4).bundle()
    result = run(bundle, on_sessions({0: lambda c, d: order(sid(1), 10)}), Says(answer))
    assert result.positions["amount"].tolist() == [10, 10, 10]


@pytest.mark.parametrize("initial", [0.0, 0.001])
def test_a_call_never_buys_even_when_holding_needs_more_than_opening(market, on_sessions, initial):
    bundle = market.asset(1, [10.0] * 4).bundle()
    model = Says(lambda p: (initial * np.abs(p.exposure), 4.0 * np.abs(p.exposure)))
    result = run(bundle, on_sessions({0: lambda c, d: order(sid(1), 50)}), model)
    # 500 of exposure need 2,000; 1,000 / 2,000 of 50 shares are left
    assert result.fills["amount"].tolist() == [50, -25]


def test_a_holding_past_its_life_needs_what_it_did_at_its_last_price(market, on_sessions):
    bundle = market.asset(1, [10.0] * 3, auto_close=6).asset(2, [10.0] * 7).bundle()
    actions = {0: lambda c, d: order(sid(1), 150), 4: lambda c, d: order(sid(2), 100)}
    result = run(bundle, on_sessions(actions), RegT())
    # 1,500 and 1,000 of exposure need 1,250; there are 1,000
    assert result.orders["status"].tolist() == ["filled", "rejected"]


def test_an_order_that_needs_no_more_than_without_it_is_not_rejected(market, on_sessions):
    bundle = market.asset(1, [10.0, 10.0, 6.0, 6.0, 6.0]).bundle()
    model = RegT(long=(0.5, 0.01), short=(0.5, 0.01))
    actions = {0: lambda c, d: order(sid(1), 200), 2: lambda c, d: order(sid(1), -400)}
    result = run(bundle, on_sessions(actions), model)
    # at 6: 600 are needed to open 1,200, the equity is 200; from 200 to −200 shares needs the same
    assert result.orders["status"].tolist() == ["filled", "filled"]


def test_a_call_orders_nothing_of_what_cannot_be_ordered_any_more(market, on_sessions):
    bundle = market.asset(1, [10.0, 10.0, 6.0], auto_close=5).asset(2, [10.0] * 6).bundle()
    result = run(bundle, on_sessions({0: lambda c, d: order(sid(1), 200)}), RegT())
    assert [call["session"] for call in result.info["margin"]["calls"]] == ["2021-03-03", "2021-03-04", "2021-03-05"]
    assert result.orders["via"].tolist() == ["order"]
