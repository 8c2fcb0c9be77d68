"""handle_data each minute: current values in every shape, and small orders all day long."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2020-12-31"
RECORDS = ["value", "cash", "bars"]
FIELDS = ["price", "open", "high", "low", "close", "volume", "last_traded"]


def initialize(context):
    context.bars, context.names = 0, symbols("AAA", "BBB", "CCC", "DDD", "EEE")


def handle_data(context, data):
    context.bars += 1
    if context.bars % 37 == 1:
        probe("many", data.current(context.names, FIELDS[:-1]))
        probe("one", data.current(context.names[4], FIELDS))
    if context.bars % 111 == 1:
        probe("stale", data.is_stale(context.names))
        probe("may", data.can_trade(context.names))
    asset = context.names[context.bars % 5]
    if context.bars % 23 == 0 and data.can_trade(asset):
        order(asset, 30 if context.bars % 2 else -20)
    record(value=context.portfolio.portfolio_value, cash=context.portfolio.cash, bars=context.bars)
