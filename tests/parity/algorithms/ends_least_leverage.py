"""Too little is held when the grace period is over: the account control ends the run on the first session after it."""

import pandas as pd

ENDS = True


def initialize(context):
    context.day = 0
    set_max_leverage(3.0)
    set_min_leverage(0.5, pd.Timedelta(days=40))


def handle_data(context, data):
    context.day += 1
    probe("account", [context.account.leverage, context.portfolio.portfolio_value, context.portfolio.cash])
    order_target_percent(symbol("AAA"), min(0.06 * context.day, 0.9) if context.day < 20 else 0.4)
