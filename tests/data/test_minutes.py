"""Minute bars: the table of minutes, files of months, windows stitched and seen from a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewind_data import gridfile
from tradewind_data.bundle import Bundle, open_bundle
from tradewind_data.errors import BadInputFile, FieldNotFound, SessionOutOfBounds
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.schema import FIELDS
from tradewind_data.sessions import MINUTE_NS, build_sessions

HEADER = "date,open,high,low,close,volume"
DAYS = [str(d.date()) for d in build_sessions("XNYS", pd.Timestamp("2020-01-27"), pd.Timestamp("2020-02-07")).index]
SPLIT = "2020-02-04"


def stamps(day: str, label: str = "right") -> pd.DatetimeIndex:
    first = pd.Timestamp(f"{day} 14:{31 if label == 'right' else 30}")
    return pd.date_range(first, periods=390, freq="min")


def minute_file(folder, symbol: str, seed: int, keep: float, zone: str = "", label: str = "right") -> dict[int, float]:
    """A file of minutes with holes; the closes by stamp (ns, right-labelled)."""
    rng = np.random.default_rng(seed)
    rows, closes = [HEADER], {}
    for day in DAYS:
        for stamp in stamps(day, label):
            if rng.random() < keep:
                price = round(float(rng.uniform(20, 30)), 2)
                rows.append(f"{stamp}{zone},{price},{price + 0.5},{price - 0.5},{price},{rng.integers(1, 900)}")
                closes[stamp.as_unit("ns").value + (0 if label == "right" else MINUTE_NS)] = price
    folder.write(f"minute/{symbol}.csv", "\n".join(rows) + "\n")
    return closes


@pytest.fixture
def made(folder, root: Path):
    for symbol in ("AAA", "BBB", "CCC"):
        folder.bars(symbol, dict.fromkeys(DAYS, 25.0))
    folder.write("splits.csv", f"symbol,effective_date,factor\nAAA,{SPLIT},2\n")
    closes = {"AAA": minute_file(folder, "AAA", 1, 0.6), "CCC": minute_file(folder, "CCC", 2, 0.01)}
    report = ingest_folder(folder.path, "mine")
    return report, open_bundle("mine"), closes


def dense(bundle: Bundle, closes: dict[str, dict[int, float]]) -> np.ndarray:
    """close[M, N] over the whole minute table, from the files' rows."""
    minutes = bundle.sessions.minutes
    out = np.full((len(minutes), len(bundle.finder)), np.nan)
    for symbol, rows in closes.items():
        found = minutes.ordinals(np.array(list(rows)))
        assert (found >= 0).all()
        out[found, bundle.finder.lookup_symbol(symbol).column] = list(rows.values())
    return out


def test_the_minutes_of_sessions() -> None:
    sessions = build_sessions("XNYS", pd.Timestamp("2019-11-27"), pd.Timestamp("2019-12-02"))
    minutes = sessions.minutes
    assert len(minutes) == 390 + 210 + 390
    assert minutes.starts.tolist() == [0, 390, 600, 990]
    assert [str(np.datetime64(minutes.stamp(m), "ns"))[:16] for m in (0, 389, 390, 599, 600)] == [
        "2019-11-27T14:31",
        "2019-11-27T21:00",
        "2019-11-29T14:31",
        "2019-11-29T18:00",
        "2019-12-02T14:31",
    ]
    every = minutes.stamps(0, len(minutes))
    assert minutes.ordinals(every).tolist() == list(range(990))
    assert (minutes.ordinals(every + 1) == -1).all()
    assert (minutes.ordinals(sessions.opens) == -1).all()
    assert [minutes.session(m) for m in (0, 389, 390, 600)] == [0, 0, 1, 2]
    assert minutes.at_or_before(int(every[5]) + 59) == 5
    assert minutes.at_or_before(int(sessions.closes[1]) + 10**13) == 599
    assert minutes.at_or_before(int(sessions.opens[0])) == -1


