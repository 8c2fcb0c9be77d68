"""A fixed spread, no volume limit, and limits that it fills beyond."""


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "JJJ", "LLL", "FFF")
    set_slippage(us_equities=slippage.FixedSlippage(spread=0.37))
    set_commission(us_equities=commission.PerDollar())


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if context.day % 10 == rank:
            price = data.current(asset, "price")
            order(asset, 5000, limit_price=price * 1.001)
            order(asset, -4000, limit_price=price * 0.999)
            order_target_percent(asset, 0.1)
