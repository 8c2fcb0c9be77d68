"""What is known of assets before, during and after their lives, and of one that does not trade for days."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2021-01-04"
FIELDS = ["price", "open", "high", "low", "close", "volume"]


def initialize(context):
    context.names = symbols("EEE", "FFF", "GGG", "HHH")
    for minutes in (1, 5, 100, 208):
        schedule_function(look, date_rules.every_day(), time_rules.market_open(minutes=minutes))
    schedule_function(look, date_rules.every_day(), time_rules.market_close(minutes=1))


def look(context, data):
    probe("current", data.current(context.names, FIELDS))
    probe("may", data.can_trade(context.names))
    probe("stale", data.is_stale(context.names))
    probe("last", [data.current(asset, "last_traded") for asset in context.names])
    probe("days", data.history(context.names, "price", 2, "1d"))
    probe("minutes", data.history(context.names, "price", 4, "1m"))
    for asset in context.names:
        if data.can_trade(asset):
            order_target(asset, 37)
