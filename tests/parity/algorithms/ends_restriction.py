"""A restriction that begins on a day ends the run with the first order after it, even one of no shares."""

import pandas as pd

ENDS = True


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "EEE")
    frozen, free = RESTRICTION_STATES.FROZEN, RESTRICTION_STATES.ALLOWED
    changes = [
        Restriction(symbol("DDD"), pd.Timestamp("2020-11-10", tz="UTC"), frozen),
        Restriction(symbol("DDD"), pd.Timestamp("2020-11-23", tz="UTC"), free),
        Restriction(symbol("EEE"), pd.Timestamp("2020-12-12", tz="UTC"), frozen),
    ]
    set_asset_restrictions(HistoricalRestrictions(changes))


def handle_data(context, data):
    context.day += 1
    may = [bool(data.can_trade(asset)) for asset in context.names]
    probe("may", [may, context.portfolio.cash, [p.amount for _, p in sorted(context.portfolio.positions.items())]])
    for asset, allowed in zip(context.names, may, strict=True):
        if allowed or context.day > 40:
            order_target(asset, 10 * context.day if asset.symbol != "EEE" else 0)
