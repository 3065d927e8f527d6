# Two commands do everything on a fresh Debian 12: `make up` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := up
VENV := .venv/bin
ENV ?= dev

.PHONY: up down test check proof bench docs site screenshots dist image bills setup setup-dev check-python check-backend check-viewer

up: setup ## set up, deploy the development environment on the embedded default, verify it
	$(VENV)/orthancgen deploy $(ENV)

down: setup ## stop it; images, records and secrets stay
	$(VENV)/orthancgen down $(ENV)

test: check ## every test, on real servers
	CI=true $(VENV)/python scripts/tests.py

check: setup-dev ## linters and types, of Python and TypeScript
	@$(MAKE) --no-print-directory --jobs=3 --output-sync check-python check-backend check-viewer

check-python:
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	cd stack/analysis && .venv/bin/mypy
	$(VENV)/yamllint -s environments ansible
	$(VENV)/python scripts/docs.py --check

check-backend check-viewer: check-%:
	$(VENV)/python scripts/npm.py $* check

proof: setup-dev ## the full counts of every sampled test; writes docs/proof.md
	$(VENV)/python scripts/proof.py

bench: setup-dev ## ratios against peers in the same run; writes bench/results.md
	$(VENV)/python -m bench

docs: setup-dev ## write the generated documentation
	$(VENV)/python scripts/docs.py

site: setup-dev ## the documentation as a site, into build/site; nothing in it is fetched from elsewhere
	NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build

screenshots: setup-dev ## pictures of the documentation, by a real browser, into docs/images
	$(VENV)/python -m scripts.screenshots

dist: setup-dev ## wheel, sources, bills of materials and checksums, into dist/
	$(VENV)/python -m scripts.dist

bills: setup-dev ## bills of materials of our images that the engine of this machine has, into dist/
	$(VENV)/python -m scripts.image_bills

image: setup-dev ## the container image of the command, on the engine of this machine
	$(VENV)/python -m scripts.image

setup:
	@scripts/setup.sh native

setup-dev:
	@scripts/setup.sh dev
