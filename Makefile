# The commands that a person needs; `make` lists them.

DATA_DIR ?= ./data
PYTHON ?= python3
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
# Starts both services' programs for what stands in deploy/openapi.
OPENAPI = CARGO_TARGET_DIR='$(abspath $(TARGET_DIR))' LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' $(PYTHON)
# What `make run` reads settings from, where the environment lacks them.
ENV_FILE ?= .env

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: test-examples help run model test sdk fuzz-api bench bench-auth bench-knowledge bench-streams tools

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: tools ## Set everything up and run both services until Ctrl-C.
	@exec $(PYTHON) deploy/run.py --env-file '$(ENV_FILE)'

model: tools ## Fetch the embedding model to DATA_DIR/models, where it is missing.
	@DATA_DIR='$(DATA_DIR)' exec $(PYTHON) deploy/model/fetch.py

test-examples: model ## Build or start the examples for Docusaurus, Streamlit and Next.js, which are large to install, and ask in them.
	@cd api-service/tests/browser && npm ci --silent && PROGRAMS='$(abspath $(TARGET_DIR))/debug' \
		LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' node --test frameworks.mjs

test: model ## Set up what tests need (PostgreSQL, the model, npm and Python packages) and run every test.
	@LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' deploy/with-postgres.sh \
		cargo test --workspace --locked --no-fail-fast
	@command -v npm >/dev/null || \
		{ echo '`npm` is not installed; install Node.js 20 or newer (Debian: apt-get install nodejs npm)' >&2; exit 1; }
	@cd auth-service/tests/better-auth-client && npm ci --silent && \
		AUTH_SERVICE='$(abspath $(TARGET_DIR))/debug/auth-service' npm test --silent
	@LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' $(PYTHON) api-service/tests/litellm/run.py \
		cargo test --workspace --locked --test it generating::real_server
	@API_SERVICE='$(abspath $(TARGET_DIR))/debug/api-service' LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' \
		$(PYTHON) api-service/tests/agent-clients/run.py
	@$(PYTHON) api-service/tests/frontends/run.py --models '$(DATA_DIR)/models' --programs '$(TARGET_DIR)/debug'
	@cd api-service/tests/browser && npm ci --silent && PROGRAMS='$(abspath $(TARGET_DIR))/debug' \
		LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' npm test --silent
	@$(OPENAPI) deploy/openapi/fuzz.py
	@$(OPENAPI) deploy/openapi/sdk.py --test
	@$(OPENAPI) deploy/reverse-proxy/test.py
	@$(OPENAPI) deploy/alone.py
	@$(OPENAPI) deploy/targets/test.py
	@LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' $(PYTHON) api-service/tests/openai-clients/run.py
	@cd api-service/tests/ai-sdk-client && npm ci --silent && LECTERN_MODELS_DIR='$(abspath $(DATA_DIR))/models' \
		API_SERVICE='$(abspath $(TARGET_DIR))/debug/api-service' npm test --silent

sdk: model ## Generate typed clients for TypeScript and Python into target/sdk.
	@cargo build --workspace --locked
	@$(OPENAPI) deploy/openapi/sdk.py

fuzz-api: model ## Ask both services for ten minutes each whatever their OpenAPI documents allow.
	@cargo build --workspace --locked
	@$(OPENAPI) deploy/openapi/fuzz.py 600

bench: tools ## Measure retrieval on the labelled set in the folder EVAL_DIR.
	@if [ -z '$(EVAL_DIR)' ]; then \
		echo 'bench: set EVAL_DIR to a folder with corpus.jsonl, queries.jsonl and qrels.tsv' >&2; exit 2; fi
	@$(MAKE) --no-print-directory model
	@cargo build --workspace --locked
	@DATA_DIR='$(DATA_DIR)' exec "$${CARGO_TARGET_DIR:-target}/debug/api-service" eval '$(EVAL_DIR)'

bench-auth: tools ## Measure sign-ins, sessions, tokens and memory of auth-service on PostgreSQL.
	@deploy/with-postgres.sh cargo bench -p auth-service --locked --benches

bench-knowledge: tools ## Measure ingestion and search of api-service, with the text in the folder EVAL_DIR.
	@if [ -z '$(EVAL_DIR)' ]; then \
		echo 'bench-knowledge: set EVAL_DIR to a folder with corpus.jsonl' >&2; exit 2; fi
	@$(MAKE) --no-print-directory model
	@DATA_DIR='$(abspath $(DATA_DIR))' EVAL_DIR='$(abspath $(EVAL_DIR))' \
		cargo bench --workspace --locked --profile dev --bench knowledge

bench-streams: tools ## Measure streamed answers of api-service, about the text in the folder EVAL_DIR.
	@if [ -z '$(EVAL_DIR)' ]; then \
		echo 'bench-streams: set EVAL_DIR to a folder with corpus.jsonl' >&2; exit 2; fi
	@$(MAKE) --no-print-directory model
	@DATA_DIR='$(abspath $(DATA_DIR))' EVAL_DIR='$(abspath $(EVAL_DIR))' \
		cargo bench --workspace --locked --profile dev --bench streams

tools:
	@command -v $(PYTHON) >/dev/null || \
		{ echo '`python3` is not installed; install Python 3.11 or newer (Debian: apt-get install python3 python3-pip)' >&2; exit 1; }
	@command -v cargo >/dev/null || \
		{ echo '`cargo` is not installed; install Rust 1.95 or newer: https://rustup.rs' >&2; exit 1; }
	@command -v cc >/dev/null || \
		{ echo '`cc` is not installed; install a C compiler (Debian: apt-get install build-essential)' >&2; exit 1; }
