"""Result: schemas, derived columns, the packets of the original engine, and the directory on disk."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewind import packets, result, runfiles, tables, wording
from tradewind.result import Result


@pytest.fixture(scope="module")
def run(record):
    return record(sessions=700)


def files(directory):
    return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


def same(a, b):
    for name in tables.SCHEMAS:
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name))
    assert dict(a.info) == dict(b.info)


def test_a_run_comes_back_from_disk_as_it_was(run, tmp_path):
    same(run, Result.load(run.save(tmp_path / "run")))


def test_a_run_without_a_trade_keeps_every_dtype(record, tmp_path):
    idle = record(sessions=30)
    assert idle.orders.empty
    back = Result.load(idle.save(tmp_path / "idle"))
    same(idle, back)
    for name, schema in tables.SCHEMAS.items():
        assert {column: str(back.tables[name][column].dtype) for column in schema} == dict(schema), name
    assert back.stats["orders"] == 0.0
    assert back.weights.shape == (30, 0)


@pytest.mark.parametrize("name", tables.SCHEMAS)
def test_empty_tables_have_the_dtypes_of_the_schema(name):
    empty = tables.empty_table(name)
    assert len(empty) == 0
    assert {column: str(dtype) for column, dtype in empty.dtypes.items()} == dict(tables.SCHEMAS[name])


def test_equal_runs_are_equal_bytes_but_for_the_clock(run, record, tmp_path):
    again = record.__wrapped__(sessions=700).replaced(timing=run.timing.assign(seconds=9.9))
    first, second = files(run.save(tmp_path / "a")), files(again.save(tmp_path / "elsewhere" / "b"))
    assert first.pop("timing.parquet") != second.pop("timing.parquet")
    assert first == second
    assert set(first) == {"result.json", *(f"{name}.parquet" for name in tables.SCHEMAS if name != "timing")}


def test_microsecond_times_are_brought_to_nanoseconds(run):
    coarse = run.fills.assign(session=run.fills["session"].astype("datetime64[us]"))
    assert str(Result(run.perf, fills=coarse).fills["session"].dtype) == "datetime64[ns]"


def test_a_missing_column_is_named(run):
    with pytest.raises(ValueError, match="table 'fills' lacks the columns price"):
        Result(run.perf, fills=run.fills.drop(columns="price"))


def test_result_json_is_readable_and_free_of_nan(run, tmp_path):
    facts = json.loads((run.save(tmp_path / "run") / "result.json").read_text())
    assert facts["stats"]["sharpe"] == pytest.approx(run.stats["sharpe"])
    assert facts["info"]["bundle"]["name"] == "demo"
    assert facts["tables"]["orders"]["rows"] == len(run.orders)
    assert "timing" not in facts["tables"]
    bare = Result(run.perf, info={"benchmark": None})
    assert json.loads((bare.save(tmp_path / "bare") / "result.json").read_text())["stats"]["beta"] is None


def test_an_earlier_run_is_replaced_whole_with_its_report(run, record, tmp_path):
    target = record(sessions=300).save(tmp_path / "run")
    (target / "report.html").write_text("stale")
    run.save(target)
    same(run, Result.load(target))
    assert not (target / "report.html").exists()
    assert os.listdir(tmp_path) == ["run"]


def test_an_empty_directory_is_filled(run, tmp_path):
    same(run, Result.load(run.save(tmp_path)))


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda p: p.write_text("x"), "exists and is a file"),
        (lambda p: (p.mkdir(), (p / "thesis.tex").write_text("x")), "exists and is not a run directory"),
        (lambda p: (p.mkdir(), (p / "result.json").write_text("{}")), "exists and is not a run directory"),
    ],
)
def test_what_is_not_a_run_is_never_replaced(run, tmp_path, prepare, words):
    target = tmp_path / "mine"
    prepare(target)
    before = files(tmp_path) if target.is_file() else files(target)
    with pytest.raises(runfiles.OutputRefused, match=words):
        run.save(target)
    assert (files(tmp_path) if target.is_file() else files(target)) == before


def test_a_run_with_files_of_the_users_own_is_not_replaced(run, tmp_path):
    target = run.save(tmp_path / "run")
    (target / "notes.md").write_text("mine")
    with pytest.raises(runfiles.OutputRefused, match=r"other files \(notes.md\)"):
        run.save(target)


def test_a_failed_save_leaves_the_earlier_run(run, tmp_path, monkeypatch):
    target = run.save(tmp_path / "run")
    before = files(target)

    def full(path, frame):
        raise OSError("no space left on device")

    monkeypatch.setattr(runfiles, "_write_table", full)
    with pytest.raises(OSError, match="no space"):
        run.save(target)
    assert files(target) == before
    assert os.listdir(tmp_path) == ["run"]


def test_a_missing_or_foreign_directory_is_said(tmp_path):
    with pytest.raises(runfiles.RunNotFound, match="there is no such directory"):
        Result.load(tmp_path / "nowhere")
    with pytest.raises(runfiles.RunNotFound, match=r"it has no result\.json"):
        Result.load(tmp_path)
    (tmp_path / "result.json").write_text('{"kind": "other"}')
    with pytest.raises(runfiles.RunNotFound, match="another program"):
        Result.load(tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: (d / "fills.parquet").unlink(), "fills.parquet is damaged: the file is missing"),
        (lambda d: (d / "perf.parquet").write_bytes(b"PAR1"), "does not have the sha256"),
        (lambda d: shutil.copy(d / "fills.parquet", d / "orders.parquet"), "orders.parquet is damaged"),
        (lambda d: (d / "timing.parquet").write_bytes(b"junk"), "cannot be read as Parquet"),
        (lambda d: (d / "result.json").write_text('{"kind'), "it is not JSON"),
    ],
)
def test_damage_is_found_and_named(run, tmp_path, damage, words):
    target = run.save(tmp_path / "run")
    damage(target)
    with pytest.raises(runfiles.RunDamaged, match=words):
        Result.load(target)


def test_stats_agree_with_the_last_row_of_perf(run):
    last = run.perf.iloc[-1]
    for name in ("sharpe", "sortino", "alpha", "beta", "max_drawdown"):
        assert run.stats[name] == pytest.approx(last[name], rel=1e-12)
    assert run.stats["total_return"] == pytest.approx(last["portfolio_value"] / 1e7 - 1.0, rel=1e-9)
    assert run.stats["benchmark_total_return"] == pytest.approx(last["benchmark_period_return"], rel=1e-9)
    assert run.stats["optimizer_calls"] == len(run.optimizer)


def test_turnover_and_weights_by_hand(run):
    session = run.fills["session"].iloc[0]
    today = run.fills[run.fills["session"] == session]
    equity = run.perf.loc[session, "portfolio_value"]
    assert run.turnover[session] == pytest.approx((today["amount"] * today["price"]).abs().sum() / equity)
    assert (run.turnover[run.perf.index < session] == 0.0).all()
    gross = run.weights.abs().sum(axis=1)
    np.testing.assert_allclose(gross, run.perf["gross_leverage"], rtol=1e-12)


def test_two_assets_of_one_symbol_keep_apart(run):
    mixed = run.positions.assign(symbol="SAME")
    assert set(Result(run.perf, positions=mixed).weights.columns) == {f"SAME-{sid}" for sid in mixed["sid"].unique()}


def test_recorded_text_stays_text_and_numbers_become_floats(run):
    index = run.perf.index
    odd = pd.DataFrame(
        {"n": [1] * len(index), "flag": [True] * len(index), "s": ["a", None] * (len(index) // 2)}, index
    )
    recorded = Result(run.perf, recorded=odd).recorded
    assert [str(d) for d in recorded.dtypes] == ["float64", "float64", "str"]
    assert recorded["s"].isna().sum() == len(index) // 2


def test_the_frame_of_the_original_engine(run):
    frame = run.to_zipline()
    assert str(frame.index.tz) == "UTC"
    assert (frame.index == run.perf["period_close"]).all()
    assert frame["long"].iloc[-1] == run.recorded["long"].iloc[-1]
    assert sum(map(len, frame["transactions"])) == len(run.fills)
    assert sum(map(len, frame["positions"])) == len(run.positions)
    first = frame["transactions"][frame["transactions"].map(len) > 0].iloc[0][0]
    assert set(first) == {"sid", "dt", "amount", "price", "commission", "order_id"}
    assert first["order_id"] == f"{0:032x}"
    assert isinstance(frame["positions"].iloc[-1][0]["sid"], int)


def test_recorded_values_are_handed_on_as_recorded(run):
    sparse = pd.DataFrame({"signal": [1.0, np.nan]}, index=run.perf.index[[3, 5]])
    frame = Result(run.perf, recorded=sparse).to_zipline()
    assert frame["signal"].iloc[3] == 1.0
    assert frame["signal"].isna().sum() == len(run.perf) - 1


def test_sids_become_the_callers_assets(run):
    frame = run.to_zipline(asset_of=lambda sid: f"asset {sid}")
    assert frame["positions"].iloc[-1][0]["sid"].startswith("asset ")


def order_of(run, **changes):
    stamp = run.perf["period_close"]
    base = run.orders.iloc[[0]].assign(
        created=stamp.iloc[1], updated=stamp.iloc[4], amount=30, filled=30, commission=0.03
    )
    return base.assign(**changes)


def fill_of(run, day, amount):
    stamp = run.perf["period_close"].iloc[day]
    return run.fills.iloc[[0]].assign(session=run.perf.index[day], time=stamp, amount=amount, commission=amount / 1000)


def test_an_order_filled_over_three_days_is_seen_as_it_stood(run):
    fills = pd.concat([fill_of(run, 2, 10), fill_of(run, 4, 20)])
    days = Result(run.perf, orders=order_of(run), fills=fills).to_zipline()["orders"]
    seen = [(d, o["filled"], o["status"], o["commission"]) for d, day in enumerate(days) for o in day]
    assert seen == [(1, 0, 0, 0.0), (2, 10, 0, 0.01), (4, 30, 1, 0.03)]


def test_an_order_cancelled_after_a_partial_fill(run):
    orders = order_of(run, filled=10, status="cancelled", reason="end of day")
    days = Result(run.perf, orders=orders, fills=fill_of(run, 2, 10)).to_zipline()["orders"]
    seen = [(d, o["filled"], o["status"], o["reason"]) for d, day in enumerate(days) for o in day]
    assert seen == [(1, 0, 0, None), (2, 10, 0, None), (4, 10, 2, "end of day")]


def test_a_closing_fill_has_no_order(run):
    closing = fill_of(run, 2, 10).assign(order_id=pd.NA)
    frame = Result(run.perf, fills=closing).to_zipline()
    assert frame["transactions"].iloc[2][0]["order_id"] is None
    assert not any(frame["orders"])


def test_the_reprs_say_what_ran(run):
    text = repr(run)
    assert "monthly_long_short on demo" in text
    assert wording.percent(run.stats["total_return"], sign=True) in text
    html = run._repr_html_()
    assert "<svg" in html
    assert "http" not in html
    assert "&lt;b&gt;" in Result(run.perf, info={"algorithm": {"name": "<b>"}})._repr_html_()


def test_order_keys_are_never_falsy():
    assert packets.order_key(0) == "0" * 32
    assert int(packets.order_key(255), 16) == 255


def test_a_flat_line_has_a_sparkline():
    assert 'aria-label="portfolio value, from 1 to 1"' in result.sparkline([1.0, 1.0, 1.0])
    assert result.sparkline([1.0]) == ""
