"""Random streams of orders through the engine and through a plain simulator: the same fills, books and figures.

Markets have splits, reverse splits, cash and stock dividends, holes, sessions without volume, listings and delistings.
Their numbers are short binary fractions, so that what the plain side computes exactly floats nearly hold.
"""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.framework.conftest import MarketMaker
from tests.properties.plain_simulator import PlainMarket, PlainSimulator

from tradewind.commission import NoCommission, PerDollar, PerShare, PerTrade
from tradewind.run import run_algorithm
from tradewind.slippage import FixedBasisPointsSlippage, FixedSlippage, NoSlippage, VolumeShareSlippage

SESSIONS, ASSETS, MARKETS = 24, 5, 12
CAPITAL = 1 << 20
RATIOS = [(2, 1), (3, 1), (3, 2), (1, 2), (1, 4), (1, 3), (1, 10), (7, 5)]


class InPython(FixedBasisPointsSlippage):
    """A built-in model as a user's own: the engine takes the path of objects."""

    def process_order(self, data, order):
        return super().process_order(data, order)


SLIPPAGE = {
    "none": (NoSlippage(), ("none", 0, 0)),
    "fixed": (FixedSlippage(0.125), ("fixed", Fraction(1, 8), 0)),
    "share": (VolumeShareSlippage(1 / 32, 0.25), ("share", Fraction(1, 32), Fraction(1, 4))),
    "points": (FixedBasisPointsSlippage(8.0, 1 / 64), ("points", Fraction(8), Fraction(1, 64))),
    "python": (InPython(8.0, 1 / 64), ("points", Fraction(8), Fraction(1, 64))),
}
COMMISSION = {
    "none": (NoCommission(), ("none", 0, 0)),
    "share": (PerShare(1 / 64, 2.0), ("share", Fraction(1, 64), Fraction(2))),
    "trade": (PerTrade(1.5), ("trade", Fraction(3, 2), 0)),
    "dollar": (PerDollar(1 / 512), ("dollar", Fraction(1, 512), 0)),
}


