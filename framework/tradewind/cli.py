"""The command line: run, demo, ingest, bundles, contest, report, serve.

Data and summaries go to stdout, progress and errors to stderr. Whatever a command raises passes through `Guarded`, the
one place that turns errors into sentences and exit codes. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradewind import __version__

if TYPE_CHECKING:
    from tradewind.result import Result

ALGORITHM = "tradewind.algorithm"
DEMO_ALGORITHM = "constrained_momentum.py"


class Guarded(click.Group):
    """The root group: an error that no command handled becomes a sentence on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see exits.py for the codes."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(_tell(error, ctx.meta.get(ALGORITHM)))


def _tell(error: BaseException, algorithm: Path | None) -> int:
    """Write the error for its reader; return the exit code."""
    from tradewind import exits

    code = exits.exit_code(error, algorithm)
    if isinstance(error, KeyboardInterrupt):
        click.echo("interrupted; nothing was written.", err=True)
    elif code == exits.BUG:
        path = exits.write_bug_report(error, shlex.join(sys.argv))
        click.echo(f"error: this is a bug of tradewind: {type(error).__name__}: {error}", err=True)
        click.echo(f"The whole account is in {path}; please report it with that file.", err=True)
    else:
        click.echo(exits.told(error, algorithm), err=True)
    return code


def day(text: str) -> str:
    """A date written 2005-03-01, as that text."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date. Write it as 2005-03-01.") from None


def assignment(text: str) -> tuple[str, str]:
    """(name, value) of "name=value"; refuses what has no "=" or a name that cannot be a variable."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"{text!r} is not NAME=VALUE with a Python name. Write -D lookback=126.")
    return name, value


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tradewind", message="%(prog)s %(version)s")
def cli() -> None:
    """Backtests of trading algorithms on Parquet price bundles.

    \b
    tradewind demo                                   the main job on embedded real prices
    tradewind run algo.py -b demo -s 2005-01-01      your algorithm, your dates
    tradewind ingest folder prices/ --name mine      your prices, as a bundle
    tradewind contest runs/algo-20240101-120000      the contest's criteria
    tradewind report  runs/algo-20240101-120000      the report once more
    tradewind serve -b mine                          the Optimize and Models API over a bundle

    \b
    Exit codes: 0 ok, 1 the algorithm or a check failed, 2 usage, 3 data, 4 a bug of ours, 130 interrupted.
    """


output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Run directory.  [default: runs/ALGO-DATE-TIME]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
no_report_option = click.option("--no-report", is_flag=True, help="Do not write report.html.")


@cli.command()
@click.argument("algorithm", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-b", "--bundle", default="demo", show_default=True, help="Bundle name, NAME@VERSION or path.")
@click.option("-s", "--start", type=day, metavar="DATE", help="First day.  [default: the bundle's first]")
@click.option("-e", "--end", type=day, metavar="DATE", help="Last day.  [default: the bundle's last]")
@click.option("--capital-base", type=float, default=10_000_000.0, show_default=True, help="Cash at the start.")
@click.option(
    "--data-frequency",
    type=click.Choice(["daily", "minute"]),
    default="daily",
    show_default=True,
    help="Bars simulated.",
)
@click.option("--benchmark", metavar="SYMBOL", help="Benchmark; set_benchmark in the algorithm takes precedence.")
@click.option("--semantics", default="tradewind", show_default=True, help="Rules of simulation (docs/deviations.md).")
@click.option(
    "-D",
    "parameters",
    type=assignment,
    metavar="NAME=VALUE",
    multiple=True,
    help="A name for the algorithm; repeatable.",
)
@output_option
@json_option
@no_report_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    algorithm: Path,
    parameters: tuple[tuple[str, str], ...],
    output: Path | None,
    as_json: bool,
    no_report: bool,
    **options: Any,
) -> None:
    """Run the file ALGORITHM over a bundle; write a run directory and a report.

    The API's names (order_optimal_portfolio, schedule_function, symbol …) are present in the file without import.

    \b
    tradewind run algorithms/buy_and_hold.py
    tradewind run momentum.py -b mine -s 2010-01-01 -e 2015-12-31 --capital-base 1e6
    tradewind run momentum.py -D lookback=126 -D skip=21 -o runs/lookback-126
    tradewind run momentum.py --json | jq .stats.sharpe

    An earlier run in the output directory is replaced as a whole; a directory that is not a run is refused.
    """
    ctx.exit(_execute(ctx, algorithm, dict(parameters), options, output, as_json, not no_report))


