# Everything runs in .venv, which is made on the first call; nothing needs to be activated.

PYTHON  ?= python3
CONFIG  ?= config/config.yaml
CORES   ?= all
# One more than there are processors: tests of whole studies wait much of their time.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(1 + os.cpu_count())")
VENV    := .venv
BIN     := $(VENV)/bin
# Snakemake's own text is in its log, and on the terminal with VERBOSE=1.
RUN     := @$(BIN)/python -m hydra_steps $(CONFIG) --cores $(CORES) $(if $(VERBOSE),--verbose)

# Snakemake calls the environment's Python without quotes, and make knows no quotes at all.
ifneq ($(words $(CURDIR)),1)
$(error this folder's path has a space in it: $(CURDIR); expected: a path without; what to do: move the folder)
endif

COMMA := ,
SPACE := $(subst ,, )

.DEFAULT_GOAL := help
.PHONY: help study plan estimate benchmark audit audit-apply figures report verify check test environments nightly lint format docs notebooks site rulegraph crate lock update clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

study: $(VENV)/.installed  ## run a study (CONFIG=config/<study>.yaml, CORES=all, VERBOSE=1)
	$(RUN)

plan: $(VENV)/.installed  ## say what a study would do
	$(RUN) --dry-run

estimate: $(VENV)/.installed  ## say what a study will cost: disk, memory and time of each rule
	@$(BIN)/python -m hydra_steps.estimate $(CONFIG)

benchmark: $(VENV)/.installed  ## time training and scoring side by side (CONFIG=...)
	$(RUN) --target benchmark
	@cat $$($(BIN)/python -m hydra_steps.config --where $(CONFIG) | sed -n 's/^tables *//p')/speed.md

audit: $(VENV)/.installed  ## find wrong labels: which, how many, how sure (CONFIG=config/audit.yaml, or DATA=folder or file)
ifdef DATA
	@$(BIN)/python -m hydra_steps $$($(BIN)/python -m hydra_steps.audit.begin $(DATA)) --cores $(CORES) --target audit
else
	$(RUN) --target audit
endif

audit-apply: $(VENV)/.installed  ## train again as decided, and on controls (DECISIONS="ada.csv bo.csv")
	$(RUN) --target audit -- --config 'audit={decisions: [$(subst $(SPACE),$(COMMA),$(strip $(DECISIONS)))]}'

figures: $(VENV)/.installed  ## draw the figures of a study again
	$(RUN) --target figures

verify: $(VENV)/.installed  ## say what of a study's results is whole, stale, foreign or edited, and the study's digest
	$(RUN) --verify

check: $(VENV)/.installed  ## check a study and its models, and print it with all defaults
	@$(BIN)/python -m hydra_steps.config --check $(CONFIG)

test: $(VENV)/.installed-test  ## pass all tests (WORKERS=3 at a time)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

environments: $(VENV)/.installed-test  ## pass the tests that set up environments of their own
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'environment or container'

nightly: $(VENV)/.installed-test  ## run the tests that take minutes: commands of the pages, whole studies (about an hour in all)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m nightly -rP

lint: $(VENV)/.installed-test  ## check style, spelling, types, and the workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md docs config hydra_steps tools
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/mypy
	$(BIN)/vulture
	@! $(BIN)/radon cc --min D --show-complexity hydra_steps tools | grep . || { echo "too complex: at most C"; exit 1; }

format: $(VENV)/.installed-test  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

docs: $(VENV)/.installed  ## bring up to date what is written from the code: config/README.md, the schema, pages of methods, tables, claims, layers
	$(BIN)/python -m hydra_steps.config --document > config/README.md
	$(BIN)/python -m hydra_steps.config --schema > workflow/schemas/config.schema.yaml
	$(BIN)/python -m tools.catalogue
	$(BIN)/python -m tools.verdicts
	$(BIN)/python -m tools.table_page
	$(BIN)/python -m tools.layers

notebooks: $(VENV)/.installed-test  ## run the notebooks in docs/notebooks again and store their results
	$(BIN)/python -m tools.notebooks

site: $(VENV)/.installed-docs  ## build the web site into build/site (opens offline)
	$(BIN)/python -m mkdocs build --strict --quiet

rulegraph: $(VENV)/.installed  ## draw the rules of the quick study (needs graphviz)
	$(BIN)/python -m tools.rulegraph images/rulegraph.svg

crate: $(VENV)/.installed-test  ## describe a finished study as an RO-Crate (CONFIG=...)
	@$(BIN)/python -m hydra_steps.crate $(CONFIG)

lock: $(VENV)/.installed-test  ## write requirements.lock and environment.yml from pyproject.toml
	$(BIN)/python -m tools.lock

update: $(VENV)/.installed-test  ## take newer versions of everything but PyTorch, and pass all tests with them
	$(BIN)/python -m tools.lock --newest
	$(MAKE) test

clean:  ## remove the environment and caches; results, data and what Snakemake remembers of them stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock

$(VENV)/.installed: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) -e '.[rivals,slurm,tables,texts,test,docs,release]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) -e '.[docs]'
	touch $@
