# make run     the panel on http://127.0.0.1:8000   (PORT, DATA_DIR, ADMIN_PASSWORD, DEMO=0, DATABASE_URL)
# make test    all tests                            (ARGS='-k renewal' picks some)
# make campaign  the proof that no wallet loses, mints or doubles a cent   (SEED and sizes: docs/proof.md)
# make check   everything that reads the code: lint, types, templates, imports, migrations, deployment settings
# make bench    how fast money moves, as ratios to PostgreSQL's own benchmark   (ROUNDS, SECONDS; writes docs/benchmarks.md)
# make format  lay out the code as `check` wants it
# make demo    the demo data, into the database of a running panel
# make lock    pin requirements/ anew from pyproject.toml (needs uv; UPGRADE=1 takes newer versions)
# make clean   remove the environment and the caches, but no data
#
# PYTHON=/path/to/python3.12 says which Python the environment in .venv is built with.

SHELL := /bin/sh
BIN := .venv/bin
APPS := ispanel audit accounts wallet network plans resellers billing notifications subscribers reports api
WORKERS ?= 2
UV ?= uv

# The settings with which production would start, for the checks that need some.
PRODUCTION := SECRET_KEY=only-for-the-checks-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF \
	ENCRYPTION_KEYS=check:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing ALLOWED_HOSTS=panel.example.com \
	HTTPS_ONLY=true DJANGO_SETTINGS_MODULE=ispanel.settings

.PHONY: run test campaign bench check format demo lock clean

run: .venv/run-ready
	@exec $(BIN)/python -m ispanel.run

test: .venv/develop-ready
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

campaign: .venv/develop-ready
	@$(BIN)/python -m tests.campaign $(PARTS)

bench: .venv/bench-ready
	@$(BIN)/python -m tests.benchmarks

check: .venv/develop-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PRODUCTION) $(BIN)/mypy $(APPS)
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/lint-imports
	$(PRODUCTION) DATABASE_URL=django.db.backends.dummy:/// $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py write_schema --check
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: .venv/develop-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: .venv/run-ready
	$(BIN)/python manage.py load_demo

# No index address may get into the pins: each machine has its own.
PIN := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
lock:
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/' >&2; exit 1; }
	$(PIN) pyproject.toml --output-file requirements/base.txt
	$(PIN) pyproject.toml --extra dev --constraint requirements/base.txt --output-file requirements/dev.txt
	$(PIN) pyproject.toml --extra dev --extra bench --constraint requirements/dev.txt --output-file requirements/bench.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache static-build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment. The pins are installed when they have changed, those for development when they are needed.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:

.venv/run-ready: requirements/base.txt .venv/pyvenv.cfg
	@echo 'Installing what the panel needs into .venv …'
	@$(INSTALL) --requirement $<
	@touch $@

.venv/develop-ready: requirements/dev.txt requirements/base.txt .venv/pyvenv.cfg
	@echo 'Installing what development needs into .venv …'
	@$(INSTALL) --requirement $<
	@touch $@ .venv/run-ready

# What is only held against the panel may come as source, which pip builds.
.venv/bench-ready: requirements/bench.txt .venv/develop-ready
	@echo 'Installing what the benchmarks compare with into .venv …'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# A command of the right name may be there and not work (pyenv has such), so each is tried.
.venv/pyvenv.cfg:
	@for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python); do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
			"$$python" -c 'import ensurepip, venv' 2>/dev/null \
				|| { echo "$$python has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
			exec "$$python" -m venv .venv; \
		fi; \
		version=$$("$$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) \
			&& seen="$$seen, $$python is $$version"; \
	done; \
	echo "ISPanel needs Python 3.11, 3.12 or 3.13$${seen:+ ($${seen#, })}. Install one, or name it: make run PYTHON=/path/to/python3.12" >&2; \
	exit 1
