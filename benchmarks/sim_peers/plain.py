"""The limits of what any engine can do: floor.py (no engine, the user's own code) and a compiled loop (no user code).

Both round a target down to whole shares, the engines the change to it: values differ in the sixth digit.
"""

import sys
from pathlib import Path

import harness
import numba
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import floor

floor.CAPITAL = harness.CAPITAL


class Label:
    """What stands for an asset, an object as in the engines: pandas 3 walks an Index of strings far more slowly."""


def prepare(job, last):
    given = harness.arrays(job)
    if job.kind == "minute":
        close = given["close"][: given["starts"][last + 1]]
        if job.style == "compiled":
            return lambda: minutes(close, harness.EVERY, harness.CAPITAL)
        return lambda: floor.minutes(close, harness.EVERY)
    close, volume = given["close"][: last + 1], given["volume"][: last + 1]
    on = given["monthly"][: last + 1] if job.rule == "monthly" else np.ones(last + 1, bool)
    if job.style == "compiled":
        return lambda: daily(close, volume, on, harness.LOOKBACK, harness.CAPITAL)
    index = pd.DatetimeIndex(given["labels"][: last + 1].astype("datetime64[ns]"))
    symbols = [Label() for _ in range(job.assets)]
    return lambda: floor.daily(close, volume, index, symbols, on, job.style)


def count(job, value):
    return {"value": float(value)}


@numba.njit
def daily(close, volume, on, lookback, capital):
    sessions, assets = close.shape
    held, pending, score = np.zeros(assets), np.zeros(assets), np.zeros(assets)
    cash = value = capital
    for t in range(sessions):
        value = 0.0
        for i in range(assets):
            if pending[i] != 0.0:
                limit = np.floor(0.025 * volume[t, i])
                amount = min(max(pending[i], -limit), limit)
                share = abs(amount) / volume[t, i]
                cash -= amount * close[t, i] * (1 + 0.1 * share * share * np.sign(amount)) + 0.001 * abs(amount)
                held[i] += amount
                pending[i] -= amount
            value += held[i] * close[t, i]
        value += cash
        if t >= lookback and on[t]:
            total = 0.0
            for i in range(assets):
                mean = 0.0
                for s in range(t - lookback + 1, t + 1):
                    mean += close[s, i]
                score[i] = close[t, i] / (mean / lookback)
                total += score[i]
            for i in range(assets):
                pending[i] = np.trunc(value * (score[i] / total) / close[t, i]) - held[i]
    return value


@numba.njit
def minutes(close, every, capital):
    count, assets = close.shape
    held, pending = np.zeros(assets), np.zeros(assets)
    cash = capital
    for n in range(1, count + 1):
        for i in range(assets):
            if pending[i] != 0.0:
                cash -= pending[i] * close[n - 1, i] + 0.001 * abs(pending[i])
                held[i] += pending[i]
                pending[i] = 0.0
        if n % every == 0:
            for i in range(assets):
                pending[i] = 100.0 if (n // every) % 2 else -100.0
    for i in range(assets):
        cash += held[i] * close[count - 1, i]
    return cash


if __name__ == "__main__":
    harness.main(prepare, count)
