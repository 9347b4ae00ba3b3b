# What people run. How it is done is in tools/; every target works without another before it.
#   make up VOD_PORT=8481      the local VOD on another port
#   make up PYTHON=python3.12  another Python for the environment

PYTHON ?= python3
export VOD_PORT

VENV = .venv/bin
SCRIPTS = tools/engine/ensure
# What mypy cannot look at together, since each is a module __main__.
PROGRAMS = $(SCRIPTS) __main__.py $(wildcard examples/*/__main__.py)

.PHONY: help up preview refresh shell down test test-engines check unit docs dist plugin fuzz soak mutants bench fmt lock clean environment engine browser

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST))

up: ## From nothing to an audio: environment, engine, local VOD, sample video, pulumi up
	@$(PYTHON) -B -m tools.main_job up

preview: ## Show what `make up` would do
	@$(PYTHON) -B -m tools.main_job preview

refresh: ## Take what VOD holds into the state
	@$(PYTHON) -B -m tools.main_job refresh

shell: ## A shell with this clone's Pulumi, its state and its passphrase, to try the examples in
	@$(PYTHON) -B -m tools.main_job shell

down: ## Remove the audio, end the local VOD
	@$(PYTHON) -B -m tools.main_job down

test: ## Run everything: check, then all tests
	@# At once: most of this loads things, or keeps one core busy, while the engine is built for minutes.
	@$(MAKE) --no-print-directory -j 3 engine environment browser check
	@# Two for each core: the tests of the engine mostly wait.
	$(VENV)/pytest -q -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist worksteal

test-engines: environment ## The tests that use the engine, with each version in tools/engine/releases
	@for version in $(notdir $(wildcard tools/engine/releases/*)); do echo "Pulumi $$version"; \
		PULUMI_ENGINE_VERSION=$$version $(MAKE) --no-print-directory engine && \
		PULUMI_ENGINE_VERSION=$$version $(VENV)/pytest -q -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist worksteal \
			tests/engine || exit 1; done

check: environment ## Linter, types, and which module may import which
	$(VENV)/ruff format --check --quiet . $(SCRIPTS)
	$(VENV)/ruff check --quiet . $(SCRIPTS)
	$(VENV)/mypy
	@for program in $(PROGRAMS); do MYPYPATH=$$(dirname "$$program") $(VENV)/mypy --no-error-summary "$$program" || exit 1; done
	$(VENV)/lint-imports --no-logo

unit: environment ## The fast tests alone
	$(VENV)/pytest -q tests/unit tests/tools

docs: environment ## The documentation as a site, in .local/docs
	$(VENV)/python -m sphinx -W --keep-going -q -d .local/doctrees docs .local/docs
	@echo "The site is .local/docs/index.html"

dist: environment ## Build and check the sdist and the wheel, in dist
	@$(VENV)/python -m tools.dist

fuzz: environment ## Garbage against both sides of VOD's API, FUZZ_TIMES=50 times as much as `make test` sends
	FUZZ_TIMES=$${FUZZ_TIMES:-50} $(VENV)/pytest -q -s -n $$(getconf _NPROCESSORS_ONLN) --dist worksteal tests/fuzz

plugin: environment ## Make the native plugin's archive and SDKs for a release from dist, in dist/plugin
	@$(VENV)/python -m tools.plugin

soak: environment engine ## 200 runs broken off at random, and what that costs; takes about half an hour
	$(VENV)/python -m tests.soak

mutants: environment ## Break the code on purpose, 8 changes drawn of each module, and see the fast tests notice
	$(VENV)/python -m tests.mutants

bench: environment engine ## Measure everything side by side; takes most of an hour, wants a machine of its own
	$(VENV)/python -m bench

fmt: environment ## Format the code
	$(VENV)/ruff check --fix --quiet . $(SCRIPTS)
	$(VENV)/ruff format . $(SCRIPTS)

lock: ## Resolve the locks in requirements/ again
	@$(PYTHON) -B -m tools.environment lock

clean: ## Remove the environment and all that is kept in .local
	@$(PYTHON) -B -m tools.main_job stop
	rm -rf .local .venv Pulumi.dev.yaml .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist

environment:
	@$(PYTHON) -B -m tools.environment test

engine: # here, where its minutes can be seen passing
	@$(PYTHON) -B tools/engine/ensure > /dev/null

browser:
	@$(PYTHON) -B -m tools.browser
