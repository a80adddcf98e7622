# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# `make help` lists the targets. Each does the set-up it needs.
SHELL := /bin/bash
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full test-night test-matrix lint format unit sanity molecule bench docs lab-up lab-down clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## make .venv with everything needed (a second time: nothing to do)
	@scripts/setup

demo: setup ## boot the lab, break it, diagnose it, say where the report is
	@scripts/demo

test: setup ## every check and test
	@$(VENV)/python scripts/test

test-full: setup ## the long matrices that `make test` leaves out
	@$(VENV)/python scripts/test --full

test-night: setup ## what takes hours on the lab: every fix, kill and fault
	@$(VENV)/python scripts/test --night

test-matrix: setup ## every ansible-core with every Python of a managed host
	@$(VENV)/python scripts/compat
	@scripts/matrix

lint: setup ## formatting, lint, types, YAML, Ansible content
	@$(VENV)/python scripts/test format lint types yaml ansible-lint docs

format: setup ## put the code into the project's format
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

unit: setup ## the tests that need neither the lab nor a browser
	@$(VENV)/python scripts/test unit

sanity: setup ## ansible-test sanity
	@$(VENV)/python scripts/test sanity

molecule: setup ## the Molecule scenarios, on the lab
	@$(VENV)/python scripts/test molecule

bench: setup ## times as ratios to a yardstick of the same run
	@$(VENV)/python scripts/bench

docs: setup ## write the pages that come from the catalogue
	@$(VENV)/python scripts/finding-pages
	@$(VENV)/python scripts/release-page

lab-up: setup ## boot the lab's hosts
	@$(VENV)/python lab/lab.py up

lab-down: setup ## shut the lab's hosts down; their data stays
	@$(VENV)/python lab/lab.py down

clean: ## remove everything the other targets started or made
	@scripts/clean
