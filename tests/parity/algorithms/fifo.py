"""Many orders of few assets in one bar with little volume: who fills first, and what remains for the next."""

RECORDS = ["left"]


def initialize(context):
    context.day, context.names = 0, symbols("III", "LLL", "HHH")
    set_slippage(slippage.FixedBasisPointsSlippage(basis_points=1.0, volume_limit=0.03))


def handle_data(context, data):
    context.day += 1
    if context.day % 11 == 1:
        for size in (5, 90, 17, -40, 63, -8):
            for asset in context.names:
                if data.can_trade(asset):
                    order(asset, size)
    record(left=sum(one.amount - one.filled for orders in get_open_orders().values() for one in orders))
