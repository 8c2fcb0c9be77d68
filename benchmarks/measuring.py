"""How the benchmarks of the data room measure: seconds, the least of several, peers of one table in turn."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager


def least(work, times=3):
    """The fewest CPU seconds that a piece of work took."""
    return next(iter(in_turn({"": work}, times).values()))


def in_turn(works, times=3, clock=time.process_time):
    """name → the fewest seconds (CPU's by default); the works take turns: a busy machine is busy for all of them."""
    spent = dict.fromkeys(works, float("inf"))
    for _ in range(times):
        for name, work in works.items():
            begun = clock()
            work()
            spent[name] = min(spent[name], clock() - begun)
    return spent


@contextmanager
def one_processor():
    """Keep this process on one processor, so that CPU seconds of threads and of none compare."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if before is None:
        yield
        return
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def in_child(code, *words, python=sys.executable, **environment):
    """What a fresh process prints last, read as JSON; None, and its last words printed, when it fails."""
    words = [python, "-c", code, *map(str, words)]
    ran = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"  ({python}: {(ran.stderr.strip().splitlines() or ['no word'])[-1]})")
        return None
    return json.loads(ran.stdout.splitlines()[-1])


def size(folder):
    """Bytes of the files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
