# make demo · make test · make test-slow · make parity · make check · make bench · make bench-sim. Each makes the environment it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2

PARITY := .venv-parity
export PEERS ?= $(CURDIR)/.venv-peers

.PHONY: help demo test test-slow parity check bench bench-data bench-sim bench-optimize bench-meanvariance clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tradewind needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(STAMP) ## install, then run the main job on the embedded real prices
	@$(BIN)/tradewind run algorithms/constrained_momentum.py --output runs/demo

test: $(STAMP) ## the test-suite (under 12 minutes on 2 cores)
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not slow"

test-slow: $(STAMP) ## kills, wheel in an empty environment, long fuzzing
	$(BIN)/python -m pytest -q -m slow

$(PARITY)/.installed: tests/parity/requirements.txt
	$(PYTHON) -m venv $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/parity/requirements.txt
	@touch $@

parity: $(STAMP) $(PARITY)/.installed ## run the parity texts under zipline-reloaded too, then compare
	$(PARITY)/bin/python tests/parity/zipline_driver.py tests/parity/expected
	$(BIN)/python -m pytest -q -n $(JOBS) tests/parity

check: $(STAMP) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## the benchmarks, one table a phase
	$(BIN)/python -m benchmarks

bench-data: $(STAMP) ## ingest, loading and 8,000 × 20 years (ZIPLINE_PYTHON=… adds zipline beside them)
	$(BIN)/python -m benchmarks.data_ingest
	$(BIN)/python -m benchmarks.data_scale

bench-sim: $(STAMP) ## the simulation beside other engines, each in an environment of its own (QUICK=--quick: short)
	$(BIN)/python -m benchmarks.sim_bench $(QUICK)

bench-optimize: $(STAMP) ## the optimizer against other solvers, alone and in the loop
	$(BIN)/python -m benchmarks.optimize_solve
	$(BIN)/python -m benchmarks.optimize_loop

bench-meanvariance: $(STAMP) ## the frontier against other tools, the service under load
	$(BIN)/python -m benchmarks.meanvariance_frontier
	$(BIN)/python -m benchmarks.meanvariance_service

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(PARITY) .venv-peers runs .pytest_cache .mypy_cache .ruff_cache build dist
