"""Volume shares with several orders of one asset in a bar: they share its volume in order of placement."""

MARKETS = ["actions", "random-8"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "CCC", "FFF")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.013, price_impact=0.7))
    set_commission(commission.PerShare(cost=0.0035, min_trade_cost=0.7))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if context.day % 12 == rank and data.can_trade(asset):
            price = data.current(asset, "price")
            order(asset, 4000)
            order(asset, 2500, limit_price=price * 1.004)
            order(asset, -3100, limit_price=price * 0.999)
            order(asset, -2000)
