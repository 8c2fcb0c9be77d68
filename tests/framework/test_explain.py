"""Every order has a story: asked, rounded, controlled, split, filled, and why it ended."""

import numpy as np
import pandas as pd
import pytest

import tradewind.api as api
from tradewind import Result, run_algorithm
from tradewind.errors import BadParameter
from tradewind.optimize import MaxGrossExposure, TargetWeights


class InPython(api.slippage.VolumeShareSlippage):
    """The same model on the path of models of one's own."""

    def process_order(self, data, order):
        return super().process_order(data, order)


def run(market, on_sessions, actions, slip=None, settle=lambda: None):
    def initialize(context):
        api.set_slippage(slip or api.slippage.NoSlippage())
        api.set_commission(api.commission.PerShare(0.01))
        settle()

    return run_algorithm(
        initialize=initialize, handle_data=on_sessions(actions), capital_base=10_000.0, bundle=market.bundle()
    )


@pytest.mark.parametrize(
    ("verb", "asked", "shares", "amount"),
    [
        ("order", 7.6, 7.6, 7),
        ("order_value", 1_000.0, 1_000 / 30, 33),
        ("order_percent", 0.1, 1_000 / 30, 33),
        ("order_target", -3, -3.0, -3),
        ("order_target_value", 1_000.0, 1_000 / 30, 33),
        ("order_target_percent", 0.1, 1_000 / 30, 33),
        ("batch_market_order", 5.5, 5.5, 5),
    ],
)
def test_what_was_asked_and_what_it_came_to_before_rounding(market, on_sessions, verb, asked, shares, amount):
    market.asset(1, [30] * 3)

    def act(context, data):
        if verb.startswith("batch"):
            api.batch_market_order({api.sid(1): asked})
        else:
            getattr(api, verb)(api.sid(1), asked)

    order = run(market, on_sessions, {0: act}).orders.iloc[0]
    assert (order["via"], order["asked"], order["amount"]) == (verb, asked, amount)
    assert order["shares"] == pytest.approx(shares, rel=1e-15)


def test_an_optimal_portfolio_asks_for_weights(market, on_sessions):
    market.asset(1, [30] * 4)

    def rebalance(context, data):
        weights = pd.Series([0.5 if context.bar == 0 else 0.25], index=[api.sid(1)])
        api.order_optimal_portfolio(TargetWeights(weights), [MaxGrossExposure(1.0)])

    orders = run(market, on_sessions, {0: rebalance, 2: rebalance}).orders
    np.testing.assert_allclose(orders["asked"], [0.5, 0.25], rtol=1e-9)
    np.testing.assert_allclose(orders["shares"], [5_000 / 30, 0.25 * (10_000 - 1.66) / 30 - 166], rtol=1e-9)
    assert orders["amount"].tolist() == [166, -83]


@pytest.mark.parametrize("model", [api.slippage.VolumeShareSlippage(0.1, 0.0), InPython(0.1, 0.0)])
def test_the_bars_an_order_waited_are_counted_by_reason(market, on_sessions, model):
    market.asset(1, [10, np.nan, 12, 12, 9, 9, 9], volume=1_000)

    def orders(context, data):
        api.order(api.sid(1), 150, limit_price=10)  # no trade, limit not reached twice, then 100 and 50
        api.order(api.sid(1), 20)  # no trade, 20 at 12
        api.order(api.sid(1), 300)  # no trade, 80, 100, full, 50, 70

    result = run(market, on_sessions, {0: orders}, model)
    waits = result.orders[["bars_untraded", "bars_unreached", "bars_full", "bars_beyond_limit"]]
    assert waits.values.tolist() == [[1, 2, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0]]
    assert result.fills[["order_id", "amount"]].values.tolist() == [
        [1, 20], [2, 80], [2, 100], [0, 100], [0, 50], [2, 50], [2, 70],
    ]  # fmt: skip
    story = result.explain(2)
    assert story.steps["left"].tolist() == [300, 220, 120, 70, 0]
    assert story.waits == {"without a trade": 1, "without room for it": 1}
    assert "waited            1 bar without a trade, 1 bar without room for it" in str(story)
    assert "filled: 80 at 12, commission 0.8, 220 left: the slippage model gave no more of this bar" in str(story)


class Free(api.commission.PerShare):
    """A commission of one's own: fills go through the models' methods."""

    def calculate(self, order, transaction):
        return 0.0


@pytest.mark.parametrize("cost", [api.commission.NoCommission(), Free()])
def test_a_price_moved_beyond_the_limit_is_a_reason_to_wait(market, on_sessions, cost):
    market.asset(1, [10] * 4, volume=1_000)
    model = api.slippage.VolumeShareSlippage(0.1, 50.0)
    orders = {0: lambda c, d: api.order(api.sid(1), 100, limit_price=10.5)}
    result = run(market, on_sessions, orders, model, lambda: api.set_commission(cost))
    assert result.orders["bars_beyond_limit"].tolist() == [3]
    assert str(result.explain(0)).splitlines()[1:] == [
        "  2021-03-01 21:00  placed: 100 shares, limit 10.5",
        "  waited            3 bars at a price beyond its limit",
        "  2021-03-04 21:00  open: open when the run ended, 100 shares were not filled",
    ]


