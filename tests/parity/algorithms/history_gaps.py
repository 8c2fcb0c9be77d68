"""history and current of an asset with holes and silent sessions, each day, in windows that begin inside a hole."""

RECORDS = ["price", "close", "volume"]


def initialize(context):
    context.asset = symbol("FFF")


def handle_data(context, data):
    asset = context.asset
    for bars in (1, 2, 3):
        for field in ("price", "close", "volume"):
            probe(f"{field}-{bars}", data.history(asset, field, bars, "1d").tolist())
    probe("state", [data.can_trade(asset), data.is_stale(asset)])
    record(price=data.current(asset, "price"), close=data.current(asset, "close"), volume=data.current(asset, "volume"))
