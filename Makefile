# Two commands do everything on a fresh machine: `make demo` and `make test`. See README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test packages check acceptance faults faults-lab bench golden tree clean help

help:
	@echo "make demo        lose New York on the embedded lab, recover, measure, fail back, write report.html"
	@echo "make test        checks, unit, contract, fault and acceptance tests"
	@echo "make faults      every fault: the table, and kill -9 of the real orchestrator on the lab"
	@echo "make packages    install (root) or name the system packages that the tests need"
	@echo "make check       ruff, mypy --strict, import-linter"
	@echo "make faults-lab  only the kills on the lab"
	@echo "make bench       speed, as ratios in one run (not part of the tests)"
	@echo "make golden      write the golden files anew"
	@echo "make tree        draw the rooms and their imports into docs/architecture.md"
	@echo "make clean       remove the virtual environment and caches"

$(STAMP): pyproject.toml tools/bootstrap.sh
	@PYTHON="$(PYTHON)" sh tools/bootstrap.sh "$(VENV)"
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/drorch demo

check: $(STAMP)
	@$(BIN)/ruff check -q drorch tests playbooks tools
	@$(BIN)/ruff format -q --check drorch tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# What the tests need of the system: installed by root, named to everybody else before the first test.
packages:
	@PYTHON="$(PYTHON)" sh tools/system_packages.sh test

# In one call, the longest files first (tests/conftest.py): what is short fills the gaps, the workers end together.
test: packages check
	@$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder tests/acceptance tests/contract tests/unit tests/console tests/faults

faults: $(STAMP)
	@$(BIN)/pytest -q -s tests/faults tests/faults/kill_on_lab.py

faults-lab: $(STAMP)
	@$(BIN)/pytest -q -s tests/faults/kill_on_lab.py

bench: $(STAMP)
	@for file in tests/bench/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

golden: $(STAMP)
	@$(BIN)/pytest -q tests/unit --regenerate-golden

tree: $(STAMP)
	@$(BIN)/python tools/house.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
