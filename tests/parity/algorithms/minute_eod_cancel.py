"""EODCancel with minute bars: whatever is open at the close goes, orders of the last minute included."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["open"]


def initialize(context):
    set_cancel_policy(cancel_policy.EODCancel(warn_on_cancel=False))
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.02, price_impact=0.1))
    schedule_function(early, date_rules.every_day(), time_rules.market_open(minutes=3))
    schedule_function(late, date_rules.every_day(), time_rules.market_close(minutes=2))


def early(context, data):
    for asset in symbols("AAA", "CCC", "EEE"):
        if data.can_trade(asset):
            order(asset, 5000)
            order(asset, -70, stop_price=data.current(asset, "price") * 0.97)
            order(asset, 60, limit_price=data.current(asset, "price") * 0.99)


def late(context, data):
    order_target_percent(symbol("BBB"), 0.3)


def handle_data(context, data):
    record(open=sum(map(len, get_open_orders().values())))
    if get_datetime().minute == 0:
        order(symbol("DDD"), 1)