@cli.command()
@output_option
@json_option
@no_report_option
@click.pass_context
def demo(ctx: click.Context, output: Path | None, as_json: bool, no_report: bool) -> None:
    """Run constrained momentum on five real stocks, 2000 to 2013; needs no data and no network.

    \b
    tradewind demo
    tradewind demo -o runs/demo --json
    """
    ctx.exit(_execute(ctx, shipped_algorithms() / DEMO_ALGORITHM, {}, {}, output, as_json, not no_report))


def shipped_algorithms() -> Path:
    """The folder of complete example algorithms: inside the installed package, or at the top of a checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "algorithms"
    return inside if inside.is_dir() else here.parents[1] / "algorithms"


def _execute(
    ctx: click.Context,
    algorithm: Path,
    parameters: Mapping[str, str],
    options: Mapping[str, Any],
    output: Path | None,
    as_json: bool,
    reported: bool,
) -> int:
    """Simulate, save, report, print; the exit code."""
    from tradewind import exits, tables
    from tradewind.errors import RunInterrupted
    from tradewind.runfiles import check_output

    ctx.meta[ALGORITHM] = algorithm
    directory = output or _free_directory(algorithm.stem)
    check_output(directory, tables.SCHEMAS)
    try:
        result, code = _simulate(algorithm, parameters, options, as_json), exits.OK
    except RunInterrupted as stopped:
        click.echo(f"{stopped}", err=True)
        result, code = stopped.result, exits.INTERRUPTED
    report = _store(result, directory, reported)
    _show_run(result, directory, report, as_json)
    return code


def _simulate(algorithm: Path, parameters: Mapping[str, str], options: Mapping[str, Any], as_json: bool) -> Result:
    from tradewind.terminal import ProgressLine

    with ProgressLine() as line, _own_output(as_json):
        if _kernels_are_cold():
            line.say("compiling the kernels, once on this machine …")
        from tradewind.run import run_file

        return run_file(algorithm, parameters=dict(parameters), progress=line, **options)


@contextlib.contextmanager
def _own_output(as_json: bool) -> Iterator[None]:
    """While the algorithm runs, what it prints goes to stderr when stdout is to be JSON."""
    if not as_json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _kernels_are_cold() -> bool:
    """Whether no compiled kernel of ours is cached beside the code (a cache elsewhere counts as warm)."""
    cache = Path(__file__).resolve().parent / "__pycache__"
    return "NUMBA_CACHE_DIR" not in os.environ and not any(cache.glob("kernels.*.nbi"))


def _free_directory(name: str) -> Path:
    """runs/NAME-yyyymmdd-hhmmss, with a number behind it when that is taken."""
    base = Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 1000)))
    return next(path for path in candidates if not path.exists())


def _store(result: Result, directory: Path, reported: bool) -> Path | None:
    """Save the run and its report; the report's path."""
    from tradewind.errors import UsageError

    try:
        result.save(directory)
        return _write_report(result, directory, directory / "report.html") if reported else None
    except OSError as e:
        raise UsageError(f"the run cannot be written to {directory}: {e.strerror or e}. Name another with -o.") from e


def _write_report(result: Result, directory: Path, path: Path) -> Path:
    from tradewind import report, runfiles

    hashes = {name: facts["sha256"] for name, facts in runfiles.read_facts(directory)["tables"].items()}
    return report.write(result, path, hashes)


def _show_run(result: Result, directory: Path, report: Path | None, as_json: bool) -> None:
    from tradewind import runfiles, terminal

    if as_json:
        facts = {"run": str(directory), "report": report and str(report), "info": result.info, "stats": result.stats}
        click.echo(runfiles.as_json(facts), nl=False)
        return
    terminal.show_pairs(terminal.title(result), terminal.summary(result), click.echo)
    click.echo(f"Run     {directory}")
    if report:
        click.echo(f"Report  {report}")


strict_option = click.option("--strict", is_flag=True, help="Refuse a row that cannot be right; no quarantine.")


@cli.group()
def ingest() -> None:
    """Make a bundle from market data.

    \b
    tradewind ingest folder prices/ --name mine --calendar XNYS
    """


