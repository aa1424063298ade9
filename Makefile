# `make` needs only git, make and Python >= 3.11 with venv and pip. Nothing is installed outside .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-bench
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-header --no-emit-index-url --no-annotate
# Fast tests: what neither starts processes (a PostgreSQL, for one) nor waits for a timer.
UNIT_TESTS := $(addprefix tests/,docs model store service api background)
JOBS   ?= auto

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run demo test check lint unit fix bench bench-peers release lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## make .venv with everything to develop and test

run: $(VENV)/.server ## install what the server needs and serve on port 5051
	@exec $(BIN)/athena serve

demo: $(VENV)/.dev ## watch a worker do a task with the real claude, and a scripted model (REAL=1: the real one)
	@$(BIN)/python examples/demo/demo.py $(if $(REAL),--real)

test: lint ## everything that `check` does, and all other tests, with coverage (what CI runs)
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term

check: lint unit ## what is fast: format, lint, types, layers, documents, unit tests

lint: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry athena client

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) -m 'not slow' -k 'not postgres' $(UNIT_TESTS)

fix: $(VENV)/.dev ## format, and mend what the linter can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/.dev ## measure, and print a table
	$(BIN)/python -m bench

bench-peers: $(VENV)/.dev $(PEERS)/.ready ## measure beside other task queues, and write docs/performance-peers.md
	$(BIN)/python -m bench peers depth clients --docs

release: $(VENV)/.dev ## check everything, and build wheel and source archive into dist/
	$(MAKE) test
	rm -rf dist
	$(BIN)/python -m hatchling build
	@ls -l dist

# dev first: the smaller locks take its versions, so that switching between them changes nothing.
lock: | $(BIN)/uv ## renew the locked requirements (UPGRADE=1 also moves to newer versions)
	$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --extra server --extra postgres --extra worker --extra mcp --group dev --group build -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt pyproject.toml --extra server --extra postgres -o requirements/server.txt
	$(LOCK) -c requirements/dev.txt pyproject.toml --extra worker -o requirements/worker.txt
	$(LOCK) -c requirements/dev.txt --group pyproject.toml:build -o requirements/build.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) --group pyproject.toml:bench -o requirements/bench.txt

clean: ## remove .venv, .venv-bench, dist and every cache; data/ stays
	rm -rf $(VENV) $(PEERS) dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: two sizes of one thing ------------------------------------------------------

$(BIN)/uv:
	$(MAKE) setup

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Athena needs Python 3.11 or newer; try PYTHON=python3.13")'
	@$(PYTHON) -m venv $(VENV)

define install # FILES: locked packages, then this project, which is built from its own folder alone
	@echo "Installing $(strip $(1)) into $(VENV) ..."
	@$(PIP) install --require-hashes $(addprefix -r requirements/,$(1))
	@$(PIP) install --no-build-isolation --no-deps --editable .
endef

$(VENV)/.server: requirements/server.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(call install,build.txt server.txt)
	@touch $@

# The larger set holds the smaller: after `make test`, `make run` has nothing to install.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(call install,dev.txt)
	@touch $(VENV)/.server $@

# Other people's queues, for `make bench-peers` alone. None of them sees this project's packages.
$(PEERS)/.ready: requirements/bench.txt | $(BIN)/python
	@echo "Installing requirements/bench.txt into $(PEERS) ..."
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@
