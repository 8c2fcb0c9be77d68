"""Stops on both sides, as style and as argument."""

MARKETS = ["actions", "random-4"]
RECORDS = ["held"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE")


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        price = data.current(asset, "price")
        if price != price or not data.can_trade(asset):
            continue
        if context.day % 11 == rank:
            order(asset, 700, style=StopOrder(price * 1.011))
            order(asset, -600, stop_price=price * 0.985)
        if context.day % 29 == rank:
            order_percent(asset, 0.03, stop_price=price * 0.99)
            order_value(asset, -9_000.0, style=StopOrder(price * 1.02))
    record(held=sum(abs(p.amount) for p in context.portfolio.positions.values()))
