# Every target sets up what it needs in .venv; nothing else has to be installed but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := reports/demo

.PHONY: demo test test-long lint bench reports catalogue picture clean help

help:
	@echo "make demo   simulated reader study -> fit-stack -> report (no torch)"
	@echo "make test   the whole test suite (installs the [backbones] and [notebooks] extras)"
	@echo "make test-long  the same with every large test in full"
	@echo "make lint   ruff and mypy"
	@echo "make bench  our time beside each peer's on the same work"
	@echo "make reports  write the ensembles and reports that are committed (no torch)"
	@echo "make catalogue  make every backbone of the catalogue and write what was found"
	@echo "make picture  photograph the simulated report for the README (needs a Chromium)"

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.plain: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# torch and torchvision are named in one call so that pip picks a matching pair.
$(VENV)/.full: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --editable ".[cam,notebooks]" --group dev
	@touch $@ $(VENV)/.plain

demo: $(VENV)/.plain
	$(BIN)/mura-ensemble demo --out $(DEMO)

# Both cores; a file's tests stay together, so that its fixtures are made once. Large tests run a seeded sample.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

test: $(VENV)/.full
	$(PYTEST)

# Every kill, fuzz and simulation in full; the closing table is tests/long.md, which is committed.
test-long: $(VENV)/.full
	MURA_ENSEMBLE_TESTS=long $(PYTEST)

lint: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.peers: pyproject.toml $(VENV)/.full
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

bench: $(VENV)/.peers
	$(BIN)/python -m benchmarks

# Everything under reports/ and predictions/*/ensembles/ comes from these lines and nothing else.
RUN := $(BIN)/mura-ensemble
SIM := predictions/simulated
PNEUMONIA := predictions/pneumoniamnist

reports: $(VENV)/.plain
	$(RUN) fit-stack $(SIM) --split valid --labels $(SIM)/labels_valid.csv --strategy mean --name ensemble_mean --out $(SIM)/ensembles/ensemble_mean.json
	$(RUN) fit-stack $(SIM) --split valid --labels $(SIM)/labels_valid.csv --strategy weighted --name ensemble_weighted --out $(SIM)/ensembles/ensemble_weighted.json
	$(RUN) fit-stack $(SIM) --split valid --labels $(SIM)/labels_valid.csv --strategy stack --name ensemble_stack --out $(SIM)/ensembles/ensemble_stack.json
	$(RUN) fit-stack $(SIM) --split valid --labels $(SIM)/labels_valid.csv --strategy stack --threshold per-study-type --name ensemble_stack_per_type --out $(SIM)/ensembles/ensemble_stack_per_type.json
	$(RUN) report $(SIM) --split test --readers $(SIM)/readers_test.csv --panel reader_1,reader_2,reader_3 \
	  --ensemble $(SIM)/ensembles/ensemble_mean.json --ensemble $(SIM)/ensembles/ensemble_weighted.json \
	  --ensemble $(SIM)/ensembles/ensemble_stack.json --ensemble $(SIM)/ensembles/ensemble_stack_per_type.json \
	  --title "Simulated reader study with MURA's shape" --out reports/simulated
	$(RUN) fit-stack $(PNEUMONIA) --split train --labels $(PNEUMONIA)/labels.csv --strategy mean --name ensemble_mean --out $(PNEUMONIA)/ensembles/ensemble_mean.json
	$(RUN) fit-stack $(PNEUMONIA) --split train --labels $(PNEUMONIA)/labels.csv --strategy stack --name ensemble_stack --out $(PNEUMONIA)/ensembles/ensemble_stack.json
	$(RUN) fit-stack $(PNEUMONIA) --split train --labels $(PNEUMONIA)/labels.csv --strategy stack --threshold kappa --name ensemble_stack_kappa --out $(PNEUMONIA)/ensembles/ensemble_stack_kappa.json
	$(RUN) report $(PNEUMONIA) --split test --labels $(PNEUMONIA)/labels.csv \
	  --ensemble $(PNEUMONIA)/ensembles/ensemble_mean.json --ensemble $(PNEUMONIA)/ensembles/ensemble_stack.json \
	  --ensemble $(PNEUMONIA)/ensembles/ensemble_stack_kappa.json \
	  --title "PneumoniaMNIST, test split: real chest radiographs of 28 pixels" --out reports/pneumoniamnist
	$(RUN) leaderboard --out reports/mura-leaderboard > /dev/null

catalogue: $(VENV)/.full
	$(BIN)/python -m mura_ensemble.backbones.weights.catalogue

picture: $(VENV)/.plain
	$(BIN)/python docs/pictures/take.py

clean:
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache build dist
