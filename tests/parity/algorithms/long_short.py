"""Long and short through every action, sides changed by targets that cross zero."""

MARKETS = ["actions", "random-2"]
RECORDS = ["long", "short", "basis"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    set_slippage(us_equities=slippage.FixedSlippage(spread=0.02))
    set_commission(us_equities=commission.PerShare(cost=0.005, min_trade_cost=1.0))


def handle_data(context, data):
    context.day += 1
    if context.day % 17 == 1:
        side = 1 if (context.day // 17) % 2 else -1
        for rank, asset in enumerate(context.names):
            if data.can_trade(asset):
                order_target_percent(asset, side * (0.15 if rank % 2 else -0.12))
    positions = context.portfolio.positions
    record(
        long=sum(p.amount for p in positions.values() if p.amount > 0),
        short=sum(p.amount for p in positions.values() if p.amount < 0),
        basis=sum(p.cost_basis for p in positions.values()),
    )
