# make demo        a live console on an embedded PostgreSQL and PgBouncer; ARGS="--scale 3" passes options
# make test        the quick tests on PostgreSQL 15 and 18 in turn, in parallel; ARGS="-k locks" passes options to pytest
# make test-all    all tests, the slow ones too, on every PostgreSQL and PgBouncer that is available
# make frames      writes the expected screens and the generated parts of the documents
# make bench       measures the console beside its peers; BENCH=queries ARGS="URI" runs another benchmark

SHELL := /bin/sh
# Every worker imports all tests: with their bytecode kept, half the work of it is done once.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-servers system-servers check lint bench frames screenshots clean

PYTHON := $(shell for one in python3.13 python3.12 python3.11 python3 python; do \
	if $$one -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then command -v $$one; break; fi; done)
BIN := .venv/bin
# Tests wait for servers most of the time: more workers than processors.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) * 5 / 2 )))
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:
	@sed -n 's/^# make/make/p' Makefile

.venv/.made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed and was not found (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made pyproject.toml
	@echo "Installing the console and its dependencies"
	@$(PIP) --editable '.[cache]'
	@touch $@

.venv/.test: .venv/.made pyproject.toml
	@echo "Installing the console with what its tests need"
	@$(PIP) --editable '.[test]'
	@touch $@ .venv/.runtime

demo: .venv/.runtime
	@exec $(BIN)/pipeline-console demo $(ARGS)

# The system's own server, pooler and cache, where installing them asks no question; the suite says what it runs without.
system-servers: .venv/.test
	@$(BIN)/python -m console.demo.packages --missing postgresql pgbouncer redis-server || true
	@for major in $$(ls /usr/lib/postgresql 2>/dev/null); do \
	$(BIN)/python -m console.demo.packages --missing postgresql-$$major-repack postgresql-$$major-hypopg || true; \
	$(BIN)/python -m console.demo.packages --missing postgresql-$$major-cron postgresql-$$major-partman || true; \
	$(BIN)/python -m console.demo.packages --missing postgresql-$$major-pg-wait-sampling || true; done

test-servers: .venv/.test system-servers
	@$(BIN)/python -m scripts.fetch_test_servers

test: .venv/.test system-servers
	@$(BIN)/python -m scripts.fetch_test_servers 15 18 || true
	@$(PYTEST) -m "not slow" --once $(ARGS)

test-all: .venv/.test system-servers
	@$(BIN)/python -m scripts.fetch_test_servers || true
	@$(PYTEST) -m "not brief" --pg all --poolers all $(ARGS)

lint: .venv/.test
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

check: lint test

bench: .venv/.test
	@$(BIN)/python -m scripts.benchmarks $(or $(BENCH),console) $(ARGS)

frames: .venv/.test
	@$(BIN)/python -m pytest tests/test_frames.py tests/test_docs.py --update-frames $(ARGS)

screenshots: .venv/.test
	@$(BIN)/python -m scripts.screenshots $(ARGS)

clean:
	rm -rf .venv .servers .mypy_cache .pytest_cache .ruff_cache build dist
