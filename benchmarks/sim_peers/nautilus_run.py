"""nautilus_trader, minutes: a BacktestEngine over Bar objects made beforehand, market orders filled at the same close.

Margin account, no logging, no commission (a fee of 0.001 a share has no place in its money of whole cents). Every order
passes its message bus with all its events.
"""

from decimal import Decimal

import harness
import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("XNYS")


class Program(Strategy):
    def __init__(self, instruments, kinds):
        super().__init__()
        self.instruments, self.kinds, self.last, self.n = instruments, kinds, kinds[-1], 0
        self.lot = Quantity.from_int(100)

    def on_start(self):
        for kind in self.kinds:
            self.subscribe_bars(kind)

    def on_bar(self, bar):
        if bar.bar_type != self.last:  # the minute is whole with the last asset's bar
            return
        for kind in self.kinds:
            _ = self.cache.bar(kind).close
        self.n += 1
        if self.n % harness.EVERY == 0:
            side = OrderSide.BUY if (self.n // harness.EVERY) % 2 else OrderSide.SELL
            for instrument in self.instruments:
                self.submit_order(self.order_factory.market(instrument.id, side, self.lot))


def prepare(job, last):
    given = harness.arrays(job)
    rows = int(given["starts"][last + 1])
    stamps = given["stamps"][:rows].tolist()
    instruments = [equity(n) for n in range(1, job.assets + 1)]
    kinds = [BarType.from_str(f"{one.id}-1-MINUTE-LAST-EXTERNAL") for one in instruments]
    bars = []
    for kind, column in zip(kinds, given["close"][:rows].T, strict=True):
        prices = [Price.from_str(text) for text in np.char.mod("%.2f", column).tolist()]
        whole = Quantity.from_int(1_000_000)
        bars.append([Bar(kind, p, p, p, p, whole, at, at) for p, at in zip(prices, stamps, strict=True)])
    merged = [bar for minute in zip(*bars, strict=True) for bar in minute]
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True))
    )
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(harness.CAPITAL, USD)], base_currency=USD)
    for instrument in instruments:
        engine.add_instrument(instrument)
    engine.add_data(merged, sort=False)
    engine.add_strategy(Program(instruments, kinds))

    def go():
        engine.run()
        return engine, instruments, given["close"][rows - 1]

    return go


def equity(n):
    symbol = Symbol(f"S{n}")
    return Equity(
        InstrumentId(symbol, VENUE), symbol, USD, 2, Price.from_str("0.01"), Quantity.from_int(1), 0, 0,
        margin_init=Decimal(0), margin_maint=Decimal(0),
    )  # fmt: skip


def count(job, answer):
    engine, instruments, close = answer
    cash = float(engine.cache.account_for_venue(VENUE).balance_total(USD))
    orders = engine.cache.orders()
    open_gain = 0.0
    for position in engine.cache.positions_open():
        i = [one.id for one in instruments].index(position.instrument_id)
        open_gain += float(position.signed_qty) * (close[i] - float(position.avg_px_open))
    return {"value": cash + open_gain, "orders": len(orders), "fills": sum(order.is_closed for order in orders)}


if __name__ == "__main__":
    harness.main(prepare, count)
