"""Histories of contracts: rounded to the decimals of a tick, with holes, before the start and past the end."""

MARKETS = ["futures"]


def initialize(context):
    context.day = 0


def handle_data(context, data):
    context.day += 1
    names = [future_symbol(name) for name in ("CLZ20", "CLF21", "CLG21", "ESZ20", "ESH21")]
    if context.day % 5 == 0:
        for field in ("open", "high", "low", "close", "volume", "price"):
            probe(field, data.history([*names, symbol("AAA")], field, 10, "1d"))
        probe("one", data.history(names[1], "price", 5, "1d"))
