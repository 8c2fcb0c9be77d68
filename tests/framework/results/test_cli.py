"""The command line: outputs, exit codes, and what a person reads when something is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import tradewind
from tradewind import errors, exits, runfiles, tables, terminal
from tradewind.cli import cli, shipped_algorithms
from tradewind.contest import judge
from tradewind.result import Result

SHORT = ("-s", "2012-01-03", "-e", "2012-03-30")
HOLD = """
def initialize(context):
    context.asset = symbol("AAPL")

def handle_data(context, data):
    order_target_percent(context.asset, 0.5)
    record(price=data.current(context.asset, "price"))
"""


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    """An empty working directory with its own bundle root."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADEWIND_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def program(text, name="algo.py"):
    Path(name).write_text(text)
    return name


def shell(*words, **options):
    line = [sys.executable, "-m", "tradewind", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, **options)


def assert_clean(outcome, code, *words):
    """The code, the words on stderr, nothing on stdout, and no framework traceback."""
    assert outcome.exit_code == code, outcome.output
    for word in words:
        assert word in outcome.stderr, outcome.stderr
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    assert "/tradewind/" not in outcome.stderr


# ---- what works -----------------------------------------------------------------------------------------------------


def test_the_version_is_the_packages():
    assert shell("--version").stdout.strip() == f"tradewind {tradewind.__version__}"


def test_asking_for_help_imports_nothing_heavy():
    heavy = ("numpy", "pandas", "numba", "rich", "bokeh")
    code = f"import sys, tradewind.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    "words",
    [(), ("run",), ("demo",), ("ingest",), ("ingest", "folder"), ("bundles",), ("bundles", "list"), ("bundles", "show"),
     ("contest",), ("report",)],
)  # fmt: skip
def test_every_command_explains_itself(words):
    shown = call(*words, "--help")
    assert shown.exit_code == 0
    assert "Usage:" in shown.stdout
    if words not in ((), ("bundles",), ("bundles", "list")):
        assert "tradewind " + " ".join(words) in shown.stdout.replace("\n", " ")


def test_a_run_is_saved_reported_and_summed_up():
    shown = call("run", program(HOLD), *SHORT, "-o", "runs/one", "--benchmark", "IBM")
    assert shown.exit_code == 0, shown.output
    assert shown.stderr == ""
    saved = Result.load("runs/one")
    assert len(saved.perf) == 62
    assert f"{len(saved.orders):,}, {len(saved.fills):,} fills" in shown.stdout
    assert "Beta to IBM" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "Report  runs/one/report.html"
    assert "\x1b" not in shown.stdout
    page = Path("runs/one/report.html").read_text()
    assert json.loads(Path("runs/one/result.json").read_text())["tables"]["perf"]["sha256"] in page


def test_the_default_directory_is_named_after_the_algorithm():
    shown = call("run", program(HOLD, "hold.py"), *SHORT, "--no-report")
    assert shown.exit_code == 0
    (made,) = Path("runs").iterdir()
    assert made.name.startswith("hold-20")
    assert not (made / "report.html").exists()
    assert "Report" not in shown.stdout


def test_two_runs_are_the_same_bytes():
    for name in ("a", "b"):
        assert call("run", program(HOLD), *SHORT, "-o", name).exit_code == 0
    for path in sorted(Path("a").iterdir()):
        if path.name != "timing.parquet":
            assert path.read_bytes() == (Path("b") / path.name).read_bytes(), path.name


def test_json_is_all_there_is_on_stdout():
    text = "def initialize(context):\n    print('hello from the algorithm')\n"
    shown = call("run", program(text), *SHORT, "-o", "out", "--json", "-D", "size=3")
    facts = json.loads(shown.stdout)
    assert facts["run"] == "out"
    assert facts["info"]["parameters"] == {"size": "3"}
    assert facts["stats"]["sharpe"] is None
    assert "hello from the algorithm" in shown.stderr


def test_log_lines_go_to_stderr_with_the_simulated_time():
    text = "def initialize(context):\n    pass\ndef handle_data(context, data):\n    log.info('bar')\n"
    shown = call("run", program(text), "-s", "2012-01-03", "-e", "2012-01-04", "-o", "out", "--no-report")
    assert "INFO 2012-01-03 21:00 bar" in shown.stderr
    assert "bar" not in shown.stdout


