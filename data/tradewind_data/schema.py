"""Names, types and units of every Parquet table of a bundle.

A bundle is a folder::

    manifest.json                 what it is, its span, the hashes of its files
    sessions.parquet              the calendar, from the Monday before the first month to a year past the last bar
    assets.parquet                one row an asset, by sid; the row's rank is the asset's column
    symbols.parquet               who bore which symbol when, both dates included
    splits.parquet dividends.parquet stock_dividends.parquet mergers.parquet
    futures.parquet               one row a contract; only where there are any
    classifications.parquet       codes of a scheme, such as sectors, with the dates on which they held
    datasets/<name>.parquet       facts by when they became known (pointintime.py)
    bars/1d/<year>.parquet        daily bars of one year
    bars/1m/<year>-<month>.parquet  minute bars of one month; ``minute`` is the end of the minute, UTC

Prices are raw, in the bundle's currency a share; volumes are shares; dates are calendar days without a time; ``opens``
and ``closes`` are UTC. The bars of a period are the dense grid (sessions of the period with data, or all their
minutes) × (assets alive in it), sorted by (time, sid), so decoding a column is a reshape. A cell without a trade has
NaN prices and volume 0. The grid's axes stand in the file's metadata under ``tradewind.grid`` as JSON: ``{"first":
date, "sessions": n, "rows": n, "group_rows": n, "sids": [...]}``. A field of exact decimals is stored as whole numbers
with their scale (gridfile.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
FORMAT = "tradewind-bundle"
MANIFEST = "manifest.json"
GRID_KEY = b"tradewind.grid"
SCALE_KEY = b"tradewind.scale"
DATASET_KEY = b"tradewind.dataset"
PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    name, type (``int64``, ``float64``, ``bool``, ``string``, ``date``, ``time``), whether it may be null, meaning.
    """

    name: str
    kind: str
    meaning: str
    nullable: bool = False


_SID = Column("sid", "int64", "the asset")
TABLES: dict[str, tuple[Column, ...]] = {
    "sessions": (
        Column("session", "date", "label of the session"),
        Column("open", "time", "market open, UTC"),
        Column("close", "time", "market close, UTC"),
        Column("early", "bool", "closes earlier than usual"),
    ),
    "assets": (
        Column("sid", "int64", "stable number of the asset, ≥ 0, ascending"),
        Column("symbol", "string", "symbol it bears at its end"),
        Column("asset_name", "string", "name of the company or fund, may be empty"),
        Column("exchange", "string", "label of the exchange, never read as a calendar"),
        Column("asset_type", "string", "equity or future"),
        Column("start_date", "date", "first day it is alive"),
        Column("end_date", "date", "last day it is alive"),
        Column("auto_close_date", "date", "positions are closed at the end of the first session on or after it"),
        Column("price_multiplier", "float64", "currency a point, 1 for equities"),
        Column("tick_size", "float64", "smallest price step"),
    ),
    "symbols": (
        _SID,
        Column("symbol", "string", "ticker"),
        Column("start_date", "date", "first day it was borne"),
        Column("end_date", "date", "last day it was borne"),
    ),
    "splits": (
        _SID,
        Column("effective_date", "date", "first day of trading in new shares"),
        Column("numerator", "int64", "new shares"),
        Column("denominator", "int64", "for so many old ones"),
    ),
    "dividends": (
        _SID,
        Column("ex_date", "date", "first day of trading without the claim"),
        Column("pay_date", "date", "day of payment; null = the ex date", nullable=True),
        Column("amount", "float64", "currency a share, > 0"),
        Column("declared_date", "date", "day of announcement", nullable=True),
        Column("record_date", "date", "holders of record", nullable=True),
    ),
    "stock_dividends": (
        _SID,
        Column("paid_sid", "int64", "asset that is paid out"),
        Column("ex_date", "date", "first day of trading without the claim"),
        Column("pay_date", "date", "day of payment; null = the ex date", nullable=True),
        Column("ratio", "float64", "shares paid a share held, > 0"),
    ),
    "mergers": (
        _SID,
        Column("effective_date", "date", "first day after the merger"),
        Column("ratio", "float64", "earlier prices are multiplied by it, > 0"),
        Column("acquirer_sid", "int64", "asset that takes over; null = none in the bundle", nullable=True),
        Column("cash", "float64", "currency paid a share"),
    ),
    "classifications": (
        _SID,
        Column("start_date", "date", "first day the code held"),
        Column("end_date", "date", "last day; null = still holds", nullable=True),
        Column("scheme", "string", "name of the classification"),
        Column("code", "string", "code of the asset in it"),
    ),
}
FUTURES: tuple[Column, ...] = (
    _SID,
    Column("root_symbol", "string", "what the contracts of one underlying share"),
    Column("notice_date", "date", "first day of notice of delivery; null = unknown", nullable=True),
    Column("expiration_date", "date", "last day of trading; null = unknown", nullable=True),
)
BARS: tuple[Column, ...] = (
    Column("session", "date", "label of the session"),
    _SID,
    *(Column(p, "float64", "raw, currency a share; NaN = no trade") for p in PRICES),
    Column("volume", "float64", "shares; 0 where there is no bar"),
)


MINUTE_BARS: tuple[Column, ...] = (BARS[0], Column("minute", "time", "end of the minute, UTC"), *BARS[1:])
BAR_TABLES = {"1d": BARS, "1m": MINUTE_BARS}


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The pyarrow schema of a table: date → date32, time → timestamp[ns, UTC], the others by their names."""
    import pyarrow as pa

    kinds = {
        "date": pa.date32(),
        "time": pa.timestamp("ns", tz="UTC"),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "string": pa.string(),
    }
    return pa.schema([pa.field(c.name, kinds[c.kind], nullable=c.nullable) for c in columns])
