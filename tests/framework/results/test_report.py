"""The report: a valid page that needs nothing else, whose numbers are the Result's."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from tradewind import metrics, report, tables, wording
from tradewind.contest import judge
from tradewind.report import style
from tradewind.report.page import command
from tradewind.result import Result

SECTIONS = (
    "statistics",
    "equity",
    "drawdown",
    "months",
    "rolling",
    "exposure",
    "weights",
    "trading",
    "optimizer",
    "contest",
    "reproduction",
)
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """The page as a reader of tags sees it: every tag closed, ids, links, headings, text by data attribute."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.headings, self.stats, self.labelled = [], [], [], [], {}, []
        self.scripts, self.figures, self.captions, self._key, self.text = {}, 0, 0, None, []
        self.references = []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.references += [found[name] for name in ("src", "href", "srcset", "action") if name in found]
        if "id" in found:
            self.ids.append(found["id"])
        if found.get("href", "").startswith("#"):
            self.targets.append(found["href"][1:])
        if "aria-labelledby" in found:
            self.labelled.append(found["aria-labelledby"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.figures += tag == "figure"
        self.captions += tag == "figcaption"
        self._key = found.get("data-stat") or found.get("data-headline") or self._key
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._key = None

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.setdefault(self.open[-1], []).append(data)
        else:
            self.text.append(data)
        if self._key:
            self.stats.setdefault(self._key, []).append(data)
            self._key = None


@pytest.fixture(scope="module")
def run(record):
    return record()


@pytest.fixture(scope="module")
def text(run):
    return report.render(run)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_whole_and_every_section_is_there(page):
    assert [key for key in page.labelled if key in SECTIONS] == list(SECTIONS)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    assert list(SECTIONS) == page.targets


def test_headings_never_skip_a_level(page):
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


def test_every_figure_has_its_sentence(page):
    assert page.figures == page.captions >= 9


def test_nothing_is_fetched(text, page):
    assert all(target.startswith("#") for target in page.references)
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"https?://|@import|url\(|//cdn", outside)
    assert "default-src 'none'" in text


def test_thirteen_years_stay_small(run, text):
    assert len(run.perf) > 3200
    assert len(text.encode()) < 3_000_000


def test_the_numbers_shown_are_the_stats(run, page):
    for statistic in metrics.STATISTICS:
        value = run.stats[statistic.name]
        assert wording.quantity(value, statistic.unit) in page.stats[statistic.name], statistic.name
    assert page.stats["mean_turnover"] == [wording.percent(run.stats["mean_turnover"], 2)]
    assert page.stats["total_return"][0] == wording.percent(run.stats["total_return"])


def test_the_captions_carry_the_numbers(run, page):
    words = " ".join(" ".join(page.text).split())
    first = metrics.drawdowns(run.returns)[0]
    assert f"{run.perf.index[first.valley]:%Y-%m-%d}" in words
    assert f"{len(run.fills):,} fills of {len(run.orders):,} orders" in words
    assert f"{len(run.optimizer):,} of {len(run.optimizer):,} calls solved" in words
    assert judge(run).headline() in words


def test_the_heat_map_compounds_to_the_year(run, page):
    year = run.returns[run.returns.index.year == 2008]
    assert wording.percent(float(np.prod(1 + year) - 1)) in page.text


def charts_of(text):
    return json.loads(re.search(r'id="charts">(.*?)</script>', text, re.DOTALL).group(1))


def test_every_chart_has_a_place_and_its_colours_have_names(text):
    charts = charts_of(text)
    (item,) = charts["items"]
    for place in item["roots"].values():
        assert f'id="{place}"' in text
    ids = set(re.findall(r'"id": ?"(p\d+)"', json.dumps(charts["docs"])))
    assert {model for model, _ in charts["paint"]} <= ids
    names = {name for _, colours in charts["paint"] for name in colours.values()}
    assert names <= set(style.LIGHT) == set(style.DARK)


def test_the_chart_library_reads_the_document_back(run, text):
    """Bokeh checks each kind, attribute and value; then the data is the run's, one point a session."""
    from bokeh.document import Document
    from bokeh.models import ColumnDataSource, GlyphRenderer
    from bokeh.plotting import figure as Figure

    document = Document.from_json(charts_of(text)["docs"]["report"])
    document.validate()
    figures = {root.name: root for root in document.roots}
    assert all(isinstance(root, Figure) for root in figures.values())
    assert len(figures) == len(charts_of(text)["items"][0]["roots"])
    line = figures["equity-log"].renderers[0]
    assert isinstance(line, GlyphRenderer)
    daily = line.data_source
    assert all(len(column) == len(run.perf) for column in daily.data.values())
    np.testing.assert_allclose(daily.data["wealth"], metrics.wealth(run.returns), rtol=1e-6)
    np.testing.assert_allclose(daily.data["t"], run.perf.index.to_numpy().astype("datetime64[ms]").astype(float))
    wired = {id(r.data_source) for f in figures.values() for r in f.renderers if len(r.data_source.data) > 2}
    assert wired == {id(daily)}
    for figure in figures.values():
        for renderer in figure.renderers:
            assert isinstance(renderer.data_source, ColumnDataSource)
            assert renderer.glyph.x.field in renderer.data_source.data


def test_the_librarys_script_is_in_the_page_and_not_imported_for_it(text):
    assert "Bokeh" in text
    code = "import sys; from tradewind import report; from tradewind.report import wire; wire.library(); "
    code += "print('bokeh' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_equal_runs_make_equal_pages(run, text):
    assert report.render(run) == text


def test_the_page_is_written_whole(run, tmp_path, monkeypatch):
    path = report.write(run, tmp_path / "sub" / "page.html", {"perf": "ab" * 32})
    assert "ab" * 32 in path.read_text()
    before = path.read_bytes()
    monkeypatch.setattr("tradewind.report.page.render", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(run, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]


def test_names_are_escaped(run):
    evil = "<script>alert(1)</script>"
    shown = report.render(run.replaced(info={**run.info, "algorithm": {"name": evil}, "benchmark": evil}))
    assert evil not in shown
    Page(shown)


@pytest.mark.parametrize("sessions", [1, 2, 40, 130])
def test_short_runs_have_a_page_too(record, sessions):
    Page(report.render(record(sessions=sessions)))


def test_a_run_without_benchmark_says_so(record):
    shown = report.render(record(sessions=300, benchmark=None))
    assert "no benchmark" in shown
    assert 'id="chart-beta"' not in shown


def test_a_run_without_a_session_has_a_page():
    nothing = Result(tables.empty_table("perf"), info={"algorithm": {"name": "idle"}})
    assert "recorded no session" in report.render(nothing)
    assert "no session" in repr(nothing)


def test_failed_calls_are_counted_and_drawn(run):
    calls = run.optimizer.copy()
    calls.loc[3, ["status", "objective"]] = ["infeasible", np.nan]
    shown = " ".join(report.render(run.replaced(optimizer=calls, duals=tables.empty_table("duals"))).split())
    assert f"{len(calls) - 1:,} of {len(calls):,} calls solved" in shown
    assert "infeasible" in shown
    assert "No constraint was binding" in shown


def test_many_names_are_summed_and_said(run):
    label = run.perf.index[-5:]
    rows = [(session, sid, f"S{sid}", 1, 1.0, 1.0, *[1e4 * (sid - 6)] * 2) for session in label for sid in range(1, 13)]
    held = pd.DataFrame(rows, columns=list(tables.SCHEMAS["positions"]))
    shown = report.render(run.replaced(positions=held))
    assert "Drawn: 8 names of largest mean weight, the other 4 summed by side" in shown


def test_the_command_makes_the_run_again(run):
    line = command(run.info)
    assert line.startswith("tradewind run monthly_long_short.py -b demo -s 2000-03-01 -e 2013-03-01")
    assert line.endswith("--benchmark IBM -D half=2")
    assert "--data-frequency" not in line


def test_contrast_is_enough_to_read_in_both_themes():
    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for palette in (style.LIGHT, style.DARK):
        for name in ("ink", "soft", "accent", "pass", "fail"):
            for ground in ("page", "card"):
                bright, dim = sorted((luminance(palette[name]), luminance(palette[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, (name, ground)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (wording.percent(-0.1234), "−12.3 %"),
        (wording.percent(-0.00001), "0.0 %"),
        (wording.percent(0.5, sign=True), "+50.0 %"),
        (wording.percent(float("nan")), "–"),
        (wording.ratio(-1234.567), "−1,234.57"),
        (wording.whole(1e7), "10,000,000"),
        (wording.counted(1, "order"), "1 order"),
        (wording.counted(2000, "order"), "2,000 orders"),
        (wording.day(None), "–"),
        (wording.day(pd.Timestamp("2013-03-01")), "2013-03-01"),
    ],
)
def test_numbers_as_text(shown, expected):
    assert shown.replace("\N{NO-BREAK SPACE}", " ") == expected
