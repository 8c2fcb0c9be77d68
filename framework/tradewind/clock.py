"""The sessions of a run and the bars in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tradewind_data.sessions import Sessions

MINUTE_NS = 60 * 10**9


@dataclass(frozen=True)
class Clock:
    """The sessions first..last (ordinals of the bundle's session table), both included, and their bars.

    A bar has a moment: in a daily run the ordinal of its session, in a minute run the ordinal of its minute in the
    bundle's table of minutes. A daily bar is stamped with the session's close, a minute bar with the minute's end.
    """

    sessions: Sessions
    first: int
    last: int
    by_minute: bool = False

    def __len__(self) -> int:
        """Return the number of sessions."""
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        """Return the session ordinals in order."""
        return iter(range(self.first, self.last + 1))

    def label(self, session: int) -> int:
        """Return the session's label, ns at midnight."""
        return int(self.sessions.labels[session])

    def open(self, session: int) -> int:
        """Return the session's first minute, ns UTC: one minute after the market opens."""
        return int(self.sessions.opens[session]) + MINUTE_NS

    def close(self, session: int) -> int:
        """Return the time of the session's last bar, ns UTC: the close of the market."""
        return self.sessions.closes.item(session)

    def bars(self, session: int) -> range:
        """Return the moments of the session's bars in order."""
        if not self.by_minute:
            return range(session, session + 1)
        return range(*self.sessions.minutes.span(session))

    def stamps(self, session: int) -> range:
        """Return the times of the session's bars, ns UTC."""
        first = self.open(session) if self.by_minute else self.close(session)
        return range(first, self.close(session) + 1, MINUTE_NS)

    def before(self, session: int) -> int:
        """Return the moment of the last bar before a session."""
        return self.bars(session).start - 1
