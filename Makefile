# Each target works as the first command on a fresh machine: it needs Python >= 3.11 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
export DAGSTER_DISABLE_TELEMETRY := yes
# Without .pyc files every Dagster process starts several times slower.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-slow ui lint format bench clean

run: .venv/installed
	@$(BIN)/python -m onec_pipelines.cli quickstart

test: .venv/installed
	$(BIN)/python -m pytest -m "not slow" --cov --cov-report=term

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow

ui: .venv/installed
	@$(BIN)/python -m onec_pipelines.cli ui

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/installed
	$(BIN)/python -m benchmarks $(BENCH)

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or later is needed; $(PYTHON) is not. Install one or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The venv module of $(PYTHON) is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
