"""order_optimal_portfolio inside a run: holdings, differences, what may not trade, what is recorded."""

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
import tradewind.optimize as opt
from tradewind import run_algorithm


def run(market, handle_data, initialize=None):
    return run_algorithm(initialize=initialize, handle_data=handle_data, capital_base=10_000.0, bundle=market.bundle())


def toward(weights, *constraints):
    """Order toward weights by sid; keep the answer on the context."""

    def trade(context, data):
        targets = {api.sid(sid): weight for sid, weight in weights.items()}
        context.answer = api.order_optimal_portfolio(opt.TargetWeights(targets), list(constraints))

    return trade


def test_weights_become_whole_shares_and_the_answer_maps_assets_to_orders(market, free, on_sessions):
    market.asset(1, [10] * 4).asset(2, [7] * 4).asset(3, [5] * 4)
    kept = {}

    def trade(context, data):
        toward({1: 0.5, 2: -0.3, 3: 0.0})(context, data)
        kept["answer"] = context.answer

    result = run(market, on_sessions({0: trade}), free)
    assert isinstance(kept["answer"], pd.Series)
    assert {asset.sid: identifier for asset, identifier in kept["answer"].items()} == {1: "0" * 32, 2: "0" * 31 + "1"}
    assert result.orders["amount"].tolist() == [500, -428]
    assert set(result.orders["via"]) == {"order_optimal_portfolio"}


def test_the_same_target_again_orders_nothing_even_before_the_fill(market, free, on_sessions):
    market.asset(1, [10] * 5)
    again = {n: toward({1: 0.5}) for n in (0, 1, 2)}
    slow = {**again, 0: lambda c, d: (toward({1: 0.5})(c, d), toward({1: 0.5})(c, d))}
    assert run(market, on_sessions(slow), free).orders["amount"].tolist() == [500]


def test_current_weights_include_what_is_on_its_way(market, free, on_sessions):
    market.asset(1, [10] * 4).asset(2, [10] * 4)
    seen = []

    def later(context, data):
        weights = opt.calculate_optimal_portfolio(opt.TargetWeights({api.sid(2): 0.2}), [opt.Frozen([api.sid(1)])])
        seen.append({asset.sid: weight for asset, weight in weights.items()})

    run(market, on_sessions({0: lambda c, d: (api.order(api.sid(1), 300), later(c, d))}), free)
    assert seen == [{1: pytest.approx(0.3), 2: pytest.approx(0.2)}]


def test_frozen_never_trades(market, free, on_sessions):
    prices = 10 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.03, 25)))
    market.asset(1, prices).asset(2, prices[::-1])

    def rebalance(context, data):
        api.order_optimal_portfolio(opt.TargetWeights({api.sid(2): 0.4}), [opt.Frozen([api.sid(1)])])

    actions = {0: lambda c, d: api.order(api.sid(1), 333)} | dict.fromkeys(range(2, 24), rebalance)
    result = run(market, on_sessions(actions), free)
    assert result.orders.loc[result.orders["sid"] == 1, "amount"].tolist() == [333]
    assert (result.orders["sid"] == 2).sum() > 10


def test_what_cannot_trade_is_frozen_and_named_in_the_log(market, free, on_sessions, caplog):
    market.asset(1, [10] * 6).asset(2, [20, 20, 20], auto_close=5).asset(3, [5] * 2, first=4)
    actions = {0: toward({1: 0.3, 2: 0.3}), 3: toward({1: 0.5, 2: 0.0, 3: 0.2})}
    result = run(market, on_sessions(actions), free)
    assert result.orders[["sid", "amount"]].values.tolist() == [[1, 300], [2, 150], [1, 200]]
    assert "frozen in order_optimal_portfolio" in caplog.text
    assert "BBB" in caplog.text
    assert "CCC" in caplog.text


def test_calls_and_binding_rows_are_recorded(market, free, on_sessions):
    market.asset(1, [10] * 4).asset(2, [10] * 4)

    def trade(context, data):
        limits = [opt.MaxGrossExposure(0.8), opt.PositionConcentration.with_equal_bounds(-0.5, 0.5)]
        api.order_optimal_portfolio(opt.MaximizeAlpha({api.sid(1): 2.0, api.sid(2): 1.0}), limits)

    result = run(market, on_sessions({1: trade}), free)
    call = result.optimizer.iloc[0]
    assert (call["status"], call["call"]) == ("optimal", 0)
    assert call["objective"] == pytest.approx(1.3)
    assert call["residual"] <= 1e-8
    assert call["session"] == result.perf.index[1]
    rows = result.duals.set_index("constraint")
    assert rows.loc["MaxGrossExposure(0.8)", ["value", "bound"]].tolist() == pytest.approx([0.8, 0.8])
    assert rows.loc["MaxGrossExposure(0.8)", "shadow_price"] == pytest.approx(1.0)
    held = rows.loc[[name for name in rows.index if name.startswith("PositionConcentration")]]
    assert held[["side", "bound"]].values.tolist() == [["upper", 0.5]]
    assert held["shadow_price"].iloc[0] == pytest.approx(1.0)


def test_an_impossible_portfolio_stops_the_run_unless_caught(market, free, on_sessions):
    market.asset(1, [10] * 4)

    def wrong(context, data):
        fixed = opt.FixedWeight(api.sid(1), 0.4)
        api.order_optimal_portfolio(opt.TargetWeights({api.sid(1): 0.5}), [fixed, opt.MaxGrossExposure(0.1)])

    def caught(context, data):
        with pytest.raises(opt.InfeasibleConstraints):
            wrong(context, data)

    with pytest.raises(opt.InfeasibleConstraints, match="FixedWeight"):
        run(market, on_sessions({0: wrong}), free)
    result = run(market, on_sessions({0: caught}), free)
    assert result.optimizer["status"].tolist() == ["infeasible"]
    assert len(result.perf) == 4
