"""Quarterly reports of synthetic companies, as they became known.

    book_value[q]   close · shares · exp(−0.9 + 0.5 v), v the planted value signal: book over price is what carries it
    net_income[q]   book_value · ROE / 4, ROE a first-order autoregression around 12 % with standard deviation 15 %
    revenue[q]      book_value · the company's own turnover / 4, a tenth of noise

all at the close of the quarter's last day (``asof_date``), in dollars. They become known an hour before the open of the
day of the earnings jump (``timestamp``), 21 to 31 sessions later. One report in fifty is restated with the next one:
the same asof_date again, other numbers, ``restated`` true.
"""

from __future__ import annotations

import numpy as np

from tradewind_data import tables
from tradewind_data.pointintime import ASOF, SID, TIMESTAMP, Dataset
from tradewind_data.schema import Column
from tradewind_data.sessions import Int64Array
from tradewind_data.synthetic.prices import AssetHistory
from tradewind_data.synthetic.returns import ReturnModel, generator, value_signal
from tradewind_data.synthetic.volatility import ar1
from tradewind_data.tables import Table

NAME = "fundamentals"
BOOK_TO_PRICE, VALUE_TO_BOOK = -0.9, 0.5
ROE, ROE_SPREAD, ROE_MEMORY = 0.12, 0.15, 0.9
SOONEST, LATEST, RESTATED, RESTATED_BY = 21, 31, 0.02, 0.08
_HOUR_NS = 3_600_000_000_000
COLUMNS: tuple[Column, ...] = (
    Column(SID, "int64", "the asset"),
    Column(ASOF, "date", "last day of the quarter"),
    Column(TIMESTAMP, "time", "when it became known, UTC"),
    Column("shares_outstanding", "float64", "shares, as they were on the asof_date"),
    Column("book_value", "float64", "dollars"),
    Column("net_income", "float64", "dollars a quarter"),
    Column("revenue", "float64", "dollars a quarter"),
    Column("restated", "bool", "whether it replaces an earlier report of the quarter", nullable=True),
)


def reports(
    model: ReturnModel, asset: int, sid: int, made: AssetHistory, labels: Int64Array, opens: Int64Array
) -> Table:
    """The reports of one asset whose quarter ends, and which are published, while it trades.

    labels, opens: int64[T] ns of the market's days.
    """
    rng, first = generator(model.seed, asset, 16), made.life.first
    published = model.earnings(asset)
    lag, roe = rng.integers(SOONEST, LATEST + 1, len(published)), ar1(rng.standard_normal(len(published)), ROE_MEMORY)
    noise, turnover = rng.standard_normal(len(published)), float(np.exp(0.5 * rng.standard_normal()))
    inside = (published - lag >= first) & (published <= made.life.last)
    quarter, day = (published - lag)[inside], published[inside]
    shares = np.rint(made.shares[quarter - first])
    value = value_signal(model.seed, asset, model.days)[quarter]
    book = made.values[3][quarter - first] * shares * np.exp(BOOK_TO_PRICE + VALUE_TO_BOOK * value)
    income = book * (ROE + ROE_SPREAD * roe[inside]) / 4.0
    revenue = book * turnover * np.exp(0.1 * noise[inside]) / 4.0
    own = np.full(len(day), sid, dtype=np.int64)
    known = opens[day] - _HOUR_NS
    values = [own, labels[quarter], known, shares, *(np.rint(x) for x in (book, income, revenue))]
    told: Table = dict(zip((c.name for c in COLUMNS), [*values, np.full(len(day), False, dtype=object)], strict=True))
    return _with_restatements(told, rng)


def _with_restatements(told: Table, rng: np.random.Generator) -> Table:
    """Some reports once more, as corrected when the next one comes out."""
    n = tables.length(told)
    again = np.flatnonzero(rng.random(n)[:-1] < RESTATED) if n else np.empty(0, dtype=np.int64)
    corrected = {name: column[again] for name, column in told.items()}
    corrected[TIMESTAMP] = told[TIMESTAMP][again + 1]
    for name in ("book_value", "net_income", "revenue"):
        corrected[name] = np.rint(corrected[name] * np.exp(RESTATED_BY * rng.standard_normal(len(again))))
    corrected["restated"] = np.full(len(again), True, dtype=object)
    return {name: np.concatenate([told[name], corrected[name]]) for name in told}


def dataset(parts: list[Table]) -> Dataset:
    """The reports of all assets as the dataset ``fundamentals``."""
    parts = [tables.empty(COLUMNS), *parts]
    joined = {c.name: np.concatenate([part[c.name] for part in parts]) for c in COLUMNS}
    return Dataset(COLUMNS, (), tables.sort_by(joined, SID, TIMESTAMP, ASOF))
