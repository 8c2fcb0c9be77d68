"""Minute bars of one symbol: the rules of daily bars, on the minutes of the sessions.

``date`` is the end of the minute, in UTC when it has no offset of its own. Every bar lies in a session between the
first and the last daily bar of the bundle. A file that is stamped with the beginning of its minutes would show each
bar a minute before it was over: it is refused, and read with ``label="left"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tradewind_data.errors import BadInputFile
from tradewind_data.ingest.daily import PRICE_COLUMNS, Listed, Rule, ascends, checked, sift
from tradewind_data.ingest.delimited import STAMP, InputTable, Wanted, read_input
from tradewind_data.ingest.quality import Flaws
from tradewind_data.ingest.spool import AssetBars
from tradewind_data.sessions import DAY_NS, MINUTE_NS, Int64Array, Sessions
from tradewind_data.tables import NAT

WANTED = (Wanted("date", STAMP), *PRICE_COLUMNS)
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class MinuteFile:
    """What one file came to: its bars (None when no row is left) and its flaws."""

    file: str
    rows: int
    bars: AssetBars | None
    flaws: list[Flaws]


@dataclass(frozen=True)
class MinuteRules:
    """What every minute file is held to.

    sessions: the table; span: first and last session (labels, ns) with daily bars; label: ``right`` or ``left``, the
    end of the minute that the files are stamped with; strict: the first bad row ends the ingest; compiled: how the
    files are parsed (delimited.read_input).
    """

    sessions: Sessions
    span: tuple[int, int]
    label: str = "right"
    strict: bool = False
    compiled: bool = False

    @cached_property
    def stamps(self) -> Int64Array:
        """The ends (ns UTC) of the minutes of the span, ascending."""
        first, last = (self.sessions.minutes.span(self.sessions.ordinal(label)) for label in self.span)
        return self.sessions.minutes.stamps(first[0], last[1])

    @cached_property
    def apart(self) -> bool:
        """Whether no minute of the span ends as a session opens."""
        opens = self.sessions.opens
        return not (self.stamps.take(self.stamps.searchsorted(opens), mode="clip") == opens).any()

    def keeps(self, stamps: Int64Array) -> bool:
        """Whether stamps that ascend are ends of minutes of the span, and none can be the beginning of one."""
        first = int(self.stamps.searchsorted(stamps[0]))
        run = self.stamps[first : first + len(stamps)]
        if len(run) < len(stamps) or (run != stamps).any():  # it has holes
            run = self.stamps.take(self.stamps.searchsorted(stamps), mode="clip")
        return self.apart and bool((run == stamps).all())


def read_minutes(path: Path, file: str, owner: Listed, rules: MinuteRules) -> MinuteFile:
    """Read and check one file of minute bars."""
    table = read_input(path, file, WANTED, rules.compiled)
    if not len(table):
        raise BadInputFile(file, "it has a header but no rows", "Add the bars, or remove the file")
    table.refuse(table["date"] == NAT, "date", "the time is empty", "Write the end of the minute")
    if rules.label == "left":
        table.columns["date"] = table["date"] + MINUTE_NS
    values, broken = checked(table, owner.contract)
    if not ascends(table["date"]) or not rules.keeps(table["date"]):
        if rules.label == "right":
            _refuse_left(table, rules.sessions)
        broken += _places(table["date"], rules)
    good, flaws = sift(table, "date", owner.sid, values, broken, rules.strict)
    stamps = table["date"][good]
    bars = AssetBars(owner.sid, stamps, values[:, good]) if len(stamps) else None
    return MinuteFile(file, len(table), bars, flaws)


def _places(stamps: Int64Array, rules: MinuteRules) -> list[Rule]:
    minutes = rules.sessions.minutes
    first, last = (rules.sessions.ordinal(label) for label in rules.span)
    lo, hi = minutes.span(first)[0], minutes.span(last)[1]
    found = minutes.ordinals(stamps)
    left = np.isin(stamps, rules.sessions.opens) & (found < 0)
    off = (found < 0) & ~left
    begins = "no minute ends at the open: it seems to be stamped with its beginning"
    says = f"it ends no minute of a session of {rules.sessions.calendar}"
    move = "Correct the time (UTC, or with its offset), or remove the row"
    beyond = (found >= 0) & ((found < lo) | (found >= hi))
    return [
        Rule("left_labelled", "date", left, begins, "Ingest with --minute-label left, or remove the row"),
        Rule("off_grid", "date", off, says, move),
        Rule("off_calendar", "date", beyond, "it lies outside the days of the daily bars", "Add the daily bars"),
    ]


def _refuse_left(table: InputTable, sessions: Sessions) -> None:
    """BadInputFile when most of the file's days have a bar at the open, and none has one at the close."""
    stamps = table["date"]
    days = len(np.unique(stamps // DAY_NS))
    opens, closes = np.isin(stamps, sessions.opens), np.isin(stamps, sessions.closes)
    # A market that never closes ends one session where it opens the next: there the stamps tell nothing.
    never = np.isin(sessions.opens[1:], sessions.closes[:-1]).all()
    if not never and days >= _FEWEST and opens.sum() > 0.5 * days and not closes.any():
        rule = "the minutes are stamped with their beginning (bars at the open, none at the close)"
        raise table.bad(int(np.argmax(opens)), "date", rule, "Ingest with --minute-label left")
