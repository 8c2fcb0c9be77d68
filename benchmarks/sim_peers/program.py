"""The user's programs, one text for tradewind and zipline: both offer these names in their ``api``.

Every 20-bar history, score = last close / mean, weight = score / sum, a target percent for each asset.
"""

from harness import EVERY, LOOKBACK, mark


def hooks(api, job):
    """{"initialize": …, "handle_data": …} of the job."""
    if job.kind == "minute":
        found = {"initialize": minute_initialize(api, job), "handle_data": minute_handle_data(api)}
    else:
        window = trade_window_of_one if job.assets == 1 else trade_window
        trade = {"pandas": trade_pandas, "numpy": trade_numpy, "window": window}[job.style](api.order_target_percent)
        # Daily orders come from handle_data: zipline's scheduled functions miss an early close after a scheduled day.
        if job.rule == "daily":
            found = {"initialize": initialize(api, job, None), "handle_data": trade}
        else:
            found = {"initialize": initialize(api, job, trade)}
    if job.marks is not None:
        found["handle_data"] = marked(job, found["handle_data"])
    return found


def marked(job, handle_data):
    def first(context, data):
        mark(job, "first_bar")
        handle_data(context, data)

    return first


def initialize(api, job, scheduled):
    def begin(context):
        context.assets = [api.sid(n) for n in range(1, job.assets + 1)]
        api.set_slippage(api.slippage.VolumeShareSlippage(0.025, 0.1))
        api.set_commission(api.commission.PerShare(0.001))
        if scheduled is not None:
            api.schedule_function(scheduled, api.date_rules.month_start())

    return begin


def trade_pandas(order_target_percent):
    def trade(context, data):
        window = data.history(context.assets, "close", LOOKBACK, "1d")
        score = window.iloc[-1] / window.mean()
        weights = score / score.sum()
        for asset, weight in zip(weights.index, weights.to_numpy(), strict=True):
            order_target_percent(asset, weight)

    return trade


def trade_arrays(read):
    """The trade over the arrays that read(data, assets) gives: of history's frame, or tradewind's own."""

    def of(order_target_percent):
        def trade(context, data):
            window = read(data, context.assets)
            score = window[-1] / window.mean(0)
            weights = score / score.sum()
            for asset, weight in zip(context.assets, weights.tolist(), strict=True):
                order_target_percent(asset, weight)

        return trade

    return of


trade_numpy = trade_arrays(lambda data, assets: data.history(assets, "close", LOOKBACK, "1d").to_numpy())
trade_window = trade_arrays(lambda data, assets: data.window(assets, "close", LOOKBACK, "1d"))


def trade_window_of_one(order_target_percent):
    """As trade_window, written for one asset, as the program of backtesting.py is."""

    def trade(context, data):
        (asset,) = context.assets
        window = data.window(asset, "close", LOOKBACK, "1d")
        score = window[-1:] / window.mean()
        order_target_percent(asset, (score / score.sum())[0])

    return trade


def minute_initialize(api, job):
    def begin(context):
        context.assets = [api.sid(n) for n in range(1, job.assets + 1)]
        context.n = 0
        api.set_cancel_policy(api.NeverCancel())
        api.set_slippage(api.slippage.NoSlippage())
        api.set_commission(api.commission.PerShare(0.001))

    return begin


def minute_handle_data(api):
    order = api.order

    def handle_data(context, data):
        for asset in context.assets:
            data.current(asset, "price")
        context.n += 1
        if context.n % EVERY == 0:
            amount = 100 if (context.n // EVERY) % 2 else -100
            for asset in context.assets:
                order(asset, amount)

    return handle_data
