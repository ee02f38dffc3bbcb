# Every target brings its own virtual environment up to date first; nothing else is needed than
# Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PEERS := .venv-peers
PEERS_READY := $(PEERS)/ready
TOOLS := .venv-tools
TOOLS_READY := $(TOOLS)/ready
RUNS := runs
# Of each fuzzer.
FUZZ_SECONDS ?= 30
# More than two cores' worth: tests in real time wait half of their time.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-tools fuzz check bench bench-kernels bench-peers clean

help: ## list these targets
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "PYTHON=python3.12 chooses another Python for the virtual environment in $(VENV)."

demo: $(READY) ## train LeNet in two sizes, record it, report on it (minutes)
	@files=$$($(BIN)/effmeter sweep lenet --sizes 1,2 --epochs 8 --output $(RUNS)) \
	  && $(BIN)/effmeter report $$files \
	  && printf '\nThe recorded runs:\n' && printf '  %s\n' $$files

# The tests start hundreds of interpreters, and each would compile all sources anew.
test test-all test-tools: export PYTHONDONTWRITEBYTECODE :=

test: $(READY) ## run the tests, but for the longest proofs and those of make check (minutes)
	$(PYTEST) -m "not slow" --ignore tests/test_imports.py

test-all: $(READY) ## run all tests, the longest proofs too (a quarter of an hour)
	$(PYTEST)

test-tools: $(TOOLS_READY) ## record parallel work of joblib, Lightning, mpirun and others (Linux; minutes)
	$(TOOLS)/bin/python -m pytest --numprocesses 2 tests/tools

fuzz: $(READY) ## damage and forge run files and messages (a minute; FUZZ_SECONDS=600 for longer)
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

check: $(READY) ## lint, formatting, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_imports.py

bench: $(READY) ## measure what measuring costs, and whether the intervals cover the truth
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.traces_h200

bench-kernels: $(READY) ## measure the methods' kernels beside the framework, into benchmarks/results/
	$(BIN)/python -m benchmarks kernels --markdown --output benchmarks/results/kernels-$$(date +%F).md

bench-peers: $(PEERS_READY) ## measure the same windows with effmeter, zeus and codecarbon (Linux; root for the CPU)
	$(PEERS)/bin/python -m benchmarks.peers

clean: ## remove the virtual environments and what was built; recorded runs stay
	rm -rf $(VENV) $(PEERS) $(TOOLS) build dist effmeter.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .numba_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is upgraded because older ones know no --group.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "effmeter needs Python 3.11 or newer, and $(PYTHON) is not: name one that is," \
	    "as in make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing effmeter, PyTorch and the test tools into $(VENV): this takes minutes, once."
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian and" \
	    "Ubuntu install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install -c constraints.txt -e ".[torch,data,plots]" --group dev
	@touch $(READY)

# Other tools bring many packages of their own, so they have an environment of their own.
$(PEERS_READY): pyproject.toml
	@echo "Installing effmeter, zeus and codecarbon into $(PEERS): this takes a minute, once."
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet -e . pytest zeus codecarbon nvidia-ml-py psutil
	@touch $(PEERS_READY)

# Pinned to the last package: another release of any of them may pull another PyTorch, or change
# what it hands to the programs that it starts.
$(TOOLS_READY): pyproject.toml constraints-tools.txt
	@echo "Installing effmeter and the tools beside which it is tested into $(TOOLS): minutes, once."
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(TOOLS)/bin/python -m pip install --quiet --no-compile -c constraints-tools.txt -e . --group tools
	@touch $(TOOLS_READY)