def random_market(seed):
    """A PlainMarket from a seed."""
    draw = random.Random(seed)
    market = PlainMarket([], [], [])
    for asset in range(ASSETS):
        first = draw.choice([0, 0, 0, draw.randrange(1, 8)])
        last = draw.choice([SESSIONS - 1, SESSIONS - 1, draw.randrange(12, SESSIONS - 1)])
        market.spans.append((first, last, last + draw.choice([1, 1, 2, 3])))
        holes = {s for s in range(first + 1, last) if draw.random() < 0.12}
        price, closes = draw.uniform(4.0, 60.0), []
        splits = {s: draw.choice(RATIOS) for s in range(first + 1, last + 1) if draw.random() < 0.08}
        for s in range(SESSIONS):
            if s in splits:
                price *= splits[s][1] / splits[s][0]
                market.splits.append((asset, s, *splits[s]))
            price *= 1.0 + draw.uniform(-0.04, 0.04)
            inside = first <= s <= last and s not in holes
            closes.append(Fraction(max(round(price * 64), 8), 64) if inside else None)
        market.closes.append(closes)
        thin = draw.choice([2_000, 40_000, 500_000])
        volumes = [0 if c is None or draw.random() < 0.05 else draw.randrange(thin // 2, thin) for c in closes]
        market.volumes.append(volumes)
        for s in range(first + 1, last + 1):
            if draw.random() < 0.1:
                pay = s + draw.randrange(0, 5)
                market.dividends.append((asset, s, pay, Fraction(draw.randrange(1, 24), 64)))
    for ex in (draw.randrange(9, 16), draw.randrange(9, 16)):
        pair = draw.randrange(ASSETS), draw.randrange(ASSETS)
        market.stock.append((*pair, ex, ex + draw.randrange(0, 4), Fraction(draw.choice([1, 3]), 16)))
    market.stock.sort(key=lambda row: (row[2], row[0]))
    return market


def written(market, root):
    """The same market as a bundle."""
    made = MarketMaker(root)
    for asset, (first, last, over) in enumerate(market.spans):
        span = slice(first, last + 1)
        closes = [np.nan if c is None else float(c) for c in market.closes[asset][span]]
        made.asset(asset + 1, closes, volume=market.volumes[asset][span], first=first, auto_close=over)
    for asset, at, new, old in market.splits:
        made.split(asset + 1, at, new, old)
    for asset, ex, pay, amount in market.dividends:
        made.dividend(asset + 1, ex, float(amount), pay=pay)
    for asset, paid, ex, pay, ratio in market.stock:
        made.stock_dividend(asset + 1, paid + 1, ex, pay, float(ratio))
    return made.bundle()


@pytest.fixture(scope="module")
def markets(tmp_path_factory):
    """Every market as a PlainMarket and as a bundle, made when first asked for."""
    made = {}

    def ask(seed):
        if seed not in made:
            market = random_market(seed)
            made[seed] = market, written(market, tmp_path_factory.mktemp("streams") / str(seed))
        return made[seed]

    return ask


VERBS = ["order", "order", "order", "order_target", "order_value", "order_target_percent"]
STYLES = ["market", "market", "limit", "stop", "both"]
order = st.tuples(
    st.integers(0, ASSETS - 1),
    st.sampled_from(VERBS),
    st.integers(-800, 800),
    st.sampled_from(STYLES),
    st.integers(-50, 50),
)
cancel = st.integers(0, 40)
sparse = st.dictionaries(
    st.integers(0, SESSIONS - 1), st.lists(st.one_of(order, order, order, cancel), min_size=1, max_size=6), min_size=1
)


def busy(seed):
    """A stream with orders on most sessions, so that something is held and open whatever happens."""
    draw, stream = random.Random(seed), {}
    for session in range(SESSIONS):
        for _ in range(draw.choice([0, 1, 1, 2, 4])):
            verb, style = draw.choice(VERBS), draw.choice(STYLES)
            size = draw.choice([draw.randrange(-800, 801), draw.randrange(-800, 801), draw.randrange(-3, 4)])
            asked = draw.randrange(ASSETS), verb, size, style, draw.randrange(-50, 51)
            action = draw.randrange(60) if draw.random() < 0.12 else asked
            stream.setdefault(session, []).append(action)
    return stream


streams = st.one_of(sparse, st.integers(0, 2**32).map(busy), st.integers(0, 2**32).map(busy))


def prices_of(market, session, asset, style, off):
    """Limit and stop in cents, around the last raw close; both None for a market order."""
    at = market.last_trade(asset, session)
    base = 10.0 if at is None else float(market.closes[asset][at])
    limit, stop = round(base * (1 + off / 1000), 2), round(base * (1 - off / 2000), 2)
    return (limit if style in ("limit", "both") else None), (stop if style in ("stop", "both") else None)


def plainly(market, stream, slippage, commission):
    """Run a stream through the plain simulator."""
    run = PlainSimulator(market, CAPITAL, slippage, commission)
    for run.session in range(SESSIONS):
        run.start()
        run.bar()
        for action in stream.get(run.session, []):
            if isinstance(action, int):
                run.cancel(action)
            else:
                asset, verb, size, style, off = action
                run.order(asset, verb, size, *prices_of(market, run.session, asset, style, off))
        run.end()
    return run


def through_the_engine(market, bundle, stream, slippage, commission):
    """Run a stream through the engine."""

    def initialize(context):
        context.session = -1
        context.set_slippage(slippage)
        context.set_commission(commission)

    def handle_data(context, data):
        context.session += 1
        for action in stream.get(context.session, []):
            if isinstance(action, int):
                context.cancel_order(action)
                continue
            asset, verb, size, style, off = action
            limit, stop = prices_of(market, context.session, asset, style, off)
            scale = {"order_value": 50, "order_target_percent": 1 / 1024}.get(verb, 1)
            unknown = np.isnan(data.current(context.sid(asset + 1), "price"))
            if verb in ("order", "order_target") or not unknown:
                getattr(context, verb)(context.sid(asset + 1), size * scale, limit_price=limit, stop_price=stop)

    return run_algorithm(initialize=initialize, handle_data=handle_data, bundle=bundle, capital_base=CAPITAL)


def assert_same(result, run):
    """Fills, orders, holdings and figures of the engine are those of the plain simulator."""
    ordinal = {label: s for s, label in enumerate(result.perf.index)}
    fills = result.fills.assign(session=result.fills["session"].map(ordinal))
    columns = fills["session"], fills["order_id"].fillna(-1), fills["sid"] - 1, fills["amount"]
    assert list(zip(*columns, strict=True)) == [row[:4] for row in run.fills]
    close(fills[["price", "commission"]].to_numpy(), [row[4:] for row in run.fills])
    orders = result.orders
    assert orders["amount"].tolist() == [o.amount for o in run.orders]
    assert orders["filled"].tolist() == [o.filled for o in run.orders]
    assert orders["status"].tolist() == [o.status for o in run.orders]
    nan = float("nan")
    terms = [(nan if o.limit is None else o.limit, nan if o.stop is None else o.stop) for o in run.orders]
    close(orders[["limit", "stop"]].to_numpy(), terms)
    figures = ["ending_cash", "ending_value", "pnl", "capital_used"]
    close(result.perf[figures].to_numpy(), run.rows, scale=CAPITAL)
    held = result.positions
    whole = held["session"].map(ordinal), held["sid"] - 1, held["amount"]
    assert list(zip(*whole, strict=True)) == [h[:3] for h in run.held]
    close(held[["cost_basis", "last_sale_price"]].to_numpy(), [h[3:] for h in run.held])


def close(ours, theirs, scale=1.0):
    wanted = np.array([[float(value) for value in row] for row in theirs]).reshape(ours.shape)
    np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-11 * scale)


def check(markets, seed, stream, slippage, commission):
    market, bundle = markets(seed)
    models = SLIPPAGE[slippage], COMMISSION[commission]
    run = plainly(market, stream, models[0][1], models[1][1])
    assert_same(through_the_engine(market, bundle, stream, models[0][0], models[1][0]), run)


drawn = given(
    seed=st.integers(0, MARKETS - 1),
    stream=streams,
    slippage=st.sampled_from(sorted(SLIPPAGE)),
    commission=st.sampled_from(sorted(COMMISSION)),
)
patient = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@drawn
@settings(max_examples=200, derandomize=True, **patient)
def test_streams_of_orders(markets, seed, stream, slippage, commission):
    check(markets, seed, stream, slippage, commission)


@pytest.mark.slow
@drawn
@settings(max_examples=2500, **patient)
def test_many_streams_of_orders(markets, seed, stream, slippage, commission):
    check(markets, seed, stream, slippage, commission)


def test_the_markets_hold_what_they_should():
    made = [random_market(seed) for seed in range(MARKETS)]
    assert sum(len(market.splits) for market in made) > 30
    assert sum(len(market.dividends) for market in made) > 60
    assert any(first > 0 for market in made for first, _, _ in market.spans)
    assert any(last < SESSIONS - 1 for market in made for _, last, _ in market.spans)
    assert all(market.stock for market in made)
