# make demo · make test · make test-slow · make check · make bench. Each makes the virtual environment it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2

.PHONY: help demo test test-slow check bench clean

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

check: $(STAMP) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## the benchmarks, one table a phase
	$(BIN)/python -m benchmarks

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache build dist
