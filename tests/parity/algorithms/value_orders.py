"""order_value, order_percent and their targets with odd figures, above zero and below, and with nothing left over."""

MARKETS = ["actions", "random-6"]
CAPITAL = 137_000.0
RECORDS = ["value"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    set_commission(commission.PerDollar(cost=0.0011))


def handle_data(context, data):
    context.day += 1
    verbs = [order_value, order_percent, order_target_value, order_target_percent]
    scale = [3217.13, 0.0317, 5100.7, 0.061]
    for rank, asset in enumerate(context.names):
        if data.can_trade(asset) and (context.day + rank) % 6 == 0:
            which = (context.day // 6 + rank) % 4
            sign = -1 if (context.day // 12 + rank) % 3 == 0 else 1
            verbs[which](asset, sign * scale[which] * (1 + rank / 7))
    record(value=context.portfolio.positions_value)
