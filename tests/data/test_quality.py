"""Quality at the door: each kind of flaw is found, named by code, asset, date and line, and kept out or kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewind_data import tables
from tradewind_data.bundle import open_bundle
from tradewind_data.errors import BadInputFile
from tradewind_data.ingest.folder import ingest_folder
from tradewind_data.ingest.quality import CODES, QUARANTINE
from tradewind_data.ingest.reporting import IngestReport

HEAD = "date,open,high,low,close,volume\n"
DAYS = [str(d) for d in np.arange("2020-01-01", "2020-04-10", dtype="datetime64[D]")]


def walk(seed: int = 3, n: int = 100) -> np.ndarray:
    """Closes of about 1 % a day, in cents."""
    return np.round(50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n))), 2)


def text(closes: np.ndarray, opens: np.ndarray | None = None, volume: np.ndarray | None = None) -> str:
    opens = closes if opens is None else opens
    volume = np.full(len(closes), 1000) if volume is None else volume
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    rows = zip(DAYS, opens, high, low, closes, volume, strict=False)
    return HEAD + "".join(",".join(map(str, row)) + "\n" for row in rows)


def ingested(folder, **options) -> IngestReport:
    return ingest_folder(folder.path, "mine", calendar="24/7", **options)


def findings(report: IngestReport) -> pd.DataFrame:
    return pd.read_parquet(report.path / "quality.parquet")


def test_clean_data_have_grade_a(folder, root: Path) -> None:
    folder.write("daily/A.csv", text(walk()))
    report = ingested(folder)
    assert (report.findings, report.quarantined, report.grade) == ({}, 0, "A")
    assert open_bundle("mine").manifest.grade == "A"
    assert len(findings(report)) == 0
    assert "Grade <b>A</b>: 100 rows read" in (report.path / "quality.html").read_text()
    open_bundle("mine").verify()


BAD_ROWS = {
    "missing_field": "2020-06-01,1,1,1,,5",
    "not_finite": "2020-06-01,1,inf,1,1,5",
    "not_positive": "2020-06-01,1,1,-1,1,5",
    "negative_volume": "2020-06-01,1,1,1,1,-5",
    "volume_without_price": "2020-06-01,,,,,5",
    "high_below_low": "2020-06-01,3,1,2,3,5",
    "duplicate": "2020-02-02,1,1,1,1,5",
}


@pytest.mark.parametrize("code", BAD_ROWS)
def test_rows_that_cannot_be_right_go_into_quarantine(code: str, folder, root: Path) -> None:
    folder.write("daily/B.csv", text(walk()))
    clean = ingested(folder).hash
    folder.write("daily/B.csv", text(walk()) + BAD_ROWS[code] + "\n")
    report = ingested(folder)
    assert report.findings == {code: 1}
    assert (report.quarantined, report.grade, report.rows) == (1, "D", 100)
    assert report.hash == clean
    found = findings(report).iloc[0]
    assert (found["code"], found["severity"], found["sid"], found["symbol"]) == (code, "error", 1, "B")
    assert (found["file"], found["line"]) == ("daily/B.csv", 102)
    assert str(found["time"])[:10] == BAD_ROWS[code][:10]
    kept = tables.read(report.path / "quarantine.parquet", QUARANTINE)
    assert (kept["line"].tolist(), kept["code"].tolist()) == ([102], [code])
    raw = [float(cell) if cell else np.nan for cell in BAD_ROWS[code].split(",")[1:]]
    assert np.array_equal([kept[f][0] for f in ("open", "high", "low", "close", "volume")], raw, equal_nan=True)
    with pytest.raises(BadInputFile, match=r"daily/B\.csv, line 102"):
        ingested(folder, strict=True)


def test_dates_off_the_calendar_are_quarantined(folder, root: Path) -> None:
    folder.bars("A", {"2020-01-03": 5.0, "2020-01-04": 6.0, "2020-01-06": 7.0})
    report = ingest_folder(folder.path, "mine")
    assert report.findings == {"off_calendar": 1}
    assert (report.rows, report.sessions) == (2, 2)
    assert str(findings(report)["time"][0])[:10] == "2020-01-04"
    assert tables.read(report.path / "quarantine.parquet", QUARANTINE)["close"].tolist() == [6.0]


def test_bars_outside_a_given_lifetime_are_quarantined(folder, root: Path) -> None:
    folder.bars("A", dict.fromkeys(DAYS[:5], 5.0))
    folder.write("assets.csv", f"symbol,start_date,end_date\nA,{DAYS[1]},{DAYS[3]}\n")
    report = ingested(folder)
    assert report.findings == {"outside_lifetime": 2}
    assert report.rows == 3


def test_an_asset_whose_rows_are_all_wrong(folder, root: Path) -> None:
    folder.bars("A", dict.fromkeys(DAYS[:5], 5.0))
    folder.bars("B", dict.fromkeys(DAYS[:5], -5.0))
    report = ingested(folder)
    assert report.findings == {"no_bars": 1, "not_positive": 5}
    assert report.assets == 1


def test_grade_c_is_one_row_in_a_thousand(folder, root: Path) -> None:
    days = np.arange("2018-01-01", "2020-12-31", dtype="datetime64[D]")[:1000]
    closes = np.resize(walk(n=100), 1000)
    rows = [f"{d},{c},{c},{c},{c},9" for d, c in zip(days, closes, strict=True)]
    folder.write("daily/A.csv", HEAD + "\n".join([*rows[:500], rows[500].replace(",9", ",-9"), *rows[501:]]) + "\n")
    assert ingested(folder).grade == "C"
    folder.write(
        "daily/A.csv", HEAD + "\n".join([*rows[:500], *(r.replace(",9", ",-9") for r in rows[500:502]), *rows[502:]])
    )
    assert ingested(folder).grade == "D"


def test_gaps_name_their_sessions(folder, root: Path) -> None:
    folder.bars("A", dict.fromkeys(DAYS[:30], 5.0))
    folder.bars("B", {d: 5.0 for i, d in enumerate(DAYS[:30]) if i not in (4, 10, 11, 12)})
    report = ingested(folder)
    assert report.findings == {"gap": 2}
    assert report.grade == "B"
    found = findings(report)
    assert found["detail"].tolist() == ["1 session from 2020-01-05", "3 sessions from 2020-01-11"]
    assert set(found["symbol"]) == {"B"}


def test_open_and_close_outside_the_range(folder, root: Path) -> None:
    folder.write("daily/A.csv", HEAD + "2020-01-01,5,6,4,5,1\n2020-01-02,7,6,4,5,1\n")
    report = ingested(folder)
    assert report.findings == {"ohlc_order": 1}
    assert report.rows == 2
    assert findings(report)["detail"][0] == "open 7, high 6, low 4, close 5"


def test_a_spike_is_an_outlier_and_a_level_is_not(folder, root: Path) -> None:
    closes = walk()
    closes[40] *= 3.3
    folder.write("daily/A.csv", text(closes))
    crash = walk()
    crash[40:] = np.round(crash[40:] * 0.85, 2)
    folder.write("daily/B.csv", text(crash))
    report = ingested(folder)
    assert report.findings == {"outlier": 1}
    assert str(findings(report)["time"][0])[:10] == DAYS[40]
    assert "+23" in findings(report)["detail"][0]


@pytest.mark.parametrize("ratio", [2, 3, 1.5, 10, 0.1])
def test_jumps_like_splits_need_an_action(folder, root: Path, ratio: float) -> None:
    closes = walk()
    closes[60:] = np.round(closes[60:] / ratio, 4)
    folder.write("daily/A.csv", text(closes))
    report = ingested(folder)
    assert report.findings == {"unexplained_jump": 1}
    assert str(findings(report)["time"][0])[:10] == DAYS[60]
    folder.write("splits.csv", f"symbol,effective_date,factor\nA,{DAYS[60]},{ratio}\n")
    assert ingested(folder).findings == {}


def test_a_split_that_prices_do_not_show(folder, root: Path) -> None:
    folder.write("daily/A.csv", text(walk()))
    folder.write("splits.csv", f"symbol,effective_date,factor\nA,{DAYS[60]},2\nA,{DAYS[80]},1.05\n")
    report = ingested(folder)
    assert report.findings == {"split_not_in_prices": 1}
    assert findings(report)["detail"][0].startswith("2:1, but closes")


def test_dividends_counted_twice_or_too_large(folder, root: Path) -> None:
    folder.write("daily/A.csv", text(walk()))
    folder.write(
        "dividends.csv",
        f"symbol,ex_date,amount\nA,{DAYS[10]},0.5\nA,{DAYS[13]},0.5\nA,{DAYS[40]},0.5\nA,{DAYS[50]},90\nA,{DAYS[41]},0.6\n",
    )
    report = ingested(folder)
    assert report.findings == {"dividend_refused": 1, "dividend_twice": 1}
    times = findings(report).set_index("code")["time"]
    assert [str(times[c])[:10] for c in ("dividend_refused", "dividend_twice")] == [DAYS[50], DAYS[13]]


def test_a_stale_tail(folder, root: Path) -> None:
    closes, volume = walk(), np.full(100, 1000)
    closes[85:], volume[85:] = closes[84], 0
    folder.write("daily/A.csv", text(closes, volume=volume))
    report = ingested(folder)
    assert report.findings == {"stale_tail": 1}
    assert findings(report)["detail"][0] == f"15 bars without volume since {DAYS[85]}"


def test_a_life_ends_with_the_last_trade(folder, root: Path) -> None:
    """Rows without a trade before the first and after the last do not lengthen an asset's life."""
    rows = [f"{d},5,5,5,5,7" if 20 <= i < 60 else f"{d},,,,," for i, d in enumerate(DAYS)]
    folder.write("daily/A.csv", HEAD + "\n".join(rows))
    folder.bars("B", dict.fromkeys(DAYS, 5.0))
    report = ingested(folder)
    asset = open_bundle("mine").finder.lookup_symbol("A")
    assert [str(d.date()) for d in (asset.start_date, asset.end_date)] == [DAYS[20], DAYS[59]]
    assert report.findings == {"stale_tail": 1}


def test_every_code_has_a_severity_and_a_meaning() -> None:
    assert {severity for severity, _ in CODES.values()} == {"error", "warning", "note"}
    assert all(meaning and not meaning.endswith(".") for _, meaning in CODES.values())


def test_text_of_the_input_is_escaped_in_the_page(folder, root: Path) -> None:
    folder.bars("<b>", {DAYS[0]: 1.0, DAYS[2]: 1.0})
    report = ingested(folder)
    page = (report.path / "quality.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.replace("<b>B</b>", "")
