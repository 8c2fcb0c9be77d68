"""Monthly momentum through the optimizer: mostly long the strong, a little short the weak, within limits.

Each month the return over the last half year, without the last month, is the signal. The optimizer turns it into
weights
under a limit on gross exposure, a band for net exposure and a limit for each position; what the limits do to the
wish is in the report.
"""

import tradewind.optimize as opt
from tradewind.api import (
    date_rules,
    get_datetime,
    order_optimal_portfolio,
    record,
    schedule_function,
    set_benchmark,
    set_symbol_lookup_date,
    symbol,
    symbols,
    time_rules,
)

MAX_GROSS = 1.0
NET = (0.60, 1.00)
POSITION = (-0.10, 0.35)
LOOKBACK, SKIP = 126, 21


def initialize(context):
    set_symbol_lookup_date("2013-03-01")  # FB lists in 2012: the symbols are meant as they stood at the end of the data
    context.universe = symbols("AAPL", "FB", "GOOG", "IBM", "MSFT")
    context.sessions = 0
    set_benchmark(symbol("IBM"))
    schedule_function(count, date_rules.every_day(), time_rules.market_open())
    schedule_function(rebalance, date_rules.month_start(), time_rules.market_open(minutes=30))


def count(context, data):
    context.sessions += 1


def rebalance(context, data):
    if context.sessions <= LOOKBACK:
        return
    prices = data.history(context.universe, "price", LOOKBACK, "1d").dropna(axis="columns")
    momentum = prices.iloc[-SKIP] / prices.iloc[0] - 1.0
    momentum = momentum[data.can_trade(momentum.index)]
    order_optimal_portfolio(
        objective=opt.MaximizeAlpha(momentum),
        constraints=[
            opt.MaxGrossExposure(MAX_GROSS),
            opt.NetExposure(*NET),
            opt.PositionConcentration.with_equal_bounds(*POSITION),
        ],
    )
    record(names=len(momentum), best=momentum.max(), month=get_datetime().month)
