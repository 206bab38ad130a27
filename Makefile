# Each target works as the first command on a fresh machine: it needs Python >= 3.11 with venv, and make.
# requirements.lock is what runs, requirements-dev.lock is all of that and what tests and checks it: one venv, which
# `make run` fills with the first and `make test` with the second, in either order.
PYTHON ?= python3
BIN := .venv/bin
export DAGSTER_DISABLE_TELEMETRY := yes
# Without .pyc files every Dagster process starts several times slower.
unexport PYTHONDONTWRITEBYTECODE

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Each worker has a PostgreSQL of its own. Those that are done early take tests from the others.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: run test test-slow coverage ui exchange lint format bench screenshots lock clean

run: .venv/installed
	@$(BIN)/python -m onec_pipelines.cli quickstart

test: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE)

# The same tests, twice as dear: which lines do they pass over?
coverage: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE) --cov --cov-report=term

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow

ui: .venv/installed
	@$(BIN)/python -m onec_pipelines.cli ui

exchange: .venv/installed
	@$(BIN)/python -m onec_pipelines.cli exchange

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks $(BENCH)
	$(BIN)/python -m benchmarks.runs
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.exchange
	$(BIN)/python -m benchmarks.images

# The pictures of README and docs, from the demo; it wants chromium.
screenshots: .venv/installed-dev
	$(BIN)/python docs/screenshots.py

# Both locks anew from pyproject.toml, for every Python and system at once; what need not change stays as it is.
# `make lock UPGRADE=--upgrade` takes the newest of all, `make lock UPGRADE='--upgrade-package lxml'` of one.
lock: .venv/installed-dev
	$(PIP) uv==0.13.9
	$(BIN)/uv pip compile --quiet pyproject.toml --group build $(UPGRADE) --output-file requirements.lock
	$(BIN)/uv pip compile --quiet pyproject.toml --group build --extra dev --constraints requirements.lock \
	    $(UPGRADE) --output-file requirements-dev.lock

.venv/installed: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

.venv/installed-dev: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch .venv/installed $@

define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or later is needed; $(PYTHON) is not. Install one or name it: make PYTHON=python3.12" >&2; exit 1; }
@$(PYTHON) -m venv .venv || { echo "The venv module of $(PYTHON) is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
$(PIP) --requirement $(1)
$(PIP) --no-deps --no-build-isolation --editable .
endef

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
