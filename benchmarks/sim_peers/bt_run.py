"""bt: an algo in pandas over its universe, then Rebalance, whole shares, 0.001 a share.

It trades at the close it sees: so the algo runs a session later and leaves the last bar out of its window. Fills come
when ours do, sized from the value of the fill's own bar. Timed is Backtest.run, without the statistics of bt.run.
"""

import bt
import harness
import numpy as np
import pandas as pd


class Score(bt.Algo):
    def __call__(self, target):
        window = target.universe.iloc[-harness.LOOKBACK - 1 : -1]
        score = window.iloc[-1] / window.mean()
        target.temp["weights"] = (score / score.sum()).to_dict()
        return True


def prepare(job, last):
    given = harness.arrays(job)
    index = pd.DatetimeIndex(given["labels"][: last + 1].astype("datetime64[ns]"))
    prices = pd.DataFrame(given["close"][: last + 1], index, [f"S{n:04d}" for n in range(1, job.assets + 1)])
    on = given["monthly"][: last + 1] if job.rule == "monthly" else np.ones(last + 1, bool)
    days = index[1:][(on & (np.arange(last + 1) >= job.first))[:-1]]

    def go():
        strategy = bt.Strategy("program", [bt.algos.RunOnDate(*days), Score(), bt.algos.Rebalance()])
        test = bt.Backtest(strategy, prices, initial_capital=harness.CAPITAL, commissions=lambda q, p: abs(q) * 0.001)
        test.run()
        return test

    return go


def count(job, test):
    return {"value": float(test.strategy.values.iloc[-1]), "fills": len(test.strategy.get_transactions())}


if __name__ == "__main__":
    harness.main(prepare, count)
