"""before_trading_start: what data and the portfolio say there, remembered for the day's orders."""

MARKETS = ["actions", "random-13"]
RECORDS = ["early", "late", "seen"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "FFF")


def before_trading_start(context, data):
    context.day += 1
    context.early = context.portfolio.portfolio_value
    context.seen = data.current(context.names[2], "price")
    if context.day % 10 == 0:
        probe("history", data.history(context.names, "price", 3, "1d"))
        probe("current", data.current(context.names, ["price", "close", "volume"]))
        probe("can", [data.can_trade(asset) for asset in context.names])
        probe("now", get_datetime())
        held = context.portfolio.positions
        probe("held", [[held[a].amount, held[a].cost_basis, held[a].last_sale_price] for a in context.names])


def handle_data(context, data):
    if context.day % 25 == 1:
        for rank, asset in enumerate(context.names):
            if data.can_trade(asset):
                order_target_percent(asset, 0.2 if rank != 1 else -0.2)
    record(early=context.early, late=context.portfolio.portfolio_value, seen=context.seen)
