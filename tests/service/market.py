"""A seeded market with the symbols, dates and last closes that the published client's tests ask for, as a bundle."""

from pathlib import Path

import numpy as np
import pandas as pd

from tradewind_data.ingest.folder import ingest_folder

FIRST, LAST = "2019-12-02", "2025-06-30"
LAST_CLOSE = {"AAPL": 216.0, "MSFT": 310.0, "ASML": 780.0, "TQQQ": 60.0, "NNE": 33.0,
              "^GSPC": 6200.0, "^RUT": 2175.0, "^IXIC": 20370.0, "^DJI": 44095.0}  # fmt: skip
LISTED = {"NNE": "2024-05-08"}


def closes():
    """DataFrame of daily closes by symbol: one market factor, one technology factor, noise; NaN before the listing."""
    from tradewind_data.sessions import build_sessions

    index = build_sessions("XNYS", pd.Timestamp(FIRST), pd.Timestamp(LAST)).index
    rng = np.random.default_rng(20250630)
    n = len(index)
    market, tech = rng.normal(4e-4, 0.009, n), rng.normal(1e-4, 0.006, n)
    beta = {"AAPL": (1.1, 0.9), "MSFT": (1.0, 0.9), "ASML": (1.2, 1.4), "TQQQ": (3.0, 2.5), "NNE": (1.5, 0.5),
            "^GSPC": (1.0, 0.2), "^RUT": (1.2, -0.2), "^IXIC": (1.1, 0.7), "^DJI": (0.9, -0.1)}  # fmt: skip
    noise = {"AAPL": 0.010, "MSFT": 0.008, "ASML": 0.013, "TQQQ": 0.006, "NNE": 0.040}
    drift = {"AAPL": 2e-4, "MSFT": 3e-4, "ASML": 1e-4, "TQQQ": -4e-4, "NNE": 5e-4}
    out = {}
    for symbol, (b, c) in beta.items():
        steps = b * market + c * tech + drift.get(symbol, 0.0) + rng.normal(0, noise.get(symbol, 0.002), n)
        path = np.exp(np.cumsum(steps))
        series = pd.Series(np.round(LAST_CLOSE[symbol] * path / path[-1], 4), index=index)
        out[symbol] = series.where(series.index >= LISTED.get(symbol, FIRST))
    return pd.DataFrame(out)


def write_bundle(root, name="published"):
    """Ingest the market under ``root`` as daily bars."""
    folder = Path(root) / "prices"
    (folder / "daily").mkdir(parents=True)
    for symbol, series in closes().items():
        known = series.dropna()
        frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), known)).assign(volume=1_000_000)
        frame.to_csv(folder / "daily" / f"{symbol}.csv", index_label="date")
    return ingest_folder(folder, name, root=root)
