"""By minute: an order beyond the largest position ends the run in the middle of a session, with fills behind it."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-30"
ENDS = True


def initialize(context):
    context.bar = 0
    set_max_position_size(symbol("AAA"), max_shares=900)
    set_max_position_size(max_notional=140_000.0)
    set_cancel_policy(NeverCancel())
    schedule_function(tell, date_rules.every_day(), time_rules.market_open(hours=2))


def tell(context, data):
    probe("told", [context.portfolio.cash, len(get_open_orders())])


def handle_data(context, data):
    context.bar += 1
    if context.bar % 20 == 0:
        probe("held", [[p.asset, p.amount, p.cost_basis] for _, p in sorted(context.portfolio.positions.items())])
        probe("open", {a: [[o.amount, o.filled] for o in orders] for a, orders in get_open_orders().items()})
        probe("cash", [context.portfolio.cash, context.portfolio.portfolio_value, context.account.leverage])
        order(symbol("AAA"), 11)
        order(symbol("BBB"), 9, limit_price=data.current(symbol("BBB"), "price") * 0.999)
        order_target(symbol("DDD"), context.bar // 12)