def test_a_story_from_asking_over_a_control_and_a_split_to_the_end(market, on_sessions):
    market.asset(1, [10, 10, 5, 5, 5, 5], volume=1_000).split(1, 2, 2, 1)
    buy = lambda c, d: api.order_value(api.sid(1), 2_508, limit_price=10)  # noqa: E731
    actions = {0: buy, 3: lambda c, d: api.cancel_order(0)}
    limits = lambda: api.set_max_order_size(max_shares=100, on_error="log")  # noqa: E731
    result = run(market, on_sessions, actions, api.slippage.FixedBasisPointsSlippage(0, 0.1), limits)
    story = result.explain("0" * 32)
    more = ": the slippage model gave no more of this bar"
    assert str(story) == "\n".join(
        [
            "order 0: order_value(AAA, 2508)",
            "  2021-03-01 21:00  placed: 250 shares, rounded from 250.8000, limit 10",
            "  2021-03-01 21:00  placed although MaxOrderSize forbids it: 250 shares are more than max_shares=100",
            f"  2021-03-02 21:00  filled: 100 at 10, commission 1, 150 left{more}",
            "  2021-03-03 14:31  split: 250 shares became 500 in a 2:1 split",
            f"  2021-03-03 21:00  filled: 100 at 5, commission 2, 200 left{more}",
            f"  2021-03-04 21:00  filled: 100 at 5, commission 1, 100 left{more}",
            "  2021-03-04 21:00  cancelled by the algorithm, 100 shares were not filled",
        ]
    )
    assert story.steps["step"].tolist() == ["placed", "controlled", "filled", "split", "filled", "filled", "cancelled"]
    assert story.steps["left"].tolist() == [250, 250, 150, 300, 200, 100, 100]


def test_what_kept_orders_from_being_placed_and_the_totals(market, on_sessions, tmp_path):
    market.asset(1, [10] * 5).asset(2, [10, 10], first=3).asset(3, [10, 10], auto_close=3)

    def orders(context, data):
        api.order(api.sid(1), 5)
        api.order(api.sid(2), 7)
        api.order(api.sid(1), 3, limit_price=1)

    result = run(market, on_sessions, {0: orders, 4: lambda c, d: api.order_target_percent(api.sid(3), 0.5)})
    assert result.events[["event", "sid", "detail"]].values.tolist() == [
        ["not placed", 2, "the asset is not listed yet"],
        ["not placed", 3, "order_target_percent: the asset was delisted"],
    ]
    assert result.events["order_id"].isna().all()
    assert result.outcomes[["orders", "asked", "filled"]].to_dict("index") == {
        ("filled", "filled"): {"orders": 1, "asked": 5, "filled": 5},
        ("not placed", "order_target_percent: the asset was delisted"): {"orders": 1, "asked": 0, "filled": 0},
        ("not placed", "the asset is not listed yet"): {"orders": 1, "asked": 7, "filled": 0},
        ("open", "open when the run ended"): {"orders": 1, "asked": 3, "filled": 0},
    }
    again = Result.load(result.save(tmp_path / "run"))
    pd.testing.assert_frame_equal(again.outcomes, result.outcomes)
    assert str(again.explain(1)) == str(result.explain(1))


def test_an_unknown_order_is_refused(market, on_sessions):
    market.asset(1, [10] * 2)
    result = run(market, on_sessions, {})
    for unknown in (0, "f" * 32, "what", -1):
        with pytest.raises(BadParameter, match="an order of this run, which placed none"):
            result.explain(unknown)
    assert len(result.outcomes) == 0


def test_an_unknown_order_is_met_with_the_orders_there_are(market, on_sessions):
    market.asset(1, [10] * 3).asset(2, [10] * 3)
    orders = lambda c, d: [api.order(api.sid(sid), 5) for sid in (1, 2, 1)]  # noqa: E731
    result = run(market, on_sessions, {0: orders})
    assert result.explain("0" * 31 + "2").order["sid"] == 1
    said = {
        "AAA": "not a symbol: those of AAA are 0, 2",
        7: "0 to 2, or its id",
        "2": "0 to 2, or its id",
        "0" * 31 + "a": "Did you mean '00000000000000000000000000000002'",
    }
    for unknown, words in said.items():
        with pytest.raises(BadParameter, match=words):
            result.explain(unknown)


def test_a_number_snapped_to_a_whole_one_is_told_with_its_digits(market, on_sessions):
    market.asset(1, [10] * 3)
    result = run(market, on_sessions, {0: lambda c, d: api.order_target(api.sid(1), 5.99999)})
    assert "placed: 6 shares, rounded from 5.99999" in str(result.explain(0))
