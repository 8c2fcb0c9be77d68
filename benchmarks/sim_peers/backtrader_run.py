"""backtrader: market orders filled at the next bar (open = close here), target sizes, 0.001 a share, no price impact.

User code in its own idiom: plain Python over the lines of each feed. It refuses orders that cash does not cover at
once, buys before the sells that pay for them: so it is lent the capital once more, and no value counts the loan.
"""

import backtrader
import harness
import pandas as pd

LOAN = harness.CAPITAL


class PerShare(backtrader.CommInfoBase):
    params = (("commission", 0.001), ("stocklike", True), ("commtype", backtrader.CommInfoBase.COMM_FIXED))


class Counted(backtrader.Strategy):
    params = (("job", None),)

    def start(self):
        self.orders = self.fills = self.refused = 0

    def notify_order(self, order):
        if order.status == order.Accepted:
            self.orders += 1
        elif order.status == order.Completed:
            self.fills += 1
        elif order.status in (order.Margin, order.Rejected):
            self.refused += 1


class Daily(Counted):
    def next(self):
        job, t = self.p.job, len(self) - 1
        if t < job.first or (job.rule == "monthly" and not job.arrays["monthly"][t]):
            return
        score = []
        for feed in self.datas:
            window = feed.close.get(size=harness.LOOKBACK)
            score.append(window[-1] / (sum(window) / harness.LOOKBACK))
        total, value = sum(score), self.broker.getvalue() - LOAN
        for feed, own in zip(self.datas, score, strict=True):
            self.order_target_value(feed, value * own / total)


class Minute(Counted):
    def next(self):
        for feed in self.datas:
            _ = feed.close[0]
        n = len(self)
        if n % harness.EVERY == 0:
            place = self.buy if (n // harness.EVERY) % 2 else self.sell
            for feed in self.datas:
                place(feed, size=100)


def prepare(job, last):
    given = harness.arrays(job)
    minute = job.kind == "minute"
    rows = int(given["starts"][last + 1]) if minute else last + 1
    index = pd.DatetimeIndex(given["stamps" if minute else "labels"][:rows].astype("datetime64[ns]"))
    frames = []
    for i in range(job.assets):
        close = given["close"][:rows, i]
        columns = dict.fromkeys(("open", "high", "low", "close"), close)
        frames.append(pd.DataFrame(columns | {"volume": given["volume"][:rows, i]}, index=index))
    frequency = backtrader.TimeFrame.Minutes if minute else backtrader.TimeFrame.Days
    program = Minute if minute else Daily

    def go():
        engine = backtrader.Cerebro(stdstats=False)
        for i, frame in enumerate(frames):
            engine.adddata(backtrader.feeds.PandasData(dataname=frame, timeframe=frequency), name=str(i))
        engine.broker.setcash(harness.CAPITAL + LOAN)
        engine.broker.addcommissioninfo(PerShare())
        engine.broker.set_checksubmit(False)
        engine.addstrategy(program, job=job)
        return engine.run()[0]

    return go


def count(job, ran):
    found = {"value": float(ran.broker.getvalue()) - LOAN, "orders": ran.orders, "fills": ran.fills}
    return {**found, "note": f"{ran.refused} orders refused for cash" if ran.refused else ""}


if __name__ == "__main__":
    harness.main(prepare, count)
