"""vectorbt: weights of all days at once in pandas, then from_orders with target percents a bar later, cash shared.

Not event-driven: no code of the user's runs in the loop. Whole shares, 0.001 a share; sizes from the value of the
fill's own bar, where ours are from the bar before.
"""

import harness
import numpy as np
import pandas as pd
import vectorbt


def prepare(job, last):
    given = harness.arrays(job)
    index = pd.DatetimeIndex(given["labels"][: last + 1].astype("datetime64[ns]"))
    close = pd.DataFrame(given["close"][: last + 1], index, [f"S{n:04d}" for n in range(1, job.assets + 1)])
    on = given["monthly"][: last + 1] if job.rule == "monthly" else np.ones(last + 1, bool)
    on = on & (np.arange(last + 1) >= job.first)

    def go():
        score = close / close.rolling(harness.LOOKBACK).mean()
        weights = score.div(score.sum(axis=1), axis=0).where(np.broadcast_to(on[:, None], close.shape)).shift(1)
        book = vectorbt.Portfolio.from_orders(
            close, size=weights, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto",
            fees=0.001 / close, size_granularity=1, init_cash=harness.CAPITAL, freq="D",
        )  # fmt: skip
        return book, book.value()

    return go


def count(job, answer):
    book, value = answer
    return {"value": float(value.iloc[-1]), "fills": int(book.orders.count())}


if __name__ == "__main__":
    harness.main(prepare, count)
