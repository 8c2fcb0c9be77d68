"""Run every benchmark, one table a phase: ``python -m benchmarks [--quick]``."""

import importlib
import pkgutil
import sys

import benchmarks

NOT_BENCHMARKS = {"__main__", "floor", "markets", "measuring", "sim_bench"}  # the last: make bench-sim


def main(quick: bool) -> None:
    for module in sorted(info.name for info in pkgutil.iter_modules(benchmarks.__path__)):
        if module in NOT_BENCHMARKS:
            continue
        found = importlib.import_module(f"benchmarks.{module}")
        if hasattr(found, "main"):
            print(f"\n== {module}: {(found.__doc__ or '').splitlines()[0]}", flush=True)
            found.main(quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
