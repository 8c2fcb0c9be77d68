"""history of days in a minute run: whole days, then today's bar so far."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-22"
END = "2021-01-04"


def initialize(context):
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "III")
    for minutes in (1, 30, 205):
        schedule_function(look, date_rules.every_day(), time_rules.market_open(minutes=minutes))
    schedule_function(look, date_rules.every_day(), time_rules.market_close(minutes=1))


def look(context, data):
    for field in ("price", "open", "high", "low", "close", "volume"):
        probe(field, data.history(context.names, field, 3, "1d"))
    probe("one", data.history(context.names[1], "price", 2, "1d"))
    probe("today", data.history(context.names[3], "close", 1, "1d"))
