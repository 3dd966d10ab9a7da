# The developers' interface. Every target sets up what it needs, in .venv beside this file.
#
#   make PYTHON=python3.13 test    another interpreter, for a .venv that does not exist yet
#   SMOKE=1 make bench             the benchmarks at a small size

PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PINS := -c constraints.txt --build-constraint constraints.txt

# Tests run side by side, one on each core: threads of OpenMP would wait for each other's cores.
# Each worker begins with a half of its own, so that most modules are set up once.
ALONE := OMP_NUM_THREADS=1
SHARED_OUT := -n auto --dist worksteal

# What `make test` leaves out. The real tables lie beside the checkout, or nowhere.
LEFT_OUT := slow or stilts or remote or tap or browser
NO_REAL := $(if $(wildcard ../shared/data),, and not real)

# What is tested with the oldest versions: reading, features, training, classifying, drawing, serving.
# Not tables of other libraries (pyarrow before 25 crashes on some), nor the sizes of Parquet's pages.
OLDEST_TESTS := $(addprefix --ignore=tests/read/,test_memory.py test_parts.py) \
  tests/cli/test_commands.py tests/features tests/plots tests/read tests/score \
  tests/mixture/test_gaussian_mixture.py tests/mixture/test_in_numpy.py tests/model/test_digest.py \
  tests/model/test_file.py tests/report/test_figures.py tests/serve/test_background.py

.PHONY: help demo test slow oldest tap browser check bench site docs reproduction pictures serve models release-check clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.stamp-demo ## run `xsift demo`: the whole way on a simulated survey, offline
	$(BIN)/xsift demo

test: $(VENV)/.stamp-dev ## run the tests, without the slow ones
	$(ALONE) $(BIN)/pytest $(SHARED_OUT) -m "not ($(LEFT_OUT))$(NO_REAL)"

slow: $(VENV)/.stamp-dev ## run the slow tests and those that need STILTS
	$(ALONE) $(BIN)/pytest $(SHARED_OUT) -m "(slow or stilts) and not (remote or tap or browser)$(NO_REAL)"

oldest: $(OLDEST)/.stamp ## run the tests of the main job with the oldest versions that xsift takes
	$(ALONE) $(OLDEST)/bin/pytest $(SHARED_OUT) -W default -m "not ($(LEFT_OUT)) and not real" $(OLDEST_TESTS)

tap: $(VENV)/.stamp-dev ## run the tests against a TAP server: DaCHS, as .ci/run installs it
	$(BIN)/pytest -m "tap$(NO_REAL)"

browser: $(VENV)/.stamp-dev ## run the tests of the page in Chromium, as .ci/run installs it
	$(BIN)/pytest -m "browser$(NO_REAL)"

check: $(VENV)/.stamp-dev ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.stamp-dev ## run the benchmarks (SMOKE=1: small)
	$(BIN)/python -m benchmarks $(if $(filter-out 0,$(SMOKE)),--smoke)

site: $(VENV)/.stamp-dev ## build the documentation into build/site
	$(BIN)/python -m sphinx -q -b html -W --keep-going -d build/doctrees docs build/site
	@echo "The documentation: build/site/index.html"

docs: site ## build the documentation, and check its examples
	$(ALONE) $(BIN)/pytest $(SHARED_OUT) tests/docs -m "not (slow and real)"

reproduction: $(VENV)/.stamp-dev ## rebuild the reproduction page from the tables beside the clone
	$(BIN)/python -m tools.reproduction

pictures: $(VENV)/.stamp-dev ## draw the documentation's pictures anew, from the simulated survey and the code
	$(BIN)/python tools/draw_pictures.py
	$(BIN)/python tools/draw_house.py

serve: $(VENV)/.stamp-use ## serve the playground with a simulated catalogue, on this machine only
	$(BIN)/xsift serve --demo

models: $(VENV)/.stamp-dev ## regenerate the populations and the models that ship in the package
	$(BIN)/python tools/fit_populations.py
	$(BIN)/python tools/train_models.py

release-check: $(VENV)/.stamp-dev ## build the wheel and the sdist, and use them outside the clone
	$(BIN)/python -m tools.release_check

clean: ## remove .venv, caches, builds and the demo's output
	rm -rf $(VENV) $(OLDEST) build dist xsift-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

# A stamp says that a setup is complete; it is repeated when what it was made from has changed.
$(VENV)/.stamp-demo: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for the demo"
	@$(PIP) install $(PINS) -e ".[report,train]"
	@touch $@

$(VENV)/.stamp-use: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for use"
	@$(PIP) install $(PINS) -e ".[all]"
	@touch $(VENV)/.stamp-demo $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for development"
	@$(PIP) install $(PINS) -e ".[all,test,dev,docs]"
	@touch $(VENV)/.stamp-demo $(VENV)/.stamp-use $@

# The oldest versions, and beside them the newest of what they bring: an environment of its own.
$(OLDEST)/.stamp: pyproject.toml constraints-oldest.txt
	@$(MAKE) --no-print-directory VENV=$(OLDEST) $(OLDEST)/.stamp-venv
	@echo "Setting up $(OLDEST) with the oldest versions"
	@$(OLDEST)/bin/python -m pip --disable-pip-version-check --quiet install -c constraints-oldest.txt \
	  -e ".[fetch,report,serve,train]" pytest pytest-xdist hypothesis httpx2
	@touch $@

# Debian's python3 comes without ensurepip: there the system's pip puts the first pip in.
$(VENV)/.stamp-venv:
	@command -v "$(PYTHON)" >/dev/null || { echo "xsift needs Python 3.11 or newer, and there is \
	no $(PYTHON): install it, or name one with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("xsift needs Python 3.11 or \
	newer, and $(PYTHON) is %d.%d: name another with make PYTHON=..." % sys.version_info[:2])'
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); else \
	  $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --disable-pip-version-check --quiet --python $(BIN)/python install pip; fi
	@$(PIP) install -c constraints.txt pip
	@touch $@
