"""Every trading control that raises: the order is refused, the run goes on because the text catches it."""

RECORDS = ["refused", "placed"]


def initialize(context):
    context.day = context.refused = context.placed = 0
    context.names = symbols("AAA", "BBB", "DDD", "EEE", "LLL")
    set_max_order_size(symbol("AAA"), max_shares=400)
    set_max_order_size(max_notional=60_000.0)
    set_max_position_size(symbol("DDD"), max_shares=700, max_notional=90_000.0)
    set_max_order_count(4)
    set_do_not_order_list([symbol("LLL")])
    set_long_only()


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        try:
            shares = (context.day * 37 + rank * 211) % 900 - 200
            context.placed += order(asset, shares) is not None
        except Exception as error:
            context.refused += 1
            if context.day % 20 == 0:
                probe("refused", [asset, type(error).__name__])
    record(refused=context.refused, placed=context.placed)
