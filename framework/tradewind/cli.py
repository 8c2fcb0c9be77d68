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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradewind import __version__
from tradewind.cli_data import bundles, ingest
from tradewind.cli_options import day, json_option, no_report_option, output_option

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
@click.option(
    "--emission-rate",
    type=click.Choice(["daily", "minute"]),
    default="daily",
    show_default=True,
    help="minute: the account at the end of each minute, too.",
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


cli.add_command(ingest)
cli.add_command(bundles)
