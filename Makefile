# The verbs of this checkout. Each sets up all that it needs in .venv, from Python >= 3.11 and make alone;
# after that nothing is downloaded again until a lock in requirements/ changes.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help ray demo demo-slurm test lint format nightly docs messages lock clean

PYTHON ?= python3.13 python3.12 python3.11 python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet install
UV ?= uv
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PYTHONNOUSERSITE := 1

help: ## Show the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Show the whole grid at work on this machine
	$(BIN)/python examples/demo/demo.py $(ARGS)

demo-slurm: $(VENV)/.run ## Show three real Slurm clusters as three sites, 300 jobs, and faults (needs root and Slurm)
	PYTHONPATH=. $(BIN)/python examples/slurm/demo.py $(ARGS)

test: $(VENV)/.dev ## Run every test and check; ARGS="tests/unit -x" narrows it down
	$(BIN)/python -m pytest $(ARGS)

ray: .ray/.installed ## Install Ray into .ray, a cluster for the tests of its engine

.ray/.installed: requirements/ray.txt $(VENV)/.created
	@echo "Installing requirements/ray.txt into .ray"
	@$(BIN)/python -m venv .ray
	@.ray/bin/python -m pip --quiet install --require-hashes --requirement $<
	@touch $@

lint: $(VENV)/.dev ## Run the checks only: ruff, mypy, import-linter, house style
	$(BIN)/python -m pytest tests/unit/test_static.py tests/unit/test_tidy.py

format: $(VENV)/.dev ## Format the code and mend what ruff can mend
	$(BIN)/python -m ruff check --fix --quiet .
	$(BIN)/python -m ruff format .

nightly: $(VENV)/.dev ## Search long: new examples of the properties, more kills, more seeds
	SUANWANG_BOOK_STEPS=1000000 $(BIN)/python -m pytest tests/property --hypothesis-profile=nightly --timeout=7200 $(ARGS)
	SUANWANG_FUZZ=10000 $(BIN)/python -m pytest tests/api/test_fuzz.py --timeout=36000
	SUANWANG_KILLS=5000 SUANWANG_SEEDS=2000 $(BIN)/python -m pytest tests/simulation --timeout=7200

docs: $(VENV)/.run ## Make the reference pages from the tables in the code
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/house.py

messages: $(VENV)/.dev ## Collect the texts that people read and compile their Chinese translations
	$(BIN)/python tools/messages.py

clean: ## Remove .venv and every cache; your data in SUANWANG_HOME stays
	rm -rf $(VENV) .ray .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two locks agree: dev.txt is resolved under the versions of run.txt. ARGS=--upgrade takes newer versions.
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 --group build pyproject.toml $(ARGS)
HEADER = \# Exact versions and hashes of all that is installed, resolved from pyproject.toml by make lock.
titled = echo "$(HEADER)" | cat - $(1) > $(1).new && mv $(1).new $(1)
lock: ## Resolve pyproject.toml anew into requirements/ (needs uv)
	@mkdir -p requirements
	$(COMPILE) --output-file requirements/run.txt
	$(COMPILE) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt
	@$(call titled,requirements/run.txt)
	@$(call titled,requirements/dev.txt)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --group ray $(ARGS) --output-file requirements/ray.txt
	@$(call titled,requirements/ray.txt)

$(VENV)/.created:
	@for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$("$$candidate" --version)"; \
	    rm -rf $(VENV) && "$$candidate" -m venv $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "No Python >= 3.11 with its venv module was found (looked for: $(PYTHON))." >&2; \
	echo "Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1

$(VENV)/.run $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml $(VENV)/.created
	@echo "Installing requirements/$*.txt"
	@$(PIP) --require-hashes --requirement $<
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
