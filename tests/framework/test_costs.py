"""Slippage and commission: the formulas, room in a bar, limits, and models of one's own."""

from dataclasses import replace

import numpy as np
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.api import commission, slippage
from tradewind.errors import BadFill, BadParameter
from tradewind.semantics import TRADEWIND
from tradewind_data.assets import Equity, Future


class SameInPython(slippage.VolumeShareSlippage):
    """A subclass that overrides the method runs in Python."""

    def process_order(self, data, order):
        return super().process_order(data, order)


class FiveCents(commission.PerShare):
    def calculate(self, order, transaction):
        return 0.05 * abs(transaction.amount)


def run(market, orders, slip=None, cost=None, **more):
    def initialize(context):
        api.set_slippage(slip or slippage.NoSlippage())
        api.set_commission(cost or commission.NoCommission())

    def handle_data(context, data):
        context.n = getattr(context, "n", -1) + 1
        for amount, prices in orders if context.n == 0 else []:
            api.order(api.sid(1), amount, **prices)

    return run_algorithm(
        initialize=initialize, handle_data=handle_data, capital_base=1e6, bundle=market.bundle(), **more
    )


def fills(result):
    return [tuple(row) for row in result.fills[["order_id", "amount", "price"]].astype(float).values.tolist()]


def test_fixed_slippage_pays_half_the_spread(market):
    market.asset(1, [10, 10, 10])
    assert fills(run(market, [(5, {}), (-5, {})], slippage.FixedSlippage(0.2))) == [(0, 5, 10.1), (1, -5, 9.9)]


@pytest.mark.parametrize("model", [slippage.VolumeShareSlippage(0.1, 0.5), SameInPython(0.1, 0.5)])
def test_volume_share_fills_what_has_room_and_moves_the_price(market, model):
    market.asset(1, [10] * 5, volume=1_000)
    got = fills(run(market, [(60, {}), (150, {})], model))
    impact = [0.06, 0.1, 0.1, 0.01]
    sizes = [60, 40, 100, 10]
    wanted = [
        (order, size, 10 + share * share * 0.5 * 10)
        for order, size, share in zip([0, 1, 1, 1], sizes, impact, strict=True)
    ]
    assert [row[:2] for row in got] == [row[:2] for row in wanted]
    np.testing.assert_allclose([row[2] for row in got], [row[2] for row in wanted], rtol=1e-15)


def test_basis_points_share_a_tenth_of_the_volume(market):
    market.asset(1, [10] * 4, volume=1_005)
    got = fills(run(market, [(-80, {}), (-80, {})], slippage.FixedBasisPointsSlippage()))
    assert got == [(0, -80, 9.995), (1, -20, 9.995), (1, -60, 9.995)]


def test_the_defaults_are_five_basis_points_and_a_tenth_of_a_cent(market, on_sessions):
    market.asset(1, [100] * 3)
    buy = on_sessions({0: lambda c, d: api.order(api.sid(1), 10)})
    result = run_algorithm(handle_data=buy, bundle=market.bundle())
    assert result.fills[["price", "commission"]].values.tolist() == [[100.05, 0.01]]
    assert result.info["capital_base"] == 10_000_000


@pytest.mark.parametrize(("ours", "price"), [(True, 10.0), (False, 10.1)])
def test_a_limit_caps_the_price_of_every_model(market, ours, price):
    market.asset(1, [10, 10, 10])
    semantics = replace(TRADEWIND, limit_caps_price=ours)
    order = [(5, {"limit_price": 10.0})]
    result = run(market, order, slippage.FixedSlippage(0.2), semantics=semantics)
    assert result.fills["price"].tolist() == [price]
    in_python = run(market, order, slippage.FixedSlippage(0.2), FiveCents(), semantics=semantics)
    assert in_python.fills["price"].tolist() == [price]


def test_volume_share_waits_rather_than_break_a_limit(market):
    market.asset(1, [10, 10, 9], volume=1_000)
    model = slippage.VolumeShareSlippage(0.1, 0.5)
    got = fills(run(market, [(100, {"limit_price": 10.0}), (20, {})], model))
    assert [row[0] for row in got] == [1, 0]


@pytest.mark.parametrize(
    ("model", "charges"),
    [
        (commission.PerShare(0.01), [0.5, 0.5]),
        (commission.PerShare(0.01, 0.75), [0.75, 0.25]),
        (commission.PerShare(0.01, 2.0), [2.0, 0.0]),
        (commission.PerTrade(3.0), [3.0, 0.0]),
        (commission.PerTrade(0.0), [0.0, 0.0]),
        (commission.PerDollar(0.001), [0.5, 0.5]),
        (FiveCents(), [2.5, 2.5]),
    ],
)
def test_commission_over_two_fills_of_one_order(market, model, charges):
    market.asset(1, [10] * 4, volume=500)
    result = run(market, [(100, {})], slippage.FixedBasisPointsSlippage(0.0, 0.1), model)
    assert result.fills["commission"].tolist() == pytest.approx(charges)
    assert result.orders["commission"][0] == pytest.approx(sum(charges))
    assert result.perf["ending_cash"].iloc[-1] == pytest.approx(1e6 - 1_000 - sum(charges))


