"""backtesting.py, one asset: the change to the target in whole shares at the next open (= close here), 0.001 a share.

Its margin is halved, so that an order of the day before is not refused when the price has moved.
"""

import warnings

import harness
import pandas as pd
from backtesting import Backtest, Strategy


class Program(Strategy):
    job = None

    def init(self):
        self.placed = 0

    def next(self):
        job, t = self.job, len(self.data) - 1
        if t < job.first or (job.rule == "monthly" and not job.arrays["monthly"][t]):
            return
        if job.style == "pandas":
            window = pd.DataFrame({"S0001": self.data.Close.s.iloc[-harness.LOOKBACK :]})
            score = window.iloc[-1] / window.mean()
            weight = (score / score.sum()).iloc[0]
        else:
            window = self.data.Close[-harness.LOOKBACK :]
            score = window[-1:] / window.mean()
            weight = (score / score.sum())[0]
        change = int(self.equity * weight / self.data.Close[-1]) - self.position.size
        if change:
            self.placed += 1
            (self.buy if change > 0 else self.sell)(size=abs(change))


def prepare(job, last):
    warnings.simplefilter("ignore")
    given = harness.arrays(job)
    index = pd.DatetimeIndex(given["labels"][: last + 1].astype("datetime64[ns]"))
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), given["close"][: last + 1, 0]), index)
    frame["Volume"] = given["volume"][: last + 1, 0]
    Program.job = job

    def go():
        test = Backtest(
            frame, Program, cash=harness.CAPITAL, margin=0.5, commission=lambda size, price: abs(size) * 0.001
        )
        return test.run()

    return go


def count(job, stats):
    return {"value": float(stats["_equity_curve"]["Equity"].iloc[-1]), "orders": stats["_strategy"].placed}


if __name__ == "__main__":
    harness.main(prepare, count)
