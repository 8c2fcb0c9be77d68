"""The commands about data: ingest and bundles. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tradewind.cli_options import day, json_option

calendar_option = click.option(
    "--calendar", help="Exchange calendar of the bars.  [default: XNYS; with --append, the bundle's]"
)
append_option = click.option("--append", is_flag=True, help="Add to the latest version; only what is new is written.")
strict_option = click.option("--strict", is_flag=True, help="Refuse a row that cannot be right; no quarantine.")
accept_option = click.option(
    "--accept-quarantine", is_flag=True, help="End with 0 although rows went into quarantine, not with 3."
)


@click.group()
def ingest() -> None:
    """Make a bundle from market data.

    \b
    tradewind ingest folder prices/ --name mine --calendar XNYS
    """


@ingest.command("folder")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle; a new version is made beside earlier ones.")
@calendar_option
@append_option
@strict_option
@accept_option
@click.option(
    "--minute-label",
    type=click.Choice(["right", "left"]),
    default="right",
    show_default=True,
    help="Whether minute files are stamped with the end or the beginning of the minute.",
)
@json_option
def ingest_folder(path: Path, name: str, as_json: bool, accept_quarantine: bool, **options: Any) -> None:
    """Read daily/SYMBOL.csv (or .csv.gz, .parquet) and the tables beside it from PATH.

    \b
    daily/SYMBOL.csv   date, open, high, low, close, volume[, dividend, split]      required
    minute/SYMBOL.csv  date, open, high, low, close, volume; the minute's end, UTC  optional
    assets.csv         symbol, sid, name, exchange, start_date, end_date …          optional
    splits.csv, dividends.csv, stock_dividends.csv, mergers.csv, symbols.csv        optional

    A file that cannot be read is named with line and column, and nothing is written. A row that cannot be right goes
    into the bundle's quarantine, and the command ends with 3; quality.html in the bundle lists what was found.

    \b
    tradewind ingest folder prices/ --name mine
    tradewind ingest folder today/ --name mine --append
    tradewind run algo.py -b mine
    """
    from tradewind_data.ingest.folder import ingest_folder as ingest_into

    _end_ingest(ingest_into(path, name, progress=_counter(), **options), as_json, accept_quarantine)


def _end_ingest(made: Any, as_json: bool, accept_quarantine: bool) -> None:
    """Show what an ingest made; where rows went into quarantine, name the first of them and end with 3."""
    from tradewind import exits
    from tradewind.wording import counted

    _show_ingest(made, as_json)
    if not made.quarantined or accept_quarantine:
        return
    click.echo(f"error: {_first_in_quarantine(made.path)}", err=True)
    click.echo(f"In quarantine: {counted(made.quarantined, 'row')}; bundle {made.name!r} holds the others.", err=True)
    page = made.path / "quality.html"
    click.echo(f"Correct them and ingest again, or read {page} and add --accept-quarantine.", err=True)
    click.get_current_context().exit(exits.DATA)


def _first_in_quarantine(bundle: Path) -> str:
    """The first row of a bundle's quarantine as a sentence: file, line, asset, day and what was wrong."""
    import pyarrow.parquet as pq

    (row,) = pq.read_table(bundle / "quarantine.parquet").slice(0, 1).to_pylist()
    line = f", line {row['line']}" if row["line"] else ""
    problem = f"{row['code'].replace('_', ' ')} ({row['detail']})"
    return f"{row['file']}{line}: {row['symbol']} on {row['time']:%Y-%m-%d}: {problem}"


def _show_ingest(made: Any, as_json: bool) -> None:
    """What an ingest made (an IngestReport)."""
    from dataclasses import asdict

    from tradewind import runfiles, terminal
    from tradewind.wording import counted

    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        click.echo(runfiles.as_json(asdict(made)), nl=False)
        return
    held = ", ".join((counted(made.splits, "split"), counted(made.dividends, "dividend")))
    counts = (f"{counted(made.rows, 'bar')} of {counted(made.assets, 'asset')} over "
              f"{counted(made.sessions, 'session')}, {held}")  # fmt: skip
    found = ", ".join(f"{n:,} {code}" for code, n in made.findings.items()) or "nothing found"
    quality = f"grade {made.grade}: {found}; {counted(made.quarantined, 'row')} in quarantine"
    rows = [("Content", counts), ("Quality", quality), ("Hash", made.hash), ("Folder", str(made.path))]
    terminal.show_pairs(f"Bundle {made.name}, version {made.version}", rows, click.echo)


