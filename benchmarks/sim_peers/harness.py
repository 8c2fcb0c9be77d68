"""What the programs of every engine share: read the job, warm up, time, print one line of JSON.

Runs in each engine's own environment: the standard library and numpy only. A job is a JSON file:

    market     .npz of the prices (sim_market.py)
    assets, first, last    columns traded; first session with user code and last session (minutes: of the session table)
    rule       "daily" or "monthly"; style "pandas" or "numpy", the user's code
    repeats, budget        timed runs at most, CPU seconds after which no further one begins
    short      sessions of the warm-up; with scaled, of a timed short run too
    cold       one run in a fresh process, its marks as wall seconds since ``began``

Every engine is warmed up in the same way, by one run of the first ``short`` sessions in the same process, and then
timed with process_time: CPU seconds of all threads.
"""

import gc
import json
import resource
import sys
import time
from types import SimpleNamespace

import numpy as np

CAPITAL = 1e7
LOOKBACK = 20
EVERY = 30  # minutes between the orders of the minute program


def load(path):
    with open(path) as file:
        job = SimpleNamespace(**json.load(file))
    job.arrays, job.marks = {}, None
    return job


def arrays(job):
    """The market's arrays, of the traded columns only."""
    if not job.arrays:
        with np.load(job.market) as stored:
            job.arrays = {name: stored[name] for name in stored.files}
        for name in ("close", "volume"):
            job.arrays[name] = np.ascontiguousarray(job.arrays[name][:, : job.assets])
    return job.arrays


def timed(prepare, job, last):
    go = prepare(job, last)
    gc.collect()
    began = time.process_time()
    answer = go()
    return time.process_time() - began, answer


def measure(prepare, count, job):
    """CPU seconds (smallest of the runs, and of the short run when the job is scaled) and what ``count`` says of it."""
    short = min(job.first + job.short - 1, job.last)
    timed(prepare, job, short)
    found = {"short_cpu": timed(prepare, job, short)[0] if job.scaled else 0.0}
    took, answer = [], None
    while not took or (len(took) < job.repeats and sum(took) < job.budget):
        answer = None  # two results at once would count twice in the peak
        spent, answer = timed(prepare, job, job.last)
        took.append(spent)
    return {**found, "cpu": min(took), "runs": len(took), "peak_mb": peak_mb(), **count(job, answer)}


def peak_mb():
    """Largest resident memory of this process; where the kernel tells it, without what the parent had at the fork."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main(prepare, count, imports=lambda: None):
    """Run the job of the command line; a cold one once, with wall seconds since the parent started this process."""
    job = load(sys.argv[1])
    found = cold(prepare, imports, job) if job.cold else measure(prepare, count, job)
    print("\n" + json.dumps(found), flush=True)


def cold(prepare, imports, job):
    job.marks = {}
    imports()
    mark(job, "import")
    prepare(job, job.last)()
    mark(job, "result")
    return {**job.marks, "cpu": time.process_time(), "peak_mb": peak_mb()}


def mark(job, name):
    job.marks.setdefault(name, time.time() - job.began)


def run_once(function):
    """Run a part of a job that is not timed, and print what it answers."""
    print("\n" + json.dumps(function(load(sys.argv[1]))), flush=True)
