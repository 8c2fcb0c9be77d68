"""The report page: sections in reading order, each with the sentence its numbers make, in one offline HTML file."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tradewind import metrics
from tradewind.contest import OPTIMIZER_VERB, judge
from tradewind.report import tables
from tradewind.report.charts import Charts
from tradewind.report.style import SCRIPT, SERIES, style_sheet
from tradewind.report.wire import library
from tradewind.result import SOLVED, Result
from tradewind.wording import counted, html, percent, ratio, whole

WINDOW = 126
NAMES_DRAWN = len(SERIES)
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def render(result: Result, hashes: Mapping[str, str] | None = None) -> str:
    """The report of a run as one HTML document that needs no network and no other file.

    Parameters: `hashes` maps table names to the sha256 of their files, shown for reproduction. Equal results give equal
    text. Every chart has one point a session; tables that show a part say which part.
    """
    charts = Charts(result.perf.index, _columns(result))
    sections = [make(result, charts) for make in SECTIONS] if len(result.perf) else [_nothing()]
    body = "".join(sections) + _reproduction(result, hashes or {})
    return DOCUMENT.format(
        security=SECURITY,
        title=html(f"{result.name}: backtest report"),
        style=style_sheet(),
        header=_header(result),
        links=_links(body),
        body=body,
        charts=charts.embed(),
        library=library(),
        script=SCRIPT,
    )


def write(result: Result, path: str | Path, hashes: Mapping[str, str] | None = None) -> Path:
    """Write `render(result)` to `path`, whole or not at all. Returns the path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    page = render(result, hashes).encode()
    handle, staged = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(page)
        Path(staged).chmod(0o644)
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    return target


DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{security}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{header}
<nav aria-label="Sections"><div>{links}<button id="theme" type="button" aria-pressed="false">Dark</button></div></nav>
<main>
{body}
<footer>Made from the recorded run alone. Formulas stand beside the statistics.</footer>
</main>
<script type="application/json" id="charts">{charts}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""


def _header(result: Result) -> str:
    bundle = (result.info.get("bundle") or {}).get("name", "an unnamed bundle")
    status = result.info.get("status", "complete")
    note = "" if status in ("complete", "ok") else f" · {status}"
    line = f"{result.span} · {counted(len(result.perf), 'session')} on bundle {bundle}{note}"
    return f"<header><div><h1>{html(result.name)}</h1><p>{html(line)}</p></div></header>"


def _links(body: str) -> str:
    """A link for each section of the body."""
    parts = body.split('<section aria-labelledby="')[1:]
    ids = [part.split('"', 1)[0] for part in parts]
    heads = [part.split("</h2>", 1)[0].rsplit(">", 1)[1] for part in parts]
    return "".join(f'<a href="#{i}">{head}</a>' for i, head in zip(ids, heads, strict=True))