@ingest.command("folder")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle; a new version is made beside earlier ones.")
@click.option("--calendar", help="Exchange calendar of the bars.  [default: XNYS; with --append, the bundle's]")
@click.option("--append", is_flag=True, help="Add to the latest version; only what is new is written.")
@strict_option
@click.option(
    "--minute-label",
    type=click.Choice(["right", "left"]),
    default="right",
    show_default=True,
    help="Whether minute files are stamped with the end or the beginning of the minute.",
)
@json_option
def ingest_folder(path: Path, name: str, as_json: bool, **options: Any) -> None:
    """Read daily/SYMBOL.csv (or .csv.gz, .parquet) and the tables beside it from PATH.

    \b
    daily/SYMBOL.csv   date, open, high, low, close, volume[, dividend, split]      required
    minute/SYMBOL.csv  date, open, high, low, close, volume; the minute's end, UTC  optional
    assets.csv         symbol, sid, name, exchange, start_date, end_date …          optional
    splits.csv, dividends.csv, stock_dividends.csv, mergers.csv, symbols.csv        optional

    A file that cannot be read is named with line and column, and nothing is written. A row that cannot be right goes
    into the bundle's quarantine; quality.html in the bundle lists what was found.

    \b
    tradewind ingest folder prices/ --name mine
    tradewind ingest folder today/ --name mine --append
    tradewind run algo.py -b mine
    """
    from tradewind_data.ingest.folder import ingest_folder as ingest_into

    _show_ingest(ingest_into(path, name, progress=_counter(), **options), as_json)


def _show_ingest(made: Any, as_json: bool) -> None:
    """What an ingest made (an IngestReport)."""
    from dataclasses import asdict

    from tradewind import runfiles, terminal

    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(runfiles.as_json(asdict(made)), nl=False)
        return
    counts = (f"{made.rows:,} bars of {made.assets:,} assets over {made.sessions:,} sessions, "
              f"{made.splits:,} splits, {made.dividends:,} dividends")  # fmt: skip
    found = ", ".join(f"{n:,} {code}" for code, n in made.findings.items()) or "nothing found"
    quality = f"grade {made.grade}: {found}; {made.quarantined:,} rows in quarantine"
    rows = [("Content", counts), ("Quality", quality), ("Hash", made.hash), ("Folder", str(made.path))]
    terminal.show_pairs(f"Bundle {made.name}, version {made.version}", rows, click.echo)


@ingest.command("csvdir")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle.")
@click.option("--calendar", help="Exchange calendar of the bars.  [default: XNYS; with --append, the bundle's]")
@click.option("--append", is_flag=True, help="Add to the latest version; only what is new is written.")
@strict_option
@json_option
def ingest_csvdir(path: Path, name: str, as_json: bool, **options: Any) -> None:
    """Read the csvdir layout: daily/SYMBOL.csv with dividend and split columns, and minute/SYMBOL.csv.

    It is the layout of `ingest folder` without the tables beside it.
    """
    from tradewind_data.ingest.folder import ingest_folder as ingest_into

    _show_ingest(ingest_into(path, name, progress=_counter(), **options), as_json)


@ingest.command("vendor")
@click.argument("reader")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle.")
@click.option("--calendar", help="Exchange calendar of the bars.  [default: XNYS; with --append, the bundle's]")
@click.option("--append", is_flag=True, help="Add to the latest version; only what is new is written.")
@strict_option
@json_option
def ingest_vendor(reader: str, path: Path, name: str, as_json: bool, **options: Any) -> None:
    """Read a vendor's files with READER: yahoo, stooq, or one that is installed.

    \b
    tradewind ingest vendor yahoo downloads/ --name mine
    """
    from tradewind_data.ingest.vendors import ingest_vendor as ingest_into

    _show_ingest(ingest_into(reader, path, name, progress=_counter(), **options), as_json)


@ingest.command("synthetic")
@click.option("--name", default="synthetic", show_default=True, help="Name of the bundle.")
@click.option("--assets", type=int, default=500, show_default=True, help="Number of assets, beside an index fund.")
@click.option("-s", "--start", type=day, metavar="DATE", default="2010-01-04", show_default=True, help="First day.")
@click.option("-e", "--end", type=day, metavar="DATE", default="2019-12-31", show_default=True, help="Last day.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same market.")
@click.option("--minute-days", type=int, default=0, show_default=True, help="Last sessions with minute bars.")
@click.option(
    "--sids",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of sid, symbol: names of the first assets.",
)
@click.option(
    "--check", "checked", is_flag=True, help="Compare five such markets with the panel they imitate; exit 1 outside."
)
@json_option
@click.pass_context
def ingest_synthetic(
    ctx: click.Context, /, name: str, sids: Path | None, checked: bool, as_json: bool, **options: Any
) -> None:
    """Make a seeded market of invented prices: sectors, dividends, splits, listings and delistings, an index fund.

    Nothing in it is real, even where its assets bear real tickers.

    \b
    tradewind ingest synthetic --name us500 --assets 500 --seed 7
    tradewind ingest synthetic --check           exit 1 when a figure is outside its band
    """
    from tradewind_data.synthetic.market import Plan, ingest_synthetic, read_names

    plan = Plan(names=read_names(sids) if sids else (), **options)
    if not checked:
        _show_ingest(ingest_synthetic(name, plan, progress=_counter()), as_json)
        return
    ctx.exit(_check_synthetic(plan, as_json))