def test_the_demo_needs_nothing(desk):
    assert (shipped_algorithms() / "constrained_momentum.py").is_file()
    shown = call("demo", "-o", "runs/demo")
    assert shown.exit_code == 0, shown.output
    assert "constrained_momentum  2000-03-01 → 2013-03-01, 3,270 sessions on demo" in shown.stdout
    assert not (desk / "root").exists()


# ---- the algorithm's own fault: 1 -----------------------------------------------------------------------------------


def test_a_syntax_error_shows_the_line(desk):
    outcome = call("run", program("def initialize(context)\n    pass\n"))
    assert_clean(outcome, 1, "algo.py, line 1", "def initialize(context)")
    assert [p.name for p in desk.iterdir()] == ["algo.py"]


def test_an_exception_shows_the_users_frames_and_the_simulated_date(desk):
    text = "def initialize(context):\n    pass\n\ndef helper():\n    return {}['price']\n\n"
    text += "def handle_data(context, data):\n    helper()\n"
    outcome = call("run", program(text), *SHORT)
    assert_clean(outcome, 1, "error: KeyError: 'price'", "line 8, in handle_data", "line 5, in helper", "2012-01-03")
    assert outcome.stderr.count("File ") == 2
    assert [p.name for p in desk.iterdir()] == ["algo.py"]


def test_frames_of_the_users_own_modules_are_shown_and_of_libraries_are_not(desk, monkeypatch):
    monkeypatch.syspath_prepend(str(desk))
    program("import pandas\ndef crash():\n    return pandas.Series([1.0]).loc['x']\n", "signals_of_mine.py")
    text = "import signals_of_mine\ndef initialize(context):\n    signals_of_mine.crash()\n"
    outcome = call("run", program(text), *SHORT)
    assert_clean(outcome, 1, "KeyError", "signals_of_mine.py", "in crash")
    assert "site-packages" not in outcome.stderr


def test_an_uncaught_infeasible_problem_is_the_algorithms(desk):
    text = """
import tradewind.optimize as opt
def initialize(context):
    context.asset = symbol("AAPL")
def handle_data(context, data):
    order_optimal_portfolio(
        opt.TargetWeights({context.asset: 1.0}),
        [opt.FixedWeight(context.asset, 0.9), opt.MaxGrossExposure(0.5)],
    )
"""
    assert_clean(call("run", program(text), *SHORT), 1, "InfeasibleConstraints", "in handle_data")


def test_a_file_that_defines_nothing_is_said():
    assert_clean(call("run", program("x = 1\n")), 1, "defines none of initialize")


def test_a_wrong_argument_inside_the_algorithm_is_the_algorithms():
    text = "def initialize(context):\n    schedule_function(None, None, None, 'sometimes', 1, 2, 3)\n"
    assert call("run", program(text), *SHORT).exit_code == 1


# ---- usage: 2 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nowhere.py"), "nowhere.py"),
        (("run",), "Missing argument"),
        (("run", "algo.py", "-s", "01/03/2012"), "is not a date. Write it as 2005-03-01"),
        (("run", "algo.py", "-s", "2012-02-30"), "is not a date"),
        (("run", "algo.py", "-s", "2012-03-01", "-e", "2012-01-01"), "not after end"),
        (("run", "algo.py", "-D", "lookback"), "is not NAME=VALUE"),
        (("run", "algo.py", "-D", "2x=1"), "is not NAME=VALUE"),
        (("run", "algo.py", "--capital-base", "-5"), "capital_base"),
        (("run", "algo.py", "--capital-base", "much"), "capital-base"),
        (("run", "algo.py", "--semantics", "tradwind"), "Did you mean 'tradewind'"),
        (("run", "algo.py", "--data-frequency", "weekly"), "weekly"),
        (("runn", "algo.py"), "runn"),
        (("contest", "nowhere"), "no such directory"),
        (("contest", "."), "has no result.json"),
        (("report", "algo.py"), "it is a file"),
        (("contest", "x", "--mode", "strict"), "strict"),
        (("ingest", "folder", "nowhere", "--name", "x"), "nowhere"),
    ],
)
def test_wrong_usage_is_two(desk, words, said):
    program(HOLD)
    assert_clean(call(*words), 2, said)
    assert [p.name for p in desk.iterdir()] == ["algo.py"]


