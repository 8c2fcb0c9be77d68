"""A leverage that stays within its limit, batches of orders, and the environment."""

import pandas as pd

RECORDS = ["leverage"]


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "BBB", "DDD", "KKK")
    set_max_leverage(2.0)
    set_symbol_lookup_date("2021-01-04")


def handle_data(context, data):
    context.day += 1
    if context.day == 1:
        probe("environment", [get_environment("data_frequency"), get_environment("capital_base"), symbol("FFF")])
    if context.day % 30 == 1:
        shares = pd.Series({asset: 100 * (rank - 1) for rank, asset in enumerate(context.names)})
        placed = batch_market_order(shares)
        probe("placed", len(placed))
    record(leverage=context.account.leverage)
