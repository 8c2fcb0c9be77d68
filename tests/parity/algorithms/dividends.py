"""Cash dividends long and short, sold between ex and pay, paid on a Saturday, on the day of a split, after the end."""

MARKETS = ["actions", "random-19"]
RECORDS = ["cash"]


def initialize(context):
    context.day, context.names = 0, symbols("DDD", "EEE", "FFF", "AAA")
    set_slippage(slippage.NoSlippage())
    set_commission(commission.PerTrade(0.0))


def handle_data(context, data):
    context.day += 1
    if context.day % 19 == 1:
        for rank, asset in enumerate(context.names):
            if data.can_trade(asset):
                order_target(asset, (1000, -700, 0, 333)[(rank + context.day // 19) % 4])
    record(cash=context.portfolio.cash)
