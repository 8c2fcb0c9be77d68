"""Resting orders of every style while splits and reverse splits pass over them; some are emptied."""

MARKETS = ["actions", "random-17", "random-18"]
RECORDS = ["open"]


def initialize(context):
    context.day, context.placed = 0, []
    context.names = symbols("BBB", "CCC", "DDD", "FFF")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.002, price_impact=0.1))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        price = data.current(asset, "price")
        if context.day % 20 == rank and data.can_trade(asset):
            context.placed.append(order(asset, 3, limit_price=price * 0.6))
            context.placed.append(order(asset, -7, limit_price=price * 1.5))
            context.placed.append(order(asset, 101, stop_price=price * 1.4))
            context.placed.append(order(asset, 57, limit_price=price * 1.3, stop_price=price * 1.25))
            context.placed.append(order(asset, 4001))
    if context.day % 10 == 0:
        for name in context.placed:
            one = get_order(name)
            probe("order", [one.sid, one.amount, one.filled, one.limit, int(one.status), one.amount - one.filled])
    record(open=sum(map(len, get_open_orders().values())))
