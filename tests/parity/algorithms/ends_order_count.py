"""The order after the last one that a day allows ends the run; a batch of smaller ones went before it."""

ENDS = True


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "EEE", "KKK")
    set_max_order_count(7)
    schedule_function(rebalance, date_rules.week_start())


def handle_data(context, data):
    context.day += 1
    probe("cash", [context.portfolio.cash, context.portfolio.portfolio_value])
    probe("open", {a: [[o.amount, o.filled] for o in orders] for a, orders in get_open_orders().items()})
    for asset in context.names[: context.day % 4]:
        order_value(asset, 500.0 * context.day)


def rebalance(context, data):
    for rank, asset in enumerate(context.names):
        probe("asked", [asset, order_target_percent(asset, 0.04 * (rank + 1)) is not None])
