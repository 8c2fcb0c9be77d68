"""Bundles and what is in them (a face of tradewind_data)."""

from tradewind_data.assets import Asset, AssetFinder, Equity, Future
from tradewind_data.bars import BarReader
from tradewind_data.bundle import Bundle, list_bundles, open_bundle
from tradewind_data.errors import DataError
from tradewind_data.ingest.folder import ingest_folder

__all__ = [
    "Asset",
    "AssetFinder",
    "BarReader",
    "Bundle",
    "DataError",
    "Equity",
    "Future",
    "ingest_folder",
    "list_bundles",
    "open_bundle",
]
