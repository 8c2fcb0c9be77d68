"""Continuous futures in minutes: the contract, its bar, histories of days and of minutes over the rolls."""

MARKETS = ["contracts"]
FREQUENCY = "minute"
START = "2020-12-23"
END = "2020-12-30"


def initialize(context):
    context.names = [
        continuous_future("CL", roll="calendar", adjustment="add"),
        continuous_future("CL", roll="volume", adjustment="mul"),
        continuous_future("CL", roll="calendar", adjustment=None),
    ]
    for minutes in (1, 3, 100):
        schedule_function(look, date_rules.every_day(), time_rules.market_open(minutes=minutes))


def look(context, data):
    for rank, name in enumerate(context.names):
        probe(f"contract {rank}", data.current(name, "contract"))
        probe(f"bar {rank}", [data.current(name, field) for field in ("open", "high", "low", "close", "volume")])
        probe(f"chain {rank}", list(data.current_chain(name)))
        probe(f"days {rank}", data.history(name, "close", 3, "1d"))
        probe(f"minutes {rank}", data.history(name, "close", 6, "1m"))
        probe(f"volumes {rank}", data.history(name, "volume", 6, "1m"))
