"""The benchmarks: one file a phase; `python -m benchmarks` runs them all."""
