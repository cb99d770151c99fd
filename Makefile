# Needs python3 >= 3.11 with pip, git and make; everything else goes into .tools and .venv here.

# Asked before PATH is changed below. sys.executable, because `python3` may be a version manager's shim.
PYTHON := $(shell python3 -c 'import sys; print(sys.executable)' 2>/dev/null)
# Empty where uv is on PATH: then there is nothing to bootstrap.
UV := $(if $(shell command -v uv 2>/dev/null),,.tools/bin/uv)
READY := .venv/ready

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/bin:$(PATH)
# Where pyenv keeps its interpreters, for tox; after all others.
export PATH := $(PATH):$(subst $() ,:,$(wildcard $(HOME)/.pyenv/versions/*/bin))
# The environment is this project's own, whatever is active in the caller's shell.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
# Trust the certificates that this machine trusts, as pip does: there may be a proxy in between.
export UV_SYSTEM_CERTS := 1
# uv installs what the lock says and never rewrites it; `make lock` does.
export UV_FROZEN := 1
unexport VIRTUAL_ENV CONDA_PREFIX UV_PYTHON
# The tests start hundreds of servers, each of which would compile Pyramid again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help hooks serve test lint types docs site links coverage tox ci-matrix apps first-hour wheels compiled-wheels release bench bench-publish instructions format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

hooks: $(READY) ## have git run the quick checks before each commit
	@pre-commit install

serve: $(READY) ## serve the demo application
	pserve examples/demo/development.ini

test: $(READY) ## run every check: what lint does, then all tests
	@$(MAKE) --no-print-directory --jobs=3 lint rewritten prepared
	@echo "==> pytest"
	@pytest -n auto --dist worksteal

# pytest rewrites and compiles each module of tests when it first sees it, otherwise in all of its
# processes at once. It is the next step that reports what is wrong with one.
.PHONY: rewritten
rewritten: $(READY)
	@pytest --collect-only --quiet >/dev/null 2>&1 || true

# The linters leave a processor idle. Where something cannot be had, the tests that want it say so.
.PHONY: prepared
prepared: $(READY)
	@PYTHONPATH=tools python tests/support/prepare.py

lint: $(READY) types ## check registry names, lock, style, types, imports between packages and phrases
	@echo "==> looking for names of package registries"
	@python tools/check_neutral.py
	@echo "==> checking uv.lock"
	@python tools/lock.py --check
	@echo "==> ruff"
	@ruff check
	@ruff format --check
	@echo "==> import-linter"
	@lint-imports --no-logo
	@echo "==> phrases"
	@python tools/phrases.py

types: $(READY) ## check types only
	@echo "==> mypy"
	@python -W ignore:pkg_resources:UserWarning -m mypy # its plugin imports Pyramid, which warns

docs: $(READY) ## check the documents: code, configuration, links, spelling, phrases, the site
	@echo "==> documents"
	@pytest tests/test_documents.py tests/test_site.py tests/tools/test_spelling.py tests/tools/test_phrases.py

site: $(READY) ## build the documentation site into build/site
	@echo "==> building the site"
	@sphinx-build --fail-on-warning --keep-going --quiet -c docs -d build/doctrees . build/site
	@echo "open build/site/index.html"

links: $(READY) ## ask the other sites that the documents link to whether the pages are there
	@echo "==> links to other sites"
	@sphinx-build --quiet -b linkcheck -c docs -d build/doctrees . build/links

coverage: $(READY) ## measure what the packages' own tests reach, in lines and branches
	@coverage erase
	@coverage run -m pytest -n auto --dist worksteal packages/*/tests meta/tests
	@# A server that had to be killed leaves a broken file; what the others have measured counts.
	-@coverage combine --quiet
	@coverage report

tox: $(READY) ## test each package alone, on every Python, with lowest versions; ENV=core-3.12 for one
	@tox run $(if $(ENV),-e $(ENV))

ci-matrix: $(READY) ## what a scheduled job runs: make tox, which fails here if a Python is missing
	@tox run --skip-missing-interpreters false $(if $(ENV),-e $(ENV))

apps: $(READY) ## drive published applications on our worker and on gthread; APP=kinto for one
	@python tests/applications/run.py $(if $(MIXED),--mixed) build/apps $(APP)

first-hour: $(READY) ## do what a newcomer does, from pip install to the container, and measure the minutes
	@python tools/first_hour.py

bench: $(READY) ## compare speed with other bridges and servers, in build/bench; QUICK=1 for a try
	@python benchmarks/compare.py $(if $(QUICK),--quick build/bench-quick,build/bench)

bench-publish: $(READY) ## put what `make bench` has measured into the repository and the documents
	@python benchmarks/charts.py --publish build/bench

instructions: $(READY) ## fail if a request takes more instructions than published; UPDATE=1 publishes
	@python benchmarks/instructions.py $(if $(UPDATE),--update)

wheels: $(READY) ## build all distributions, look into them, install each one alone
	@python tools/wheels.py

compiled-wheels: $(READY) ## build the wheels of the compiled form for each Python here, check and use them
	@python tools/compiled_wheels.py --into dist

release: $(READY) ## release one: PACKAGE=aiopyramid-core VERSION=1.0.1; DRY_RUN=1 (alone: all) rehearses
	@python tools/release.py $(PACKAGE) $(VERSION) $(if $(DRY_RUN),--dry-run)

format: $(READY) ## format the code and fix what ruff can fix
	@ruff check --fix
	@ruff format

lock: $(UV) ## lock the dependencies again; UPGRADE=1 takes new versions
	@echo "==> locking"
	@"$(PYTHON)" tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what these targets made: environments, tools, caches
	rm -rf .venv .tools .tox build .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The third-party packages, by hash; then the workspace's own, built by the hatchling just installed.
$(READY): $(UV) uv.lock $(wildcard pyproject.toml packages/*/pyproject.toml meta/pyproject.toml examples/*/pyproject.toml) | python
	@echo "==> installing the locked packages into .venv"
	@uv venv --quiet --allow-existing --python "$(PYTHON)" .venv
	@uv export --quiet --all-packages --no-emit-workspace --output-file .venv/requirements.txt
	@uv pip sync --quiet --python .venv --require-hashes .venv/requirements.txt
	@uv sync --quiet --all-packages --no-build-isolation
	@touch $@

.tools/bin/uv: | python
	@echo "==> uv is not on PATH: installing it into .tools"
	@"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target .tools uv

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "python3 is not on PATH: install Python 3.11 or newer." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "python3 is older than 3.11 ($(PYTHON)): put a newer python3 first on PATH." >&2; exit 1; }
