"""Basis points with a volume limit, and limits that they fill beyond."""

MARKETS = ["actions", "random-9"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "FFF")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=25.0, volume_limit=0.004))
    set_commission(commission.PerTrade(cost=0.0))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if context.day % 8 == rank and data.can_trade(asset):
            price = data.current(asset, "price")
            order(asset, 3000, limit_price=price * 1.001)
            order(asset, -1700, limit_price=price * 0.999)
            order(asset, 10)