def test_an_output_that_is_not_ours_is_refused_before_the_run(desk, monkeypatch):
    (desk / "thesis").mkdir()
    (desk / "thesis" / "chapter.tex").write_text("mine")
    monkeypatch.setattr("tradewind.run.run_file", lambda *a, **k: pytest.fail("the run began"))
    assert_clean(call("run", program(HOLD), "-o", "thesis"), 2, "not a run directory", "nothing was written")
    assert (desk / "thesis" / "chapter.tex").read_text() == "mine"


def test_an_earlier_run_is_replaced(record):
    record(sessions=30).save("again")
    Path("again/report.html").write_text("stale")
    assert call("run", program(HOLD), *SHORT, "-o", "again", "--no-report").exit_code == 0
    assert Result.load("again").name == "algo"
    assert not Path("again/report.html").exists()


def test_a_disk_that_cannot_be_written_is_said(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runfiles, "write", full)
    outcome = call("run", program(HOLD), *SHORT, "-o", "out")
    assert_clean(outcome, 2, "cannot be written to out: No space left on device")


# ---- data: 3 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("run", "algo.py", "-b", "dmeo"), ("bundles", "show", "dmeo")])
def test_an_unknown_bundle_names_the_nearest(words):
    program(HOLD)
    assert_clean(call(*words), 3, "no bundle 'dmeo'", "Did you mean demo?")


def test_dates_outside_the_bundle():
    assert_clean(call("run", program(HOLD), "-e", "2031-01-03"), 3, "2031-01-03 (end)", "to 2013-03-01")


def test_an_unknown_symbol_stays_a_data_error_and_shows_where():
    outcome = call("run", program(HOLD.replace("AAPL", "APPL")), *SHORT)
    assert_clean(outcome, 3, "no asset with the symbol 'APPL'", "Did you mean AAPL?", "line 3, in initialize")


def folder(rows):
    Path("prices/daily").mkdir(parents=True)
    Path("prices/daily/ACME.csv").write_text("\n".join(rows) + "\n")


HEAD = "date,open,high,low,close,volume"
GOOD = [HEAD, "2024-01-02,10,11,9,10.5,1000", "2024-01-03,10.5,12,10,11,2000", "2024-01-04,11,12,10,11.5,1500"]


def test_a_folder_becomes_a_bundle_that_runs():
    folder(GOOD)
    shown = call("ingest", "folder", "prices", "--name", "mine")
    assert shown.exit_code == 0, shown.output
    assert "Bundle mine, version 1" in shown.stdout
    assert "3 bars of 1 asset over 3 sessions" in shown.stdout
    listed = json.loads(call("bundles", "list", "--json").stdout)
    assert [bundle["name"] for bundle in listed] == ["demo", "mine"]
    assert "ACME" in HOLD.replace("AAPL", "ACME")
    ran = call("run", program(HOLD.replace("AAPL", "ACME")), "-b", "mine", "--json", "-o", "out")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["stats"]["sessions"] == 3
    assert json.loads(call("bundles", "show", "mine", "--json").stdout)["assets"] == 1
    assert "mine  1" in call("bundles", "list").stdout


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HEAD.replace(",close", ""), *(row.rsplit(",", 1)[0] for row in GOOD[1:])], "close"),
        ([*GOOD[:2], "2024-01-03,10.5,12,-10,11,2000"], "-10"),
        ([*GOOD[:2], GOOD[1]], "2024-01-02"),
    ],
)
def test_bad_price_files_are_named_and_nothing_is_written(desk, rows, said):
    folder(rows)
    assert_clean(call("ingest", "folder", "prices", "--name", "mine", "--strict"), 3, "ACME.csv", said)
    assert json.loads(call("bundles", "list", "--json").stdout)[-1]["name"] == "demo"


def test_a_damaged_run_is_data(record):
    Path(record(sessions=70).save("run") / "perf.parquet").write_bytes(b"PAR1")
    assert_clean(call("contest", "run"), 3, "perf.parquet is damaged")