@ingest.command("csvdir")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle.")
@calendar_option
@append_option
@strict_option
@accept_option
@json_option
def ingest_csvdir(path: Path, name: str, as_json: bool, accept_quarantine: bool, **options: Any) -> None:
    """Read the csvdir layout: daily/SYMBOL.csv with dividend and split columns, and minute/SYMBOL.csv.

    It is the layout of `ingest folder` without the tables beside it.
    """
    from tradewind_data.ingest.folder import ingest_folder as ingest_into

    _end_ingest(ingest_into(path, name, progress=_counter(), **options), as_json, accept_quarantine)


@ingest.command("vendor")
@click.argument("reader")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the bundle.")
@calendar_option
@append_option
@strict_option
@accept_option
@json_option
def ingest_vendor(reader: str, path: Path, name: str, as_json: bool, accept_quarantine: bool, **options: Any) -> None:
    """Read a vendor's files with READER: yahoo, stooq, or one that is installed.

    \b
    tradewind ingest vendor yahoo downloads/ --name mine
    """
    from tradewind_data.ingest.vendors import ingest_vendor as ingest_into

    _end_ingest(ingest_into(reader, path, name, progress=_counter(), **options), as_json, accept_quarantine)


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
    "--check", "checked", is_flag=True, help="Compare five seeds' markets with the panel they imitate; exit 1 outside."
)
@json_option
@click.pass_context
def ingest_synthetic(
    ctx: click.Context, /, name: str, sids: Path | None, checked: bool, as_json: bool, **options: Any
) -> None:
    """Make a seeded market of invented prices: sectors, quarterly reports, dividends, splits, listings, delistings and
    ticker changes, an index fund.

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


@ingest.command("synthetic-futures")
@click.option("--name", default="futures", show_default=True, help="Name of the bundle.")
@click.option("-s", "--start", type=day, metavar="DATE", default="2010-01-04", show_default=True, help="First day.")
@click.option("-e", "--end", type=day, metavar="DATE", default="2014-12-31", show_default=True, help="Last day.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same market.")
@json_option
def ingest_synthetic_futures(name: str, as_json: bool, **options: Any) -> None:
    """Make a seeded market of invented futures: chains of contracts on CL, ES, GC and TY, with rolling volumes.

    \b
    tradewind ingest synthetic-futures
    tradewind run algorithms/futures_trend.py --bundle futures
    """
    from tradewind_data.synthetic.contracts import ingest_synthetic_futures as ingest_into

    _show_ingest(ingest_into(name, progress=_counter(), **options), as_json)


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


@click.group()
def bundles() -> None:
    """List, show, verify, compare, copy and clean bundles."""


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


@bundles.command("push")
@click.argument("name")
@click.argument("target")
@json_option
def push_bundle(name: str, target: str, as_json: bool) -> None:
    """Copy the bundle NAME to the next version of the folder TARGET on S3 or another store.

    Runs open it there: `-b s3://bucket/prefix/name`. Where the latest version holds the same data, nothing is copied.

    \b
    tradewind bundles push mine s3://bucket/bundles/mine
    """
    from dataclasses import asdict

    from tradewind import runfiles
    from tradewind_data.bundle import open_bundle
    from tradewind_data.ingest.publish import push

    made = push(open_bundle(name), target, progress=_counter())
    said = (
        f"{made.place}: {made.files} files, {made.bytes:,} bytes" if made.copied else f"{made.place} holds it already"
    )
    click.echo(runfiles.as_json(asdict(made)) if as_json else said, nl=not as_json)


@bundles.command("pull")
@click.argument("source")
@click.option("--name", required=True, help="Name of the bundle here; a new version is made beside earlier ones.")
@json_option
def pull_bundle(source: str, name: str, as_json: bool) -> None:
    """Copy the bundle SOURCE (s3://bucket/prefix/name, a path, or a name) to the next version of NAME here.

    \b
    tradewind bundles pull s3://bucket/bundles/mine --name mine
    """
    from tradewind import runfiles
    from tradewind_data.bundle import open_bundle
    from tradewind_data.ingest.publish import pull

    made = pull(open_bundle(source), name, progress=_counter())
    facts = {"name": name, "version": made.version, "hash": made.manifest.content_hash, "path": str(made.path)}
    said = f"{name}, version {made.version}: {made.path}"
    click.echo(runfiles.as_json(facts) if as_json else said, nl=not as_json)


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
