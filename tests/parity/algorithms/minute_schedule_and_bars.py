"""handle_data and scheduled functions in one minute, in the order of their scheduling; a rule of every minute, too."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-22"
END = "2020-12-29"
RECORDS = ["turns", "minutes"]


def initialize(context):
    context.turns, context.minutes, context.bars = 0, 0, 0
    schedule_function(second, date_rules.every_day(), time_rules.market_open(minutes=5))
    schedule_function(minutely, date_rules.every_day(), time_rules.every_minute())
    schedule_function(first, date_rules.every_day(), time_rules.market_open(minutes=5))


def handle_data(context, data):
    context.turns, context.bars = 1, context.bars + 1
    if context.bars % 5 == 0:
        probe("bars", [context.bars, context.minutes, data.current(symbol("BBB"), "price")])


def first(context, data):
    context.turns = context.turns * 10 + 2
    record(turns=context.turns)


def second(context, data):
    context.turns = context.turns * 10 + 3


def minutely(context, data):
    context.minutes += 1
    order(symbol("BBB"), context.minutes)
    record(minutes=context.minutes)
