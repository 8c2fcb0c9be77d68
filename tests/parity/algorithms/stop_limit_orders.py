"""Stop-limits: a stop that turns into a limit, tested on the same close and afterwards; their states probed."""

MARKETS = ["actions", "random-5"]
RECORDS = ["open"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "DDD", "FFF")


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        price = data.current(asset, "price")
        if price != price or not data.can_trade(asset):
            continue
        if context.day % 7 == rank:
            order(asset, 300, style=StopLimitOrder(price * 1.01, price * 1.005))
            order(asset, 300, limit_price=price * 0.99, stop_price=price * 1.012)
            order(asset, -250, style=StopLimitOrder(price * 0.97, price * 0.99))
            order_target(asset, -100, limit_price=price * 1.01, stop_price=price * 0.98)
    found = get_open_orders()
    record(open=sum(len(orders) for orders in found.values()))
    if context.day % 13 == 0:
        for asset in context.names:
            for one in get_open_orders(asset):
                probe("order", [asset, one.amount, one.filled, one.limit, one.limit_reached])
