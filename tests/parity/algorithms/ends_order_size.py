"""An order that is too large ends the run: what was placed and filled before it stays, and it is the first control."""

ENDS = True


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "EEE")
    set_long_only()
    set_max_order_size(symbol("BBB"), max_shares=260)
    set_max_order_size(max_notional=40_000.0)


def handle_data(context, data):
    context.day += 1
    probe("cash", [context.portfolio.cash, context.portfolio.portfolio_value, context.account.leverage])
    probe(
        "held",
        [[p.asset, p.amount, p.cost_basis, p.last_sale_price] for _, p in sorted(context.portfolio.positions.items())],
    )
    probe("open", {a: [[o.amount, o.filled, o.status] for o in orders] for a, orders in get_open_orders().items()})
    for rank, asset in enumerate(context.names):
        order(asset, 3 * context.day + 40 * rank, limit_price=data.current(asset, "price") * 1.01)
