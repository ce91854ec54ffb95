# Every target sets up what it needs on a machine with Python 3.11 or newer, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
DECISION := $(BIN)/decision-service
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What was compiled once is kept: some ten seconds of each process of tests, a second of each command.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

##@ First steps
.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A line a package while pip works; what pip complains of goes to stderr, and its exit code is kept.
INSTALL = show() { while read -r word name rest; do case $$word in \
  Collecting) echo "  $$name";; Installing) echo "  ... unpacking ...";; Exit) exit $$name;; esac; done; }; \
  install() { { $(BIN)/pip install --progress-bar off "$$@"; echo "Exit $$?"; } | show; }; install

.venv/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] + ": call make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@echo "Installing what the service needs into .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.runtime
	@echo "Installing what the tests need into .venv ..."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

# What a part needs beside that: the dependency group of its name.
.venv/.%: requirements/%.txt .venv/.dev
	@echo "Installing what $* needs into .venv ..."
	@$(INSTALL) --require-hashes -r $<
	@touch $@

.venv/.audit: .venv/.bench

.venv/.browser: .venv/.runtime
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && echo "Installing Chromium for the browser tests ..." && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
	  || echo "There is no Chromium, so the browser tests are skipped: apt-get install chromium"
	@touch $@

NODE_LIBRARIES := tests/e2e/axe tests/e2e/oidc
.venv/.node: $(NODE_LIBRARIES:%=%/package-lock.json) .venv/.runtime
	@command -v npm >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && echo "Installing Node.js for tests ..." && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; } \
	  || echo "There is no npm, so the tests that need it are skipped: install Node 18 or newer"
	@! command -v npm >/dev/null || for folder in $(NODE_LIBRARIES); do \
	  npm ci --prefix $$folder --ignore-scripts --no-audit --no-fund --silent \
	  || echo "npm could not install the libraries of $$folder, so its tests are skipped"; done
	@touch $@

.PHONY: demo
demo: .venv/.runtime ## Decide for the four sandbox people and show how it went
	@$(DECISION) sandbox demo

.PHONY: serve
serve: .venv/.runtime ## Serve gRPC with the embedded Smile stand-in until Ctrl-C
	@$(DECISION) serve

.PHONY: console
console: .venv/.runtime ## Open the console on made-up people until Ctrl-C
	@$(DECISION) sandbox console

##@ Develop
.PHONY: setup
setup: .venv/.dev ## Make .venv from the hash-locked requirements

.PHONY: proto
proto: .venv/.dev ## Generate decision_service/api/v1 from protos/
	$(BIN)/python -m protos.build generate

.PHONY: lock
# httpx2-jsfetch is for browsers, where gRPC is not.
RESOLVE = $(COMPILE) pyproject.toml
COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-package httpx2-jsfetch --quiet --custom-compile-command "make lock"
lock: ## Resolve requirements anew (needs uv)
	$(RESOLVE) --group dev --all-extras -o requirements/dev.txt
	$(RESOLVE) --group bench -c requirements/dev.txt -o requirements/bench.txt
	for group in audit $(DEPLOY_GROUPS); do $(RESOLVE) --group $$group \
	  -c requirements/dev.txt -c requirements/bench.txt -o requirements/$$group.txt || exit 1; done
	for extra in console otel ray workbench; do $(RESOLVE) --extra $$extra -c requirements/dev.txt \
	  -o requirements/$$extra.txt || exit 1; done
	$(COMPILE) --group pyproject.toml:clients -c requirements/dev.txt -o requirements/clients.txt
	$(RESOLVE) --group build --extra console -c requirements/dev.txt -o requirements/runtime.txt
	$(RESOLVE) --group build --extra otel --extra console -c requirements/dev.txt -o requirements/image.txt

.PHONY: pictures
pictures: .venv/.dev .venv/.browser ## Take the pictures of docs/ anew
	PYTHONPATH=. $(BIN)/python docs/pictures/impact.py
	PYTHONPATH=. $(BIN)/python docs/pictures/console.py
	PYTHONPATH=. $(BIN)/python docs/pictures/monitor.py

.PHONY: clean
clean: ## Remove .venv, caches, dist and demo databases
	rm -rf .venv .stack $(NODE_LIBRARIES:%=%/node_modules) clients/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache tests/output dist
	rm -f demo.db demo.db-wal demo.db-shm demo.db.lock
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Check
# A module's tests run in one process, in the order of the folder, so that what they share is made once. Long ones wait
# for processes, so that more than a core's worth of them run at once.
PYTEST = $(BIN)/pytest --dist loadscope --no-loadscope-reorder
TEST_TOOLS := .venv/.dev .venv/.browser .venv/.node

.PHONY: test
test: $(TEST_TOOLS) ## Run the tests, long ones aside (EXAMPLES=all: all examples)
	$(PYTEST) -n 3 -m "not long"

.PHONY: test-long
test-long: $(TEST_TOOLS) ## Run the long tests: proofs, populations, clusters, kills
	$(PYTEST) -n 4 -m long $$(grep -rl --include='test_*.py' 'mark\.long' tests)

.PHONY: stories
stories: .venv/.dev ## Decide the applicants of tests/stories (ONLY=loan-pay-cut)
	$(BIN)/pytest -q -n 2 tests/stories -k "$(ONLY)"

.PHONY: sabotage
sabotage: .venv/.dev ## Plant faults, which tests must notice (ONLY=payday)
	PYTHONPATH=. $(BIN)/python -m tests.sabotage $(ONLY)

