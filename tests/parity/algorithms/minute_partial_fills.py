"""Orders much larger than a minute's volume, filled over many minutes and nights, with a minimum commission."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-18"
END = "2021-01-04"
RECORDS = ["filled", "paid"]


def initialize(context):
    context.placed = []
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.05, price_impact=0.3))
    set_commission(commission.PerShare(cost=0.01, min_trade_cost=2.0))
    schedule_function(trade, date_rules.every_day(), time_rules.market_open(minutes=20))


def trade(context, data):
    for name, amount in {"EEE": 400, "HHH": 60, "AAA": 8_000, "BBB": -2_000}.items():
        asset = symbol(name)
        if data.can_trade(asset):
            context.placed.append(order(asset, amount))
            context.placed.append(order(asset, -amount // 3))


def handle_data(context, data):
    orders = [get_order(placed) for placed in context.placed]
    record(filled=sum(o.filled for o in orders), paid=sum(o.commission for o in orders))
