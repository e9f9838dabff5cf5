# The two commands of a newcomer are `make run` and `make test`; everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup run test check unit integration bench mutants lock clean help
.DEFAULT_GOAL := help

help:            ## what can be made
	@grep -E '^[a-z]+: .*##|^[a-z]+: *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make setup PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

setup: $(STAMP)  ## create .venv with the command .venv/bin/catalog

run: setup       ## the whole chain on sample data: ingest, capture, project, look up, rebuild, switch, verify
	@$(BIN)/catalog run

test: setup      ## everything: format, lint, types, imports, migrations, schemas, unit and integration tests
	@$(BIN)/python -m tests.everything

tools:           ## install (Debian, as root) Chromium, promtool and PgBouncer, without which a few tests skip
	@{ command -v chromium && command -v promtool && command -v pgbouncer; } >/dev/null || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium prometheus pgbouncer >/dev/null; }

check: setup     ## the same without the tests that start servers
	@$(BIN)/python -m tests.everything --quick

bench: setup     ## measure it all beside floors and peers, in less than 20 minutes; results in bench/results
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	@$(BIN)/python -m bench

mutants: setup   ## change the domain's code a place at a time, and see which tests notice (10 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@$(BIN)/python -m tests.mutants

lock: setup      ## pin newest versions that fit pyproject.toml (no addresses)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --no-header pyproject.toml --group pyproject.toml:dev -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --no-header --constraint requirements.lock \
	  --group pyproject.toml:bench -o bench/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --no-emit-index-url --no-annotate --no-header --constraint requirements.lock \
	  --group pyproject.toml:mutants -o tests/requirements.lock

clean:           ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
