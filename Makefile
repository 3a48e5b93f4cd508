# `make` alone lists what there is. Needs Python 3.11 or newer; choose one with `make setup PYTHON=python3.13`.

PYTHON ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt requirements-embedded.txt requirements-dev.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo engines test check format bench-cold-start bench-client clean

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

test: setup ## everything: engines, checks, and every test; ARGS="-k name" and the like go to pytest
	@scripts/install-engines
	@$(MAKE) --no-print-directory check
	@scripts/client test
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## format, lint and strict types; and that kit.js is what client-js builds to
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@scripts/client check

format: setup ## put the Python sources in their format, and mend what ruff can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench-cold-start: setup ## how long a cold Lambda takes to its first answer; ARGS="--package ZIP" adds its size
	@$(BIN)/python -m bench.cold_start $(ARGS)

bench-client: setup ## what the browser client weighs, and costs a page beside an empty one; ARGS="--json" for programs
	@$(BIN)/python -m bench.client $(ARGS)

clean: ## remove everything made here, but for ./data
	@rm -rf $(VENV) .engines client-js/node_modules .pytest_cache .mypy_cache .ruff_cache .chalice/deployments
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
