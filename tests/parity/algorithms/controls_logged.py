"""The same controls, logged, under every verb and style: everything is placed all the same."""

RECORDS = ["placed", "held"]


def initialize(context):
    context.day = context.placed = 0
    context.names = symbols("AAA", "BBB", "DDD", "EEE", "FFF", "LLL")
    set_max_position_size(max_notional=30_000.0, on_error="log")
    set_max_order_size(symbol("AAA"), max_shares=150, on_error="log")
    set_asset_restrictions(StaticRestrictions([symbol("LLL")]), on_error="log")
    set_max_order_count(2, on_error="log")
    set_long_only(on_error="log")


def attempts(asset, step, price):
    yield lambda: order(asset, 37 * step - 260)
    yield lambda: order_value(asset, 2_500.0 * step - 9_000.0)
    yield lambda: order_percent(asset, 0.01 * step - 0.03, limit_price=price * 1.01)
    yield lambda: order_target(asset, 60 * step - 100, stop_price=price * 0.99)
    yield lambda: order_target_value(asset, 9_000.0 * step - 5_000.0, style=LimitOrder(price))
    yield lambda: order_target_percent(asset, 0.008 * step - 0.005)


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        verbs = list(attempts(asset, (context.day + 2 * rank) % 12, data.current(asset, "price")))
        context.placed += verbs[(context.day + rank) % 6]() is not None
    record(placed=context.placed, held=sum(p.amount for p in context.portfolio.positions.values()))
