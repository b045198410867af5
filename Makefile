# make demo   a recorded run, analysed: needs no cluster        make e2e   from a bare machine to a verdict
# make test   every test that needs no cluster                  make up / down   the cluster alone
# make check / fix   read only / repairs what it can            make down NAME=mine   one cluster of several
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CYCLES ?= 5
PYTEST_ARGS ?=

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 3; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: apt-get install python3-venv"; exit 3; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: venv
venv: $(VENV)/.installed ## the virtual environment alone

ALONE := tests/unit/load/test_truth.py

.PHONY: test
test: venv ## every test that needs no cluster
	@# Three on two cores: many of them wait for a process of their own. Columns of a test are short: threads of polars cost more.
	@# Bytecode is written whatever the environment says: else each worker rewrites every test module, and each start of a command
	@# compiles the harness. Neighbours stay on one worker (worksteal): what a module makes once is made once.
	PYTHONDONTWRITEBYTECODE= POLARS_MAX_THREADS=1 $(BIN)/pytest -n 3 --dist worksteal --ignore=$(ALONE) $(PYTEST_ARGS)
	@# The generator is compared with the truth on a machine that has nothing else to do, as far as we can help it.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest $(ALONE) $(PYTEST_ARGS)

DEMO := artifacts/demo/S1

.PHONY: demo
demo: venv ## a recorded run, analysed here: its verdict and its page; no cluster, no root
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	cp -r tests/data/s1-knative-1.23/. $(DEMO)
	env -u GITHUB_STEP_SUMMARY $(BIN)/knative-chaos analyze $(DEMO)

BENCH ?= full
BENCH_ARGS ?=

.PHONY: bench
bench: venv ## the generator beside other clients, the analysis at size, and, with a cluster, the price of observation: docs/benchmarks.md
	$(BIN)/python -m tests.bench $(BENCH) $(BENCH_ARGS)

JUDGE_ARGS ?=

.PHONY: probes-judge
probes-judge: venv ## the tables behind `probes` beside Knative's own code, on generated manifests: docs/probes.md
	$(BIN)/python -m tests.judge $(JUDGE_ARGS)

.PHONY: page-test
page-test: venv ## the report's page in a real Chromium; pictures of it in artifacts/page/
	@$(PYTHON) tests/page/chromium.py
	$(BIN)/pytest tests/page -m page $(PYTEST_ARGS)

.PHONY: monitoring-test
monitoring-test: venv ## the Prometheus rules under promtool, of Debian's package if it is not on the PATH: docs/monitoring.md
	@$(BIN)/python -m tests.monitoring.programs
	$(BIN)/pytest tests/monitoring -m promtool $(PYTEST_ARGS)

.PHONY: check
check: venv ## lint, format, types, import contracts; changes nothing
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: fix
fix: venv ## what ruff can mend by itself
	$(BIN)/ruff check --no-cache --fix .
	$(BIN)/ruff format .

.PHONY: schema
schema: venv ## write the schemas of summary.json, experiment.json and of the advice in docs/ anew from their types
	$(BIN)/python -m harness.report.schema > docs/summary.schema.json
	$(BIN)/python -m harness.history.experiment_schema > docs/experiment.schema.json
	$(BIN)/python -m harness.advise.schema > docs/advice.schema.json

.PHONY: pins
pins: ## write requirements/dev.txt anew from pyproject.toml: hashes, no addresses
	$(PYTHON) -m venv $(VENV)-pins && $(VENV)-pins/bin/pip install --quiet --disable-pip-version-check uv
	$(VENV)-pins/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-emit-index-url \
	  --no-emit-find-links --no-header pyproject.toml --group dev -o requirements/dev.txt
	rm -rf $(VENV)-pins

# --- with a real cluster --------------------------------------------------------------------------------------------------
CHAOS := $(BIN)/knative-chaos
KN_ARGS ?=

.PHONY: doctor
doctor: venv ## what this machine lacks
	$(CHAOS) doctor

.PHONY: up
up: venv ## a cluster with Knative that served a request; makes only what is missing
	$(CHAOS) up $(KN_ARGS)

.PHONY: e2e
e2e: up ## everything, from a bare machine to a verdict and a report
	mkdir -p artifacts
	$(BIN)/pytest tests/scenarios -m scenario --kn-cycles=$(CYCLES) $(KN_ARGS) --junitxml=artifacts/junit.xml $(PYTEST_ARGS)

NAMES ?=
# Empty: measure again what is measured.
RESUME ?= --kn-resume
MORE := tests/scenarios/test_catalogue.py

.PHONY: scenarios
scenarios: up ## the other scenarios of the catalogue: NAMES="S2 S6", all without; goes on where it stopped; writes docs/scenarios.md
	mkdir -p artifacts
	@# A scenario that fails does not keep the page from being written, and the page does not hide that it failed.
	ruling=0; $(BIN)/pytest $(if $(NAMES),$(foreach name,$(NAMES),"$(MORE)::test_scenario[$(name)]"),$(MORE)) -m catalogue $(RESUME) \
	  $(KN_ARGS) --junitxml=artifacts/junit-scenarios.xml $(PYTEST_ARGS) || ruling=$$?; \
	$(CHAOS) scenarios --index docs/scenarios.md; exit $$ruling

