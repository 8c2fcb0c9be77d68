"""Trading controls, account controls and restrictions."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.api import RESTRICTION_STATES, HistoricalRestrictions, Restriction, StaticRestrictions
from tradewind.errors import AccountControlViolation, BadParameter, OnlyDuringInitialize, TradingControlViolation
from tradewind.exits import FAILED, exit_code
from tradewind.optimize import MaxGrossExposure, TargetWeights
from tradewind.restrictions import NoRestrictions, Restrictions, SecurityList, SecurityListRestrictions


def run(market, on_sessions, controls, actions, capital_base=10_000.0):
    def initialize(context):
        api.set_slippage(api.slippage.NoSlippage())
        api.set_commission(api.commission.NoCommission())
        controls()

    return run_algorithm(
        initialize=initialize,
        handle_data=None if actions is None else on_sessions(actions),
        capital_base=capital_base,
        bundle=market.bundle(),
    )


def buy(*orders):
    """Place orders of (sid, shares)."""
    return lambda c, d: [api.order(api.sid(sid), shares) for sid, shares in orders]


# name, controls, orders by session that pass, the one that does not, what is said
CASES = {
    "order size": (
        lambda **k: api.set_max_order_size(max_shares=10, **k),
        {0: (1, -10)},
        (1, 11),
        "11 shares are more",
    ),
    "order value": (
        lambda **k: api.set_max_order_size(max_notional=100, **k),
        {0: (1, 10)},
        (1, -11),
        "11 shares at 10 are worth more than max_notional=100",
    ),
    "one asset's order size": (
        lambda **k: api.set_max_order_size(api.sid(2), max_shares=10, **k),
        {0: (1, 11)},
        (2, 11),
        "max_shares=10",
    ),
    "position size": (
        lambda **k: api.set_max_position_size(max_shares=10, **k),
        {0: (1, 10), 1: (1, -20)},
        (1, 21),
        "11 shares are more than max_shares=10",
    ),
    "position value": (
        lambda **k: api.set_max_position_size(api.sid(1), max_notional=100, **k),
        {0: (1, 5), 1: (2, 99)},
        (1, 6),
        "11 shares at 10 are worth more",
    ),
    "long only": (lambda **k: api.set_long_only(**k), {0: (1, 5), 1: (1, -5)}, (1, -1), "leave -1 shares"),
    "restricted": (
        lambda **k: api.set_asset_restrictions(StaticRestrictions([api.sid(2)]), **k),
        {0: (1, 5)},
        (2, 1),
        "the asset is restricted",
    ),
    "do not order": (
        lambda **k: api.set_do_not_order_list([api.sid(2)], **k),
        {0: (1, 5)},
        (2, 0),  # orders of no shares are looked at, too
        "the asset is restricted",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_control_lets_pass_what_is_within_and_raises_for_what_is_not(market, on_sessions, case):
    control, passing, refused, said = CASES[case]
    market.asset(1, [10] * 6).asset(2, [10] * 6)
    fine = {session: buy(order) for session, order in passing.items()}
    assert len(run(market, on_sessions, control, fine).orders) == len(fine)
    with pytest.raises(TradingControlViolation, match=said) as caught:
        run(market, on_sessions, control, {**fine, 4: buy(refused)})
    assert (caught.value.asset.sid, caught.value.amount) == refused
    assert exit_code(caught.value) == FAILED


@pytest.mark.parametrize("case", CASES)
def test_with_log_the_violation_is_logged_and_the_order_placed(market, on_sessions, case, caplog):
    control, passing, (sid, shares), said = CASES[case]
    market.asset(1, [10] * 6).asset(2, [10] * 6)
    fine = {session: buy(order) for session, order in passing.items()}
    result = run(market, on_sessions, lambda: control(on_error="log"), {**fine, 4: buy((sid, shares))})
    assert len(result.orders) == len(fine) + (shares != 0)
    assert [said in r.getMessage() and "placed although" in r.getMessage() for r in caplog.records] == [True]


@pytest.mark.parametrize(("per_day", "placed"), [(2, [2, 2]), (0, [])])
def test_an_order_count_holds_a_day_and_counts_orders_of_no_shares(market, on_sessions, per_day, placed):
    market.asset(1, [10] * 4)
    seen = []

    def order(context, data):
        for shares in (5, 0, 5):
            try:
                api.order(api.sid(1), shares)
            except TradingControlViolation as error:
                seen.append((shares, error.control))

    result = run(market, on_sessions, lambda: api.set_max_order_count(per_day), {0: order, 1: order})
    assert result.perf["orders_count"].tolist()[0] == min(per_day, 1)
    refused = [5] if per_day == 2 else [5, 0, 5]
    assert seen == [(shares, "MaxOrderCount") for shares in refused * 2]
    assert len(result.orders) == len(placed)


def test_logged_orders_count_against_the_order_count(market, on_sessions, caplog):
    market.asset(1, [10] * 3)
    actions = {0: buy((1, 1), (1, 2), (1, 3))}
    result = run(market, on_sessions, lambda: api.set_max_order_count(1, on_error="log"), actions)
    assert result.orders["amount"].tolist() == [1, 2, 3]
    assert ["1 orders" in r.getMessage() for r in caplog.records] == [True, False]


def test_controls_look_in_the_order_in_which_they_were_set(market, on_sessions):
    def both():
        api.set_long_only()
        api.set_max_order_size(max_shares=1)

    market.asset(1, [10] * 3)
    with pytest.raises(TradingControlViolation, match="LongOnly forbids the order for -5 shares of Equity\\(1"):
        run(market, on_sessions, both, {0: buy((1, -5))})


def test_dates_of_an_asset_bound_its_orders(market, on_sessions):
    market.asset(1, [10] * 6).asset(2, [10, 10], first=3)
    control = api.set_asset_date_bounds
    run(market, on_sessions, control, {2: buy((2, 0)), 3: buy((2, 5))})
    with pytest.raises(TradingControlViolation, match="the asset starts on 2021-03-04"):
        run(market, on_sessions, control, {2: buy((2, 5))})


def test_an_optimal_portfolio_passes_the_controls_too_and_leaves_restricted_assets_alone(market, on_sessions):
    market.asset(1, [10] * 4).asset(2, [10] * 4)

    def rebalance(context, data):
        weights = pd.Series([0.5, 0.5], index=api.symbols("AAA", "BBB"))
        api.order_optimal_portfolio(TargetWeights(weights), [MaxGrossExposure(1.0)])

    with pytest.raises(TradingControlViolation, match="MaxOrderSize forbids the order for 500 shares"):
        run(market, on_sessions, lambda: api.set_max_order_size(max_shares=499), {0: rebalance})
    restricted = run(market, on_sessions, lambda: api.set_asset_restrictions([api.sid(2)]), {0: rebalance})
    assert restricted.orders[["sid", "amount"]].values.tolist() == [[1, 500]]


def test_restrictions_add_up_and_can_trade_knows_them(market, on_sessions):
    market.asset(1, [10] * 5).asset(2, [10] * 5).asset(3, [10] * 5)
    seen = []

    class Mondays(Restrictions):
        def is_restricted(self, assets, dt):
            monday = dt.weekday() == 0
            return monday if not isinstance(assets, list) else pd.Series(monday, index=assets)

    def controls():
        frozen, allowed = RESTRICTION_STATES.FROZEN, RESTRICTION_STATES.ALLOWED
        changes = [
            Restriction(api.sid(1), pd.Timestamp("2021-03-04"), allowed),
            Restriction(api.sid(1), pd.Timestamp("2021-03-03", tz="UTC"), frozen),
        ]
        api.set_asset_restrictions(HistoricalRestrictions(changes))
        api.set_asset_restrictions(StaticRestrictions([api.sid(2)]))
        api.set_asset_restrictions(Mondays())

    def look(context, data):
        assets = [api.sid(s) for s in (1, 2, 3)]
        several = data.can_trade(assets)
        assert several.tolist() == [data.can_trade(asset) for asset in assets]
        assert several.index.tolist() == assets
        seen.append("".join(str(a.sid) for a in assets if several[a]))

    run(market, on_sessions, controls, dict.fromkeys(range(5), look))
    assert seen == ["", "13", "3", "13", "13"]  # Monday to Friday


def test_restrictions_answer_for_one_asset_and_for_several(market):
    a, b, c = market.asset(1, [10]).asset(2, [10]).asset(3, [10]).bundle().finder.assets
    static, never = StaticRestrictions([a]), NoRestrictions()
    changing = HistoricalRestrictions([Restriction(b, "2021-03-02", RESTRICTION_STATES.FROZEN)])
    listed = SecurityListRestrictions(SecurityList({"2021-03-01": {"add": [c]}, "2021-03-03": {"delete": [c]}}, int))
    every = static | never | changing | listed
    wanted = {"2021-02-28": [1, 0, 0], "2021-03-01": [1, 0, 1], "2021-03-02": [1, 1, 1], "2021-03-03 12:00": [1, 1, 0]}
    for day, restricted in wanted.items():
        assert every.is_restricted([a, b, c], pd.Timestamp(day, tz="UTC")).tolist() == restricted
        assert [every.is_restricted(asset, day) for asset in (a, b, c)] == [bool(r) for r in restricted]


def test_restrictions_may_name_sids_a_single_asset_and_plain_tuples(market):
    a, b = market.asset(1, [10]).asset(2, [10]).bundle().finder.assets
    assert [StaticRestrictions([1]).is_restricted(asset, "2021-03-01") for asset in (a, b)] == [True, False]
    assert StaticRestrictions(b).is_restricted(b, "2021-03-01")
    for changes in (Restriction(a, "2021-03-01", 1), [(a, "2021-03-01", RESTRICTION_STATES.FROZEN)]):
        assert HistoricalRestrictions(changes).is_restricted(a, "2021-03-01")
    assert (RESTRICTION_STATES.ALLOWED, RESTRICTION_STATES.FROZEN) == (0, 1)


def test_a_list_of_ones_own_restricts_by_the_time(market, on_sessions):
    class Tuesdays:
        def current_securities(self, dt):
            return [api.sid(1)] if dt.weekday() == 1 else []

    market.asset(1, [10] * 4)
    seen = []
    look = dict.fromkeys(range(4), lambda c, d: seen.append(d.can_trade(api.sid(1))))
    run(market, on_sessions, lambda: api.set_asset_restrictions(SecurityListRestrictions(Tuesdays())), look)
    assert seen == [True, False, True, True]
    with pytest.raises(BadParameter, match="security_list_by_dt was"):
        SecurityListRestrictions([1])


def test_a_contract_below_zero_is_worth_something_to_a_control(market, on_sessions):
    market.contract(1, "CLM21", [-10.0] * 4, multiplier=100.0)
    control = lambda: api.set_max_order_size(max_notional=5_000)  # noqa: E731
    assert len(run(market, on_sessions, control, {1: buy((1, 5))}).orders) == 1
    with pytest.raises(TradingControlViolation, match="6 shares at -10 are worth more than max_notional=5000"):
        run(market, on_sessions, control, {1: buy((1, -6))})


def test_a_security_list_is_a_container_of_today(market):
    a, b = market.asset(1, [10]).asset(2, [10]).bundle().finder.assets
    now = [pd.Timestamp("2021-03-02").value]
    found = SecurityList({"2021-03-01": {"add": [b, a]}, "2021-03-03": {"delete": [b]}}, lambda: now[0])
    assert (a in found, b in found, len(found), list(found)) == (True, True, 2, [a, b])
    now[0] = pd.Timestamp("2021-03-03").value
    assert (a in found, b in found, len(found)) == (True, False, 1)
    assert found.current_securities("2021-02-01") == frozenset()


@pytest.mark.parametrize("scheduled", [False, True])
def test_leverage_is_looked_at_when_sessions_end(market, on_sessions, scheduled):
    market.asset(1, [10, 10, 20, 20, 20])
    short = {0: buy((1, -500))}

    def limit(most):
        api.set_max_leverage(most)
        if scheduled:  # without handle_data, sessions on which nobody acts are not run event by event
            api.schedule_function(short[0], api.date_rules.month_start())

    with pytest.raises(AccountControlViolation, match=r"leverage is 2\.0000, above max_leverage=1\.5") as caught:
        run(market, on_sessions, lambda: limit(1.5), None if scheduled else short)
    assert caught.value.__notes__ == ["simulated time: 2021-03-03 (trading)"]
    assert exit_code(caught.value) == FAILED
    run(market, on_sessions, lambda: limit(2.0), None if scheduled else short)


def test_a_least_leverage_holds_after_its_grace_period(market, on_sessions):
    market.asset(1, [10] * 6)
    for days, error in ((3, None), (1, AccountControlViolation)):
        control = lambda days=days: api.set_min_leverage(0.4, timedelta(days=days))  # noqa: E731
        actions = {2: buy((1, 500))}  # held from 4 March on
        if error is None:
            assert run(market, on_sessions, control, actions).perf["gross_leverage"].iloc[-1] == 0.5
        else:
            with pytest.raises(error, match=r"leverage is 0\.0000, below min_leverage=0\.4"):
                run(market, on_sessions, control, actions)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: api.set_max_order_size(), "at least one of the two"),
        (lambda: api.set_max_position_size(max_shares=-1), "max_shares was -1"),
        (lambda: api.set_max_order_size(max_notional=np.nan), "max_notional was nan"),
        (lambda: api.set_max_order_count(-1), "max_count was -1"),
        (lambda: api.set_long_only(on_error="fial"), "Did you mean 'fail'"),
        (lambda: api.set_max_leverage(None), "max_leverage was None"),
        (lambda: api.set_min_leverage(1.0, 5), "grace_period was 5"),
        (lambda: api.set_asset_restrictions(["AAA"]), "restrictions was 'AAA'"),
        (lambda: api.set_do_not_order_list(7.5), "restrictions was 7.5"),
        (lambda: api.set_do_not_order_list("AAA"), "restrictions was 'AAA'"),
        (lambda: StaticRestrictions(["AAA"]), "restricted_list was 'AAA'"),
        (lambda: HistoricalRestrictions([Restriction("AAA", "2021-03-01", 1)]), "Restriction.asset was 'AAA'"),
        (lambda: HistoricalRestrictions([Restriction(api.sid(1), "2021-03-01", "FROZEN")]), "state was 'FROZEN'"),
        (lambda: api.set_max_order_size("AAA", max_shares=1), "asset was 'AAA'"),
        (lambda: api.set_max_position_size([api.sid(1)], max_shares=1), "asset was "),
        (lambda: api.set_max_order_size(max_shares="5"), "max_shares was '5'"),
        (lambda: api.set_max_order_count(np.inf), "max_count was inf"),
        (lambda: api.set_max_order_count(2.5), "max_count was 2.5; it must be a whole number"),
        (lambda: api.set_max_leverage("2"), "max_leverage was '2'"),
        (lambda: api.set_min_leverage(1.0, pd.NaT), "grace_period was NaT"),
        (lambda: HistoricalRestrictions([Restriction(None, "soon", 1)]), "effective_date was 'soon'"),
        (lambda: api.set_slippage(api.slippage.NoSlippage), "a SlippageModel"),
        (lambda: api.set_commission(5.0), "model was 5.0"),
    ],
)
def test_limits_that_mean_nothing_are_refused(market, on_sessions, call, said):
    market.asset(1, [10])
    with pytest.raises(BadParameter, match=said):
        run(market, on_sessions, call, {})


@pytest.mark.parametrize(
    "call",
    [
        lambda: api.set_long_only(),
        lambda: api.set_max_leverage(1),
        lambda: api.set_min_leverage(1, timedelta(1)),
        lambda: api.set_asset_restrictions([]),
    ],
)
def test_controls_are_set_in_initialize_only(market, on_sessions, call):
    market.asset(1, [10] * 2)
    with pytest.raises(OnlyDuringInitialize):
        run(market, on_sessions, lambda: None, {0: lambda c, d: call()})


def test_context_offers_settings_and_controls(market, on_sessions):
    market.asset(1, [10] * 3)

    def initialize(context):
        context.set_long_only()
        context.set_commission(api.commission.NoCommission())

    with pytest.raises(TradingControlViolation):
        run_algorithm(initialize=initialize, handle_data=on_sessions({0: buy((1, -1))}), bundle=market.bundle())


def test_a_batch_passes_the_controls_too(market, on_sessions):
    market.asset(1, [10] * 3).asset(2, [10] * 3)
    batch = lambda c, d: api.batch_market_order({api.sid(1): 5, api.sid(2): 50})  # noqa: E731
    with pytest.raises(TradingControlViolation, match="50 shares of Equity\\(2"):
        run(market, on_sessions, lambda: api.set_max_order_size(max_shares=10), {0: batch})
    result = run(market, on_sessions, lambda: api.set_max_order_size(max_shares=10, on_error="log"), {0: batch})
    assert result.events[["order_id", "event", "after"]].values.tolist() == [[1, "controlled", 50]]
