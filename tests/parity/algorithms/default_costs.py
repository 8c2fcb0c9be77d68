"""Nothing set: five basis points, a tenth of the volume, a tenth of a cent a share; orders too large for the day."""

MARKETS = ["actions", "random-7"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "FFF", "HHH")


def handle_data(context, data):
    context.day += 1
    if context.day in (3, 40, 41, 90, 130):
        for asset in context.names:
            if data.can_trade(asset):
                order(asset, 130_000 if context.day % 2 else -90_000)
