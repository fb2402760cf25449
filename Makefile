# Every verb of the project; `make help` lists them. CI calls the same ones.
# Needs Python 3.11 or later and make, nothing else: the rest is installed into .venv.

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The tools that write locks and the bill of materials have an environment of their own.
TOOLS := $(VENV)-tools
ARGS ?=
# Processes that run tests: the suite is laid out for two cores.
WORKERS ?= 2
# Where the parts of `make run-real` keep their data.
REAL_HOME ?= .boucle/real
# Where `make sbom` writes the bill of materials.
SBOM ?= .boucle/sbom.json
# Where `make screenshots` keeps its pictures.
SHOTS ?= .boucle/screenshots

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help run run-real test check lint format bench bench-day bench-scale orders siege fuzz simulate chaos screenshots lock outdated sbom services-up services-down clean

help:
	@awk 'BEGIN {FS = ":.*## "} /^### / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n%s\n' 'Arguments go in ARGS: make run ARGS="--seed 7 --no-serve"; make test ARGS="tests/domain -x"'

### Begin here

run: $(VENV)/.installed  ## See it: install, play a demo year without broker, database or mail server, serve it on 127.0.0.1:8080
	@$(BIN)/boucle demo $(ARGS)

test: $(VENV)/.installed-test  ## Run all tests: some 25 minutes; real parts are started, missing ones skipped (with CI=true failed)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

### When you change something

