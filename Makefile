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

.venv/.valgrind: .venv/.runtime
	@command -v valgrind >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && echo "Installing valgrind for the gate of speed ..." && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq valgrind >/dev/null; } \
	  || echo "There is no valgrind, so the gate of speed is left out: apt-get install valgrind"
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
	$(PYTEST) -n 4 -m long $(LONG)

# Modules whose tests read a page, most to type what it prints; CI always runs these.
PAGED = $(wildcard tests/console tests/e2e tests/integration tests/journeys tests/reliability tests/unit/cli tests/unit/standin tests/unit/author tests/unit/operate)
PAGES = $(shell grep -rlE --include='test_*.py' 'e2e\.(page|test_backtest) |README\.md|"docs"' $(PAGED))
# What decides in these folders is rules, factors, proofs: nothing serves, stores or reads an applicant.
CORE = $(wildcard tests/edits tests/fuzz tests/unit/factors tests/unit/rules)
WHEEL = tests/e2e/test_wheel.py
LONG = $(shell grep -rl --include='test_*.py' 'mark\.long' tests)
LONG_CORE = $(filter $(CORE:%=%/%) tests/unit/author/test_proofs%,$(LONG))

.PHONY: pages
pages: $(TEST_TOOLS) ## Run the tests that read pages and type what they print
	$(PYTEST) -n 3 $(PAGES)

.PHONY: short-rest
short-rest: $(TEST_TOOLS) ## Run the tests that are not long, without those of pages
	$(PYTEST) -n 3 -m "not long" $(PAGES:%=--ignore=%)

.PHONY: long-core
long-core: .venv/.dev ## Run the long tests of rules, factors and proofs
	$(PYTEST) -n 2 -m long $(LONG_CORE)

.PHONY: long-rest
long-rest: $(TEST_TOOLS) ## Run the other long tests, without those of pages
	$(PYTEST) -n 4 -m long $(filter-out $(PAGES) $(LONG_CORE) $(WHEEL),$(LONG))

.PHONY: check-wheel
check-wheel: .venv/.dev ## Install the package alone, built in isolation, and decide
	$(BIN)/pytest -q -n 0 $(WHEEL)

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

.PHONY: packages
packages: .venv/.audit ## What of `make audit` CI asks: nothing to compare with passes
	@$(BIN)/python -m lint.licences
	@$(BIN)/python -m lint.audit || test $$? = 3

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
	$(BIN)/python -m lint.schemas check
	$(DECISION) rules factors --format markdown | diff - docs/factors.md
	$(DECISION) config sample --check deploy/decision-service.yaml
	$(BIN)/python -m lint.floors | diff - docs/floors.svg

.PHONY: gate
gate: .venv/.dev .venv/.valgrind ## Hold rules, factors, a warm decision to their recorded speed
	@$(BIN)/python -m bench.gate

# .ci/checks.toml lists the checks, lint/checks.py runs those whose inputs changed (ALL=--all: whatever changed).
ALL ?=

.PHONY: check
check: .venv/.runtime ## What CI runs of the service, where it changed (ALL=--all)
	@$(BIN)/python -m lint.checks $(ALL) service

.PHONY: check-all
check-all: .venv/.runtime ## What CI runs: check and check-deploy at once
	@$(BIN)/python -m lint.checks $(ALL)

.PHONY: record-green
record-green: .venv/.runtime ## Run what is due as CI does, and record what is green
	@CI=1 $(MAKE) --no-print-directory check-all ALL="$(ALL) --record"

##@ Measure
.PHONY: oracle
oracle: .venv/.dev ## Compare with slow readings on 210,000 cases (15 minutes)
	ORACLE_CASES=100000 $(BIN)/pytest -q -n 2 --dist load tests/unit/rules/test_evaluation.py
	PROVE_CASES=100000 $(BIN)/pytest -q -n 2 --dist load tests/unit/author/test_proofs_trust.py \
	  -k test_terms_compute_what_the_evaluator_decides
	ORACLE_APPLICANTS=10000 ORACLE_FACTORS=60 $(BIN)/pytest -q -n 2 --dist load tests/unit/factors/test_oracle.py

SHIPPED = tests/unit/author/shipped_guarantees.py
.PHONY: prove-short
prove-short: .venv/.dev ## Prove and attack the shipped guarantees
	$(BIN)/pytest -q -n 2 --dist load $(SHIPPED)

.PHONY: prove
prove: .venv/.dev ## Prove the shipped guarantees, and long claims (5 minutes)
	PROVE_ALL=1 $(BIN)/pytest -q -n 2 --dist load tests/unit/author/test_proofs_*.py $(SHIPPED)

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

# Made by the date unless SEED is given; what draws by a seed names FIRST or Hypothesis.
DAY := $(if $(filter file,$(origin SEED)),$(shell date -u +%Y%m%d),$(SEED))
DRAWN = $(shell grep -rlE --include='test_*.py' '^from hypothesis|examples import .*FIRST|examples\.FIRST' tests)
AGAIN = The seed of the day is $(DAY). To repeat it: make day SEED=$(DAY)

.PHONY: day
day: .venv/.dev ## Draw other examples, by the date or SEED=20261203
	@echo "$(AGAIN)"
	@SEED_OF_DAY=$(DAY) EXAMPLES=all $(PYTEST) -n 2 --hypothesis-seed=$(DAY) $(DRAWN) || { echo "$(AGAIN)"; exit 1; }
	@$(BIN)/python -m bench.reliability --seed $(DAY) --minutes 0.3 --slack 10 --store sqlite --only $(IN_SHORT) \
	  || { echo "$(AGAIN)"; exit 1; }

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
# Each sub-folder of deploy/ has its own targets; its dependency groups it adds to DEPLOY_GROUPS.
include $(wildcard deploy/*/*.mk)

.PHONY: check-deploy
check-deploy: .venv/.runtime ## What CI runs of deploy/ and clients/, where it changed
	@$(BIN)/python -m lint.checks $(ALL) deploy