def _check_synthetic(plan: Any, as_json: bool) -> int:
    """Print the targets beside what five seeds realise; the exit code."""
    from tradewind import exits, runfiles, terminal
    from tradewind_data.synthetic.check import check
    from tradewind_data.synthetic.market import SyntheticMarket

    days = len(SyntheticMarket(plan).labels)
    figures = check(range(plan.seed, plan.seed + 5), min(plan.assets, 200), days)
    facts = [
        {"figure": f.target.name, "target": f.target.value, "realised": f.realised, "passed": f.passed} for f in figures
    ]
    if as_json:
        click.echo(runfiles.as_json(facts), nl=False)
    else:
        rows = [
            (f.target.name, f"{f.target.value:.4g}", f"{f.realised:.4g}", "ok" if f.passed else "outside")
            for f in figures
        ]
        terminal.show_table(("Figure", "Target", "Realised", ""), rows, click.echo)
    return exits.OK if all(f.passed for f in figures) else exits.FAILED


def _counter() -> Any:
    """A progress callback (done, total, label) that keeps one line on a terminal."""
    from tradewind.terminal import ProgressLine

    line = ProgressLine()

    def count(done: int, total: int, label: str) -> None:
        line.clear() if done >= total else line.say(f"{done:,} of {total:,}  {label}")

    return count


@cli.group()
def bundles() -> None:
    """List, show, verify, compare and clean bundles."""


@bundles.command("list")
@json_option
def list_bundles(as_json: bool) -> None:
    """The latest version of every bundle, "demo" first."""
    from tradewind import runfiles, terminal
    from tradewind_data.bundle import list_bundles as found_bundles

    found = found_bundles()
    if as_json:
        click.echo(runfiles.as_json([_bundle_facts(bundle) for bundle in found]), nl=False)
        return
    rows = [
        (b.name, b.version, f"{b.manifest.assets:,}", f"{b.manifest.first_session} → {b.manifest.last_session}",
         ", ".join(b.manifest.frequencies), b.hash[:12])
        for b in found
    ]  # fmt: skip
    terminal.show_table(("Name", "Version", "Assets", "Bars", "Frequencies", "Hash"), rows, click.echo)


@bundles.command("show")
@click.argument("name")
@json_option
def show_bundle(name: str, as_json: bool) -> None:
    """What the bundle NAME (or NAME@VERSION, or a path) holds.

    \b
    tradewind bundles show demo --json | jq .hash
    """
    from tradewind import runfiles, terminal
    from tradewind_data.bundle import open_bundle

    facts = _bundle_facts(open_bundle(name))
    if as_json:
        click.echo(runfiles.as_json(facts), nl=False)
        return
    rows = [(key.replace("_", " "), _listed(value)) for key, value in facts.items() if key != "name"]
    terminal.show_pairs(f"Bundle {facts['name']}", rows, click.echo)


@bundles.command("verify")
@click.argument("name")
@json_option
def verify_bundle(name: str, as_json: bool) -> None:
    """Compare every file of the bundle NAME with its hash; exit 3 when one is missing or changed."""
    from tradewind import runfiles
    from tradewind_data.bundle import open_bundle

    bundle = open_bundle(name)
    bundle.verify()
    facts = {"name": bundle.name, "version": bundle.version, "hash": bundle.hash, "files": len(bundle.manifest.files)}
    whole = f"{bundle.name}, version {bundle.version}: {facts['files']} files are what their hashes say."
    click.echo(runfiles.as_json(facts) if as_json else whole, nl=not as_json)


@bundles.command("diff")
@click.argument("first")
@click.argument("second")
@json_option
def diff_bundles(first: str, second: str, as_json: bool) -> None:
    """What differs between two bundles or versions: rows and bars added, removed and changed, file by file.

    \b
    tradewind bundles diff mine@1 mine@2
    """
    from dataclasses import asdict

    from tradewind import runfiles, terminal
    from tradewind_data.bundle import open_bundle
    from tradewind_data.ingest.versions import diff

    found = diff(open_bundle(first), open_bundle(second))
    if as_json:
        click.echo(runfiles.as_json(asdict(found)), nl=False)
        return
    if found.same:
        click.echo(f"{found.first} and {found.second} hold the same data.")
        return
    rows = [(f.file, f"{f.added:,}", f"{f.removed:,}", f"{f.changed:,}") for f in found.files]
    terminal.show_table(("File", "Added", "Removed", "Changed"), rows, click.echo)


