"""Limits, stops and stop-limits near the price, both ways, resting over minutes and nights."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["open"]


def initialize(context):
    context.bar, context.names = 0, symbols("AAA", "BBB", "CCC", "DDD", "EEE")
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.2, price_impact=0.05))


def handle_data(context, data):
    context.bar += 1
    if context.bar % 29 == 0:
        turn = context.bar // 29
        asset, side = context.names[turn % 5], 1 if turn % 3 else -1
        if data.can_trade(asset):
            price = data.current(asset, "price")
            for off in (0.001, 0.004):
                order(asset, side * 40, limit_price=price * (1 - side * off))
                order(asset, side * 30, stop_price=price * (1 + side * off))
            order(asset, side * 25, style=StopLimitOrder(price * (1 + side * 0.004), price * (1 + side * 0.002)))
            order(asset, side * 7, style=MarketOrder())
    if context.bar % 100 == 0:
        for asset, orders in sorted(get_open_orders().items()):
            probe(asset.symbol, [[o.amount, o.filled, o.limit, o.limit_reached, o.dt, o.created] for o in orders])
    record(open=sum(map(len, get_open_orders().values())))
