# Short names for the scripts. Nothing has to be installed by hand: each script
# gets what it needs (see CONTRIBUTING.md for what that is, and where it goes).

SHELL := /bin/bash
PG_CONFIG ?=
# The versions to test, for example PG="15 18"; all that are at hand if empty.
PG ?=
# Of make bench: see scripts/bench.
export ROWS ROUNDS ONLY BENCH_DIR PYTHON

.PHONY: help all demo demo-stop test soak fuzz bench fmt picture install installcheck uninstall package deb test-deb oci

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Build, load damaged sample files in a throw-away cluster, and show the outcome
	@PG_CONFIG="$(PG_CONFIG)" scripts/demo

demo-stop: ## Stop and remove the demo's cluster
	@scripts/demo --stop

test: ## Format, lints and all tests, on every PostgreSQL at hand (PG="15 18": on these)
	@scripts/test $(PG)

soak: ## The tests that take long, on one PostgreSQL (PG=18; the newest if not given)
	@scripts/soak $(PG)

fuzz: ## Coverage-guided fuzzing of the core, with oracles (MINUTES=10; docs/fuzzing.md)
	@PG_CONFIG="$(PG_CONFIG)" scripts/fuzz

bench: ## Measure against COPY and others (ROWS=100000: quick; ROUNDS, PG, ONLY, BENCH_DIR, PYTHON)
	@scripts/bench $(PG)

fmt: ## Format all code
	@scripts/cargo fmt --all

picture: ## Draw docs/session.svg again, on the server of PGHOST (FOLDER: where it can read files)
	@examples/session/draw "$(FOLDER)" >target/session.svg && mv target/session.svg docs/session.svg

install: ## Build and install into the PostgreSQL of PG_CONFIG (default: pg_config on PATH)
	@scripts/install "$(or $(PG_CONFIG),pg_config)"

installcheck: ## Run pg_regress on the server of PGHOST and PGUSER, which has loader installed
	@scripts/installcheck "$(or $(PG_CONFIG),pg_config)"

uninstall: ## Remove what make install put there
	@scripts/uninstall "$(or $(PG_CONFIG),pg_config)"

# What clients of PGXN call before they install.
all: package

package: ## Build for the PostgreSQL of PG_CONFIG, below target/package
	@scripts/install "$(or $(PG_CONFIG),pg_config)" target/package

deb: ## Debian packages, below target/deb, for each PostgreSQL that is installed (PG_CONFIG: for one)
	@scripts/deb $(PG_CONFIG)

test-deb: ## Install, use and remove these packages in a clean chroot (as root; SUITE=trixie)
	@scripts/test-deb

oci: ## An image of the extension alone, below target/oci, for PostgreSQL 18 and later
	@scripts/oci "$(or $(PG_CONFIG),pg_config)"
