"""The embedded demo bundle.

Five real stocks, AAPL FB GOOG IBM MSFT, daily, 2000-03-01 to 2013-03-01. Its NOTICE says where they come from.
"""

from __future__ import annotations

from pathlib import Path

DEMO = "demo"


def demo_folder() -> Path:
    """The folder of the demo bundle inside the installed package."""
    return Path(__file__).parent / "demo_bundle"
