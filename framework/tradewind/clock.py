"""The sessions of a run and the bars in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tradewind_data.sessions import Sessions


@dataclass(frozen=True)
class Clock:
    """The sessions first..last (ordinals of the bundle's session table), both included.

    In daily mode a session has one bar, stamped with the session's close.
    """

    sessions: Sessions
    first: int
    last: int

    def __len__(self) -> int:
        """Return the number of sessions."""
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        """Return the session ordinals in order."""
        return iter(range(self.first, self.last + 1))

    def label(self, session: int) -> int:
        """Return the session's label, ns at midnight."""
        return int(self.sessions.labels[session])

    def bars(self, session: int) -> list[int]:
        """Return the stamps (ns UTC) of the session's bars in order."""
        return [int(self.sessions.closes[session])]

    def open(self, session: int) -> int:
        """Return the session's first bar, ns UTC: one minute after the market opens."""
        return int(self.sessions.opens[session]) + 60 * 10**9
