# Tangency: thin names for the command line. `make help` lists them.
CONFIG ?= configs/industries.yaml
PORT ?= 5000
ARGS ?=
BENCH ?=
PYTHON ?= python3
CYCLONEDX := cyclonedx-bom==7.5.0

BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run train audit evaluate report update retrain predict allocate rollback serve schedule status ui test lint bench lock sbom clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Each takes CONFIG=configs/....yaml (now $(CONFIG)). ARGS=--fresh: run, train, audit, evaluate and report"
	@echo "  ignore stored stages. ARGS=\"--as-of 2017-06-30\": retrain, predict and allocate use only what was known then."

setup: $(READY) ## Make the environment in .venv with the tested versions

# uv installs the lock in seconds; where it cannot be had or fails, pip does the same more slowly. Both refuse a file
# whose hash is not in the lock.
$(READY): requirements.lock uv-tool.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo "Tangency needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Use make PYTHON=python3.11 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the tested versions into .venv ..."
	@{ $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement uv-tool.lock \
	    && $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements.lock \
	    && $(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable . ; } \
	  || { echo "uv did not work here, using pip"; \
	       $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock \
	       && $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable . ; }
	@echo "compiling numerical kernels on all cores, once: a minute ..."
	@$(BIN)/tangency compile
	@touch $(READY)

run: $(READY) ## Train, evaluate, allocate, report and track: everything
	@$(BIN)/tangency run --config $(CONFIG) $(ARGS)

train: $(READY) ## Fit all models along the walk-forward
	@$(BIN)/tangency train --config $(CONFIG) $(ARGS)

audit: $(READY) ## Search for look-ahead and write the certificate
	@$(BIN)/tangency audit --config $(CONFIG) $(ARGS)

evaluate: $(READY) ## Score forecasts and portfolios
	@$(BIN)/tangency evaluate --config $(CONFIG) $(ARGS)

report: $(READY) ## Write the report as one HTML page
	@$(BIN)/tangency report --config $(CONFIG) $(ARGS)

update: $(READY) ## Record new data and extend stored results with it
	@$(BIN)/tangency update --config $(CONFIG) $(ARGS)

retrain: $(READY) ## Train on new data; the better model becomes champion
	@$(BIN)/tangency retrain --config $(CONFIG) $(ARGS)

predict: $(READY) ## Print the champion's forecasts
	@$(BIN)/tangency predict --config $(CONFIG) $(ARGS)

allocate: $(READY) ## Print the champion's target weights and trades
	@$(BIN)/tangency allocate --config $(CONFIG) $(ARGS)

rollback: $(READY) ## Return to the previous champion
	@$(BIN)/tangency rollback --config $(CONFIG) $(ARGS)

serve: $(READY) ## Serve the forecasts of the champion over HTTP on loopback
	@$(BIN)/tangency serve --config $(CONFIG) $(ARGS)

schedule: $(READY) ## Keep the schedules of configs/, until interrupted
	@$(BIN)/tangency schedule $(ARGS)

status: $(READY) ## Show the state of each scheduled model; exit 1 if there is a problem
	@$(BIN)/tangency status $(if $(filter command line environment,$(origin CONFIG)),--config $(CONFIG)) $(ARGS)

ui: $(READY) ## Serve the MLflow UI on loopback
	@$(BIN)/tangency ui --config $(CONFIG) --port $(PORT)

# Dozens of processes are started, and each would translate all libraries anew where an image forbids to keep bytecode.
test: $(READY) ## Run the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(READY) ## Check style, types and the order of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY) ## Measure speed and memory; BENCH="whole regimes" for some
	@$(BIN)/python benchmarks/harness.py $(BENCH)

lock: ## Resolve newest versions into requirements.lock (needs make setup)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --generate-hashes --upgrade --extra dev pyproject.toml --output-file requirements.lock

# The list is of what users run: the locked versions without the tools of developers, in an environment of its own.
sbom: $(READY) ## List what is installed for users as CycloneDX, in build/sbom.json
	@mkdir -p build
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --generate-hashes --constraint requirements.lock pyproject.toml --output-file build/runtime.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/runtime
	@$(BIN)/uv pip sync --quiet --require-hashes --python build/runtime/bin/python build/runtime.txt
	@$(BIN)/uv tool run --quiet --from $(CYCLONEDX) cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	  --output-file build/sbom.json build/runtime/bin/python
	@echo "build/sbom.json: $$(grep -c '"purl"' build/sbom.json) components"

clean: ## Remove caches and the environment; runs/ is kept
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