@bundles.command("clean")
@click.argument("name", required=False)
@click.option("--keep", type=int, default=1, show_default=True, help="Versions that stay.")
@click.option("--cache", is_flag=True, help="Remove the derived cache instead; it is made again when needed.")
@json_option
def clean_bundles(name: str | None, keep: int, cache: bool, as_json: bool) -> None:
    """Remove the older versions of the bundle NAME, or the derived cache of all bundles.

    \b
    tradewind bundles clean mine --keep 3
    tradewind bundles clean --cache
    """
    from tradewind import runfiles
    from tradewind_data.cache import clean_cache
    from tradewind_data.ingest.versions import clean

    if cache == (name is not None):
        raise click.UsageError("name the bundle whose versions go, or write --cache.")
    removed = [] if name is None else clean(name, keep)
    freed = clean_cache() if cache else 0
    said = f"{freed:,} bytes of cache removed" if cache else f"versions removed: {', '.join(removed) or 'none'}"
    click.echo(runfiles.as_json({"removed": removed, "freed": freed}) if as_json else said, nl=not as_json)


def _bundle_facts(bundle: Any) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "name": bundle.name,
        "version": bundle.version,
        "hash": bundle.hash,
        "calendar": manifest.calendar,
        "currency": manifest.currency,
        "first_session": manifest.first_session,
        "last_session": manifest.last_session,
        "assets": manifest.assets,
        "frequencies": list(manifest.frequencies),
        "grade": manifest.grade,
        "source": manifest.source,
        "path": str(bundle.path),
    }


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@cli.command()
@click.argument("run_dir", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(["official", "notebook"]),
    default="official",
    show_default=True,
    help="The published rules, or the published checker with its quirks.",
)
@json_option
@click.pass_context
def contest(ctx: click.Context, run_dir: Path, mode: str, as_json: bool) -> None:
    """Judge the run directory RUN by the contest's criteria; exit 1 when one fails.

    Each line shows the lowest value, the 2nd and the 98th percentile and the highest value of a daily measure.

    \b
    tradewind contest runs/demo
    tradewind contest runs/demo --mode notebook --json
    """
    from tradewind import exits, runfiles, terminal
    from tradewind.contest import judge
    from tradewind.result import Result

    verdict = judge(Result.load(run_dir), "notebook" if mode == "notebook" else "official")
    if as_json:
        click.echo(runfiles.as_json(verdict.to_dict()), nl=False)
    else:
        terminal.show_verdict(verdict, click.echo)
    ctx.exit(exits.OK if verdict.passed else exits.FAILED)


@cli.command()
@click.argument("run_dir", metavar="RUN", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file.  [default: RUN/report.html]")
def report(run_dir: Path, output: Path | None) -> None:
    """Write the report of the run directory RUN again, as one HTML file that needs no network.

    \b
    tradewind report runs/demo
    tradewind report runs/demo -o momentum.html
    """
    from tradewind.result import Result

    click.echo(_write_report(Result.load(run_dir), run_dir, output or run_dir / "report.html"))


@cli.command()
@click.option("-b", "--bundle", default="demo", show_default=True, help="Bundle name, NAME@VERSION or path.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind; any but loopback needs --users.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to bind.")
@click.option(
    "--users", type=click.Path(path_type=Path), metavar="FILE", help="Users as TOML.  [default: demo account]"
)
@click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="A folder of runs to browse.")
@click.option("--hash-password", is_flag=True, help="Ask for a password, print its hash for the file of users, end.")
def serve(hash_password: bool, **options: Any) -> None:
    """Serve the Optimize and Models API over HTTP, with prices and models from a bundle.

    \b
    tradewind serve -b mine
    tradewind serve --hash-password
    tradewind serve -b mine --host 0.0.0.0 --users users.toml --runs runs

    Without --users the published demo account is the only one and the service stays on this machine. Ctrl-C finishes
    what runs, then ends.
    """
    if hash_password:
        from tradewind.service.accounts import hash_password as hashed

        click.echo(hashed(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)))
        return
    from tradewind.service.server import serve as serve_forever
    from tradewind.service.settings import Settings
    from tradewind_data.bundle import open_bundle

    open_bundle(options["bundle"])
    serve_forever(Settings(**options))