def test_commission_raises_the_basis_of_a_long_and_lowers_that_of_a_short(market):
    market.asset(1, [10] * 3)
    for amount, basis in ((100, 10.05), (-100, 9.95)):
        result = run(market, [(amount, {})], cost=commission.PerTrade(5.0))
        assert result.positions["cost_basis"].iloc[-1] == pytest.approx(basis)


def test_a_model_of_ones_own_decides_price_and_amount(market):
    class Thirds(slippage.SlippageModel):
        def process_order(self, data, order):
            if self.volume_for_bar:
                return None, None
            return data.current(order.asset, "close") + 1, order.open_amount // 3 + 1

    market.asset(1, [10] * 5)
    assert fills(run(market, [(7, {}), (1, {})], Thirds()))[:3] == [(0, 3, 11.0), (0, 2, 11.0), (0, 1, 11.0)]


class RootImpact(slippage.MarketImpactBase):
    """Half the volume; impact of √(share of the mean volume)·σ in the price's currency."""

    def get_txn_volume(self, data, order):
        return data.current(order.asset, "volume") / 2

    def get_simulated_impact(self, order, current_price, current_volume, txn_volume, mean_volume, volatility):
        return current_price * volatility * np.sqrt(txn_volume / mean_volume)


def impact_market(market, sessions=26):
    closes = [10 + 0.1 * (-1) ** i + 0.01 * i for i in range(sessions)]
    market.asset(1, closes, volume=[1_000 + 10 * i for i in range(sessions)], high_low=0.5)
    return np.array(closes)


@pytest.mark.parametrize(("amount", "on"), [(100, 21), (-2_000, 22), (100, 5)])
def test_market_impact_knows_volume_and_volatility_of_twenty_sessions(market, on_sessions, amount, on):
    close = impact_market(market)
    orders = on_sessions({on - 1: lambda c, d: api.order(api.sid(1), amount)})

    def initialize(context):
        api.set_slippage(RootImpact())
        api.set_commission(commission.NoCommission())

    result = run_algorithm(initialize=initialize, handle_data=orders, bundle=market.bundle())
    volume = 1_000 + 10 * np.arange(26)
    shares = min(abs(amount), volume[on] // 2)
    impact = 10 / 10_000  # of a session too early to know
    if on >= 20:
        past = close[on - 20 : on]
        sigma = np.std(past[1:] / past[:-1] - 1, ddof=1) * np.sqrt(252)
        impact = sigma * np.sqrt(shares / volume[on - 20 : on].mean())
    first = result.fills.iloc[0]
    assert first["amount"] == np.sign(amount) * shares
    assert first["price"] == pytest.approx(close[on] * (1 + np.sign(amount) * impact), rel=1e-13)


def test_market_impact_waits_rather_than_break_a_limit(market):
    market.asset(1, [10] * 4)
    assert fills(run(market, [(5, {"limit_price": 10.0}), (5, {})], RootImpact())) == [(1, 5, 10.01)]


class FuturesAre:
    """Models for futures, asked directly: an order and a transaction of a contract."""

    class Asset:
        symbol = "CLF21"

    def __init__(self, amount, filled=0, paid=0.0):
        self.asset, self.amount, self.filled, self.commission = self.Asset, amount, filled, paid
        self.open_amount, self.direction, self.limit = amount, int(np.sign(amount)), None


@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        (commission.PerContract(0.85, 1.5), 10 * 0.85 + 1.5, 5 * 0.85),
        (commission.PerContract({"CL": 2.0}, {"CL": 1.0, "ES": 9.0}), 21.0, 10.0),
        (commission.PerContract(0.1, 0.5, min_trade_cost=1.8), 1.8, 0.2),
        (commission.PerContract(0.1, 0.5, min_trade_cost=5.0), 5.0, 0.0),
        (commission.PerFutureTrade(3.0), 3.0, 0.0),
        (commission.PerFutureTrade({"CL": 4.0}), 4.0, 0.0),
    ],
)
def test_commission_of_contracts(model, first, second):
    assert model.calculate(FuturesAre(-15), FuturesAre(-10)) == pytest.approx(first)
    assert model.calculate(FuturesAre(-15, -10, first), FuturesAre(-5)) == pytest.approx(second)


