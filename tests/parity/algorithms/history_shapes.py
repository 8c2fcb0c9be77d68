"""history of every field in every shape, over splits, dividends, a merger, holes, listings and delistings."""

MARKETS = ["actions", "random-11"]
FIELDS = ["price", "open", "high", "low", "close", "volume"]


def initialize(context):
    context.day = 0
    context.names = symbols("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")


def handle_data(context, data):
    context.day += 1
    names, turn = context.names, context.day % len(context.names)
    if context.day % 6 == 0:
        for field in FIELDS:
            probe(f"one-{field}", data.history(names[turn], field, 5, "1d"))
        both = data.history(names[turn], FIELDS[1:], 4, "1d")
        probe("fields", {field: both[field].tolist() for field in FIELDS[1:]})
        probe("assets", data.history(names, FIELDS[turn % 6], 3, "1d"))
    if context.day % 41 == 0:
        both = data.history(names, ["price", "volume"], 3, "1d")
        probe("both", {str(field): both[field].unstack() for field in ["price", "volume"]})
        probe("long", data.history(names, "price", context.day + 5, "1d").mean())
