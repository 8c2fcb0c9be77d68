"""Positions and open orders of assets that come to their end, and orders after it."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2021-01-04"
RECORDS = ["held"]


def initialize(context):
    context.bar = 0
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.1, price_impact=0.1))


def handle_data(context, data):
    context.bar += 1
    for asset in symbols("GGG", "HHH"):
        if context.bar % 150 == 9:
            order(asset, 120)
            order_target(asset, 300, limit_price=5.0)
    record(held=sum(p.amount for p in context.portfolio.positions.values()))
