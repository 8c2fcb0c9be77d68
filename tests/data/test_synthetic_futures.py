"""The synthetic market of futures: chains whose volumes roll, reproducible, clean of quality findings."""

import numpy as np
import pandas as pd
import pytest

from tradewind_data.bundle import open_bundle
from tradewind_data.contracts import chain_of
from tradewind_data.errors import BadIngestRequest
from tradewind_data.rolls import calendar_rolls, volume_rolls
from tradewind_data.synthetic.contracts import ROOTS, ingest_synthetic_futures


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    ingest_synthetic_futures("futures", end="2012-06-29", root=root)
    return open_bundle("futures", root)


def test_every_root_has_a_chain_that_rolls_some_sessions_before_its_closings(bundle):
    volume = bundle.bars().values("volume")
    for root in ROOTS:
        chain = chain_of(bundle.finder, root.symbol)
        inside = calendar_rolls(chain) < bundle.bars().last_session
        ahead = (calendar_rolls(chain) - volume_rolls(chain, volume))[inside]
        assert inside.sum() >= (24 if root.symbol == "CL" else 8)
        assert ahead.min() >= 3
        assert ahead.max() <= 13
        asset = bundle.finder.asset_at(int(chain.columns[0]))
        assert (asset.price_multiplier, asset.tick_size) == (root.multiplier, root.tick)


def test_prices_are_bars_on_the_tick_and_contracts_move_together(bundle):
    bars = {field: bundle.bars().values(field) for field in ("open", "high", "low", "close", "volume")}
    traded = ~np.isnan(bars["close"])
    assert (bars["high"][traded] >= np.maximum(bars["open"], bars["close"])[traded]).all()
    assert (bars["low"][traded] <= np.minimum(bars["open"], bars["close"])[traded]).all()
    assert (bars["volume"][traded] >= 1).all()
    ticks = np.array([asset.tick_size for asset in bundle.finder])
    steps = (bars["close"] / ticks)[traded]
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    first, second = (bars["close"][:, c] for c in chain_of(bundle.finder, "CL").columns[3:5])
    both = ~np.isnan(first) & ~np.isnan(second)
    moves = [pd.Series(values[both]).pct_change().iloc[1:] for values in (first, second)]
    assert moves[0].corr(moves[1]) > 0.95
    assert moves[0].std() * 252**0.5 == pytest.approx(0.34, rel=0.5)


def test_the_same_plan_gives_the_same_bundle(bundle, tmp_path):
    ingest_synthetic_futures("futures", end="2012-06-29", root=tmp_path)
    assert open_bundle("futures", tmp_path).hash == bundle.hash
    ingest_synthetic_futures("other", end="2012-06-29", seed=8, root=tmp_path)
    assert open_bundle("other", tmp_path).hash != bundle.hash
    assert bundle.manifest.grade == "A"
    assert "SYNTHETIC" in bundle.manifest.source


def test_a_plan_that_cannot_be(tmp_path):
    with pytest.raises(BadIngestRequest, match="less than a year"):
        ingest_synthetic_futures("futures", end="2010-12-31", root=tmp_path)
    with pytest.raises(BadIngestRequest, match="whole number of at least 0"):
        ingest_synthetic_futures("futures", seed=-1, root=tmp_path)