# ---- bugs and interruptions -----------------------------------------------------------------------------------------


def test_our_bug_is_four_and_leaves_an_account(desk, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("tradewind.run.run_file", broken)
    outcome = call("run", program(HOLD))
    assert_clean(outcome, 4, "this is a bug of tradewind: ZeroDivisionError: deep inside")
    (account,) = desk.glob("tradewind-bug-*.txt")
    assert account.name in outcome.stderr
    assert "Traceback (most recent call last)" in account.read_text()
    assert "numpy" in account.read_text()


def test_an_interrupted_run_is_saved_and_readable(record, monkeypatch):
    part = record(sessions=70)
    part = part.replaced(info={**part.info, "status": "interrupted"})

    def stopped(*_, **__):
        raise errors.RunInterrupted(part, "2012-05-05")

    monkeypatch.setattr("tradewind.run.run_file", stopped)
    outcome = call("run", program(HOLD), "-o", "out")
    assert outcome.exit_code == 130
    assert "interrupted after 2012-05-05" in outcome.stderr
    assert Result.load("out").info["status"] == "interrupted"
    assert "interrupted" in Path("out/report.html").read_text()


def test_an_interrupt_elsewhere_writes_nothing(desk, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tradewind.contest.judge", stopped)
    monkeypatch.setattr(Result, "load", stopped)
    assert call("contest", "run").exit_code == 130


def test_control_c_in_a_real_run(desk):
    text = "import time\ndef initialize(context):\n    pass\n"
    text += "def handle_data(context, data):\n    open('began', 'a').close()\n    time.sleep(0.05)\n"
    line = [sys.executable, "-m", "tradewind", "run", program(text), "-o", "out", "--no-report"]
    heard = partial(
        signal.signal, signal.SIGINT, signal.default_int_handler
    )  # a shell's background jobs are deaf to it
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        for _ in range(600):
            if Path("began").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert 0 < len(Result.load("out").perf) < 3270


def test_exit_codes_of_a_real_process():
    program("def initialize(context):\n    1 / 0\n")
    crashed = shell("run", "algo.py")
    assert crashed.returncode == 1
    assert "ZeroDivisionError: division by zero" in crashed.stderr
    assert "Traceback" not in crashed.stderr
    assert shell("run", "algo.py", "-b", "nope").returncode == 3


# ---- contest, report, terminal --------------------------------------------------------------------------------------


def test_contest_prints_the_table_and_fails(record):
    run = record(sessions=700)
    run.save("run")
    shown = call("contest", "run")
    assert shown.exit_code == 1
    assert "Leverage" in shown.stdout
    assert "FAIL" in shown.stdout
    facts = json.loads(call("contest", "run", "--json", "--mode", "notebook").stdout)
    assert facts["mode"] == "notebook"
    assert facts["passed"] is False


def test_contest_passes_with_zero(record):
    run = record(sessions=700)
    held = run.perf.index
    positions = pd.DataFrame({"session": held, "sid": 1, "symbol": "A", "amount": 1, "value": 1.0, "exposure": 1.0})
    fills = pd.DataFrame({"session": held, "sid": 1, "symbol": "A", "order_id": 0, "commission": 0.0, "price": 1.0})
    fills["multiplier"] = 1.0
    fills["time"] = run.perf["period_close"].to_numpy()
    fills["amount"] = (run.perf["portfolio_value"] * 0.2).astype("int64").to_numpy()
    good = run.replaced(
        perf=run.perf.assign(gross_leverage=1.0, net_leverage=0.0, returns=run.returns.abs() * 0.1),
        positions=positions.assign(cost_basis=1.0, last_sale_price=1.0),
        fills=fills,
    )
    good.save("good")
    shown = call("contest", "good")
    assert shown.exit_code == 0, shown.output
    assert "7 of 7 judged criteria passed, 3 not judged." in shown.stdout


def test_report_writes_where_it_is_told(record):
    record(sessions=70).save("run")
    assert call("report", "run").stdout == "run/report.html\n"
    assert call("report", "run", "-o", "elsewhere/page.html").stdout == "elsewhere/page.html\n"
    assert Path("run/report.html").read_bytes() == Path("elsewhere/page.html").read_bytes()


class Terminal:
    """A stream that says it is a terminal and keeps what is written."""

    def __init__(self):
        self.written = []

    def isatty(self):
        return True

    def write(self, text):
        self.written.append(text)

    def flush(self):
        pass


def test_progress_is_one_line_at_most_ten_times_a_second(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    clock = iter(i * 0.01 for i in range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    stream = Terminal()
    with terminal.ProgressLine(stream) as line:
        for done in range(1, 501):
            line(done, 500, 1_330_000_000_000_000_000, 1e7)
    drawn = [text for text in stream.written if "%" in text]
    assert 40 <= len(drawn) <= 50
    assert all(text.startswith("\r") and "\n" not in text for text in drawn)
    assert "2012-02-23  portfolio 10,000,000" in drawn[0]
    assert stream.written[-1] == terminal.ERASE


def test_a_terminal_gets_colour_unless_it_says_no(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert not terminal.is_fancy(Terminal())
    monkeypatch.delenv("NO_COLOR")
    assert terminal.is_fancy(Terminal())


def test_rich_draws_the_same_rows(record, monkeypatch, capsys):
    run = record(sessions=200)
    monkeypatch.setattr(terminal, "is_fancy", lambda stream: True)
    terminal.show_pairs(terminal.title(run), terminal.summary(run), print)
    terminal.show_table(("Name",), [("demo",)], print)
    shown = capsys.readouterr().out
    assert all(value in shown for _, value in terminal.summary(run))
    assert "demo" in shown


def test_percentiles_are_never_cut_off_on_a_narrow_terminal(record, monkeypatch, capsys):
    verdict = judge(record(sessions=700))
    monkeypatch.setattr(terminal, "is_fancy", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "80")
    terminal.show_verdict(verdict, print)
    shown = capsys.readouterr().out
    assert all(line.figures in shown for line in verdict.lines)


# ---- exits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.AlgorithmError("x"), 1),
        (errors.BooksDoNotBalance("2021-03-01", "AAA", 1.0, 2.0), 4),
        (runfiles.RunNotFound(Path("x"), "y"), 2),
        (runfiles.RunDamaged(Path("x"), "y"), 3),
        (RuntimeError("x"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_family_of_errors_has_its_code(error, code):
    assert exits.exit_code(error) == code


def test_a_cause_is_told():
    outer = RuntimeError("outer")
    outer.__cause__ = KeyError("inner")
    assert exits.told(outer) == "error: RuntimeError: outer\n  caused by KeyError: 'inner'"


def test_a_bug_report_finds_a_place(desk, monkeypatch):
    if os.geteuid() == 0:
        monkeypatch.setattr(Path, "cwd", lambda: desk / "gone")
    else:
        desk.chmod(0o500)
    path = exits.write_bug_report(ValueError("x"), "tradewind run")
    assert path.is_file()
    assert desk not in path.parents or path.parent != desk
    path.unlink()


def test_tables_of_the_result_are_the_files_of_a_run(record):
    record(sessions=30).save("run")
    names = {path.name for path in Path("run").iterdir()}
    assert names == {runfiles.FACTS, *(runfiles.file_of(name) for name in tables.SCHEMAS)}


@pytest.mark.parametrize(("options", "code"), [((), 3), (("--accept-quarantine",), 0), (("--strict",), 3)])
def test_a_row_that_cannot_be_right_is_named_and_the_others_are_kept(tmp_path, monkeypatch, options, code):
    monkeypatch.setenv("TRADEWIND_ROOT", str(tmp_path / "root"))
    (tmp_path / "prices/daily").mkdir(parents=True)
    rows = ["date,open,high,low,close,volume", "2021-03-01,1,1,-1,1,5", "2021-03-02,1,1,1,1,5"]
    (tmp_path / "prices/daily/AAA.csv").write_text("\n".join(rows) + "\n")
    shown = call("ingest", "folder", str(tmp_path / "prices"), "--name", "mine", *options)
    assert shown.exit_code == code, shown.output
    if code:
        assert "daily/AAA.csv, line 2" in shown.output
    assert (tmp_path / "root/bundles/mine/1").exists() is ("--strict" not in options)
