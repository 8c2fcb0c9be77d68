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
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.synthetic.check import check, judged, realised
from tradewind_data.synthetic.market import INDEX_SID, Plan, SyntheticMarket, ingest_synthetic, read_names
from tradewind_data.synthetic.prices import history
from tradewind_data.synthetic.returns import SECTORS, ReturnModel, value_signal

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


def test_it_can_be_appended_to_and_stays_synthetic(root: Path, tmp_path: Path) -> None:
    ingest_synthetic("small", Plan(assets=4, start="2015-01-02", end="2016-01-29"))
    before = open_bundle("small")
    day = "date,open,high,low,close,volume\n2016-02-01,10,11,9,10,100\n"
    (tmp_path / "daily").mkdir()
    for symbol in ("SPY", "NEW"):
        (tmp_path / f"daily/{symbol}.csv").write_text(day)
    ingest_folder(tmp_path, "small", append=True)
    after = open_bundle("small")
    assert after.manifest.source.startswith(before.manifest.source)
    assert "SYNTHETIC" in after.manifest.source
    assert after.datasets.names == before.datasets.names
    old, new = before.bars().values("close"), after.bars().values("close")
    place = np.searchsorted(after.finder.sids, before.finder.sids)
    assert np.array_equal(old, new[: len(old), place], equal_nan=True)
    assert np.nansum(new[len(old) :]) == 20.0
    after.verify()


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
    planted = np.array([market.model.asset(i).expected for i in range(30)])
    ic = np.corrcoef((planted - planted.mean(axis=0)).ravel(), (total - total.mean(axis=0)).ravel())[0, 1]
    assert ic > 0.01
    assert np.std(planted) < 0.2 * np.std(total)
    for asset in range(30):
        truth, made = market.truth(asset), history(market.model, asset)
        alive = np.zeros(len(market.labels), dtype=bool)
        alive[made.life.first : made.life.last + 1] = True
        assert np.array_equal(~np.isnan(truth), alive)


def test_the_truth_knows_how_a_life_ends() -> None:
    model = ReturnModel(11, 2520)
    ends = {history(model, i).life.end: history(model, i) for i in range(60)}
    merged, failed = ends["merger"], ends["failure"]
    after = slice(merged.life.turn + 1 - merged.life.first, None)
    assert (merged.expected[after] == 0.0).all()
    falling = failed.expected[failed.life.turn + 1 - failed.life.first :]
    assert falling.sum() == pytest.approx(len(falling) * np.log(0.4) / 252, rel=0.5)


def test_a_longer_market_begins_as_the_shorter_one() -> None:
    """Decades are blocks: what is added later changes no common factor."""
    short, long = (ReturnModel(5, days).factors for days in (2000, 3000))
    for name in ("calm", "market", "drift"):
        assert np.array_equal(getattr(short, name), getattr(long, name)[:2000])


def test_every_decade_holds_the_same_volatility() -> None:
    for seed in (1, 2, 3):
        calm = ReturnModel(seed, 2520).factors.calm
        assert np.mean(calm**2) == pytest.approx(1.0, abs=1e-12)
        assert np.log(calm).std() == pytest.approx(0.52, abs=0.01)
        z = (calm - calm.mean()) / calm.std()
        for lag, least, most in ((5, 0.90, 0.97), (60, 0.36, 0.56)):
            assert least < np.mean(z[lag:] * z[:-lag]) < most


def test_fundamentals_as_they_became_known(bundle: Bundle) -> None:
    found = bundle.datasets.dataset("fundamentals")
    assert found.fields == {
        "shares_outstanding": "float64", "book_value": "float64", "net_income": "float64", "revenue": "float64",
        "restated": "bool",
    }  # fmt: skip
    frame = pd.DataFrame({name: found.table[name] for name in found.table})
    lag = (frame["timestamp"] - frame["asof_date"]) / 86_400e9
    first = frame[~frame["restated"].astype(bool)]
    assert (lag[first.index] > 28).all()
    assert (lag[first.index] < 51).all()
    assert not first.duplicated(["sid", "asof_date"]).any()
    again = frame[frame["restated"].astype(bool)]
    assert 3 <= len(again) <= 0.05 * len(frame)
    row = again.iloc[0]
    before, after = (
        bundle.datasets.as_of("fundamentals", ["book_value"], np.array([when]), np.array([row["sid"]]))["book_value"]
        for when in (row["timestamp"] - 1, row["timestamp"])
    )
    assert before[0, 0] not in (row["book_value"], after[0, 0])
    shares = first[first["sid"] == 24].sort_values("asof_date")["shares_outstanding"]
    assert (shares > 0).all()


def test_book_over_price_carries_the_planted_value_signal(bundle: Bundle) -> None:
    model, labels = ReturnModel(PLAN.seed, len(SyntheticMarket(PLAN).labels)), SyntheticMarket(PLAN).labels
    found = bundle.datasets.dataset("fundamentals").table
    mine = (found["sid"] == 24) & ~found["restated"].astype(bool)
    days = np.searchsorted(labels, found["asof_date"][mine])
    made = history(model, 0)
    cap = made.values[3][days - made.life.first] * found["shares_outstanding"][mine]
    ratio = np.log(found["book_value"][mine] / cap)
    assert np.corrcoef(ratio, value_signal(PLAN.seed, 0, len(labels))[days])[0, 1] > 0.999


def test_figures_are_near_the_panel_s() -> None:
    """A small sample of the acceptance (`--check`): the coarse figures of two seeds."""
    found = {f.target.name: f for f in check((7, 8), 60, 1500)}
    for name in ("beta to the equal-weighted market", "acf log volume at 1", "correlation of |r| and log volume"):
        assert found[name].passed, (name, found[name].realised)
    assert 0.2 < found["annual volatility"].realised < 0.6
    assert 0.25 < found["R² on the market"].realised < 0.65


@pytest.mark.slow
def test_every_figure_is_in_its_band() -> None:
    """Any five seeds in a row, not a lucky five."""
    found = np.array([realised(seed, 200, 2516) for seed in range(1, 25)])
    for first in range(len(found) - 4):
        outside = [f for f in judged(found[first : first + 5]) if not f.passed]
        assert outside == [], (first + 1, outside)


def test_a_market_too_small_for_the_figures() -> None:
    for assets, days, says in ((1, 2516, "at least 20 assets"), (20, 9000, "trade on all 9000 days")):
        with pytest.raises(BadIngestRequest, match=says):
            check((7,), assets, days)


@pytest.mark.parametrize(
    "change",
    [
        {"assets": 0},
        {"seed": -1},
        {"start": "2015-01-01", "end": "2015-06-01"},
        {"assets": 10**6},
        {"names": ((24, "AAPL"), (5061, "MSFT")), "assets": 1},
        {"names": ((1_000_003, "AAPL"),)},
        {"names": ((24, "SYN0002"),)},
    ],
)
def test_plans_that_cannot_be_made(change: dict[str, object], root: Path) -> None:
    with pytest.raises(BadIngestRequest) as caught:
        ingest_synthetic("x", Plan(**change))
    assert caught.value.parameter in (*change, "end")
    assert str(caught.value)
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
