# Every target sets up what it needs in .venv; nothing else has to be installed but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := reports/demo

.PHONY: demo test lint bench clean help

help:
	@echo "make demo   simulated reader study -> fit-stack -> report (no torch)"
	@echo "make test   the whole test suite (installs the [backbones] and [notebooks] extras)"
	@echo "make lint   ruff and mypy"
	@echo "make bench  our time beside each peer's on the same work"

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.plain: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# torch and torchvision are named in one call so that pip picks a matching pair.
$(VENV)/.full: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable ".[backbones,notebooks]" --group dev
	@touch $@ $(VENV)/.plain

demo: $(VENV)/.plain
	$(BIN)/mura-ensemble demo --out $(DEMO)

test: $(VENV)/.full
	$(BIN)/python -m pytest

lint: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.full
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache build dist