format: $(VENV)/.installed-test  ## Format the code, and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.installed-test  ## Format, lint, types, arrows between the folders; changes nothing
	@$(BIN)/ruff format --check --quiet . || { echo 'Not formatted: run make format.' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test  ## Both of them: what a change must pass before it is sent

### With real Kafka, PostgreSQL and a mail server

run-real: $(VENV)/.installed-test  ## The same demo through real Kafka, PostgreSQL and a mail server, stopped at the end
	@export BOUCLE_HOME="$(REAL_HOME)"; \
	trap '$(BIN)/boucle services down >&2' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	addresses="$$($(BIN)/boucle services up kafka postgres smtp)" || exit $$?; \
	set -a; eval "$$addresses"; set +a; \
	$(BIN)/boucle demo $(ARGS)

services-up: $(VENV)/.installed-test  ## Start real Kafka and PostgreSQL and print their addresses
	@$(BIN)/boucle services up $(ARGS)

services-down: $(VENV)/.installed-test  ## Stop them; their data stays
	@$(BIN)/boucle services down $(ARGS)

### Longer trials

simulate: $(VENV)/.installed-test  ## Play 500 stories in virtual time while everything fails; ARGS="--seeds 10000 --from 1"
	@$(BIN)/python tests/simulation/simulate.py $(ARGS)

fuzz: $(VENV)/.installed-test  ## Try 100,000 events, 20,000 requests and more of any shape at every door; FUZZ_SEED=N draws others
	@FUZZ_SHARE="$${FUZZ_SHARE:-1}" $(BIN)/python -m pytest -q -s tests/fuzz tests/real/test_fuzzed_topics.py $(ARGS)

chaos: $(VENV)/.installed-test  ## Kill roles, stop parts and cut lines by seed, and compare: ARGS="--rounds 300 --real", "--sabotage all"
	@PYTHONPATH=tests $(BIN)/python tests/chaos/run_chaos.py $(ARGS)

orders: $(VENV)/.installed-test  ## Play 5,000 real orders through real Kafka, PostgreSQL, postfix and Chromium; prints the figures
	@ORDERS=all $(BIN)/python -m pytest -q -s tests/real/test_orders.py $(ARGS)

siege: $(VENV)/.installed-test  ## Attack five doors of a web role while 100 customers answer; none may wait over 2 s
	@SIEGE=1 $(BIN)/python -m pytest -q -s tests/web/http/test_siege.py $(ARGS)

### Measure and look

bench: $(VENV)/.installed-test  ## Measure everything in turn, and end with one table of ratios: wanted, measured (ARGS="--rounds 3 --share 2")
	@$(BIN)/python bench/sizes.py
	@$(BIN)/python bench/decide.py
	@$(BIN)/python -m bench.table $(ARGS)

bench-day: $(VENV)/.installed-test  ## Play: a day with a morning peak, and how far each queue falls behind (ARGS="--a-day N --sending 2")
	@$(BIN)/python -m bench.day $(ARGS)

bench-scale: $(VENV)/.installed-test  ## Measure: pages, verbs and rates in a database of many (ARGS="--customers N --waiting N")
	@$(BIN)/python -m bench.scale $(ARGS)

screenshots: $(VENV)/.installed-test  ## Take pictures of every page into SHOTS (.boucle/screenshots): light, dark, phone
	@mkdir -p "$(SHOTS)"
	@TEST_SHOTS="$(abspath $(SHOTS))" $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests/web -k accessible $(ARGS)
	@echo "The pictures are in $(SHOTS)."

### Libraries, and tidying up

# The newest versions that pyproject.toml allows, for every supported Python and system, each file with its hash.
COMPILE := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate $(LOCK_ARGS)

lock:  ## Write the lock files anew from pyproject.toml; LOCK_ARGS=--upgrade takes newer versions
	@[ -x $(TOOLS)/bin/uv ] || { $(MAKE) --no-print-directory $(BIN)/python && $(BIN)/python -m venv $(TOOLS) && \
		$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8'; }
	@$(COMPILE) pyproject.toml --group build --output-file requirements.lock
	@$(COMPILE) pyproject.toml --group build --all-extras --constraints requirements.lock --output-file requirements-test.lock
	@$(COMPILE) --group tools --output-file requirements-tools.lock
	@$(MAKE) --no-print-directory $(VENV)/.installed
	@$(BIN)/python .ci/notice.py

outdated: $(TOOLS)/.installed  ## List locked packages of which a newer version is out, and what pyproject.toml holds back
	@$(TOOLS)/bin/python .ci/outdated.py $(TOOLS)/bin/uv

sbom: $(TOOLS)/.installed  ## Write the bill of materials of what runs (CycloneDX) to SBOM (.boucle/sbom.json)
	@mkdir -p "$(dir $(SBOM))" && rm -rf .boucle/sbom-env && $(BIN)/python -m venv .boucle/sbom-env
	@.boucle/sbom-env/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o "$(SBOM)" .boucle/sbom-env/bin/python
	@rm -rf .boucle/sbom-env
	@echo "The bill of materials is in $(SBOM)."

clean:  ## Stop what make run-real started; remove caches, builds and its data
	@if [ -x $(BIN)/boucle ] && [ -d "$(REAL_HOME)" ]; then BOUCLE_HOME="$(REAL_HOME)" $(BIN)/boucle services down; fi
	rm -rf .boucle build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# pip compiles what it installs, but not a checkout: where bytecode is not written by the way (PYTHONDONTWRITEBYTECODE),
# every command would compile its sources anew.
COMPILE_SOURCES := $(BIN)/python -m compileall -q workers

# A stamp per set of packages, so that only a change of the locks installs again. Every file that is installed is
# compared with the hash in its lock; the checkout itself is built by the locked hatchling.
$(VENV)/.installed: pyproject.toml requirements.lock | $(BIN)/python
	@echo 'Installing Boucle into $(VENV): some 70 packages, a minute or two ...' >&2
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(COMPILE_SOURCES)
	@touch $@

$(VENV)/.installed-test: pyproject.toml requirements.lock requirements-test.lock | $(BIN)/python
	@echo 'Installing Boucle and what its tests need into $(VENV): some 150 packages, a few minutes ...' >&2
	@$(INSTALL) --require-hashes --requirement requirements-test.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(COMPILE_SOURCES)
	@touch $@ $(VENV)/.installed

$(TOOLS)/.installed: requirements-tools.lock | $(BIN)/python
	@$(BIN)/python -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-tools.lock
	@touch $@

$(BIN)/python:
	@for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11; do \
		[ -n "$$python" ] || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "$$python cannot make environments: install its package python3-venv, then run make again." >&2; exit 1; }; \
		exec "$$python" -m venv $(VENV); \
	done; \
	echo 'No Python 3.11 or later was found: install one, or name it: make PYTHON=/path/to/python3.' >&2; exit 1