def test_a_market_that_never_closes() -> None:
    minutes = build_sessions("24/7", pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-03")).minutes
    assert len(minutes) == 3 * 1440
    every = minutes.stamps(0, len(minutes))
    assert (np.diff(every) == MINUTE_NS).all()
    assert minutes.ordinals(every).tolist() == list(range(len(minutes)))


def test_every_session_and_field(made) -> None:
    report, bundle, closes = made
    reader, expected = bundle.bars("1m"), dense(*made[1:])
    assert bundle.manifest.frequencies == ("1d", "1m")
    assert report.rows == 3 * len(DAYS) + sum(map(len, closes.values()))
    assert (reader.first_session, reader.last_session) == (bundle.bars().first_session, bundle.bars().last_session)
    for session in range(reader.first_session, reader.last_session + 1):
        lo, hi = bundle.sessions.minutes.span(session)
        found = reader.session_values("close", session)
        assert found.shape == (390, 3)
        assert np.array_equal(found, expected[lo:hi], equal_nan=True)
        volume = reader.session_values("volume", session)
        assert ((volume > 0) == ~np.isnan(expected[lo:hi])).all()
    assert sorted(p.name for p in (report.path / "bars/1m").iterdir()) == ["2020-01.parquet", "2020-02.parquet"]
    assert bundle.bars("1m") is reader
    assert FIELDS == ("open", "high", "low", "close", "volume")


def test_windows_are_stitched_across_months_and_seen_from_a_session(made) -> None:
    _, bundle, _ = made
    reader, expected = bundle.bars("1m"), dense(*made[1:])
    starts, split = bundle.sessions.minutes.starts, bundle.sessions.ordinal(pd.Timestamp(SPLIT).as_unit("ns").value)
    rng = np.random.default_rng(0)
    for _ in range(60):
        end = int(rng.integers(reader.first_minute, reader.last_minute + 1))
        n = int(rng.integers(1, end - reader.first_minute + 2))
        seen = int(rng.integers(bundle.sessions.minutes.session(end), reader.last_session + 1))
        columns = None if rng.random() < 0.3 else rng.permutation(3)[: rng.integers(1, 4)]
        raw = expected[end - n + 1 : end + 1].copy()
        if seen >= split:
            raw[: max(0, int(starts[split]) - (end - n + 1)), 0] *= 0.5
        wanted = raw if columns is None else raw[:, columns]
        assert np.array_equal(reader.window("close", columns, end, n, seen), wanted, equal_nan=True)
    whole = reader.last_minute - reader.first_minute + 1
    volume = reader.window("volume", np.array([0]), reader.last_minute, whole)[:, 0]
    assert volume[0:390].sum() == 2 * np.nansum(reader.session_values("volume", reader.first_session)[:, 0])


def test_last_trades(made) -> None:
    _, bundle, _ = made
    reader, expected = bundle.bars("1m"), dense(*made[1:])
    for end in (reader.last_minute + 99, reader.first_minute - 1, *range(reader.first_minute, reader.last_minute, 171)):
        traded = ~np.isnan(expected[: end + 1])
        wanted = [int(np.flatnonzero(t)[-1]) if t.any() else -1 for t in traded.T]
        assert reader.last_trade(end).tolist() == wanted


def test_small_groups_and_fresh_readers_agree(made, folder, monkeypatch) -> None:
    """Row groups of a few minutes, read in any order, give what one group gives; one month is held at once."""
    _, bundle, _ = made
    whole = bundle.bars("1m")
    monkeypatch.setattr(gridfile, "GROUP_CELLS", 500)
    ingest_folder(folder.path, "small")
    reader = open_bundle("small").bars("1m")
    for end in (whole.last_minute, whole.first_minute + 7, whole.last_minute - 700):
        n = min(3000, end - whole.first_minute + 1)
        assert np.array_equal(reader.window("open", None, end, n), whole.window("open", None, end, n), equal_nan=True)
        assert len({month for field, month, _ in reader._blocks if field == "open"}) == 1
        assert np.array_equal(reader.last_trade(end), whole.last_trade(end))


def test_what_is_not_stored_is_refused(made) -> None:
    _, bundle, _ = made
    reader = bundle.bars("1m")
    with pytest.raises(FieldNotFound):
        reader.session_values("clsoe", reader.first_session)
    for end, n in ((reader.last_minute + 1, 1), (reader.first_minute, 2), (reader.last_minute, 0)):
        with pytest.raises(SessionOutOfBounds, match="2020-01-27 … 2020-02-07"):
            reader.window("close", None, end, n)
    with pytest.raises(SessionOutOfBounds, match="seen from session"):
        reader.window("close", None, reader.last_minute, 1, reader.first_session)
    for session in (-1, 0, 10**6):
        with pytest.raises(SessionOutOfBounds):
            reader.session_values("close", session)


def test_offsets_and_left_labels_mean_the_same_minutes(made, folder) -> None:
    first, _, _ = made
    for symbol, seed, keep in (("AAA", 1, 0.6), ("CCC", 2, 0.01)):
        minute_file(folder, symbol, seed, keep, zone="+00:00")
    assert ingest_folder(folder.path, "zoned").hash == first.hash
    for symbol, seed, keep in (("AAA", 1, 0.6), ("CCC", 2, 0.01)):
        minute_file(folder, symbol, seed, keep, label="left")
    assert ingest_folder(folder.path, "left", minute_label="left").hash == first.hash


def test_left_labels_are_recognised(folder, root: Path) -> None:
    folder.bars("AAA", dict.fromkeys(DAYS, 25.0))
    minute_file(folder, "AAA", 1, 0.97, label="left")
    with pytest.raises(BadInputFile, match=r"minute/AAA\.csv, line .*beginning.*--minute-label left"):
        ingest_folder(folder.path, "mine")
    assert not root.exists()


def test_minutes_off_the_grid_are_quarantined(folder, root: Path) -> None:
    folder.bars("AAA", dict.fromkeys(DAYS, 25.0))
    folder.write(
        "minute/AAA.csv",
        f"{HEADER}\n2020-01-28 15:00:00,1,1,1,1,5\n2020-01-28 15:00:30,1,1,1,1,5\n"
        "2020-01-28 03:00,1,1,1,1,5\n2020-03-02 15:00,1,1,1,1,5\n",
    )
    report = ingest_folder(folder.path, "mine")
    assert report.findings == {"off_calendar": 1, "off_grid": 2}
    assert report.quarantined == 3
    with pytest.raises(BadInputFile, match=r"minute/AAA\.csv, line 3, column date.*ends no minute"):
        ingest_folder(folder.path, "mine", strict=True)
