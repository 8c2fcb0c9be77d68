"""Limits and stops on contracts, rounded to ticks of 0.25 and 0.01; bars without a trade; questions about the bar."""

MARKETS = ["futures"]
RECORDS = ["open"]


def initialize(context):
    context.day = 0
    context.names = [future_symbol(name) for name in ("CLF21", "CLG21", "CLH21", "ESH21", "ESM21")]
    set_commission(us_futures=commission.PerTrade(2.0))


def handle_data(context, data):
    context.day += 1
    for rank, contract in enumerate(context.names):
        price = data.current(contract, "price")
        if price != price or not data.can_trade(contract):
            continue
        if context.day % 9 == rank:
            order(contract, 12, style=LimitOrder(price * 0.991))
            order(contract, -8, limit_price=price * 1.0093)
        if context.day % 14 == rank:
            order(contract, 6, style=StopOrder(price * 1.0077))
            order(contract, -5, stop_price=price * 0.9913)
        if context.day % 17 == rank:
            order(contract, 7, style=StopLimitOrder(price * 1.012, price * 1.004))
            order(contract, 900, style=LimitOrder(price * 1.02))
    probe("can", data.can_trade(context.names))
    probe("stale", data.is_stale(context.names))
    probe("bar", data.current(context.names, ["open", "high", "low", "close", "volume", "price"]))
    record(open=sum(len(orders) for orders in get_open_orders().values()))
