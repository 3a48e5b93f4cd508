# `make` alone lists what there is. Needs Python 3.11 or newer; choose one with `make setup PYTHON=python3.13`.

PYTHON ?=
ARGS ?=
JOBS ?= 3
RUNS ?= 50000
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt requirements-embedded.txt requirements-export.txt requirements-dev.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo engines test chaos fuzz check audit format bench bench-cold-start bench-client screenshots clean

help: ## list these
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-16s %s\n' "$$name" "$$what"; done

setup: $(VENV)/.done ## make .venv with everything Python needs

# The stamp is newer than the requirements exactly when they are installed.
$(VENV)/.done: $(REQUIREMENTS) scripts/make-venv
	@PYTHON="$(PYTHON)" scripts/make-venv $(VENV) $(REQUIREMENTS)
	@touch $@

demo: setup ## serve the whole system from ./data; ARGS="--port 9000" and the like are passed on
	@$(BIN)/python -m tracker serve $(ARGS)

engines: setup ## install what the tests need: a browser, and AWS's parts for this machine
	@scripts/install-engines

test: setup ## everything: engines, checks, and every test; ARGS="-k name" goes to pytest; JOBS=1 for one at a time
	@scripts/install-engines
	@$(MAKE) --no-print-directory check
	@scripts/client test
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

chaos: setup ## the tests of faults in their long form: kills, disks, clocks, networks, and an AWS that fails
	@scripts/install-engines
	@$(BIN)/python -m pytest tests/test_chaos*.py --long $(ARGS)

fuzz: setup ## a million inputs that are nearly right; then RUNS more each that look for new code, where atheris can be had
	@$(BIN)/python -m pytest tests/test_fuzz.py --long $(ARGS)
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-fuzz.txt; then \
		for target in events bodies cursors queries times; do \
			$(BIN)/python -m tests.fuzz.coverage_guided $$target -runs=$(RUNS) || exit 1; \
		done; \
	else \
		echo "this Python or system cannot have atheris: the inputs that look for new code were left out"; \
	fi

check: setup ## format, lint, strict types, fitting dependencies; and that kit.js is what client-js builds to
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/python -m pip check
	@scripts/client check

audit: setup ## look up known vulnerabilities of all dependencies; this asks PyPI and npm
	@scripts/make-venv .engines/audit requirements-audit.txt
	@.engines/audit/bin/pip-audit --strict $(addprefix --requirement ,$(REQUIREMENTS))
	@for folder in client-js tests/spa tests/clients tests/axe; do npm audit --prefix $$folder --package-lock-only || exit 1; done

format: setup ## put the Python sources in their format, and mend what ruff can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: setup ## how fast it is, beside references of the same run; ARGS="--only collector", "--seconds 5", "--json" and others
	@scripts/install-engines
	@$(BIN)/python -m bench $(ARGS)

bench-cold-start: setup ## how long a cold Lambda takes to its first answer; ARGS="--package ZIP" adds its size
	@$(BIN)/python -m bench.cold_start $(ARGS)

bench-client: setup ## what the browser client weighs, and costs a page beside an empty one; ARGS="--json" for programs
	@$(BIN)/python -m bench.client $(ARGS)

screenshots: engines ## take the pictures of the dashboard in docs/dashboard anew, of a made-up history
	@$(BIN)/python -m tests.screenshots

clean: ## remove everything made here, but for ./data
	@rm -rf $(VENV) .engines client-js/node_modules tests/spa/node_modules .pytest_cache .mypy_cache .ruff_cache .chalice/deployments
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