def test_impact_on_futures_by_root():
    terms = {"current_price": 50.0, "current_volume": 1e4, "txn_volume": 25, "mean_volume": 1e4, "volatility": 0.3}
    for eta, found in (
        (None, 0.04852544628414196),
        (0.5, 0.5),
        ({"CL": 0.2}, 0.2),
        ({"ES": 0.2}, 0.04852544628414196),
    ):
        model = slippage.VolatilityVolumeShare(0.05, eta)
        got = model.get_simulated_impact(FuturesAre(25), **terms)
        assert got == pytest.approx(50 * found * 0.3 * 0.05 / 1e4, rel=1e-14)


def test_a_model_for_the_other_asset_class_is_refused(market):
    market.asset(1, [10])
    with pytest.raises(BadParameter, match=r"a model for Equity \(the allowed_asset_types of this one: Future\)"):
        run(market, [], slippage.VolatilityVolumeShare())
    with pytest.raises(BadParameter, match="a model for Equity"):
        run(market, [], cost=commission.PerContract(1, 1))


def test_a_root_that_the_costs_do_not_name_has_the_usual_ones():
    one = FuturesAre(1)
    assert commission.PerContract({"ES": 1}, {"ES": 1}).calculate(one, one) == pytest.approx(0.85 + 1.50)
    assert commission.PerContract().calculate(one, one) == pytest.approx(0.85 + 1.50)


def answering(answer):
    """A slippage model that gives this answer, whatever the order."""

    class Model(slippage.SlippageModel):
        def process_order(self, data, order):
            return answer

    return Model()


@pytest.mark.parametrize("answer", [None, 10.0, (10.0, 5, 1), "ok?"])
def test_an_answer_that_is_no_pair_is_told_as_the_models(market, answer):
    market.asset(1, [10] * 3)
    with pytest.raises(BadFill, match=r"Model\(\) gave .*; it must be a pair \(price, shares\), or \(None, None\)"):
        run(market, [(5, {})], answering(answer))


def test_a_model_of_ones_own_says_what_it_is_for_and_decides_in_one_method(market):
    class Shares(slippage.NoSlippage):
        allowed_asset_types = (Equity,)

    class Simulating(slippage.NoSlippage):
        def simulate(self, data, asset, orders):
            """Written for the original engine, which calls this for each asset."""

    class Deciding(slippage.SlippageModel):
        pass

    refused = [
        (lambda: api.set_slippage(us_futures=Shares()), "a model for Future .*: Equity"),
        (lambda: api.set_commission(us_futures=commission.PerShare()), "a model for Future .*: Equity"),
        (lambda: api.set_commission(us_futures=commission.PerDollar()), "a model for Future .*: Equity"),
        (lambda: api.set_slippage(Simulating()), r"without simulate\(…\), which nobody calls: define process_order"),
        (lambda: api.set_slippage(Deciding()), r"a model that defines process_order\(data, order\)"),
        (lambda: api.set_commission(commission.EquityCommissionModel()), r"defines calculate\(order, transaction\)"),
    ]
    bundle = market.asset(1, [10]).bundle()
    for call, said in refused:
        with pytest.raises(BadParameter, match=said):
            run_algorithm(initialize=lambda c, call=call: call(), bundle=bundle)
    assert isinstance(commission.PerShare(), commission.EquityCommissionModel)
    assert slippage.VolumeShareSlippage().allowed_asset_types == (Equity, Future)


def test_what_a_model_cancels_does_not_fill_in_the_same_bar(market):
    class First(slippage.NoSlippage):
        def process_order(self, data, order):
            for other in api.get_open_orders(order.asset):
                if other.id != order.id:
                    api.cancel_order(other)
            return data.current(order.asset, "close"), order.open_amount

    result = run(market.asset(1, [10] * 3), [(5, {}), (6, {}), (-7, {})], First())
    assert fills(result) == [(0, 5, 10)]
    assert result.orders["status"].tolist() == ["filled", "cancelled", "cancelled"]


def test_a_subclass_that_asks_volume_share_waits_for_the_limit_as_it_does(market):
    market.asset(1, [10, 10, 10], volume=1_000)
    for kind in (slippage.VolumeShareSlippage, SameInPython):  # 25 of 1,000 shares move the price by 0.06 %
        waiting = run(market, [(100, {"limit_price": 10.0})], kind(0.025, 1.0))
        assert fills(waiting) == []
        assert waiting.orders["limit_at"].notna().all()


