"""The tables of the report as HTML: statistics, drawdowns, months, trading, optimizer, contest, reproduction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tradewind import metrics
from tradewind.contest import PERCENTILES, Verdict
from tradewind.result import Result
from tradewind.wording import MISSING, day, html, percent, quantity, ratio, whole

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STRONGEST_TONE = 62


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, label: str, text: Iterable[int] = ()) -> str:
    """An HTML table: the first cell of a row is its heading; columns in `text` are set left. Cells are HTML already."""
    left = set(text)
    heads = "".join(f'<th scope="col"{_kind(i in left)}>{cell}</th>' for i, cell in enumerate(head))
    body = "".join(_row(row, left) for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html(label)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _kind(left: bool) -> str:
    return ' class="text"' if left else ""


def _row(cells: Sequence[str], left: set[int]) -> str:
    rest = "".join(f"<td{_kind(i in left)}>{cell}</td>" for i, cell in enumerate(cells[1:], start=1))
    return f'<tr><th scope="row"{_kind(0 in left)}>{cells[0]}</th>{rest}</tr>'


def statistics(result: Result) -> str:
    """Every statistic with its value and the formula it follows."""
    rows = [
        f'<tr><th scope="row">{html(s.label)}</th>'
        f'<td data-stat="{s.name}">{quantity(result.stats[s.name], s.unit)}</td>'
        f'<td class="how">{html(s.convention)}</td></tr>'
        for s in metrics.STATISTICS
        if np.isfinite(result.stats[s.name])
    ]
    head = '<tr><th scope="col">Statistic</th><th scope="col">Value</th><th scope="col" class="text how">How</th></tr>'
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def drawdown_dates(result: Result, drawdown: metrics.Drawdown) -> tuple[str, str, str]:
    """(peak, valley, recovery) as dates; the first session for a peak before it, "–" for no recovery."""
    labels = result.perf.index
    recovery = MISSING if drawdown.recovery < 0 else day(labels[drawdown.recovery])
    return day(labels[max(drawdown.peak, 0)]), day(labels[drawdown.valley]), recovery


def drawdowns(result: Result, found: Sequence[metrics.Drawdown]) -> str:
    """The deepest drawdowns with their dates and lengths."""
    rows = [
        (str(rank), percent(one.depth), *drawdown_dates(result, one), whole(one.sessions))
        for rank, one in enumerate(found, start=1)
    ]
    return table(("#", "Depth", "Peak", "Valley", "Recovery", "Sessions"), rows, label="Deepest drawdowns")


def monthly(result: Result) -> str:
    """Months across, years down; the tone grows with the size of the return, the strongest month has the full tone."""
    keys, values = metrics.compounded_by(result.returns, month_numbers(result))
    years, totals = metrics.compounded_by(result.returns, month_numbers(result) // 12)
    at, largest = dict(zip(keys.tolist(), values.tolist(), strict=True)), float(np.abs(values).max(initial=1e-12))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Year", *MONTHS, "Whole"))
    rows = []
    for year, total in zip(years.tolist(), totals.tolist(), strict=True):
        cells = "".join(_month(at.get(year * 12 + month), largest) for month in range(12))
        year_cell = f'<td class="year">{percent(total)}</td>'
        rows.append(f'<tr><th scope="row">{year}</th>{cells}{year_cell}</tr>')
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table class="heat">{body}</table></div>'


def _month(value: float | None, largest: float) -> str:
    if value is None:
        return "<td></td>"
    tone = round(STRONGEST_TONE * abs(value) / largest)
    return f'<td class="{"up" if value >= 0 else "down"}" style="--v:{tone}">{_bare(value)}</td>'


def _bare(value: float) -> str:
    return percent(value).removesuffix("\N{NO-BREAK SPACE}%")


def month_numbers(result: Result) -> metrics.Integers:
    """12·year + month − 1 of each session; int64[T]."""
    months = result.perf.index.to_numpy().astype("datetime64[M]").astype(np.int64)
    return np.asarray(months + 1970 * 12, dtype=np.int64)


def month_ends(result: Result) -> str:
    """The daily charts as a table of month-end values."""
    perf = result.perf
    last = np.concatenate((np.flatnonzero(np.diff(month_numbers(result))), [len(perf) - 1]))
    under = metrics.drawdown_series(result.returns)
    columns = (
        [day(label) for label in perf.index[last]],
        [whole(value) for value in perf["portfolio_value"].to_numpy()[last]],
        [percent(value) for value in perf["algorithm_period_return"].to_numpy()[last]],
        [percent(value) for value in perf["benchmark_period_return"].to_numpy()[last]],
        [percent(value) for value in under[last]],
        [ratio(value) for value in perf["gross_leverage"].to_numpy()[last]],
        [ratio(value) for value in perf["net_leverage"].to_numpy()[last]],
    )
    head = ("Session", "Value", "Return", "Benchmark", "Drawdown", "Gross", "Net")
    return table(head, zip(*columns, strict=True), label="Month-end figures")


def held_names(result: Result, limit: int = 12) -> str:
    """The names with the largest mean absolute weight: mean, extremes, last."""
    weights = result.weights
    order = weights.abs().mean().sort_values(ascending=False, kind="stable").index[:limit]
    rows = [
        (
            html(name),
            percent(w.mean()),
            percent(w.min()),
            percent(w.max()),
            percent(w.iloc[-1]),
            percent((w != 0).mean()),
        )
        for name, w in ((name, weights[name]) for name in order)
    ]
    head = ("Asset", "Mean weight", "Lowest", "Highest", "At the end", "Sessions held")
    return table(head, rows, label="Weights by asset")


def trading_totals(result: Result) -> str:
    """Orders by verb and status, with the shares asked and filled."""
    orders = result.orders
    groups = orders.groupby(["via", "status"], sort=True)[["amount", "filled", "commission"]]
    rows = [
        (html(via), html(status), whole(len(g)), *(whole(g[c].abs().sum()) for c in ("amount", "filled")),
         whole(g["commission"].sum()))
        for (via, status), g in groups
    ]  # fmt: skip
    head = ("Placed by", "Status", "Orders", "Shares asked", "Shares filled", "Commission")
    return table(head, rows, label="Orders by verb and status", text=(1,))


def binding(duals: pd.DataFrame, calls: int, limit: int = 15) -> str:
    """The constraints that bound most often: how often, on how many calls, and their mean price."""
    grouped = duals.assign(price=duals["shadow_price"].abs()).groupby(["constraint", "label", "side"], sort=True)
    found = grouped.agg(calls=("call", "nunique"), price=("price", "mean"), largest=("price", "max")).reset_index()
    found = found.sort_values("calls", ascending=False, kind="stable").head(limit)
    rows = [
        (html(f["constraint"]), html(f["label"] or MISSING), html(f["side"]), f"{f['calls']:,} of {calls:,}",
         f"{f['price']:.3g}", f"{f['largest']:.3g}")
        for f in found.to_dict("records")
    ]  # fmt: skip
    head = ("Constraint", "Label", "Side", "Binding in calls", "Mean |shadow price|", "Largest")
    return table(head, rows, label="Binding constraints", text=(1, 2))


def contest(verdict: Verdict) -> str:
    """One row a criterion: the four percentiles, the status and the sentence."""
    head = ("Criterion", *(f"{p}{'nd' if p == 2 else 'th'}" for p in PERCENTILES), "Verdict", "Why")
    rows = []
    for line in verdict.lines:
        unit = {"%": "fraction"}.get(line.rule.unit, "ratio")
        figures = [quantity(value, unit) for value in line.percentiles]
        status = f'<span class="{line.status}">{line.status}</span>'
        rows.append((html(line.rule.label), *figures, status, html(line.sentence)))
    return table(head, rows, label="Contest criteria", text=(5, 6))


def facts(pairs: Mapping[str, Any]) -> str:
    """Name and value, two columns."""
    rows = [(html(name), f"<code>{html(value)}</code>") for name, value in pairs.items()]
    return table(("", ""), rows, label="Facts of the run", text=(1,)).replace(
        '<thead><tr><th scope="col"></th><th scope="col" class="text"></th></tr></thead>', ""
    )
