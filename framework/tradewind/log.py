"""The algorithm's log: standard logging under the name `tradewind.algorithm`, each line with the simulated time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

import pandas as pd

LOGGER = logging.getLogger("tradewind.algorithm")


class AlgorithmLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines begin with the simulated time; takes %-style and {}-style arguments."""

    def __init__(self, now: Callable[[], int | None]) -> None:
        super().__init__(LOGGER, {})
        self._now = now

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the simulated time before the message."""
        now = self._now()
        return (msg if now is None else f"{pd.Timestamp(now, tz='UTC'):%Y-%m-%d %H:%M} {msg}"), kwargs

    def log(self, level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log at a level; arguments fill %-placeholders or {}-placeholders, else they follow the message."""
        if args and self.isEnabledFor(level):
            msg, args = _filled(str(msg), args), ()
        super().log(level, msg, *args, **kwargs)

    def warn(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log a warning, under its older name."""
        self.warning(msg, *args, **kwargs)

    def notice(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log something worth noticing, as information."""
        self.info(msg, *args, **kwargs)


def _filled(text: str, args: tuple[Any, ...]) -> str:
    """Return the text with its placeholders filled; one that does not fit its arguments is no reason to end a run."""
    named = args[0] if len(args) == 1 and isinstance(args[0], Mapping) else args
    if "{" in text:
        with suppress(LookupError, ValueError, TypeError, AttributeError):
            return text.format(*args)
    with suppress(LookupError, ValueError, TypeError):
        return str(text % named)
    return " ".join([text, *map(str, args)])
