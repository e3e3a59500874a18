# The same words on a laptop and in CI. `make help` prints them.
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
ARGS ?=

.PHONY: help setup demo test quick compiled check fix dev bench fuzz fuzz-api faults docs lock clean

help:  ## print this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.dev  ## make the development environment

.venv/.dev: requirements-dev.lock pyproject.toml scripts/setup
	@scripts/setup dev

.venv/.demo: requirements.lock pyproject.toml scripts/setup
	@scripts/setup demo && touch .venv/.demo

demo: .venv/.demo  ## from an empty machine to a joined answer (ARGS=--exit stops after the answers)
	@$(BIN)/pwh demo $(ARGS)

build/fakesnow:  # the stand-in for Snowflake pins other versions than we do
	@$(BIN)/uv venv -q --python $(BIN)/python $@ && $(BIN)/uv pip install -q --system-certs \
		--python $@/bin/python "fakesnow[server]==0.12.1" "snowflake-connector-python[pandas]<5"

build/azurite:  # the stand-in for Azure Blob Storage is a Node program
	@NODE_OPTIONS=--use-openssl-ca npm install --silent --no-fund --no-audit --prefix $@ azurite@3.37.0

build/posthog-python:  # the official SDK has an environment of its own
	@$(BIN)/uv venv -q --python $(BIN)/python $@ && $(BIN)/uv pip install -q --system-certs \
		--python $@/bin/python posthog==7.91.1

build/posthog-node:
	@NODE_OPTIONS=--use-openssl-ca npm install --silent --no-fund --no-audit --prefix $@ posthog-node@5.70.0

test: setup  ## the whole suite, quick tests first
	@$(PYTEST) tests/unit tests/test_*.py -q -n 2 $(ARGS)
	@$(PYTEST) tests/conformance tests/e2e -q -n 2 --dist loadfile $(ARGS)

quick: setup  ## tests of seconds
	@$(PYTEST) tests/unit tests/test_*.py -q -n 2 $(ARGS)

compiled: setup  ## the language's tests with sqlglot's compiled build in place of the pure one
	@test -d build/compiled || $(BIN)/uv pip install -q --system-certs --no-deps --target build/compiled \
		sqlglot==30.30.0 sqlglotc==30.30.0
	@PYTHONPATH=build/compiled $(BIN)/python -c "import sqlglot.parser as p; assert p.__file__.endswith('.so')"
	@PYTHONPATH=build/compiled $(PYTEST) tests/unit/hogql -q $(ARGS)

check: setup  ## format, lint, types, definitions, dbt
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@scripts/validate

fix: setup  ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

dev: setup  ## the API and the Dagster UI on ./.pwh
	@$(BIN)/pwh up $(ARGS)

bench: setup  ## every benchmark; each prints a table of ratios
	@for file in $$(grep -l __main__ benchmarks/*.py); do echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

fuzz: setup  ## ten minutes of hostile HogQL (ARGS="--seconds 60" for one)
	@$(BIN)/python tests/fuzz/hogql.py $(if $(ARGS),$(ARGS),--seconds 600 --jobs 2)

fuzz-api: setup  ## ten minutes of hostile requests, from the API's own document
	@$(BIN)/python tests/fuzz/api.py $(if $(ARGS),$(ARGS),--seconds 600)

faults: setup  ## everything that can go wrong with a sync, on real servers (ARGS="--mode cdc --times 3")
	@$(BIN)/python tests/faults/run.py $(ARGS)
	@PWH_KILLS=20 $(PYTEST) tests/e2e/test_sync_kill.py tests/e2e/test_changes_kill.py \
		tests/e2e/test_view_runs.py tests/e2e/test_models.py tests/e2e/test_models_clickhouse.py \
		tests/e2e/test_audit_kill.py tests/e2e/test_forgetting.py -q -k kill

docs: setup  ## write the pages and the client that are made from the code
	@$(BIN)/python scripts/docs.py
	@$(BIN)/python scripts/client.py

lock: setup  ## resolve the dependencies anew
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-strip-extras --extra demo -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-strip-extras --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:  ## remove what the above made
	rm -rf .venv .pwh .pwh-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
