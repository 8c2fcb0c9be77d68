"""history of minutes in every shape, over nights, splits, dividends, holes and an early close."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"


def initialize(context):
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "III")
    for minutes in (1, 3, 8):
        schedule_function(look, date_rules.every_day(), time_rules.market_open(minutes=minutes))
    schedule_function(look, date_rules.every_day(), time_rules.market_close(minutes=1))
    schedule_function(far, date_rules.every_day(), time_rules.market_open(minutes=70))


def look(context, data):
    for field in ("price", "open", "volume"):
        probe(field, data.history(context.names, field, 5, "1m"))
    probe("one", data.history(context.names[4], "price", 11, "1m"))
    probe("close", data.history(context.names[5], "close", 3, "1m"))
    probe("high", data.history(context.names[1], "high", 2, "1m"))
    probe("low", data.history(context.names[4], "low", 2, "1m"))


def far(context, data):
    window = data.history(context.names, "price", 300, "1m")
    probe("mean", window.mean())
    probe("first", window.iloc[0])
    probe("known", data.history(context.names, "close", 400, "1m").count())
    probe("volume", data.history(context.names, "volume", 200, "1m").sum())