MITIGATIONS := artifacts/mitigations
MITIGATIONS_ARGS ?=

.PHONY: mitigations
mitigations: up ## what helps against refused requests, side by side, about 40 min; goes on where it stopped; writes docs/mitigations.md
	@# A cell that lacks cycles does not keep the page from being written: it says "not measured" there.
	ruling=0; $(BIN)/python -m tests.bench.mitigations measure --out $(MITIGATIONS) $(MITIGATIONS_ARGS) || ruling=$$?; \
	$(BIN)/python -m tests.bench.mitigations page --out $(MITIGATIONS) > /dev/null || true; exit $$ruling

.PHONY: cluster-test cluster-beside cluster-alone
cluster-test: cluster-beside cluster-alone ## the machinery on the real thing: planted faults, clean-up, observers

cluster-beside: up ## of it, what measures nothing: side by side
	mkdir -p artifacts
	$(BIN)/pytest tests/cluster -m "cluster and beside" -n 3 $(KN_ARGS) --junitxml=artifacts/junit-beside.xml $(PYTEST_ARGS)

cluster-alone: up ## of it, what measures: one at a time
	mkdir -p artifacts
	$(BIN)/pytest tests/cluster -m "cluster and not beside and not monitoring" $(KN_ARGS) --junitxml=artifacts/junit-cluster.xml $(PYTEST_ARGS)

.PHONY: cluster-ci
cluster-ci: up ## of it, the few that .ci/run asks for: docs/ci.md
	mkdir -p artifacts
	$(BIN)/pytest tests/cluster -m "cluster and ci" $(KN_ARGS) --junitxml=artifacts/junit-cluster-ci.xml $(PYTEST_ARGS)

.PHONY: monitoring
monitoring: up ## the rules under a real Prometheus that scrapes the cluster, in three runs of S1 and of N1: docs/monitoring.md
	mkdir -p artifacts
	$(BIN)/pytest tests/cluster/test_monitoring.py -m monitoring $(KN_ARGS) --junitxml=artifacts/junit-monitoring.xml $(PYTEST_ARGS)

.PHONY: sceptic
sceptic: up ## S1, 20 cycles at 200 requests a second with the exact join: nothing may be left open
	mkdir -p artifacts
	$(BIN)/pytest tests/cluster/test_sceptic.py -m cluster --kn-cycles=20 $(KN_ARGS) $(PYTEST_ARGS)

VERSIONS ?=
BUGS ?=
CORPUS_ARGS ?=

.PHONY: corpus
corpus: venv ## each bug on each version: docs/corpus.md. VERSIONS="1.6 1.7" BUGS="B4 B8", all without; goes on where it stopped
	$(CHAOS) corpus $(VERSIONS:%=--kn-version %) $(BUGS:%=--bug %) --page docs/corpus.md $(KN_ARGS) $(CORPUS_ARGS)

BASE ?=
HEAD ?=
SCENARIOS ?= S1

.PHONY: regress
regress: venv ## is HEAD worse than BASE? BASE=1.16 HEAD=1.23 [SCENARIOS="S1 N1"]: docs/diff.md
	@test -n "$(BASE)" -a -n "$(HEAD)" || { echo 'make regress needs both versions: make regress BASE=1.16 HEAD=1.23'; exit 3; }
	$(CHAOS) diff --base "$(BASE)" --head "$(HEAD)" $(SCENARIOS) $(KN_ARGS)

BUG ?=
OLD ?=
NEW ?=

.PHONY: bisect
bisect: venv ## which release fixed or introduced it? BUG=B8 OLD=1.14 NEW=1.23, or a scenario's name as BUG: docs/bisect.md
	@test -n "$(BUG)" -a -n "$(OLD)" -a -n "$(NEW)" || { echo 'make bisect needs a bug and two ends: make bisect BUG=B8 OLD=1.14 NEW=1.23'; exit 3; }
	$(CHAOS) bisect "$(BUG)" --old "$(OLD)" --new "$(NEW)" $(KN_ARGS)

EXPERIMENTS ?= $(wildcard artifacts/*-diff/2*/)

.PHONY: false-positives
false-positives: venv ## how often diff finds a difference between equal builds: blocks of measured A/A comparisons relabelled (docs/diff.md)
	$(BIN)/python -m tests.relabel $(EXPERIMENTS)

# A variable NAME of the environment must not choose: some systems set it to the name of the host.
NAME :=

.PHONY: down
down: venv ## remove every cluster, container, network and volume of ours; NAME=mine: that cluster alone (--kn-cluster mine)
	@test -z "$(findstring -cluster,$(KN_ARGS))$(findstring -context,$(KN_ARGS))" -o -n "$(NAME)" || { echo 'Nothing was removed: make down takes the name of a cluster as NAME=mine (of the context kind-knative-chaos-mine too), not in KN_ARGS. Without NAME it removes every cluster of ours.'; exit 3; }
	$(CHAOS) down $(NAME)
