# Two commands for a newcomer: `make demo` trains an adapter on this machine, `make test` passes the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
QUICKSTART := examples/quickstart

.PHONY: help demo docs docs-update test environments conformance conformance-full faults integration check fix bench schemas clean

help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 20

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,tokens]'
	@touch $@

demo: $(VENV)/ready        ## train an adapter with a real framework, on the CPU
	$(BIN)/recipes env create llamafactory --device cpu
	$(BIN)/python $(QUICKSTART)/prepare.py
	$(BIN)/recipes run $(QUICKSTART)/quickstart.yaml -o $(QUICKSTART)/compiled --force

docs: $(VENV)/ready        ## build the documentation in site/ and check it: commands, links, and the pages in Chromium
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	$(BIN)/python -m tools.docs.snippets
	$(BIN)/python -m tools.docs.links
	$(BIN)/zensical build --clean
	$(BIN)/python -m tools.docs.site

docs-update: $(VENV)/ready  ## write generated pages, and what the commands on the pages print
	$(BIN)/python -m tools.generate_docs
	$(BIN)/python -m tools.docs.snippets --update

test: $(VENV)/ready        ## unit tests, and a real training with the framework of the demo
	$(BIN)/recipes env create llamafactory --device cpu
	$(BIN)/python -m pytest tests/unit -m 'not full' -n 2
	$(BIN)/python -m pytest tests/conformance/test_training.py -k 'recipe_trains and llamafactory'
	$(BIN)/python -m pytest tests/why
	$(BIN)/python -m pytest tests/hostile -m 'not full' -n 2

environments: $(VENV)/ready ## install every framework for the CPU
	$(BIN)/recipes env create all --device cpu

conformance: environments  ## parse every golden config with the real frameworks, train with each, and interrupt some runs
	$(BIN)/python -m pytest tests/conformance tests/faults -m 'not full' -n 2 --dist loadscope --durations=25

conformance-full: environments ## also train every objective and method with each framework (several hours)
	QWEN_RECIPES_RESULTS=tests/conformance/results.json \
	QWEN_RECIPES_TRAINER_RESULTS=tests/conformance/trainer/results.json $(BIN)/python -m pytest tests/conformance
	$(BIN)/python -m pytest tests/unit -m full
	$(BIN)/python -m tools.generate_docs

faults: environments       ## kill runs, fill the disk, damage checkpoints, and check that runs resume (an hour)
	QWEN_RECIPES_RESULTS=tests/faults/results.json $(BIN)/python -m pytest tests/faults
	$(BIN)/python -m tools.generate_docs

integration: $(VENV)/ready  ## pre-commit, the GitHub action, and the editors' servers (needs npm and the registries)
	$(BIN)/python -m pytest tests/integration tests/editor

check: $(VENV)/ready       ## lint, check format, types and words, and whether generated files are current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tools.generate_docs --check
	$(BIN)/python -m tools.check_words
	$(BIN)/python -m tools.docs.links

fix: $(VENV)/ready         ## format, and write generated files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tools.generate_docs

bench: $(VENV)/ready       ## start-up time and time per file and row, compared with a bare interpreter and similar tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m benchmarks.bench_cli
	$(BIN)/python -m benchmarks.bench_runs
	$(BIN)/python -m benchmarks.bench_data --many 1000000

schemas: environments      ## extract the schemas of the installed frameworks
	$(BIN)/python -m tools.extract_schemas --older

clean:           ## remove what the targets made here (environments in the user's cache stay)
	rm -rf $(VENV) $(QUICKSTART)/model $(QUICKSTART)/compiled $(QUICKSTART)/runs compiled runs
