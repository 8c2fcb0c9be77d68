"""No reader sees the future: replace all data after a date by garbage, and every answer at that date is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.conftest import InputFolder

from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.schema import FIELDS

DAYS = [str(d) for d in np.arange("2020-01-20", "2020-03-20", dtype="datetime64[D]")]
HEAD = "date,open,high,low,close,volume\n"


def rows(rng: np.random.Generator, days: list[str], chance: float = 0.8) -> list[str]:
    out = []
    for day in days:
        if rng.random() < chance:
            price = round(float(rng.uniform(10, 20)), 2)
            out.append(f"{day},{price},{price + 1},{price - 1},{price},{rng.integers(1, 999)}")
    return out


def write(folder: InputFolder, cut: int, garbage: bool) -> None:
    """Data that are the same up to the day ``cut``; after it they are others when ``garbage``."""
    for symbol in ("A", "B"):
        past = rows(np.random.default_rng(ord(symbol)), DAYS[: cut + 1])
        later = rows(np.random.default_rng(1000 * garbage + ord(symbol)), DAYS[cut + 1 :])
        ends = [f"{DAYS[0]},9,9,9,9,9", f"{DAYS[-1]},9,9,9,9,9"]
        kept = {row[:10]: row for row in [*ends, *past, *later]}
        folder.write(f"daily/{symbol}.csv", HEAD + "\n".join(kept.values()) + "\n")
        stamps = [f"{day} 0{hour}:00" for day in DAYS for hour in range(1, 4)]
        before = [s for s in stamps if s[:10] <= DAYS[cut]]
        minutes = rows(np.random.default_rng(7), before) + rows(np.random.default_rng(garbage), stamps[len(before) :])
        folder.write(f"minute/{symbol}.csv", HEAD + "\n".join([*minutes, f"{DAYS[-1]} 23:00,9,9,9,9,9"]) + "\n")
    rng, actions = np.random.default_rng(5), {"splits": [], "dividends": [], "mergers": [], "facts": [], "codes": []}
    other = np.random.default_rng(99)
    for i, day in enumerate(DAYS[1:], start=1):
        source = other if garbage and i > cut else rng
        draw = [source.random() for _ in range(5)]
        if draw[0] < 0.1:
            actions["splits"].append(f"A,{day},{2 if draw[1] < 0.5 else 3}")
        if draw[1] < 0.15:
            actions["dividends"].append(f"B,{day},{round(draw[2], 2) + 0.01}")
        if draw[2] < 0.05:
            actions["mergers"].append(f"B,{day},{round(draw[3], 2) + 0.5}")
        actions["facts"].append(f"A,{day},{day} 12:00,{draw[4]}")
        actions["codes"].append(f"A,{day},sector,{int(100 * draw[0])}")
    folder.write("splits.csv", "\n".join(["symbol,effective_date,factor", *actions["splits"]]))
    folder.write("dividends.csv", "\n".join(["symbol,ex_date,amount", *actions["dividends"]]))
    folder.write("mergers.csv", "\n".join(["symbol,effective_date,ratio", *actions["mergers"]]))
    folder.write("classifications.csv", "\n".join(["symbol,start_date,scheme,code", *actions["codes"]]))
    folder.write("datasets/facts.csv", "\n".join(["symbol,asof_date,timestamp,eps", *actions["facts"]]))


def answers(bundle: Bundle, cut: int) -> dict[str, np.ndarray]:
    """What every reader says at the end of the day ``cut``."""
    label = pd.Timestamp(DAYS[cut]).as_unit("ns").value
    t = bundle.sessions.ordinal(label)
    daily, minutes = bundle.bars(), bundle.bars("1m")
    n, m = t - daily.first_session + 1, bundle.sessions.minutes.span(t)[1] - 1
    out = {
        "last": daily.last_trade(t),
        "P": daily.factors(t),
        "V": daily.volume_factors(t),
        "minute": minutes.last_trade(m),
    }
    for field in FIELDS:
        out[field] = daily.window(field, None, t, n)
        for asset in (0, 1):
            out[f"{field} of {asset}"] = daily.window(field, np.array([asset]), t, n)
        out[f"{field} before"] = daily.window(field, np.array([1, 0]), t - 2, n - 2, seen_from=t)
        out[f"{field} before, all"] = daily.window(field, None, t - 2, n - 2, seen_from=t)
        out[f"{field} by minute"] = minutes.window(field, None, m, m - minutes.first_minute + 1)
    at = np.array([label + 86_400_000_000_000 - 1])
    out |= bundle.datasets.as_of("facts", ["eps"], at, bundle.finder.sids)
    last = daily.last_trade(t)
    out["P then"] = daily.factors_of(np.arange(len(last)), last)
    out["sector"] = bundle.classifications.as_of("sector", label)
    splits, paid = bundle.actions.splits, bundle.actions.dividends
    out["splits"], out["paid"] = splits.numerator[splits.session <= t], paid.amount[paid.ex <= t]
    return out


@pytest.mark.parametrize("kept", ["in memory", "in strips", "in files"])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(3, len(DAYS) - 4))
def test_the_future_changes_no_answer(cut: int, kept: str, tmp_path: Path, root: Path, monkeypatch) -> None:
    """in strips, in files: the answers of a bundle too large to be held, out of its cache and of its bar files."""
    monkeypatch.setenv("TRADEWIND_CACHE", str(tmp_path / "cache") if kept != "in memory" else "off")
    if kept != "in memory":
        monkeypatch.setattr("tradewind_data.bars.PATIENCE", -9 if kept == "in strips" else 1_000)
        monkeypatch.setattr("tradewind_data.bars.HELD_BYTES", 8)
        monkeypatch.setattr("tradewind_data.bundle.HELD_BYTES", 8)
        monkeypatch.setattr("tradewind_data.bars.STRIP", 8)
    found = []
    for garbage in (False, True):
        shutil.rmtree(tmp_path / "input", ignore_errors=True)
        (tmp_path / "input").mkdir()
        write(InputFolder(tmp_path / "input"), cut, garbage)
        report = ingest_folder(tmp_path / "input", "mine", calendar="24/7")
        found.append((report.hash, answers(open_bundle("mine"), cut)))
    (one, true), (two, false) = found
    assert one != two
    for name, values in true.items():
        assert np.array_equal(values, false[name], equal_nan=True), name


def test_the_garbage_is_seen_later(tmp_path: Path, root: Path) -> None:
    """The property above is not empty: the day after, the answers differ."""
    found = []
    for garbage in (False, True):
        (tmp_path / f"{garbage}").mkdir()
        write(InputFolder(tmp_path / f"{garbage}"), 20, garbage)
        ingest_folder(tmp_path / f"{garbage}", "mine", calendar="24/7")
        found.append(answers(open_bundle("mine"), len(DAYS) - 2))
    for name in ("close", "volume", "close by minute", "eps", "P"):
        assert not np.array_equal(found[0][name], found[1][name], equal_nan=True), name


def test_actions_are_not_seen_before_they_take_effect(tmp_path: Path, root: Path) -> None:
    folder = InputFolder(tmp_path)
    folder.bars("A", dict.fromkeys(DAYS, 10.0))
    folder.write("splits.csv", f"symbol,effective_date,factor\nA,{DAYS[10]},2\n")
    ingest_folder(tmp_path, "mine", calendar="24/7")
    reader = open_bundle("mine").bars()
    t = reader.first_session + 10
    assert reader.window("close", None, t - 1, 5)[:, 0].tolist() == [10.0] * 5
    assert reader.window("close", None, t, 5)[:, 0].tolist() == [5.0] * 4 + [10.0]
    with pytest.raises(ValueError, match="read-only"):
        reader.values("close")[0, 0] = 1.0
