# make score    set up, score the sample night (or IN=... OUT=...) with the shipped model
# make test     set up, run the tests
# make check    formatting, linting, types, tests
# make train | calibrate | evaluate    models/candidate/ from models/data/, thresholds, numbers

PYTHON ?= python3
IN ?= tests/sample_night
OUT ?= out/sample-night
MODEL ?= models/candidate
VENV := .venv
BIN := $(VENV)/bin

.PHONY: score test check lint types train calibrate evaluate lock clean
.DEFAULT_GOAL := score

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.score: $(BIN)/python pyproject.toml requirements.lock
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e .
	touch $@

$(VENV)/.develop: $(VENV)/.score
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e ".[train,review,dev]"
	touch $@

score: $(VENV)/.score
	$(BIN)/scorer score $(IN) --out $(OUT)

test: $(VENV)/.develop
	$(BIN)/python -m pytest

lint: $(VENV)/.develop
	$(BIN)/ruff format --check scorer tests
	$(BIN)/ruff check scorer tests

types: $(VENV)/.develop
	$(BIN)/mypy scorer

check: lint types test

train: $(VENV)/.develop
	$(BIN)/scorer train --config configs/training.yaml --out $(MODEL)

calibrate: $(VENV)/.develop
	$(BIN)/scorer calibrate $(MODEL) --config configs/training.yaml

evaluate: $(VENV)/.develop
	$(BIN)/scorer evaluate $(MODEL) --config configs/training.yaml

# the local part of a version (+cpu) is left out, so that any index can serve it
lock: $(VENV)/.develop
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu//' > requirements.lock

clean:
	rm -rf $(VENV) out build dist *.egg-info
