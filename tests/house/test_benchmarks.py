"""The benchmarks beside other engines: what is pinned, what is scaled, that our program does the work of the floor."""

import json
import subprocess
import sys

import pytest
from benchmarks.sim_environments import wanted
from benchmarks.sim_jobs import PROGRAMS, Runner, Workload, scaled


def test_every_peer_has_pinned_requirements_and_a_program():
    assert set(wanted()) == {path.stem.removesuffix("_run") for path in PROGRAMS.glob("*_run.py")}
    for name, requirements in wanted().items():
        assert requirements, name
        assert all("==" in one for one in requirements), name


@pytest.mark.parametrize(("fixed", "each"), [(0.0, 0.01), (3.0, 0.2)])
def test_a_scaled_time_is_that_of_the_whole_when_cost_is_fixed_plus_so_much_a_session(fixed, each):
    seen = {"short_cpu": fixed + 25 * each, "cpu": fixed + 252 * each}
    assert scaled(seen, 252, 2500, 25) == pytest.approx(fixed + 2500 * each, rel=1e-12)
    assert scaled({"short_cpu": 0.0, "cpu": 7.0}, 2500, 2500, 25) == 7.0


def test_our_program_and_the_floor_end_with_the_same_value(tmp_path, monkeypatch):
    from benchmarks import markets, sim_jobs, sim_market

    for module in (markets, sim_market, sim_jobs):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(sim_market, "FOLDER", tmp_path / "simulation")
    work = Workload(sim_market.daily_prices(6, 1), 6)
    runner = Runner({}, repeats=1)
    found = {}
    for engine in ("ours", "floor"):
        file = tmp_path / "job.json"
        file.write_text(json.dumps(runner.job(work, "numpy", work.sessions, "tradewind")))
        program = PROGRAMS / f"{sim_jobs.FILES[engine]}.py"
        ran = subprocess.run([sys.executable, str(program), str(file)], capture_output=True, text=True, check=True)
        found[engine] = json.loads(ran.stdout.splitlines()[-1])
    assert found["ours"]["orders"] >= found["ours"]["fills"] > 600
    assert found["ours"]["value"] == pytest.approx(found["floor"]["value"], rel=1e-4)
