# Two commands: `make grade` grades the sample class, `make test` runs the whole test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The numeric libraries work on small arrays and the grader forks: one thread each.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

SAMPLE := examples/submissions
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
# Everything that a grade depends on; reports/ is made again when one of these changed.
INPUTS := $(shell find exercises solutions grader $(SAMPLE) -type f -not -path '*/__pycache__/*')

.PHONY: grade test setup check lint clean
.DEFAULT_GOAL := grade

grade: reports/run.json
	@$(BIN)/grader report reports

reports/run.json: $(READY) $(INPUTS)
	@$(BIN)/grader grade $(SAMPLE) --out reports --jobs $(JOBS) >/dev/null

test: setup lint
	@$(BIN)/python -m pytest -q -n $(JOBS) tests

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

check: setup
	@$(BIN)/grader check

clean:
	rm -rf $(VENV) reports .mypy_cache .ruff_cache build fedlings.egg-info
