"""Continuous futures that roll by the calendar: contract, chain, bars, and histories joined in three ways."""

MARKETS = ["futures"]
END = "2021-04-09"


def initialize(context):
    context.day = 0
    context.names = [
        continuous_future("CL", roll="calendar"),
        continuous_future("cl", offset=1, roll="calendar", adjustment="add"),
        continuous_future("ES", roll="calendar", adjustment=None),
    ]


def handle_data(context, data):
    context.day += 1
    for rank, name in enumerate(context.names):
        probe(f"contract {rank}", data.current(name, "contract"))
        probe(
            f"bar {rank}", [data.current(name, field) for field in ("open", "high", "low", "close", "volume", "price")]
        )
        probe(f"chain {rank}", list(data.current_chain(name)))
    if context.day % 7 == 0 and context.day > 20:
        for field in ("open", "close", "volume", "price", "sid"):
            for rank, name in enumerate(context.names):
                probe(f"{field} {rank}", data.history(name, field, 13, "1d"))
        probe("all", data.history(context.names, "high", 30, "1d").to_numpy())
