"""Bundles and what is in them (a face of tradewind_data)."""

from tradewind_data.assets import Asset, AssetFinder, Equity, Future
from tradewind_data.bars import BarReader
from tradewind_data.bundle import Bundle, list_bundles, open_bundle
from tradewind_data.errors import DataError
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.frames import ingest_frames as ingest
from tradewind_data.ingest.publish import pull, push
from tradewind_data.ingest.vendors import Delivery, VendorReader, ingest_vendor

__all__ = [
    "Asset",
    "AssetFinder",
    "BarReader",
    "Bundle",
    "DataError",
    "Delivery",
    "Equity",
    "Future",
    "VendorReader",
    "ingest",
    "ingest_folder",
    "ingest_vendor",
    "list_bundles",
    "open_bundle",
    "pull",
    "push",
]
