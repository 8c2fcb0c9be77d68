"""What several commands share: the options and how their values are read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click


def day(text: str) -> str:
    """A date written 2005-03-01, as that text."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a date. Write it as 2005-03-01.") from None


output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Run directory.  [default: runs/ALGO-DATE-TIME]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
no_report_option = click.option("--no-report", is_flag=True, help="Do not write report.html.")
