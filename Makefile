# make run: try it without an account · make test: lint, types and every test
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin

.PHONY: install run test soak lint format bench clean

install: .venv/installed

run: .venv/installed
	$(BIN)/salesbot sandbox --port $(PORT)

test: .venv/tested chromium strangers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Versions are those of constraints.txt, so that every machine gets the same ones.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

# The browser tests want a Chromium; where it cannot be installed they are skipped, loudly.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null 2>&1 || sh tests/install-chromium.sh

# The long ones: two hundred kills, every fault on two thousand messages.
soak: .venv/tested
	SALESBOT_KILLS=200 SALESBOT_FAULT_MESSAGES=2000 SALESBOT_CUTS=10000 \
		$(BIN)/pytest -n 0 -s tests/test_soak.py tests/test_faults.py tests/test_power.py
	SALESBOT_EVENTS=100000 SALESBOT_WORKERS=4 SALESBOT_KILLS=200 $(BIN)/pytest -n 0 -s tests/test_roles.py
	SALESBOT_PLAYS="first-day names archive-on group-page reminders visit sop" \
		$(BIN)/pytest -n 0 --timeout 1800 tests/test_postgres_plays.py
	SALESBOT_STORES=postgres $(BIN)/pytest -k postgres

# Other people's clients, from npm; where that is not possible their tests are skipped, loudly.
.PHONY: strangers
strangers:
	@sh tests/strangers/install.sh

clean:
	rm -rf tests/strangers/node_modules .venv .mypy_cache .pytest_cache .ruff_cache var
