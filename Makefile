# `make` lists the targets.

PYTHON ?= python3
PORT ?= 8000
SERVE ?= 1
EXPORT ?=
WORKERS ?= 2
BENCH ?=
ENDURANCE ?=
PYTEST_ARGS ?=

VENV := .venv
SEMGREP := .venv-semgrep
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ADDRESS := http://127.0.0.1:$(PORT)

# Tests start hundreds of processes: without compiled modules beside the sources each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run bench endurance properties backtest axe test lint types contracts audit semgrep pytest messages clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## an illustrative programme, served (EXPORT=path a cost export of yours, PORT=8000, SERVE=0 prints only)
	@$(BIN)/creditsvc init
	@CREDITSVC_BASE_URL=$(ADDRESS) $(BIN)/creditsvc demo --if-empty $(if $(EXPORT),--export "$(EXPORT)")
	@if [ "$(SERVE)" != 0 ]; then CREDITSVC_BASE_URL=$(ADDRESS) exec $(BIN)/creditsvc serve --port $(PORT); fi

run: $(VENV)/.installed  ## the service as it is; an empty one asks for its first administrator (PORT=8000)
	@$(BIN)/creditsvc init --ask
	@exec $(BIN)/creditsvc serve --port $(PORT)

bench: $(VENV)/.installed-test  ## speed against limits taken in the same run (BENCH="import ..."; docs/performance.md)
	@POLARS_MAX_THREADS=2 PYTHONWARNINGS="ignore:XDG_RUNTIME_DIR is not set" $(BIN)/python -m benchmarks $(BENCH)

endurance: $(VENV)/.installed-test  ## kills at every statement, at random and night after night, mail, network, server and clock in trouble (ENDURANCE="--kills 3"; docs/endurance.md)
	@POLARS_MAX_THREADS=1 $(BIN)/python -m tests.endurance $(or $(ENDURANCE),--at-least 10000 --write docs/endurance.md --made-by "make endurance")

properties: $(VENV)/.installed-test  ## orders of arrival and machines against models, as many examples as the rules ask for
	@CREDITSVC_WHOLE=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/core/test_order_of_arrival.py \
		tests/ledger/test_order_of_arrival_in_the_book.py tests/*/test_against_model.py

backtest: $(VENV)/.installed-test  ## how far off the forecast is, as in docs/forecast.md
	@$(BIN)/python -m benchmarks.forecast_backtest

axe: $(VENV)/.installed-test  ## every page x role x language x theme through axe, counted (WORKERS=2)
	@$(BIN)/python -m tests.journeys.axe $(WORKERS)

test: lint types contracts pytest  ## linters, types, import contracts and every test (PYTEST_ARGS="-k word", WORKERS=2)

lint: $(VENV)/.installed-test  ## ruff, bandit
	@$(BIN)/ruff check .
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive creditsvc wsgi.py

types: $(VENV)/.installed-test  ## mypy, strict
	@$(BIN)/mypy

contracts: $(VENV)/.installed-test  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

audit: $(VENV)/.installed-test  ## what is installed against its pins, its own hashes and its needs, with licences; asks no network
	@$(BIN)/python -m tests.house.audit
	@$(BIN)/python -m pip --disable-pip-version-check check

semgrep: $(SEMGREP)/.installed  ## where words of a request may go: the rules of semgrep/, which first find their own faults
	@$(SEMGREP)/bin/semgrep test --config semgrep/rules.yml semgrep/rules.py
	@$(SEMGREP)/bin/semgrep scan --quiet --error --metrics off --disable-version-check --config semgrep/rules.yml creditsvc wsgi.py

pytest: $(VENV)/.installed-test  ## the tests alone, on SQLite, PostgreSQL and in a browser
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

messages: $(VENV)/.installed  ## the sentences to translate, extracted anew (creditsvc/translations/README.md)
	@cd creditsvc && ../$(BIN)/pybabel --quiet extract -F translations/babel.cfg -o translations/messages.pot \
		-k lazy_gettext -k lazy_ngettext:1,2 -k RuleBroken:3 -k Conflict:3 -k Sentence -k NoValue -k Unfit \
		--add-location=file --sort-by-file --project=creditsvc --version=0 --copyright-holder=creditsvc .
	@sed -i.old -e '/^"POT-Creation-Date/d' creditsvc/translations/messages.pot && rm creditsvc/translations/messages.pot.old
	@if ls creditsvc/translations/*/LC_MESSAGES/messages.po >/dev/null 2>&1; then \
		$(BIN)/pybabel --quiet update --no-fuzzy-matching -i creditsvc/translations/messages.pot -d creditsvc/translations; fi

clean:  ## away with the environment and the caches (the data in instance/ stay)
	@rm -rf $(VENV) $(SEMGREP) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The environment is made once, and again when what it holds has changed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "creditsvc needs Python 3.11 or newer, and $(PYTHON) is older: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(PIP) install -r requirements.txt -e .
	@touch $@

$(SEMGREP)/.installed: semgrep/requirements.txt
	@$(PYTHON) -m venv $(SEMGREP)
	@$(SEMGREP)/bin/python -m pip --disable-pip-version-check --quiet install -r semgrep/requirements.txt
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	@echo "Installing the test tools ..."
	@$(PIP) install -r requirements-test.txt -e '.[test]'
	@touch $@
