"""What the command line shows: the progress line on stderr, the summary and tables on stdout.

Plain text unless stdout is a terminal and NO_COLOR is unset; then rich draws the same rows.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TextIO

from tradewind.contest import Verdict
from tradewind.result import Result
from tradewind.wording import counted, percent, quantity, ratio, whole

Rows = Sequence[tuple[str, str]]
ERASE = "\r\x1b[K"
TENTH, SETTLED = 0.1, 0.5
STYLES = {"PASS": "green", "FAIL": "bold red", "NOT JUDGED": "dim"}


def is_fancy(stream: TextIO) -> bool:
    """Whether colour and drawing belong on `stream`."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class ProgressLine:
    """One line on a terminal, redrawn at most ten times a second; silent anywhere else.

    Called with (sessions done, sessions in all, session label in ns, portfolio value). As a context manager it clears
    its line at the end and makes log lines begin on a line of their own.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._began = self._drawn = time.monotonic()
        self._handler = _OwnLine(self._stream, self._live)

    def __enter__(self) -> ProgressLine:
        logger = logging.getLogger("tradewind")
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        logging.getLogger("tradewind").removeHandler(self._handler)
        self.clear()

    def __call__(self, done: int, total: int, session: int, value: float) -> None:
        """Redraw the line unless it was drawn within the last tenth of a second."""
        now = time.monotonic()
        if not self._live or now - self._drawn < TENTH:
            return
        self._drawn = now
        day = time.strftime("%Y-%m-%d", time.gmtime(session // 1_000_000_000))
        took = now - self._began
        # the first sessions carry the cost of starting, and would foretell hours
        left = f"  {took * (total - done) / done:.0f} s left" if took > SETTLED and done else ""
        text = f"{done / total:4.0%}  {day}  portfolio {value:,.0f}{left}"
        self._stream.write(f"{ERASE}{text}")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Show a passing remark in place of the line."""
        if self._live:
            self._stream.write(f"{ERASE}{text}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line off the screen."""
        if self._live:
            self._stream.write(ERASE)
            self._stream.flush()


class _OwnLine(logging.StreamHandler[TextIO]):
    """A log handler that erases the progress line before it writes."""

    def __init__(self, stream: TextIO, live: bool) -> None:
        super().__init__(stream)
        self._live = live
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, with the erasing sequence before it on a terminal."""
        return (ERASE if self._live else "") + super().format(record)


def summary(result: Result) -> list[tuple[str, str]]:
    """The rows shown after a run: label and value."""
    stats = result.stats
    rows = [
        ("Return", f"{percent(stats['total_return'])}  ({percent(stats['annual_return'])} a year)"),
        ("Volatility", f"{percent(stats['annual_volatility'])} a year"),
        ("Sharpe", f"{ratio(stats['sharpe'])}  (Sortino {ratio(stats['sortino'])})"),
        ("Max drawdown", f"{percent(stats['max_drawdown'])}  over {whole(stats['max_drawdown_sessions'])} sessions"),
    ]
    if result.benchmark_returns is not None:
        rows.append(
            (f"Beta to {result.info['benchmark']}", f"{ratio(stats['beta'])}  (alpha {percent(stats['alpha'])})")
        )
        rows.append(("Benchmark", f"{percent(stats['benchmark_total_return'])}"))
    rows += [
        ("Gross leverage", f"{ratio(stats['mean_gross_leverage'])} mean, {ratio(stats['max_gross_leverage'])} highest"),
        ("Turnover", f"{percent(stats['mean_turnover'], 2)} a day"),
        ("Orders", f"{whole(stats['orders'])}, {counted(int(stats['fills']), 'fill')}"),
        ("Commission", quantity(stats["commission"], "money")),
        ("Final value", quantity(stats["final_value"], "money")),
    ]
    margin = result.info.get("margin")
    if margin is not None:
        calls, rejected = len(margin["calls"]), int(margin["rejected_orders"])
        rows.append(("Margin", f"{counted(calls, 'call')}, {counted(rejected, 'order')} rejected"))
    if stats["optimizer_calls"]:
        failed = int(stats["optimizer_failures"])
        solved = "all solved" if not failed else f"{failed:,} not solved"
        rows.append(("Optimizer", f"{counted(int(stats['optimizer_calls']), 'call')}, {solved}"))
    return rows


def title(result: Result) -> str:
    """What ran: name, span, sessions, bundle."""
    facts = result.info.get("bundle") or {}
    bundle, grade = facts.get("name", "an unnamed bundle"), facts.get("grade")
    data = f"{bundle} (grade {grade})" if grade else bundle
    return f"{result.name}  {result.span}, {counted(len(result.perf), 'session')} on {data}"


def show_pairs(heading: str, rows: Rows, echo: Callable[[str], None]) -> None:
    """Print a heading and label–value rows to stdout."""
    if is_fancy(sys.stdout):
        _rich_pairs(heading, rows)
        return
    width = max((len(label) for label, _ in rows), default=0)
    echo(heading)
    for label, value in rows:
        echo(f"  {label:<{width}}  {value}")


def _rich_pairs(heading: str, rows: Rows) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, Text(value))
    console = Console()
    console.print(Text(heading, style="bold"))
    console.print(table)


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], echo: Callable[[str], None]) -> None:
    """Print a table with a head to stdout, columns aligned."""
    if is_fancy(sys.stdout):
        _rich_table(head, rows)
        return
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for i, name in enumerate(head):
        table.add_column(name, no_wrap=i < len(head) - 1, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(table)


def show_verdict(verdict: Verdict, echo: Callable[[str], None]) -> None:
    """Print a contest verdict to stdout: the compact table, coloured on a terminal."""
    if not is_fancy(sys.stdout):
        echo(str(verdict))
        return
    rows = [(line.rule.label, line.figures, line.status, line.sentence) for line in verdict.lines]
    _rich_table(("Criterion", "0|2|98|100 %", "Verdict", "Why"), rows)
    for line in str(verdict).splitlines()[len(verdict.lines) :]:
        echo(line)
