# Every target sets up what it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test soak check bench fuzz tables docs clean

run: .venv/installed
	$(BIN)/spnl examples/capital.spnl

test: .venv/installed
	$(BIN)/pytest

soak: .venv/installed
	$(BIN)/pytest -m soak --timeout 3600

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python -m bench $(ARGS)

# The corpus and what is found stay in the folder; libFuzzer's options go into ARGS.
fuzz: .venv/installed
	$(BIN)/pip install --quiet --editable '.[fuzz]'
	$(BIN)/python -m tools.fuzz $(TARGET) build/fuzz/$(TARGET) -max_total_time=3600 $(ARGS)

tables: .venv/installed
	$(BIN)/python tools/make_tables.py

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

docs: .venv/installed
	$(BIN)/python tools/make_docs.py
	$(BIN)/python tools/make_man.py
	$(BIN)/python tools/make_editors.py

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
