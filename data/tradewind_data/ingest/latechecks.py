"""Checks that need the whole market: the calendar, the actions beside the prices. Bars are read a file at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tradewind_data.adjustments import FloatArray, closes_before
from tradewind_data.gridfile import GridFile
from tradewind_data.ingest.market import Market
from tradewind_data.ingest.quality import Flaws, Quality, flaw
from tradewind_data.ingest.series import Jump, check_series
from tradewind_data.ingest.spool import AssetBars, Spool
from tradewind_data.sessions import DAY_NS, Int64Array, Sessions, date_text
from tradewind_data.tables import Table

_NEAR_DAYS = 5
_TWICE_DAYS = 10
_LEAST_SPLIT = 1.3


def whole(market: Market) -> Quality:
    """The findings of a market whose rows have passed the rules of single rows: series, calendar, actions.

    Those that need the written bars are added by the writer.
    """
    quality = Quality(rows=market.daily.rows)
    jumps: list[Jump] = []
    for sid in market.daily.sids.tolist():
        parts = list(market.daily.of(sid))
        labels = np.concatenate([part.labels for part in parts])
        found, leaps = check_series(AssetBars(sid, labels, np.concatenate([p.values for p in parts], axis=1)))
        quality.add(found)
        jumps += leaps
    quality.add(gaps(market.daily, market.sessions, market.daily.sids.tolist()))
    quality.add(unexplained(jumps, market.tables))
    quality.add(twice(market.tables["dividends"]))
    return quality


def gaps(bars: Spool, sessions: Sessions, sids: Iterable[int]) -> Iterator[Flaws]:
    """The runs of sessions, between an asset's first and last bar, for which its input has no row."""
    for sid in sids:
        span = bars.lifetime(sid)
        if span is None:
            continue
        lo, hi = np.searchsorted(sessions.labels, span)
        if bars.count(sid) >= hi - lo + 1:
            continue
        labels = np.concatenate([part.labels for part in bars.of(sid)])
        missing = np.setdiff1d(np.arange(lo, hi + 1), np.searchsorted(sessions.labels, labels))
        if not len(missing):
            continue
        yield runs(sid, missing, sessions)


def runs(sid: int, missing: Int64Array, sessions: Sessions) -> Flaws:
    """The gaps that missing sessions (ordinals, ascending, at least one) make."""
    parts = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
    found = [(int(part[0]), len(part)) for part in parts]
    details = tuple(f"{n} session{'s' if n > 1 else ''} from {date_text(sessions.labels[s])}" for s, n in found)
    return Flaws("gap", sid, sessions.labels[[start for start, _ in found]], details)


def strangers(bars: Spool, sessions: Sessions, file: Callable[[int], str]) -> Iterator[Flaws]:
    """The bars whose date is no session of the calendar; they stay out of the grids and go into quarantine.

    file: sid → file of its bars, for the findings.
    """
    for label in np.setdiff1d(bars.days() * DAY_NS, sessions.labels).tolist():
        for part in bars.slices(label, label):
            shown = (f"date {date_text(label)}",)
            yield Flaws("off_calendar", part.sid, part.labels, shown, file(part.sid), None, part.values)


def unexplained(jumps: Iterable[Jump], tables: Mapping[str, Table]) -> Iterator[Flaws]:
    """The leaps of about a split's ratio with no split, merger or stock dividend within five days."""
    near = explained(tables)
    for jump in jumps:
        if not near(jump.sid, jump.date):
            yield flaw("unexplained_jump", jump.sid, jump.date, f"prices × {jump.ratio:.3g}")


def explained(tables: Mapping[str, Table]) -> Callable[[int, int], bool]:
    """Whether an asset (sid) has an action that changes prices near a date (ns)."""
    columns = (("splits", "effective_date"), ("mergers", "effective_date"), ("stock_dividends", "ex_date"))
    sids = np.concatenate([tables[name]["sid"] for name, _ in columns])
    dates = np.concatenate([tables[name][column] for name, column in columns])

    def near(sid: int, date: int) -> bool:
        return bool(((sids == sid) & (np.abs(dates - date) <= _NEAR_DAYS * DAY_NS)).any())

    return near


def twice(dividends: Table) -> Iterator[Flaws]:
    """Dividends of one asset with the amount of one at most ten days before."""
    order = np.lexsort((dividends["ex_date"], dividends["amount"], dividends["sid"]))
    sid, amount, ex = (dividends[name][order] for name in ("sid", "amount", "ex_date"))
    again = (sid[1:] == sid[:-1]) & (amount[1:] == amount[:-1]) & (np.diff(ex) <= _TWICE_DAYS * DAY_NS)
    for i in np.flatnonzero(again).tolist():
        yield flaw("dividend_twice", int(sid[i + 1]), int(ex[i + 1]), f"{amount[i + 1]:g}, as on {date_text(ex[i])}")


def against_prices(market: Market, folder: Path, paths: Iterable[str]) -> Iterator[Flaws]:
    """Splits that the written prices do not show."""
    splits, labels = market.tables["splits"], market.sessions.labels
    growth = splits["numerator"] / splits["denominator"]
    large = np.flatnonzero(np.abs(np.log(growth)) > np.log(_LEAST_SPLIT))
    if not len(large):
        return
    sids = market.tables["assets"]["sid"]
    column = np.searchsorted(sids, splits["sid"][large])
    session = np.searchsorted(labels, splits["effective_date"][large])
    blocks = list(paths)
    before, _ = closes_before(_blocks(folder, blocks, sids, labels), column, session)
    after, _ = closes_before(_blocks(folder, blocks, sids, labels), column, session + 1)
    for i, row in enumerate(large.tolist()):
        step, due = np.log(after[i] / before[i]), -np.log(growth[row])
        if abs(step) < abs(step - due):
            detail = (
                f"{splits['numerator'][row]}:{splits['denominator'][row]}, but closes {before[i]:g} and {after[i]:g}"
            )
            yield flaw("split_not_in_prices", int(splits["sid"][row]), int(splits["effective_date"][row]), detail)


def refused(market: Market, folder: Path, paths: Iterable[str]) -> Iterator[Flaws]:
    """Dividends that are not smaller than the close before them, or have none."""
    paid, labels = market.tables["dividends"], market.sessions.labels
    inside = np.flatnonzero((paid["ex_date"] > market.span[0]) & (paid["ex_date"] <= market.span[1]))
    if not len(inside):
        return
    sids = market.tables["assets"]["sid"]
    column = np.searchsorted(sids, paid["sid"][inside])
    session = np.searchsorted(labels, paid["ex_date"][inside])
    base, _ = closes_before(_blocks(folder, list(paths), sids, labels), column, session)
    for i in np.flatnonzero(~(paid["amount"][inside] < base)).tolist():
        amount, ex = paid["amount"][inside[i]], int(paid["ex_date"][inside[i]])
        known = "no close before it is known" if np.isnan(base[i]) else f"the last close before it is {base[i]:g}"
        yield flaw("dividend_refused", int(paid["sid"][inside[i]]), ex, f"{amount:g}, {known}")


def _blocks(
    folder: Path, paths: Iterable[str], sids: Int64Array, labels: Int64Array
) -> Iterator[tuple[int, Int64Array, FloatArray]]:
    for path in paths:
        file = GridFile(folder / path, "")
        first = int(np.searchsorted(labels, file.grid.first))
        yield first, np.searchsorted(sids, file.grid.sids), file.values("close")
