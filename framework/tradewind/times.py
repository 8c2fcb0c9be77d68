"""Dates and times as a user writes them → int64 nanoseconds UTC."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tradewind.errors import BadParameter


def moment(name: str, value: Any) -> int:
    """Return a date or a time as ns UTC; one without a time zone is taken as UTC. `name` is for BadParameter."""
    try:
        stamp = pd.Timestamp(value)
    except (TypeError, ValueError):
        raise BadParameter(name, value, "a date such as 2005-03-01") from None
    if pd.isna(stamp):
        raise BadParameter(name, value, "a date such as 2005-03-01")
    aware = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return int(aware.as_unit("ns").value)
