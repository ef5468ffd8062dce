# The one door. `make help` lists what is behind it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup page demo test lint test-rust test-page faults bench bench-peers fuzz clean

ARTEFACTS ?= $(CURDIR)/target/artefacts
export URBIS_ARTEFACTS := $(ARTEFACTS)
PAGE_INPUTS := $(shell find viewer/web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/public/wasm/*' -not -path '*/bindgen/target/*' 2>/dev/null)
WASM_INPUTS := $(shell find viewer/app viewer/render viewer/web/bindgen -type f \( -name '*.rs' -o -name '*.wgsl' -o -name '*.toml' \) -not -path '*/target/*') viewer/web/build-wasm.sh Cargo.lock

help:
	@echo 'make setup   install what is missing: Debian packages for tests, the wasm toolchain, npm packages'
	@echo 'make demo    build and run the synthetic district pilot; prints the address of the page'
	@echo 'make test    everything that must hold: format, lint, tests, the page in headless Chromium, foreign clients'
	@echo 'make lint    format and lint only'
	@echo 'make page    build the page (wasm and TypeScript) into viewer/web/dist'
	@echo 'make faults  kill the store while it writes, a thousand times (KILLS=1000), then fail each of its file actions; an hour'
	@echo 'make fuzz    throw mutated input at every parser of codes and files (FUZZ_S=600 seconds for each)'
	@echo 'make bench   write the figures of the README (full optimisation; builds long)'
	@echo 'make bench-peers  PostGIS, Redis, DuckDB and others on the same work (PEERS="--scale 0.01" to try)'

setup:
	@.ci/setup all

viewer/web/node_modules/.package-lock.json: viewer/web/package.json viewer/web/package-lock.json
	@echo '== npm packages of the page'
	cd viewer/web && npm ci --no-audit --no-fund

viewer/web/public/wasm/urbis_viewer_bg.wasm: $(WASM_INPUTS)
	@echo '== the viewer as wasm'
	viewer/web/build-wasm.sh

viewer/web/dist/index.html: viewer/web/node_modules/.package-lock.json viewer/web/public/wasm/urbis_viewer_bg.wasm $(PAGE_INPUTS)
	@echo '== the page'
	cd viewer/web && npm run --silent build

page: viewer/web/dist/index.html

demo:
	@.ci/setup demo
	@$(MAKE) --no-print-directory page
	@echo '== the program (profile demo; the first build takes about 25 minutes on two cores)'
	cargo build --locked --profile demo --package kernel-boot
	@echo '== run'
	target/demo/urbis demo

lint: viewer/web/node_modules/.package-lock.json page
	@echo '== format'
	cargo fmt --all --check
	cd viewer/web && npm run --silent lint
	@echo '== clippy'
	cargo clippy --locked --workspace --all-targets -- -D warnings

test-rust: page
	@echo '== rust tests'
	cargo test --locked --workspace

test-page: page
	@echo '== the page in headless Chromium'
	@# As the tests are built: with another set of features half of the dependencies would be compiled again.
	cargo test --locked --workspace --no-run
	viewer/web/scripts/with-urbis.sh target/debug/urbis -- npm --prefix viewer/web test

test: page lint test-rust test-page
	@echo 'all tests passed; pictures are in $(ARTEFACTS)'

bench: page
	benches/run.sh

bench-peers:
	benches/peers/run.sh $(PEERS)

KILLS ?= 1000
faults:
	URBIS_KILLS=$(KILLS) cargo test --locked --package kernel-store --test it kill:: -- --nocapture
	URBIS_FAULTS=all cargo test --locked --package kernel-store --test it faults:: -- --nocapture

FUZZ_S ?= 600
fuzz:
	coding-system/fuzz/run.sh $(FUZZ_S)
	connectors/files/fuzz/run.sh $(FUZZ_S)

clean:
	cargo clean
	rm -rf viewer/web/dist viewer/web/node_modules viewer/web/public/wasm
