"""Fixed and basis-point slippage fill a limit at a worse price."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-28"


def initialize(context):
    context.bar = 0
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=20, volume_limit=0.1))
    set_commission(commission.PerTrade(cost=1.5))


def handle_data(context, data):
    context.bar += 1
    for rank, asset in enumerate(symbols("AAA", "DDD")):
        price = data.current(asset, "price")
        if context.bar % 53 == 7 * rank:
            order(asset, 900, limit_price=price)
        if context.bar % 53 == 20 + rank:
            order_target(asset, 0, limit_price=price * 0.999)
