# Every verb of the project; `make help` lists them. CI calls the same ones.
# Needs Python 3.11 or later and make, nothing else: the rest is installed into .venv.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Processes that run tests: the suite is laid out for two cores.
WORKERS ?= 2
# Where the parts of `make run-real` keep their data.
REAL_HOME ?= .boucle/real
# Where `make screenshots` keeps its pictures.
SHOTS ?= .boucle/screenshots

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help run run-real test check lint format bench orders screenshots services-up services-down clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  Arguments go in ARGS, as in: make run ARGS="--seed 7 --no-serve"; make test ARGS="tests/core -x"'

run: $(VENV)/.installed  ## Install, then a demo year without broker, database or mail server; serves on 127.0.0.1:8080
	@$(BIN)/boucle demo $(ARGS)

run-real: $(VENV)/.installed-test  ## The same demo through real Kafka, PostgreSQL and a mail server, stopped at the end
	@export BOUCLE_HOME="$(REAL_HOME)"; \
	trap '$(BIN)/boucle services down >&2' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	addresses="$$($(BIN)/boucle services up kafka postgres smtp)" || exit $$?; \
	set -a; eval "$$addresses"; set +a; \
	$(BIN)/boucle demo $(ARGS)

test: $(VENV)/.installed-test  ## Run all tests; parts that they need are started, missing ones are skipped (failed with CI=true)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: lint test  ## Format, lint, types, arrows between the modules, tests

lint: $(VENV)/.installed-test
	@$(BIN)/ruff format --check --quiet . || { echo 'Not formatted: run make format.' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.installed-test  ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-test  ## Measure: intake against a loop by hand and Faust alone, decisions against a scan, sizes
	@$(BIN)/python bench/sizes.py
	@$(BIN)/python bench/decide.py
	@$(BIN)/python -m bench $(ARGS)

orders: $(VENV)/.installed-test  ## Play 5,000 real orders through real Kafka, PostgreSQL, postfix and Chromium; prints the figures
	@ORDERS=all $(BIN)/python -m pytest -q -s tests/real/test_orders.py $(ARGS)

screenshots: $(VENV)/.installed-test  ## Take pictures of every page into SHOTS (.boucle/screenshots): light, dark, phone
	@mkdir -p "$(SHOTS)"
	@TEST_SHOTS="$(abspath $(SHOTS))" $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests/web -k accessible $(ARGS)
	@echo "The pictures are in $(SHOTS)."

services-up: $(VENV)/.installed-test  ## Start real Kafka and PostgreSQL and print their addresses
	@$(BIN)/boucle services up $(ARGS)

services-down: $(VENV)/.installed-test  ## Stop them; their data stays
	@$(BIN)/boucle services down $(ARGS)

clean:  ## Stop what make run-real started; remove caches, builds and its data
	@if [ -x $(BIN)/boucle ] && [ -d "$(REAL_HOME)" ]; then BOUCLE_HOME="$(REAL_HOME)" $(BIN)/boucle services down; fi
	rm -rf .boucle build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# A stamp per set of packages, so that only a change of pyproject.toml installs again.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo 'Installing Boucle into $(VENV) ...' >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	@echo 'Installing Boucle and what its tests need into $(VENV) ...' >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[oidc,services,test]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11; do \
		[ -n "$$python" ] || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "$$python cannot make environments: install its package python3-venv, then run make again." >&2; exit 1; }; \
		exec "$$python" -m venv $(VENV); \
	done; \
	echo 'No Python 3.11 or later was found: install one, or name it: make PYTHON=/path/to/python3.' >&2; exit 1
