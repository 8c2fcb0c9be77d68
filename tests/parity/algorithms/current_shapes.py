"""current in every shape, can_trade and is_stale, of every asset on every sixth session."""

import numpy as np

MARKETS = ["actions", "random-12"]
FIELDS = ["price", "open", "high", "low", "close", "volume"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")


def traded(data, asset):
    """Whether the bar is one with a trade, or none at all: of one without volume the two have different opinions."""
    return data.current(asset, "volume") > 0 or np.isnan(data.current(asset, "close"))


def handle_data(context, data):
    context.day += 1
    names = context.names
    if context.day % 6 == 0:
        probe("both", data.current(names, FIELDS))
        probe("assets", data.current(names, "price"))
        probe("fields", data.current(names[context.day % 8], FIELDS))
        probe("one", [data.current(names[5], field) for field in FIELDS])
        probe("traded", [str(data.current(asset, "last_traded"))[:10] for asset in names if traded(data, asset)])
        probe("can", data.can_trade(names))
        probe("stale", [data.is_stale(asset) for asset in names])
