"""The same controls, only logged: the orders are placed all the same."""

RECORDS = ["held"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "DDD", "LLL")
    set_max_order_size(max_shares=100, on_error="log")
    set_max_position_size(max_notional=10_000.0, on_error="log")
    set_max_order_count(1, on_error="log")
    set_do_not_order_list([symbol("LLL")], on_error="log")
    set_long_only(on_error="log")


def handle_data(context, data):
    context.day += 1
    if context.day % 7 == 2:
        for rank, asset in enumerate(context.names):
            order(asset, 150 if (context.day + rank) % 2 else -260)
    record(held=sum(p.amount for p in context.portfolio.positions.values()))
