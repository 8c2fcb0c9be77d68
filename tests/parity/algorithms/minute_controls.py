"""Trading controls that log, restrictions, and the count of orders a day."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-30"
RECORDS = ["held", "may"]


def initialize(context):
    context.bar = 0
    set_max_order_size(symbol("AAA"), max_shares=50, max_notional=4_000, on_error="log")
    set_max_position_size(symbol("BBB"), max_shares=60, on_error="log")
    set_max_order_count(20, on_error="log")
    set_long_only(on_error="log")
    set_asset_restrictions(StaticRestrictions([symbol("DDD")]), on_error="log")
    set_max_leverage(3.0)


def handle_data(context, data):
    context.bar += 1
    if context.bar % 17 == 0:
        for rank, asset in enumerate(symbols("AAA", "BBB", "DDD")):
            order(asset, (context.bar // 17 * (rank + 3)) % 60 - 10)
    may = data.can_trade(symbols("AAA", "BBB", "DDD"))
    record(held=sum(p.amount for p in context.portfolio.positions.values()), may=int(may.sum()))
