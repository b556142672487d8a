# make score    set up, score the sample night (or IN=... OUT=...) with the shipped model
# make test     set up, run the tests, JOBS=2 at a time
# make check    formatting, linting, types, tests
# make soak     200 kills, 10,000 mutants, every file operation failing once, 500,000 calls of a night; an hour or so
# make bench    how fast a night is, beside a stock pipeline and the machine's limit; what start-up and safety cost; what
#               workers and Ray gain, what a night of a million shards costs the driver
# make report   write and open the morning report of the sample night (or OUT=...)
# make review   open the review app on it
# make retrain  verdicts into models/verdicts/ if there are any, then train, calibrate, evaluate, release: a new model, if it
#               passes the gate
# make train | calibrate | evaluate | release    the same, step by step: models/candidate/, thresholds, report, models/default
# make measure  how good the model in use is on calls that it never learnt from, or CALLS=your-labelled-calls.jsonl
# make rollback [TO=default-v1]    the version before (or that one) is models/default again
# make doubts   labels of the training calls that a person should look at again
# make learning-curve      what more labelled calls would buy

PYTHON ?= python3
IN ?= tests/sample_night
OUT ?= out/sample-night
MODEL ?= models/candidate
LIVE ?= models/default
TRAINING ?= configs/training.yaml
CALLS ?= models/short-dev.jsonl models/kinds-dev.jsonl
REVIEWS ?= reviews.sqlite
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: score report review test check lint types soak bench train calibrate evaluate measure release retrain rollback doubts learning-curve lock clean
.DEFAULT_GOAL := score

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.score: $(BIN)/python pyproject.toml requirements.lock
	@echo "setting up: some minutes the first time"
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e .
	touch $@

$(VENV)/.review: $(VENV)/.score
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e ".[review]"
	touch $@

$(VENV)/.develop: $(VENV)/.score
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e ".[train,review,ray,dev]"
	touch $@

score: $(VENV)/.score
	$(BIN)/scorer score $(IN) --out $(OUT)

report: score
	$(BIN)/scorer report $(OUT)
	-$(BIN)/python -m webbrowser -t "file://$(abspath $(OUT))/report.html"

review: $(VENV)/.review score
	$(BIN)/scorer review $(OUT) --db $(REVIEWS)

test: $(VENV)/.develop
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

lint: $(VENV)/.develop
	$(BIN)/ruff format --check scorer tests
	$(BIN)/ruff check scorer tests

types: $(VENV)/.develop
	$(BIN)/mypy scorer

check: lint types test

soak: $(VENV)/.develop
	SCORER_SOAK=1 $(BIN)/python -m pytest tests/test_unattended.py tests/test_skew.py tests/test_same_results.py tests/engines

bench: $(VENV)/.develop
	rm -f out/bench.json
	$(BIN)/python tests/benchmarks/scoring.py
	$(BIN)/python tests/benchmarks/growth.py
	$(BIN)/python tests/benchmarks/growth.py models/default 1000
	$(BIN)/python tests/benchmarks/overhead.py
	$(BIN)/python tests/benchmarks/engines.py

train: $(VENV)/.develop
	$(BIN)/scorer train --config $(TRAINING) --out $(MODEL)

calibrate: $(VENV)/.develop
	$(BIN)/scorer calibrate $(MODEL) --config $(TRAINING)

evaluate: $(VENV)/.develop
	$(BIN)/scorer evaluate $(MODEL) --config $(TRAINING) --against $(LIVE)

measure: $(VENV)/.develop
	$(BIN)/scorer measure $(LIVE) $(CALLS) --config $(TRAINING)

release: $(VENV)/.develop
	$(BIN)/scorer release $(MODEL) --config $(TRAINING) --live $(LIVE)

rollback: $(VENV)/.develop
	$(BIN)/scorer rollback --live $(LIVE) $(if $(TO),--to $(TO))

doubts: $(VENV)/.develop
	$(BIN)/scorer doubts --config $(TRAINING)

learning-curve: $(VENV)/.develop
	$(BIN)/scorer learning-curve --config $(TRAINING) --out out/learning-curve

retrain: $(VENV)/.develop
	if [ -f $(REVIEWS) ]; then $(BIN)/scorer review export models/verdicts --db $(REVIEWS); fi
	$(MAKE) train
	$(MAKE) calibrate
	$(MAKE) evaluate
	$(MAKE) release

# the local part of a version (+cpu) is left out, so that any index can serve it
lock: $(VENV)/.develop
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu//' > requirements.lock

clean:
	rm -rf $(VENV) out build dist *.egg-info
