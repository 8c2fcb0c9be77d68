"""Static and historical restrictions: can_trade knows them, and orders of restricted assets are refused."""

import pandas as pd

RECORDS = ["tradable", "refused"]


def initialize(context):
    context.day = context.refused = 0
    context.names = symbols("AAA", "BBB", "DDD", "EEE", "FFF")
    aaa, bbb, ddd = context.names[:3]
    frozen, free = RESTRICTION_STATES.FROZEN, RESTRICTION_STATES.ALLOWED
    set_asset_restrictions(StaticRestrictions([aaa]))
    set_asset_restrictions(
        HistoricalRestrictions(
            [
                Restriction(bbb, pd.Timestamp("2020-12-01", tz="UTC"), frozen),
                Restriction(bbb, pd.Timestamp("2021-02-01", tz="UTC"), free),
                Restriction(ddd, pd.Timestamp("2021-03-01", tz="UTC"), frozen),
            ]
        )
    )


def handle_data(context, data):
    context.day += 1
    if context.day % 5 == 0:
        for asset in context.names:
            try:
                order(asset, 10)
            except Exception:
                context.refused += 1
    record(tradable=sum(bool(data.can_trade(a)) for a in context.names), refused=context.refused)