def test_bad_parameters_of_a_model_are_refused():
    with pytest.raises(BadParameter, match="volume_limit was -1"):
        slippage.VolumeShareSlippage(-1)
    with pytest.raises(BadParameter, match="price_impact was '1'; it must be a number"):
        slippage.VolumeShareSlippage(price_impact="1")
    with pytest.raises(BadParameter, match="volume_limit was 0; it must be more than 0"):
        slippage.FixedBasisPointsSlippage(volume_limit=0)
    for eta in (-1, {"CL": "x"}):
        with pytest.raises(BadParameter, match="eta"):
            slippage.VolatilityVolumeShare(0.05, eta)
    with pytest.raises(BadParameter, match="cost was None"):
        commission.PerTrade(None)
    with pytest.raises(BadParameter, match="cost was nan"):
        commission.PerShare(float("nan"))


def test_an_order_that_a_reverse_split_leaves_unfilled_does_not_pay_the_first_fill_twice(market):
    """Four shares filled and paid, then 1 for 10: nothing counts as filled, yet the order is not new."""
    from tradewind.commission import PerTrade
    from tradewind.run import run_algorithm
    from tradewind.slippage import FixedBasisPointsSlippage

    market.asset(1, [10.0, 10.0, 100.0, 100.0], volume=400.0).split(1, 2, 1, 10)

    def initialize(context):
        context.set_slippage(FixedBasisPointsSlippage(0.0, 0.01))
        context.set_commission(PerTrade(3.0))
        context.day = 0

    def handle_data(context, data):
        context.day += 1
        if context.day == 1:
            context.order(context.sid(1), 1000)

    result = run_algorithm(initialize=initialize, handle_data=handle_data, bundle=market.bundle())
    assert result.fills["commission"].tolist() == [3.0, 0.0, 0.0]


def test_in_a_full_bar_later_orders_are_not_even_looked_at(market, on_sessions):
    market.asset(1, [10, 9, 10, 10], volume=1_000)

    def place(context, data):
        api.order(api.sid(1), 100)  # all the room of the bar at 9
        api.order(api.sid(1), 1)  # finds none
        api.order(api.sid(1), 1, limit_price=9.5)  # whose limit that bar would have reached

    def initialize(context):
        api.set_slippage(slippage.VolumeShareSlippage(0.1, 0.0))

    result = run_algorithm(initialize=initialize, handle_data=on_sessions({0: place}), bundle=market.bundle())
    assert result.orders["filled"].tolist() == [100, 1, 0]
    assert result.orders["limit_reached"].tolist() == [False, False, False]
    assert result.orders[["bars_full", "bars_unreached"]].values.tolist() == [[0, 0], [1, 0], [1, 2]]


def test_room_for_one_share_is_room(market):
    market.asset(1, [10] * 3, volume=100)
    assert fills(run(market, [(5, {})], slippage.VolumeShareSlippage(0.01, 0.0))) == [(0, 1, 10.0), (0, 1, 10.0)]


def test_a_price_without_volume_fills_and_reaches_nothing(market):
    market.asset(1, [10, 9, 10, 10], volume=[1e6, 0, 1e6, 1e6])
    result = run(market, [(5, {}), (5, {"limit_price": 9.5})], slippage.NoSlippage())
    assert fills(result) == [(0, 5, 10.0)]
    assert result.orders["bars_untraded"].tolist() == [1, 1]
    assert result.orders["limit_reached"].tolist() == [False, False]


def test_an_order_knows_when_it_was_last_filled_and_when_its_stop_was_reached(market):
    market.asset(1, [10, 9, 11, 11, 11], volume=1_000)
    orders = run(market, [(150, {"stop_price": 10.5})], slippage.VolumeShareSlippage(0.1, 0.0)).orders
    closes = [int(stamp) for stamp in market.sessions.closes[:5]]
    assert [int(orders[name].iloc[0].value) for name in ("created", "stop_at", "updated")] == [
        closes[0],
        closes[2],
        closes[3],
    ]
    assert orders["limit_at"].isna().all()


def test_a_model_changed_while_the_run_goes_on_counts_from_the_next_bar(market, on_sessions):
    market.asset(1, [10] * 6, volume=1_000)
    slip, cost = slippage.VolumeShareSlippage(0.01, 0.0), commission.PerTrade(1.0)

    def initialize(context):
        api.set_slippage(slip)
        api.set_commission(cost)

    def change(context, data):
        slip.volume_limit, cost.cost = 0.02, 7.0
        api.order(api.sid(1), 5)

    actions = {0: lambda context, data: api.order(api.sid(1), 60), 2: change}
    result = run_algorithm(initialize=initialize, handle_data=on_sessions(actions), bundle=market.bundle())
    assert result.fills["amount"].tolist() == [10, 10, 20, 20, 5]
    assert result.orders["commission"].tolist() == [1.0, 7.0]
