"""One engine on one workload in a process of its own: the job's file in, CPU seconds and what was traded out."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.markets import ROOT
from benchmarks.sim_market import Prices

PROGRAMS = Path(__file__).resolve().parent / "sim_peers"
FILES = {"ours": "ours", "floor": "plain", "numba loop": "plain"}  # the peers: their own name and _run
WARM = {"daily": 25, "minute": 2}
FIRST = {"daily": 20, "minute": 0}


@dataclass(frozen=True)
class Workload:
    """What every engine is given: prices, the columns traded, and how often the program trades."""

    prices: Prices
    assets: int
    kind: str = "daily"
    rule: str = "daily"
    title: str = ""

    @property
    def sessions(self):
        return len(self.prices.labels) - FIRST[self.kind]


@dataclass(frozen=True)
class Ran:
    """One figure: CPU seconds of the whole workload (scaled when fewer sessions ran), and what was traded there."""

    engine: str
    style: str
    sessions: int
    cpu: float
    seen: dict


@dataclass(frozen=True)
class Runner:
    """Calls the engines: name → interpreter; at most ``repeats`` runs, none begun after ``budget`` CPU seconds."""

    pythons: dict
    repeats: int = 3
    budget: float = 8.0

    def run(self, engine, work, style, sessions=None, semantics="tradewind"):
        """A Ran, None when the engine is not there or fails (its last line is printed)."""
        python = self.python(engine)
        if python is None:
            return None
        sessions = min(sessions or work.sessions, work.sessions)
        job = self.job(work, style, sessions, semantics)
        if engine == "zipline" and not ingested(python, job):
            return None
        seen = call(python, engine, job)
        if seen is None:
            return None
        return Ran(engine, style, sessions, scaled(seen, sessions, work.sessions, job["short"]), seen)

    def python(self, engine):
        return sys.executable if engine in FILES else self.pythons.get(engine)

    def job(self, work, style, sessions, semantics):
        first = FIRST[work.kind]
        return {
            "kind": work.kind, "rule": work.rule, "style": style, "semantics": semantics, "assets": work.assets,
            "market": str(work.prices.arrays), "bundle": work.prices.bundle, "root": str(ROOT),
            "store": str(work.prices.store), "days": work.prices.labels.tolist(),
            "span": [int(work.prices.labels[0]), int(work.prices.labels[-1])],
            "first": first, "last": first + sessions - 1, "short": WARM[work.kind], "scaled": sessions < work.sessions,
            "repeats": self.repeats, "budget": self.budget, "cold": False,
        }  # fmt: skip

    def cold(self, engine, work, style, sessions, times=3):
        """The marks of the quickest of several fresh processes (harness.cold); None without the engine."""
        python = self.python(engine)
        job = {**self.job(work, style, sessions, "tradewind"), "cold": True}
        if python is None or (engine == "zipline" and not ingested(python, job)):
            return None
        call(python, engine, {**job, "began": time.time()})  # files and compiled code into the caches
        seen = [call(python, engine, {**job, "began": time.time()}) for _ in range(times)]
        return min((one for one in seen if one), key=lambda one: one["result"], default=None)

    def once(self):
        return replace(self, repeats=1)


def scaled(seen, ran, whole, short):
    """CPU seconds of the whole: what a short run takes, plus the rest in proportion to its sessions."""
    if ran == whole or ran <= short:
        return seen["cpu"] * whole / ran
    return seen["short_cpu"] + (seen["cpu"] - seen["short_cpu"]) * (whole - short) / (ran - short)


def call(python, engine, job, *more):
    program = PROGRAMS / f"{FILES.get(engine, engine + '_run')}.py"
    outside = None if engine in FILES else {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(job, file)
        file.flush()
        ran = subprocess.run([python, str(program), file.name, *more], capture_output=True, text=True, env=outside)
    if ran.returncode:
        print(f"{engine} failed: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}", flush=True)
        return None
    return json.loads(ran.stdout.strip().splitlines()[-1])


def ingested(python, job):
    """Whether zipline has the market in its own bundle; written when it has not."""
    store = Path(job["store"])
    done = store / "written"
    if not done.exists():
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(parents=True)
        if call(python, "zipline", {**job, "assets": len_assets(job)}, "ingest") is None:
            return False
        done.touch()
    return True


def len_assets(job):
    import numpy as np

    with np.load(job["market"]) as stored:
        return stored["close"].shape[1]
