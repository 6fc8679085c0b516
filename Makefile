# The two commands of the README. Each makes its own environment from the tested versions in constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BENCH := $(CURDIR)/.deskloop/bench-answers
EFFORT ?= quick
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint bench bench-answers fetch clean help

help:
	@echo "make demo   the whole loop on the sample shop, then dashboard and chat"
	@echo "make test   all tests"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make bench  the benchmarks that need no outside data"
	@echo "make bench-answers   the sample shop's answers, trained and measured in folders of their own"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install --quiet --progress-bar on --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) install --quiet --progress-bar on --constraint constraints.txt --editable '.[dev]'
	@touch $@

fetch: $(VENV)/.demo
	$(BIN)/deskloop fetch

demo: fetch
	$(BIN)/deskloop demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/deskloop fetch
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.demo
	$(BIN)/deskloop fetch
	$(BIN)/deskloop bench pipeline $(ARGS)

bench-answers: fetch
	rm -rf $(BENCH)/home
	DESKLOOP_HOME=$(BENCH)/home DESKLOOP_MODELS=$${DESKLOOP_MODELS:-$(CURDIR)/.deskloop/models} $(BIN)/deskloop demo --once --effort $(EFFORT)
	$(BIN)/python benchmarks/shop.py $(BENCH)/home $(BENCH)
	$(BIN)/deskloop bench answers --config $(BENCH)/home/demo/deskloop.yaml --bundle $(BENCH)/bundle \
	  --knowledge $(BENCH)/answers_shop_knowledge.jsonl --cases $(BENCH)/answers_shop_cases.jsonl \
	  --validation $(BENCH)/answers_shop_validation.jsonl --labels benchmarks/shop/labels.jsonl $(ARGS)

clean:
	rm -rf $(VENV) .deskloop build dist *.egg-info
