"""Limits above and below the market, as style and as argument, over sessions, splits and partial fills."""

MARKETS = ["actions", "random-3"]
RECORDS = ["open"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "FFF")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.01, price_impact=0.3))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        price = data.current(asset, "price")
        if price != price or not data.can_trade(asset):
            continue
        if context.day % 9 == rank:
            order(asset, 2000, style=LimitOrder(price * 0.987))
            order(asset, -1500, limit_price=price * 1.0133)
        if context.day % 31 == rank:
            order(asset, 900, style=LimitOrder(price * 1.05))
            order_target_percent(asset, -0.05, limit_price=price * 0.98)
    record(open=sum(len(orders) for orders in get_open_orders().values()))
