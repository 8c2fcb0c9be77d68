"""The simulation beside other engines: the same programs on the same prices, CPU seconds and ratios.

python -m benchmarks.sim_bench [--quick] [--only zipline,bt] [--rows "W1 500"]

W1 daily bars, ten years × 1, 50, 500 assets: history(20) and a target percent for each asset, every day or month.
W2 minute bars, a year × 1, 10 assets: the price of each asset every minute, an order each every thirtieth.

Every engine runs in its own environment and process (sim_environments.py), is warmed up by a run of the first 25
sessions (minutes: 2) and then timed: process CPU seconds, the smallest of up to three runs. "ran" is the part of the
workload that was run; CPU seconds are those of the whole, the rest added in proportion to sessions. "differs" compares
the final portfolio value with ours over the same sessions, user code of the same style. "ours again" is the same run
after all the others: its ratio to the first is the noise of the machine. How an engine's work differs from ours stands
at the head of its program in sim_peers/.
"""

import sys
from dataclasses import replace

from benchmarks.sim_environments import pythons, wanted
from benchmarks.sim_jobs import Runner, Workload
from benchmarks.sim_market import daily_prices, minute_prices

YEAR = 252
STYLES = {
    "ours": ("pandas", "numpy", "window"), "zipline": ("pandas", "numpy"), "backtesting": ("pandas", "numpy"),
    "backtrader": ("plain",), "bt": ("pandas",), "vectorbt": ("vectorised",), "nautilus": ("plain",),
    "floor": ("pandas", "numpy"), "numba loop": ("compiled",),
}  # fmt: skip
# Sessions that a slow engine runs, by (assets, rule); the rest of the workload is scaled.
SPANS = {
    "zipline": {(50, "daily"): YEAR // 2, (50, "monthly"): 3 * YEAR, (500, "daily"): YEAR // 4,
                (500, "monthly"): YEAR // 2, (1, "minute"): YEAR // 2, (10, "minute"): YEAR // 4},
    "backtrader": {(50, "daily"): YEAR // 2, (50, "monthly"): YEAR, (500, "daily"): 50, (500, "monthly"): YEAR // 2,
                   (1, "minute"): 25, (10, "minute"): 8},
    "bt": {(50, "daily"): 2 * YEAR, (500, "daily"): YEAR // 2, (500, "monthly"): 2 * YEAR},
    "nautilus": {(1, "minute"): YEAR // 2, (10, "minute"): 25},
}  # fmt: skip


def styles(engine, work):
    """The kinds of user code; minutes know one, and zipline's time at 500 assets is spent once."""
    if engine == "zipline" and work.assets == 500:
        return ("pandas",)
    if work.kind == "minute" and engine != "numba loop":
        return ("plain",)
    return STYLES[engine]


def named(assets):
    return "1 asset" if assets == 1 else f"{assets} assets"


class Bench:
    """The tables of one run, and the ratios that the bounds are held against."""

    def __init__(self, runner, quick, rows=""):
        self.runner, self.quick, self.rows = runner, quick, rows
        self.ratios = {}
        self.checked = {}

    def table(self, work, engines, semantics="tradewind"):
        """One workload: a row an engine and style. Ratios are to our run with pandas and with numpy user code."""
        ours = {}
        print(f"\n{work.title}, {work.sessions} sessions")
        print(
            f"{'engine':12}{'user code':12}{'ran':>6}{'CPU s':>10}{'sessions/s':>12}"
            + "".join(f"{'× ' + style:>10}" for style in styles("ours", work))
            + f"{'MB':>6}{'orders':>9}{'fills':>9}{'final value':>16}{'differs':>10}"
        )
        for engine in engines:
            for style in styles(engine, work):
                ran = self.runner.run(engine, work, style, self.span(engine, work))
                if engine == "ours" and ran is None:
                    raise SystemExit("our own run failed: there is nothing to compare with")
                if engine == "ours":
                    ours[style] = ran
                if ran is not None:
                    self.row(work, ran, ours, semantics)
        for style in styles("ours", work):  # after the others: how much the machine itself has changed meanwhile
            again = self.runner.run("ours", work, style)
            self.row(work, replace(again, engine="ours again"), ours, semantics)

    def span(self, engine, work):
        span = SPANS.get(engine, {}).get((work.assets, work.rule))
        return min(span, 60) if span and self.quick else span

    def row(self, work, ran, ours, semantics):
        twin = ours.get(ran.style) or list(ours.values())[-1]
        value, told = ran.seen["value"], ""
        if ran.engine != "ours":
            told = f"{value / self.value(work, twin.style, ran.sessions, semantics) - 1:.1e}"
        ratio = {style: ran.cpu / ours[style].cpu if style in ours else float("nan") for style in styles("ours", work)}
        self.ratios[work.title, ran.engine, ran.style] = ratio
        print(
            f"{ran.engine:12}{ran.style:12}{ran.sessions / work.sessions:>6.0%}{ran.cpu:>10.4g}"
            f"{work.sessions / ran.cpu:>12.4g}{''.join(f'{times:>10.3g}' for times in ratio.values())}"
            f"{ran.seen['peak_mb']:>6.0f}{ran.seen.get('orders', ''):>9}{ran.seen.get('fills', ''):>9}"
            f"{value:>16.3f}{told:>10}  {ran.seen.get('note', '')}".rstrip(),
            flush=True,
        )

    def value(self, work, style, sessions, semantics):
        """Our final value over the same sessions, with the same user code."""
        key = work.title, style, sessions, semantics
        if key not in self.checked:
            again = self.runner.once().run("ours", work, style, sessions, semantics)
            self.checked[key] = again.seen["value"]
        return self.checked[key]

    def ratio(self, title, engine, style, ours):
        return self.ratios.get((title, engine, style), {}).get(ours)


def daily_tables(bench):
    years = 2 if bench.quick else 10
    for assets in (1, 50) if bench.quick else (1, 50, 500):
        for rule in ("daily", "monthly"):
            title = f"W1 {named(assets)}, {rule}"
            if bench.rows in title:
                work = Workload(daily_prices(assets, years), assets, rule=rule, title=title)
                engines = ["ours", "floor", "numba loop", "zipline", "bt", "backtrader", "vectorbt"]
                bench.table(work, engines + ["backtesting"] * (assets == 1))


def action_tables(bench):
    """The same with quarterly dividends in 55 % of the names and splits; only zipline has them too."""
    years = 2 if bench.quick else 10
    for assets, rule in ((50, "daily"),) if bench.quick else ((50, "daily"), (500, "daily"), (500, "monthly")):
        title = f"W1 {named(assets)}, {rule}, dividends and splits"
        if bench.rows in title:
            work = Workload(daily_prices(assets, years, actions=True), assets, rule=rule, title=title)
            bench.table(work, ["ours", "zipline"], semantics="zipline")


def minute_tables(bench):
    days = 50 if bench.quick else 250
    for assets in (1, 10):
        title = f"W2 {named(assets)}, minutes"
        if bench.rows in title:
            work = Workload(minute_prices(assets, days), assets, "minute", "minute", title)
            bench.table(work, ["ours", "floor", "numba loop", "zipline", "nautilus", "backtrader"])


def cold_table(bench):
    """A fresh process, caches warm: wall seconds to the import, the first bar in the user's hands and the result."""
    work = Workload(daily_prices(50, 2 if bench.quick else 10), 50)
    print("\nCold start: 50 assets, one year, daily, numpy user code; wall seconds since the process began, best of 3")
    print(f"{'engine':12}{'imported':>10}{'first bar':>11}{'result':>9}{'CPU s':>9}{'MB':>7}")
    for engine in ("ours", "zipline"):
        seen = bench.runner.cold(engine, work, "numpy", YEAR)
        if seen:
            figures = f"{seen['import']:>10.2f}{seen['first_bar']:>11.2f}{seen['result']:>9.2f}"
            print(f"{engine:12}{figures}{seen['cpu']:>9.2f}{seen['peak_mb']:>7.0f}", flush=True)


def growth_table(bench):
    """CPU a session, from the difference of a long and a short run; what both share (opening, loading) stands apart."""
    print("\nCost a session: assets traded and assets in the bundle (daily, numpy user code, 3 years)")
    print(f"{'in bundle':>10}{'traded':>8}{'µs a session':>14}{'s before':>10}{'MB':>6}")
    sizes = ((50, 50), (500, 50)) if bench.quick else ((50, 50), (500, 50), (4000, 50), (500, 10), (500, 500))
    for bundled, traded in sizes:
        work = Workload(daily_prices(bundled, 3), traded)
        whole = bench.runner.run("ours", work, "numpy")
        half = bench.runner.run("ours", work, "numpy", YEAR)
        each = (whole.seen["cpu"] - half.seen["cpu"]) / (whole.sessions - half.sessions)
        before = max(half.seen["cpu"] - each * half.sessions, 0.0)
        print(f"{bundled:>10}{traded:>8}{each * 1e6:>14.0f}{before:>10.3f}{whole.seen['peak_mb']:>6.0f}", flush=True)


BOUNDS = [  # title, engine, style of the engine, style of ours, wanted ratio at least
    ("W1 500 assets, daily", "zipline", "pandas", "pandas", 150),
    ("W1 500 assets, daily", "bt", "pandas", "pandas", 25),
    ("W1 500 assets, daily", "bt", "pandas", "numpy", 25),
    ("W1 50 assets, daily", "zipline", "pandas", "pandas", 40),
    ("W1 1 asset, daily", "zipline", "pandas", "pandas", 5),
    ("W1 1 asset, daily", "backtesting", "numpy", "window", 1),
    ("W1 1 asset, daily", "backtesting", "numpy", "numpy", 1),
    ("W1 500 assets, monthly", "zipline", "pandas", "pandas", 300),
    ("W1 500 assets, daily, dividends and splits", "zipline", "pandas", "pandas", 150),
    ("W1 500 assets, monthly, dividends and splits", "zipline", "pandas", "pandas", 300),
    ("W1 50 assets, daily, dividends and splits", "zipline", "pandas", "pandas", 40),
    ("W2 1 asset, minutes", "zipline", "plain", "plain", 12),
    ("W2 1 asset, minutes", "nautilus", "plain", "plain", 12),
    ("W2 10 assets, minutes", "zipline", "plain", "plain", 35),
    ("W2 10 assets, minutes", "nautilus", "plain", "plain", 35),
]


def bounds_table(bench):
    """The bounds this project has set itself, beside what this run saw."""
    print(f"\n{'Wanted and seen':70}{'wanted':>8}{'seen':>8}")
    for title, engine, style, ours, least in BOUNDS:
        seen = bench.ratio(title, engine, style, ours)
        if seen:
            bound_row(f"{title}: {engine} ÷ ours, {ours}", f"≥ {least}", seen, seen >= least)
    for title in dict.fromkeys(key[0] for key in bench.ratios):
        most = 2.0 if title.startswith("W2") else 1.5
        for style in ("pandas", "plain"):  # the floor's numpy code orders all assets at once, the engine's one by one
            seen = bench.ratio(title, "floor", style, style)
            if seen:
                bound_row(f"{title}: ours ÷ floor, {style}", f"≤ {most}", 1 / seen, 1 / seen <= most)


def bound_row(name, bound, seen, met):
    print(f"{name:70}{bound:>8}{seen:>8.3g}{'' if met else '  missed'}", flush=True)


def main(quick=False, only=None, rows=""):
    """only: names of peers.txt; rows: part of the titles wanted (cold start and growth: when it is empty)."""
    there = pythons(only)
    missing = [name for name in wanted() if name not in there]
    if missing and only is None:
        print(f"not measured, for want of their environments: {', '.join(missing)}")
    bench = Bench(Runner(there, repeats=1 if quick else 3), quick, rows)
    for tables in (daily_tables, action_tables, minute_tables):
        tables(bench)
    if not rows:
        cold_table(bench)
        growth_table(bench)
    bounds_table(bench)


def given(option):
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else ""


if __name__ == "__main__":
    main("--quick" in sys.argv, given("--only").split(",") if given("--only") else None, given("--rows"))
