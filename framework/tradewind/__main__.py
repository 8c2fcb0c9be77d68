"""The command `tradewind`, and `python -m tradewind`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; ends the process with the exit code."""
    try:
        from tradewind.cli import cli

        cli(prog_name="tradewind")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
