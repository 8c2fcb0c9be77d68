"""The synthetic market: the same seed the same market, sound bars, known truth, figures near the panel's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tradewind.cli import cli
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import BadIngestRequest, BadInputFile
from tradewind_data.synthetic.check import check
from tradewind_data.synthetic.market import INDEX_SID, Plan, SyntheticMarket, ingest_synthetic, read_names
from tradewind_data.synthetic.prices import history
from tradewind_data.synthetic.returns import SECTORS, ReturnModel

PLAN = Plan(
    assets=40, start="2012-01-03", end="2015-12-31", seed=3, minute_days=2, names=((24, "AAPL"), (5061, "MSFT"))
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return ingest_synthetic("made", PLAN, root=tmp_path_factory.mktemp("root"))


@pytest.fixture
def bundle(made) -> Bundle:
    return open_bundle(made.path)


def test_the_same_seed_makes_the_same_market(made, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert ingest_synthetic("again", PLAN, root=tmp_path, budget=1000).hash == made.hash
    other = Plan(**{**PLAN.__dict__, "seed": 4})
    assert ingest_synthetic("other", other, root=tmp_path).hash != made.hash


def test_an_asset_does_not_depend_on_the_others() -> None:
    days = 600
    few, many = (SyntheticMarket(Plan(assets=n, seed=5)).model.seed for n in (2, 90))
    assert few == many
    alone = history(ReturnModel(5, days), 1)
    model = ReturnModel(5, days)
    for asset in (7, 3, 0):
        history(model, asset)
    assert np.array_equal(history(model, 1).values, alone.values)
    assert not np.array_equal(history(ReturnModel(6, days), 1).values[3, :10], alone.values[3, :10])


def test_it_says_that_nothing_is_real(bundle: Bundle) -> None:
    assert bundle.manifest.source.startswith("SYNTHETIC")
    assert all(a.asset_name.startswith("Synthetic") and a.exchange == "SYNTHETIC" for a in bundle.finder)


def test_bars_are_sound(bundle: Bundle, made) -> None:
    reader = bundle.bars()
    o, h, low, c, v = (reader.values(f) for f in ("open", "high", "low", "close", "volume"))
    traded = ~np.isnan(c)
    assert traded.sum() == made.rows - sum(
        (~np.isnan(bundle.bars("1m").session_values("close", s))).sum()
        for s in (reader.last_session - 1, reader.last_session)
    )
    for values in (o, h, low, c):
        assert (values[traded] > 0).all()
    assert (low <= np.minimum(o, c))[traded].all()
    assert (h >= np.maximum(o, c))[traded].all()
    assert (v[traded] >= 1).all()
    for column in range(len(bundle.finder)):
        rows = np.flatnonzero(traded[:, column])
        assert (np.diff(rows) == 1).all()
        assert (bundle.finder.start[column], bundle.finder.end[column]) == (rows[0], rows[-1])
    cents = c[traded & (c >= 1)] * 100
    assert np.allclose(cents, np.rint(cents), atol=1e-6)


def test_names_sectors_lives_and_actions(bundle: Bundle) -> None:
    finder = bundle.finder
    assert [finder.retrieve(sid).symbol for sid in (24, 5061, INDEX_SID)] == ["AAPL", "MSFT", "SPY"]
    assert len(finder) == 41
    codes = bundle.classifications.as_of("morningstar_sector", int(bundle.sessions.labels[bundle.bars().last_session]))
    assert set(codes.tolist()) <= {*SECTORS, -1}
    assert codes[finder.retrieve(INDEX_SID).column] == -1
    assert (finder.start > bundle.bars().first_session).any()
    assert (finder.end < bundle.bars().last_session).any()
    assert len(bundle.actions.dividends) > 100
    assert bundle.bars().refused == ()
    assert "split_not_in_prices" not in json.dumps(made_findings(bundle))


def made_findings(bundle: Bundle) -> list[str]:
    return pd.read_parquet(bundle.path / "quality.parquet")["code"].tolist()


def test_minutes_make_up_the_days(bundle: Bundle) -> None:
    daily, minutes = bundle.bars(), bundle.bars("1m")
    for session in (daily.last_session - 1, daily.last_session):
        o, h, low, c, v = (minutes.session_values(f, session) for f in ("open", "high", "low", "close", "volume"))
        alive = np.flatnonzero(~np.isnan(c).all(axis=0))
        assert len(alive) > 10
        for column in alive.tolist():
            there = ~np.isnan(c[:, column])
            day = [daily.values(f)[session, column] for f in ("open", "high", "low", "close", "volume")]
            found = [o[there, column][0], h[there, column].max(), low[there, column].min(), c[there, column][-1]]
            assert [*found, v[:, column].sum()] == day


def test_the_truth_is_a_forecast() -> None:
    """What is said to be expected goes with what comes, and is known the day before."""
    market = SyntheticMarket(Plan(assets=30, seed=11))
    total = np.array([market.model.asset(i).total for i in range(30)])
    truth = np.array([market.truth(i) for i in range(30)])
    assert truth.shape == (30, len(market.labels))
    ic = np.corrcoef((truth - truth.mean(axis=0)).ravel(), (total - total.mean(axis=0)).ravel())[0, 1]
    assert ic > 0.01
    assert np.std(truth) < 0.1 * np.std(total)


def test_figures_are_near_the_panel_s() -> None:
    """A small sample of the acceptance (`--check`): the coarse figures of two seeds."""
    found = {f.target.name: f for f in check((7, 8), 60, 1500)}
    for name in ("beta to the equal-weighted market", "acf log volume at 1", "correlation of |r| and log volume"):
        assert found[name].passed, (name, found[name].realised)
    assert 0.2 < found["annual volatility"].realised < 0.6
    assert 0.25 < found["R² on the market"].realised < 0.65


@pytest.mark.slow
def test_every_figure_is_in_its_band() -> None:
    outside = {f.target.name: f.realised for f in check(range(7, 12), 200, 2516) if not f.passed}
    assert outside == {}


@pytest.mark.parametrize(
    "change", [{"assets": 0}, {"seed": -1}, {"start": "2015-01-01", "end": "2015-06-01"}, {"assets": 10**6}]
)
def test_plans_that_cannot_be_made(change: dict[str, object], root: Path) -> None:
    with pytest.raises(BadIngestRequest) as caught:
        ingest_synthetic("x", Plan(**change))
    assert caught.value.parameter in (*change, "end")
    assert not root.exists()


def test_names_are_read_or_refused(tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("sid,symbol\n24,AAPL\n8554,SPY\n")
    assert read_names(tmp_path / "known.csv") == ((24, "AAPL"), (8554, "SPY"))
    for text, says in (("sid,symbol\n24,A\n24,B\n", "sid stands twice"), ("sid,symbol\n1.5,A\n", "whole number")):
        (tmp_path / "known.csv").write_text(text)
        with pytest.raises(BadInputFile, match=says):
            read_names(tmp_path / "known.csv")


def test_on_the_command_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("sid,symbol\n24,AAPL\n8554,SPY\n")
    words = ["--assets", "4", "-s", "2014-01-02", "-e", "2015-03-02", "--sids", str(tmp_path / "known.csv"), "--json"]
    done = CliRunner().invoke(cli, ["ingest", "synthetic", *words])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["assets"] == 5
    assert [a.symbol for a in open_bundle("synthetic").finder][:2] == ["AAPL", "SPY"]
    done = CliRunner().invoke(cli, ["ingest", "synthetic", "--check", *words])
    assert done.exit_code == 3
    assert "need at least 20 assets and 504 sessions" in done.stderr
    words = ["--check", "--assets", "25", "-s", "2013-01-02", "-e", "2015-03-02"]
    shown = CliRunner().invoke(cli, ["ingest", "synthetic", *words])
    assert "annual volatility" in shown.stdout
    done = CliRunner().invoke(cli, ["ingest", "synthetic", *words, "--json"])
    assert done.exit_code == shown.exit_code == (0 if all(f["passed"] for f in json.loads(done.stdout)) else 1)
    assert {f["figure"] for f in json.loads(done.stdout)} > {"annual volatility", "market volatility"}
