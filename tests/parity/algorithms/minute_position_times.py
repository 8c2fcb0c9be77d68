"""How old the price of a holding is, minute by minute and before the open, over holes and past a life."""

MARKETS = ["minutes"]
FREQUENCY = "minute"
START = "2020-12-21"
END = "2021-01-04"
RECORDS = ["held"]


def initialize(context):
    context.bar = 0


def look(context, name):
    for asset, held in sorted(context.portfolio.positions.items()):
        probe(name, [asset, held.last_sale_price, f"{held.last_sale_date:%Y-%m-%d %H:%M}"])


def before_trading_start(context, data):
    look(context, "morning")


def handle_data(context, data):
    context.bar += 1
    for rank, asset in enumerate(symbols("AAA", "BBB", "GGG", "HHH")):
        if context.bar % 150 == 9 + rank:
            order(asset, 20)
    if context.bar % 23 == 0:
        look(context, "minute")
    record(held=len(context.portfolio.positions))