def _section(key: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{key}"><h2 id="{key}">{title}</h2>{content}</section>\n'


def _chart(name: str, label: str, *, hidden: bool = False) -> str:
    state = " hidden" if hidden else ""
    return f'<div class="chart" id="chart-{name}" role="img" aria-label="{html(label)}"{state}></div>'


def _figure(charts: str, caption: str, twin: str = "") -> str:
    return f"<figure>{charts}<figcaption>{caption}</figcaption>{twin}</figure>"


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"


def _nothing() -> str:
    return _section(
        "summary", "Summary", '<p class="empty">The run recorded no session, so there is nothing to show.</p>'
    )


def _columns(result: Result) -> dict[str, Any]:
    """Every daily column a chart draws."""
    perf, r, b = result.perf, result.returns, result.benchmark_returns
    columns = {
        "wealth": metrics.wealth(r),
        "drawdown": metrics.drawdown_series(r) if len(r) else r,
        "volatility": metrics.rolling_volatility(r, WINDOW),
        "sharpe": metrics.rolling_sharpe(r, WINDOW),
        "gross": perf["gross_leverage"],
        "net": perf["net_leverage"],
        "long": perf["long_exposure"] / perf["portfolio_value"],
        "short": perf["short_exposure"] / perf["portfolio_value"],
        "turnover": result.turnover,
        "turnover63": metrics.rolling_mean(result.turnover, 63),
        "commission": result.fills.groupby("session")["commission"].sum().reindex(perf.index, fill_value=0.0).cumsum(),
    }
    if b is not None:
        columns |= {"benchmark": metrics.wealth(b), "beta": metrics.rolling_beta(r, b, WINDOW)}
    return columns | _stacked(result)


def _drawn_names(result: Result) -> list[str]:
    """The names with the largest mean absolute weight, largest first."""
    return list(result.weights.abs().mean().sort_values(ascending=False, kind="stable").index[:NAMES_DRAWN])


def _stacked(result: Result) -> dict[str, Any]:
    weights, names = result.weights, _drawn_names(result)
    parts: dict[str, Any] = {f"w{i}": weights[name].to_numpy() for i, name in enumerate(names)}
    rest = weights.drop(columns=names).to_numpy()
    if rest.shape[1]:
        parts["rest"] = rest
    # the remaining names are summed by side, so that a long and a short one do not hide each other
    return {f"{key}{side}": _one_side(part, side) for key, part in parts.items() for side in "+-"}


def _one_side(weights: Any, side: str) -> Any:
    part = np.maximum(weights, 0.0) if side == "+" else np.minimum(weights, 0.0)
    return part.sum(axis=1) if part.ndim == 2 else part


def _strip(result: Result, charts: Charts) -> str:
    stats = result.stats
    cells = [
        ("Return", "total_return", percent(stats["total_return"]), f"{percent(stats['annual_return'])} a year"),
        ("Sharpe ratio", "sharpe", ratio(stats["sharpe"]), f"Sortino {ratio(stats['sortino'])}"),
        ("Max drawdown", "max_drawdown", percent(stats["max_drawdown"]), f"Calmar {ratio(stats['calmar'])}"),
        ("Volatility", "annual_volatility", percent(stats["annual_volatility"]), "a year"),
        ("Beta", "beta", ratio(stats["beta"]), _benchmark_note(result)),
        ("Turnover", "mean_turnover", percent(stats["mean_turnover"], 2), "a day, mean"),
    ]
    items = "".join(
        f'<div><dt>{label}</dt><dd data-headline="{key}">{value}<small>{html(note)}</small></dd></div>'
        for label, key, value, note in cells
    )
    return f'<dl class="strip" aria-label="Headline figures">{items}</dl>\n'


def _benchmark_note(result: Result) -> str:
    name = result.info.get("benchmark")
    return "no benchmark" if name is None else f"to {name}"


def _equity(result: Result, charts: Charts) -> str:
    lines = {"wealth": ("Portfolio", "c1", "solid")}
    if result.benchmark_returns is not None:
        lines["benchmark"] = (str(result.info["benchmark"]), "c2", "dashed")
    charts.add_lines("equity-log", lines, height=360, numbers="0.00", detail="0.000", log=True)
    charts.add_lines("equity-linear", lines, height=360, numbers="0.00", detail="0.000")
    switch = (
        '<div class="switch" role="group" aria-label="Scale"><button type="button" data-show="chart-equity-log" '
        'aria-pressed="true">Log</button><button type="button" data-show="chart-equity-linear" aria-pressed="false">'
        "Linear</button></div>"
    )
    label = "Growth of one unit of capital, by session"
    drawn = switch + _chart("equity-log", label) + _chart("equity-linear", label, hidden=True)
    twin = _details("Month-end figures as a table", tables.month_ends(result))
    return _section("equity", "Equity", _figure(drawn, _equity_caption(result), twin))


def _equity_caption(result: Result) -> str:
    stats = result.stats
    years = f"{percent(stats['annual_return'])} a year over {counted(len(result.perf), 'session')}"
    text = f"One unit of capital became {ratio(1.0 + stats['total_return'])}: {years}."
    if result.benchmark_returns is None:
        return text + " The run named no benchmark."
    other = percent(stats["benchmark_annual_return"])
    return f"{text} The benchmark {html(result.info['benchmark'])} made {other} a year."


def _drawdown(result: Result, charts: Charts) -> str:
    found = metrics.drawdowns(result.returns)
    charts.add_area("drawdown", "drawdown", "Drawdown", "loss")
    caption = "Wealth never fell below an earlier peak."
    if found:
        peak, valley, recovery = tables.drawdown_dates(result, found[0])
        end = f"recovered on {recovery}" if found[0].recovery >= 0 else "not recovered when the run ended"
        depth = percent(found[0].depth)
        caption = f"The deepest loss from a peak was {depth}, from {peak} to {valley}, {end}."
    deepest = f"<h3>The {len(found)} deepest</h3>" + tables.drawdowns(result, found) if found else ""
    return _section("drawdown", "Drawdown", _figure(_chart("drawdown", "Loss from the last peak"), caption) + deepest)


def _months(result: Result, charts: Charts) -> str:
    keys = tables.month_numbers(result)
    _, months = metrics.compounded_by(result.returns, keys)
    years, totals = metrics.compounded_by(result.returns, keys // 12)
    groups: dict[str, tuple[str, Any]] = {"Portfolio": ("c1", totals)}
    if result.benchmark_returns is not None:
        groups[str(result.info["benchmark"])] = ("c2", metrics.compounded_by(result.benchmark_returns, keys // 12)[1])
    charts.add_bars("annual", [str(year) for year in years.tolist()], groups)
    gains = f"{int((months > 0).sum())} of {counted(len(months), 'month')} gained"
    caption = f"{gains}; the best made {percent(float(months.max()))}, the worst {percent(float(months.min()))}."
    heat = _figure(tables.monthly(result), f"{caption} Returns in per cent; blue gains, orange loses.")
    best, worst = years[totals.argmax()], years[totals.argmin()]
    spoken = f"Best year {best} ({percent(float(totals.max()))}), worst {worst} ({percent(float(totals.min()))})."
    annual = _figure(_chart("annual", "Return by calendar year"), spoken)
    return _section("months", "Returns by month and year", f"{heat}<h3>By year</h3>{annual}")


def _rolling(result: Result, charts: Charts) -> str:
    title = "Rolling risk"
    if len(result.perf) < WINDOW:
        return _section(
            "rolling", title, f'<p class="empty">Needs {WINDOW} sessions; the run has {len(result.perf)}.</p>'
        )
    charts.add_lines(
        "sharpe", {"sharpe": ("Sharpe", "c1", "solid")}, height=190, numbers="0.0", detail="0.00", zero=True
    )
    charts.add_lines("volatility", {"volatility": ("Volatility", "c3", "solid")}, height=190)
    parts = [("sharpe", "Sharpe ratio"), ("volatility", "Volatility, a year")]
    if result.benchmark_returns is not None:
        charts.add_lines("beta", {"beta": ("Beta", "c4", "solid")}, height=190, numbers="0.0", detail="0.00", zero=True)
        parts.append(("beta", f"Beta to {html(result.info['benchmark'])}"))
    drawn = "".join(f"<h3>{label}</h3>{_chart(name, label)}" for name, label in parts)
    latest = metrics.rolling_sharpe(result.returns, WINDOW)
    known = latest[np.isfinite(latest)]
    if len(known) == 0:
        spoken = "the Sharpe ratio is not defined, for the portfolio never moved."
    else:
        spoken = f"the Sharpe ratio ran from {ratio(float(known.min()))} to {ratio(float(known.max()))}."
    return _section("rolling", title, _figure(drawn, f"Over windows of {WINDOW} sessions, about half a year, {spoken}"))


def _exposure(result: Result, charts: Charts) -> str:
    lines = {
        "long": ("Long", "c1", "solid"),
        "short": ("Short", "c6", "solid"),
        "net": ("Net", "c8", "dashed"),
        "gross": ("Gross", "c3", "dotted"),
    }
    charts.add_lines("exposure", lines, zero=True)
    stats = result.stats
    caption = (
        f"Gross exposure averaged {percent(stats['mean_gross_leverage'])} of equity and reached "
        f"{percent(stats['max_gross_leverage'])}; net exposure averaged {percent(stats['mean_net_leverage'])}."
    )
    return _section("exposure", "Exposure", _figure(_chart("exposure", "Exposures as a share of equity"), caption))


def _weights(result: Result, charts: Charts) -> str:
    held = result.weights.shape[1]
    if not held:
        return _section("weights", "Weights", '<p class="empty">No session ended with a position.</p>')
    names = _drawn_names(result)
    columns = {f"w{i}": (name, SERIES[i]) for i, name in enumerate(names)}
    if held > len(names):
        columns["rest"] = (f"{held - len(names)} others", "other")
    charts.add_stack("weights", columns)
    largest = result.weights.abs().max()
    rest = f", the other {held - len(names)} summed by side" if held > len(names) else ""
    caption = (
        f"{counted(held, 'asset')} held at some time; the largest weight was {percent(float(largest.max()))}, "
        f"in {html(largest.idxmax())}. Drawn: {counted(len(names), 'name')} of largest mean weight{rest}; "
        "long weights stack up from zero, short ones down."
    )
    shown = tables.held_names(result)
    more = f" (the first 12 of {held})" if held > 12 else ""
    figure = _figure(_chart("weights", "Weights by asset over time"), caption)
    return _section("weights", "Weights", f"{figure}<h3>By asset{more}</h3>{shown}")


def _trading(result: Result, charts: Charts) -> str:
    if result.orders.empty and result.fills.empty:
        return _section("trading", "Trading", '<p class="empty">The run placed no order.</p>')
    charts.add_lines("turnover", {"turnover": ("Turnover", "c5", "solid")}, height=190)
    charts.add_lines("turnover63", {"turnover63": ("Mean turnover", "c1", "solid")}, height=190, numbers="0.0%")
    charts.add_lines(
        "commission", {"commission": ("Commission", "c3", "solid")}, height=190, numbers="0,0", detail="0,0"
    )
    stats, traded = result.stats, float(result.traded.sum())
    caption = (
        f"{counted(len(result.fills), 'fill')} of {counted(len(result.orders), 'order')} traded {whole(traded)} "
        f"in all, {percent(stats['mean_turnover'], 2)} of equity a day on average."
    )
    cost = stats["commission"] / traded if traded else float("nan")
    paid = f"Commissions came to {whole(stats['commission'])}, {percent(cost, 3)} of what was traded."
    label = "Traded value as a share of equity"
    drawn = f"<h3>Turnover, by session</h3>{_chart('turnover', label)}<h3>Turnover, mean of 63 sessions</h3>"
    turnover = _figure(drawn + _chart("turnover63", f"{label}, mean of 63 sessions"), caption)
    commission = _figure(_chart("commission", "Commission paid so far"), paid)
    totals = f"<h3>Orders</h3>{tables.trading_totals(result)}" if len(result.orders) else ""
    return _section("trading", "Trading", f"{turnover}<h3>Commission paid so far</h3>{commission}{totals}")


def _optimizer(result: Result, charts: Charts) -> str:
    calls = result.optimizer
    if calls.empty:
        return _section("optimizer", "Optimizer", f'<p class="empty">The run never called {OPTIMIZER_VERB}.</p>')
    solved = calls["status"] == SOLVED
    groups = {"Solved": ("c1", "circle", calls["session"][solved], calls["objective"][solved])}
    if not solved.all():
        height = np.nan_to_num(calls["objective"][~solved].to_numpy())
        groups["Not solved"] = ("c6", "x", calls["session"][~solved], height)
    charts.add_points("optimizer", groups)
    caption = _optimizer_caption(result)
    figure = _figure(_chart("optimizer", "Objective value of each call"), caption)
    rows = [(html(status), whole(n)) for status, n in calls["status"].value_counts(sort=False).sort_index().items()]
    status = tables.table(("Status", "Calls"), rows, label="Calls by status")
    if result.duals.empty:
        bound = '<p class="empty">No constraint was binding.</p>'
    else:
        bound = tables.binding(result.duals, len(calls))
    kinds = len(result.duals.drop_duplicates(["constraint", "label", "side"]))
    part = f", the 15 most frequent of {kinds}" if kinds > 15 else ""
    return _section(
        "optimizer", "Optimizer", f"{figure}<h3>Status</h3>{status}<h3>Binding constraints{part}</h3>{bound}"
    )


def _optimizer_caption(result: Result) -> str:
    calls = result.optimizer
    solved, worst = int((calls["status"] == SOLVED).sum()), float(calls["residual"].max())
    solvers = ", ".join(sorted(calls["solver"].dropna().unique()))
    rest = "no certificate found a violation" if worst == 0.0 else f"the largest violation found was {worst:.1e}"
    return (
        f"{solved:,} of {counted(len(calls), 'call')} solved, by {html(solvers)}; {rest}. Drawn: the objective's value."
    )


def _contest(result: Result, charts: Charts) -> str:
    verdict = judge(result)
    score = "" if np.isnan(verdict.score) else f" Score of the last 63 sessions: {ratio(verdict.score, 4)}."
    text = html(f"{verdict.headline()}.{score} {' '.join(verdict.notes)}".strip())
    return _section("contest", "Contest", f"{tables.contest(verdict)}<p class='empty'>{text}</p>")


def _statistics(result: Result, charts: Charts) -> str:
    return _section("statistics", "Statistics", tables.statistics(result))


def command(info: Mapping[str, Any]) -> str:
    """The command line that makes this run again."""
    algorithm, bundle = info.get("algorithm") or {}, info.get("bundle") or {}
    words = ["tradewind", "run", f"{algorithm.get('name') or 'ALGORITHM'}.py", "-b", str(bundle.get("name", "demo"))]
    for flag, key in (("-s", "start"), ("-e", "end"), ("--capital-base", "capital_base"), ("--benchmark", "benchmark")):
        if info.get(key) is not None:
            words += [flag, _number(info[key]) if key == "capital_base" else str(info[key])]
    for flag, key, usual in (
        ("--data-frequency", "data_frequency", "daily"),
        ("--semantics", "semantics", "tradewind"),
    ):
        if info.get(key, usual) != usual:
            words += [flag, str(info[key])]
    for name, value in sorted((info.get("parameters") or {}).items()):
        words += ["-D", f"{name}={value}"]
    return shlex.join(words)


def _number(amount: float) -> str:
    """10000000.0 → "10000000", 1234.5 → "1234.5"."""
    return repr(float(amount)).removesuffix(".0")


def _reproduction(result: Result, hashes: Mapping[str, str]) -> str:
    info = result.info
    algorithm, bundle = info.get("algorithm") or {}, info.get("bundle") or {}
    facts = {
        "Algorithm, sha256": algorithm.get("sha256", "–"),
        "Bundle": f"{bundle.get('name', '–')}, version {bundle.get('version', '–')}",
        "Bundle, hash": bundle.get("hash", "–"),
        "Bundle, grade": bundle.get("grade") or "not graded",
        **{f"Version of {name}": version for name, version in sorted((info.get("versions") or {}).items())},
        **{f"{name}.parquet, sha256": digest for name, digest in hashes.items()},
    }
    line = f"<pre>{html(command(info))}</pre>"
    return _section("reproduction", "Reproduction", line + tables.facts(facts))


SECTIONS = (
    _strip,
    _statistics,
    _equity,
    _drawdown,
    _months,
    _rolling,
    _exposure,
    _weights,
    _trading,
    _optimizer,
    _contest,
)
