"""Fills at the open, limits and stops reached by a bar's range: off by default."""

import numpy as np
import pytest

import tradewind.api as api
from tradewind import run_algorithm
from tradewind.errors import BadParameter


class OwnCosts(api.commission.PerTrade):
    """A commission of one's own: fills go through the models' methods."""

    def calculate(self, order, transaction):
        return 0.0


def bars(market, *rows, volume=1e6):
    """One asset with these (open, high, low, close), one a session."""
    market.asset(1, [row[3] for row in rows], volume=volume)
    values = market.bars[-1].values
    values[:4] = np.array(rows, dtype=float).T
    return market


def run(market, orders, settle, slip=None, cost=None):
    def initialize(context):
        api.set_slippage(slip or api.slippage.NoSlippage())
        api.set_commission(cost or api.commission.NoCommission())
        settle()

    def handle_data(context, data):
        context.n = getattr(context, "n", -1) + 1
        for amount, prices in orders if context.n == 0 else []:
            api.order(api.sid(1), amount, **prices)

    result = run_algorithm(initialize=initialize, handle_data=handle_data, bundle=market.bundle())
    days = result.fills["session"].map(result.perf.index.get_loc)
    return list(zip(days, result.fills["amount"], result.fills["price"], strict=True))


@pytest.mark.parametrize("cost", [None, OwnCosts()])
@pytest.mark.parametrize(("slip", "moved"), [(None, 0.0), (api.slippage.FixedSlippage(0.2), 0.1)])
def test_orders_fill_at_the_next_open(market, cost, slip, moved):
    bars(market, (10, 11, 9, 10.5), (12, 13, 11, 12.5), (14, 15, 13, 14.5))
    orders = [(5, {}), (5, {"limit_price": 11.5}), (-5, {"stop_price": 12.2})]
    got = run(market, orders, lambda: api.set_fills(price="open"), slip, cost)
    assert got == [(1, 5, 12 + moved), (1, -5, 12 - moved)]


CASES = {
    "a buy limit inside the bar": ((5, {"limit_price": 9.5}), (10, 11, 9, 10), 9.5),
    "a buy limit at a better open": ((5, {"limit_price": 9.5}), (9.2, 11, 9, 10), 9.2),
    "a buy limit not reached": ((5, {"limit_price": 8.9}), (10, 11, 9, 10), None),
    "a sell limit inside the bar": ((-5, {"limit_price": 10.5}), (10, 11, 9, 10), 10.5),
    "a sell limit at a better open": ((-5, {"limit_price": 10.5}), (10.8, 11, 9, 10), 10.8),
    "a sell limit not reached": ((-5, {"limit_price": 11.1}), (10, 11, 9, 10), None),
    "a buy stop inside the bar": ((5, {"stop_price": 10.5}), (10, 11, 9, 10), 10.5),
    "a buy stop jumped over": ((5, {"stop_price": 10.5}), (10.7, 11, 9, 10), 10.7),
    "a buy stop not reached": ((5, {"stop_price": 11.1}), (10, 11, 9, 10), None),
    "a sell stop inside the bar": ((-5, {"stop_price": 9.5}), (10, 11, 9, 10), 9.5),
    "a sell stop jumped over": ((-5, {"stop_price": 9.5}), (9.3, 11, 9, 10), 9.3),
    "a stop-limit whose close is within": ((5, {"stop_price": 10.5, "limit_price": 10.6}), (10, 11, 9, 10), 10.0),
    "a stop-limit whose close is beyond": ((5, {"stop_price": 10.5, "limit_price": 10.6}), (10, 11, 9, 10.8), None),
    "a market order": ((5, {}), (10, 11, 9, 10.2), 10.2),
}


@pytest.mark.parametrize("case", CASES)
def test_the_range_of_a_bar_reaches_limits_and_stops(market, case):
    order, bar, price = CASES[case]
    bars(market, (10, 10, 10, 10), bar)
    got = run(market, [order], lambda: api.set_fills(triggers="range"))
    assert got == ([] if price is None else [(1, order[0], price)])


def test_a_reached_stop_is_a_market_order_and_a_stop_limit_a_limit_order_in_later_bars(market):
    bars(market, (10,) * 4, (10, 11, 10, 11), (11, 12, 10.4, 11.5), (11.5, 12, 11, 11.8), volume=100)
    slip = api.slippage.FixedBasisPointsSlippage(0, 0.1)
    orders = [(15, {"stop_price": 10.5})]
    assert run(market, orders, lambda: api.set_fills("open", "range"), slip) == [(1, 10, 10.5), (2, 5, 11.0)]
    orders = [(10, {"stop_price": 10.5, "limit_price": 10.5})]
    assert run(market, orders, lambda: api.set_fills("open", "range"), slip) == [(2, 10, 10.5)]


@pytest.mark.parametrize("slip", [api.slippage.FixedSlippage(1.0), api.slippage.VolumeShareSlippage(0.1, 5.0)])
def test_slippage_never_passes_the_limit(market, slip):
    bars(market, (10,) * 4, (10, 11, 9, 10), (10, 11, 9, 10))
    orders = [(5, {"limit_price": 9.5})]
    assert run(market, orders, lambda: api.set_fills(triggers="range"), slip) == [(1, 5, 9.5)]


def test_other_words_are_refused_and_the_default_words_change_nothing(market):
    bars(market, (10, 11, 9, 10.5), (12, 13, 11, 12.5))
    assert run(market, [(5, {})], lambda: api.set_fills("close", "close")) == [(1, 5, 12.5)]
    with pytest.raises(BadParameter, match="Did you mean 'range'"):
        run(market, [], lambda: api.set_fills(triggers="ranges"))
    with pytest.raises(BadParameter, match="price was 'vwap'"):
        run(market, [], lambda: api.set_fills(price="vwap"))
