# How Roomgate is built, tried and tested. `make` alone lists the targets.
# Rust comes from rustup.rs; everything else that is missing is installed from Debian (as root, or by sudo).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
NPM ?= npm
# Where cargo builds: CARGO_TARGET_DIR if set, else target/.
TARGET := $(or $(CARGO_TARGET_DIR),target)
START := $(shell date +%s)

say = @printf '\n==> %s  (%d min %02d s)\n' "$(1)" $$(( ($$(date +%s) - $(START)) / 60 )) $$(( ($$(date +%s) - $(START)) % 60 ))

.PHONY: help run build web test test-web lint test-rust conformance bench fuzz prompts deny packages packages-test

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: build ## build and try it on this machine; LAN=1: for endpoints on the network
	$(call say,Roomgate starts)
	@exec $(TARGET)/debug/roomgate serve --demo $(if $(LAN),--lan) $(ARGS)

build: packages web ## build page and program
	$(call say,Building Roomgate; the first time takes some minutes)
	@$(CARGO) build --locked --bin roomgate

test: packages-test web test-web lint test-rust ## everything that must pass, the tests against real programs included
	$(call say,All tests have passed)

packages:
	$(call say,Looking for what the build needs)
	@.ci/packages build

packages-test:
	$(call say,Looking for what build and tests need)
	@.ci/packages build test

# --- the page ---------------------------------------------------------------------------------------------------------

WEB_SOURCES := $(shell git ls-files -co --exclude-standard web 2>/dev/null)

web: $(if $(wildcard web/package.json),web/dist/index.html) ## build the web page

web/node_modules/.installed: web/package-lock.json
	$(call say,Fetching what the page is built with)
	@cd web && $(NPM) ci --no-audit --no-fund && touch node_modules/.installed

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	$(call say,Building the page)
	@cd web && $(NPM) run build && touch dist/index.html

test-web: web ## the page's own tests
ifneq ($(wildcard web/package.json),)
	$(call say,Testing the page)
	@cd web && $(NPM) test
endif

# --- the program ------------------------------------------------------------------------------------------------------

lint: web ## formatting and clippy
	$(call say,Formatting)
	@$(CARGO) fmt --all -- --check
	$(call say,Clippy)
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

test-rust: web
	$(call say,Building the tests)
	@$(CARGO) test --workspace --locked --no-run
	@$(CARGO) build --locked --bin roomgate
	$(call say,Running the tests)
	@$(CARGO) test --workspace --locked

conformance: ## CAPTURES=folder: decode and answer what other implementations recorded
	@[ -d "$(CAPTURES)" ] || { echo "name the folder of recordings: make conformance CAPTURES=../captures" >&2; exit 2; }
	$(call say,Conformance)
	@CAPTURES="$(abspath $(CAPTURES))" $(CARGO) test --workspace --locked --test 'conformance*' --test 'torture*'

bench: web ## Criterion benchmarks
	@$(CARGO) bench --workspace --locked $(ARGS)

# Each target for SECONDS; cargo-fuzz needs a nightly compiler. CI replays the corpora on stable, as ordinary tests.
SECONDS_EACH := $(or $(SECONDS_PER_TARGET),30)
fuzz: ## fuzz every target for SECONDS_PER_TARGET (30)
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { echo "fuzzing needs: rustup toolchain install nightly && cargo install cargo-fuzz" >&2; exit 2; }
	@for target in $$($(CARGO) +nightly fuzz list); do \
		printf '\n==> %s\n' "$$target"; \
		case $$target in sip_*) seeds=fixtures/sip;; sdp) seeds=fixtures/sdp;; *) seeds=;; esac; \
		mkdir -p "fuzz/corpus/$$target"; \
		$(CARGO) +nightly fuzz run "$$target" "fuzz/corpus/$$target" $$seeds -- -max_total_time=$(SECONDS_EACH); \
	done

prompts: ## speak changed prompt texts anew (needs espeak-ng and ffmpeg)
	@src/ivr/make-voices

deny: ## licences, advisories and banned crates (needs cargo-deny)
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "this needs: cargo install --locked cargo-deny" >&2; exit 2; }
	@$(CARGO) deny --workspace --locked check
