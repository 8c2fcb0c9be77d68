"""A commission model of one's own: a fee that falls with what was filled before, none on small fills."""


class Falling(commission.CommissionModel):
    def calculate(self, order, transaction):
        traded = abs(transaction.amount) * transaction.price
        if traded < 2_000:
            return 0.0
        return traded * (0.0008 if order.filled else 0.002) + (1.0 if order.commission == 0 else 0.0)


def initialize(context):
    context.day, context.names = 0, symbols("AAA", "III", "LLL", "FFF")
    set_commission(Falling())
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.02, price_impact=0.1))


def handle_data(context, data):
    context.day += 1
    for rank, asset in enumerate(context.names):
        if context.day % 13 == rank and data.can_trade(asset):
            order(asset, 600 if context.day % 2 else -450)