.PHONY: letters
letters: .venv/.dev ## Print tests/cases/letters anew, from the stories
	PYTHONPATH=. $(BIN)/python -m tests.kits.letters

ADVISORIES ?=
.PHONY: audit
audit: .venv/.audit ## List licences; compare packages with ADVISORIES or kept ones
	@$(BIN)/python -m lint.licences
	@$(BIN)/python -m lint.audit $(ADVISORIES)

.PHONY: advisories
advisories: .venv/.dev ## Take kept advisories anew from osv.dev or ADVISORIES
	@$(BIN)/python -m lint.advisories $(ADVISORIES)

.PHONY: lint
lint: .venv/.dev ## Check style, floors, size, public ground, protos, rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m lint.public_ground
	$(BIN)/python -m lint.budget
	$(BIN)/python -m lint.plain
	$(BIN)/python -m lint.released
	$(BIN)/python -m protos.build lint
	$(DECISION) rules check --strict rules

SHIPPED_RULES = $(patsubst rules/%/rollout.yaml,constants-%,$(wildcard rules/*/rollout.yaml))
.PHONY: constants
constants: $(SHIPPED_RULES) ## Check that tests notice each constant of the shipped rules
constants-%: .venv/.dev
	$(DECISION) rules test rules/$* --fail-under 100 --fail-under-figures 100

.PHONY: types
types: .venv/.dev ## Check types
	$(BIN)/mypy

.PHONY: drift
drift: .venv/.dev ## Check that generated files are what their sources give
	$(BIN)/python -m protos.build check
	$(DECISION) rules schema --check rules/_schema/ruleset.schema.json
	$(DECISION) rules schema --of tests --check rules/_schema/tests.schema.json
	$(DECISION) rules schema --of shared --check rules/_schema/shared.schema.json
	$(DECISION) rules schema --of plan --check rules/_schema/plan.schema.json
	$(DECISION) rules schema --of desk --check rules/_schema/desk.schema.json
	$(DECISION) rules factors --format markdown | diff - docs/factors.md
	$(DECISION) config sample --check deploy/decision-service.yaml
	$(BIN)/python -m lint.floors | diff - docs/floors.svg

.PHONY: check
check: $(TEST_TOOLS) .venv/.audit ## What CI runs of the service, in CI's order
	@$(MAKE) --no-print-directory -j 2 --output-sync=target constants types lint drift
	@$(BIN)/python -m lint.licences
	@$(BIN)/python -m lint.audit || test $$? = 3  # nothing to compare with, which it says
	@$(MAKE) --no-print-directory reliability-short prove-short test-long test

##@ Measure
.PHONY: oracle
oracle: .venv/.dev ## Compare with slow readings on 210,000 cases (15 minutes)
	ORACLE_CASES=100000 $(BIN)/pytest -q -n 2 --dist load tests/unit/rules/test_evaluation.py
	PROVE_CASES=100000 $(BIN)/pytest -q -n 2 --dist load tests/unit/proofs/test_agreement.py
	ORACLE_APPLICANTS=10000 ORACLE_FACTORS=60 $(BIN)/pytest -q -n 2 --dist load tests/unit/factors/test_oracle.py

SHIPPED = tests/unit/proofs/shipped_guarantees.py
.PHONY: prove-short
prove-short: .venv/.dev ## Prove and attack the shipped guarantees
	$(BIN)/pytest -q -n 2 --dist load $(SHIPPED)

.PHONY: prove
prove: .venv/.dev ## Prove the shipped guarantees, and long claims (5 minutes)
	PROVE_ALL=1 $(BIN)/pytest -q -n 2 --dist load tests/unit/proofs $(SHIPPED)

MINUTES ?= 5
SEED ?= 1
STORE ?= $(if $(SABOTAGE),sqlite,sqlite postgres)
RELIABILITY = $(BIN)/python -m bench.reliability --seed $(SEED) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

.PHONY: reliability
reliability: .venv/.dev ## Kill, cut, starve the service (MINUTES STORE SEED SABOTAGE)
	@for store in $(STORE); do $(RELIABILITY) --minutes $(MINUTES) --store $$store || exit 1; done

.PHONY: attack
attack: .venv/.dev ## Attack the service on both stores, and count what held
	@$(BIN)/python -m tests.attack

IN_SHORT = evidence faults host once limit deadlines webhooks erasure reviews kills
.PHONY: reliability-short
reliability-short: .venv/.dev ## Most of it in about three minutes, as CI runs it
	@$(RELIABILITY) --minutes 0.3 --slack 10 --store sqlite --only $(IN_SHORT)
	@$(RELIABILITY) --minutes 0.3 --slack 10 --store postgres --only once erasure reviews kills

.PHONY: bench
bench: .venv/.bench ## Measure against yardsticks (one part: ONLY=rules)
	@$(BIN)/python -m bench $(ONLY)

.PHONY: walk
walk: .venv/.dev ## Print the functions that a cold and a warm decision pass
	@$(BIN)/python -m bench.walk

##@ Deploy
# Each sub-folder of deploy/ has its own targets, which it adds to DEPLOY_CHECKS, and dependency groups, to DEPLOY_GROUPS.
include $(wildcard deploy/*/*.mk)

# The front is flooded alone; the other checks take turns on two cores.
.PHONY: check-deploy
check-deploy: $(DEPLOY_GROUPS:%=.venv/.%) .venv/.browser ## What CI runs of deploy/ and clients/
	@$(MAKE) --no-print-directory check-front
	@$(MAKE) --no-print-directory -j 2 --output-sync=target $(filter-out check-front,$(DEPLOY_CHECKS))
