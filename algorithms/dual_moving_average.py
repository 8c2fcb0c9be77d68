"""Hold a stock while its short moving average is above its long one."""

from tradewind.api import (
    date_rules,
    order_target_percent,
    record,
    schedule_function,
    set_benchmark,
    symbol,
    time_rules,
)

SHORT, LONG = 50, 200


def initialize(context):
    context.asset = symbol("MSFT")
    set_benchmark(context.asset)
    schedule_function(trade, date_rules.every_day(), time_rules.market_open())


def trade(context, data):
    if context.portfolio.positions_value == 0 and not data.can_trade(context.asset):
        return
    prices = data.history(context.asset, "price", LONG, "1d") if enough(context, data) else None
    if prices is None:
        return
    short, long = prices[-SHORT:].mean(), prices.mean()
    order_target_percent(context.asset, 1.0 if short > long else 0.0)
    record(short=short, long=long)


def enough(context, data):
    """Say whether the long window is filled; the first sessions of the data are skipped."""
    context.seen = getattr(context, "seen", 0) + 1
    return context.seen >= LONG
