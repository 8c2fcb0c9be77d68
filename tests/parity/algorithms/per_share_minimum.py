"""A minimum an order over partial fills: charged first, then only what exceeds it."""


def initialize(context):
    context.day, context.names = 0, symbols("III", "LLL")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.05, price_impact=0.0))
    set_commission(commission.PerShare(cost=0.02, min_trade_cost=3.0))


def handle_data(context, data):
    context.day += 1
    if context.day % 15 == 2:
        for asset in context.names:
            if data.can_trade(asset):
                order(asset, 400)
                order(asset, -120)
