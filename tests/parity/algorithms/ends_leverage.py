"""Borrowed money until the leverage of a session's end is too high: the account control ends the run."""

ENDS = True


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "DDD", "KKK")
    set_max_leverage(1.9)


def handle_data(context, data):
    context.day += 1
    probe("account", [context.account.leverage, context.account.net_leverage, context.portfolio.cash])
    probe("held", [[p.asset, p.amount] for _, p in sorted(context.portfolio.positions.items())])
    if context.day % 5 == 1:
        for rank, asset in enumerate(context.names):
            order_percent(asset, 0.08 if rank else -0.06)
