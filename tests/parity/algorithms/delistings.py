"""Holdings and open orders of assets that end: closed at the last price, orders cancelled, later orders ignored."""

MARKETS = ["actions", "random-15", "random-16"]
RECORDS = ["held"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "EEE", "FFF", "GGG", "HHH")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=5.0, volume_limit=0.01))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if data.can_trade(asset) and context.day % 10 == rank:
            order(asset, 3000 if rank % 2 else -2500)
            order(asset, 100, limit_price=data.current(asset, "price") * 0.7)
        elif context.day % 25 == rank and context.day > 120:
            order_target_percent(asset, 0.1)
            order_target(asset, 5)
    probe("can", data.can_trade(context.names)) if context.day % 20 == 0 else None
    record(held=sum(abs(p.amount) for p in context.portfolio.positions.values()))
