"""Follow the trend of four futures markets: long above the mean of the last half year, short below it.

    tradewind ingest synthetic-futures
    tradewind run algorithms/futures_trend.py --bundle futures

The trend is read from continuous futures; what is traded is the contract that stands for each of them now. A position
in a contract that no longer does is closed as the new one is opened.
"""

from tradewind.api import (
    continuous_future,
    date_rules,
    get_open_orders,
    margin,
    order_target,
    order_target_percent,
    record,
    schedule_function,
    set_margin,
    time_rules,
)

ROOTS = ["CL", "ES", "GC", "TY"]
WINDOW, RISK = 126, 0.04  # sessions of the mean; annual volatility that each market brings in


def initialize(context):
    context.markets = [continuous_future(root, roll="volume", adjustment="mul") for root in ROOTS]
    context.seen = 0
    context.wanted = {}
    set_margin(margin.RegT(futures=(0.08, 0.07)))
    schedule_function(decide, date_rules.week_start(), time_rules.market_open())
    schedule_function(hold_the_current_contracts, date_rules.every_day(), time_rules.market_open())


def decide(context, data):
    """Set the weight of each market: by the trend the sign, by the volatility the size."""
    if context.seen < WINDOW:
        return
    prices = data.history(context.markets, "price", WINDOW, "1d")
    volatility = prices.pct_change().std() * 252**0.5
    above = (prices.iloc[-1] > prices.mean()).map({True: 1.0, False: -1.0})
    context.wanted = dict(above * (RISK / volatility).clip(upper=1.0))


def hold_the_current_contracts(context, data):
    """Bring every market to its weight, in the contract that is current today."""
    context.seen += 1
    current = data.current(context.markets, "contract")
    for contract in context.portfolio.positions:
        if contract not in set(current) and not get_open_orders(contract):
            order_target(contract, 0)
    for market, weight in context.wanted.items():
        contract = current[market]
        off = abs(weight - held(context, contract, data))
        if off > 0.1 * abs(weight) and data.can_trade(contract) and not get_open_orders(contract):
            order_target_percent(contract, weight)
    record(leverage=context.account.leverage, funds=context.account.available_funds)


def held(context, contract, data):
    """Return the weight at which a contract is held."""
    exposure = context.portfolio.positions[contract].amount * data.current(contract, "price")
    return exposure * contract.price_multiplier / context.portfolio.portfolio_value
