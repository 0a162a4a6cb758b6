.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

# Hundreds of processes are started by the tests; without kept bytecode each compiles the library anew.
unexport PYTHONDONTWRITEBYTECODE
# Threads of the arithmetic libraries only stand in each other's way beside processes for every core.
export OPENBLAS_NUM_THREADS = 1
export OMP_NUM_THREADS = 1
# One more than the two cores this is made for, because some tests wait for servers and killed processes.
AT_ONCE ?= 3

.PHONY: help setup demo test test-all lint types contracts bench docs prefect clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"flywheel needs Python 3.11 or newer and {sys.executable} is {v.major}.{v.minor}. Nothing was installed. Call: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

setup: $(STAMP) ## install everything into .venv

demo: $(STAMP) ## one whole turn of the flywheel, as a Prefect flow, offline
	@$(BIN)/python -m deployments.demo

test: $(STAMP) ## what CI runs: style, types, contracts, tests
	@$(MAKE) --no-print-directory lint types contracts
	@$(BIN)/python -m pytest -q -n $(AT_ONCE) --dist loadgroup

test-all: $(STAMP) ## everything, with the slow simulations and crash tests
	@$(MAKE) --no-print-directory lint types contracts
	@$(BIN)/python -m pytest -q -n $(AT_ONCE) --dist loadgroup -m 'slow or not slow' --timeout 3000

lint: $(STAMP) ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP) ## mypy strict
	@$(BIN)/mypy

contracts: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports

bench: $(STAMP) ## the figures of docs/performance.md
	@$(BIN)/python -m benchmarks

docs: $(STAMP) ## run what the documents show
	@$(BIN)/python -m pytest -q tests/docs

prefect: $(STAMP) ## server, pool, worker and deployments on this machine; prints the URL
	@$(BIN)/python -m deployments.local

clean: ## remove what make created
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
