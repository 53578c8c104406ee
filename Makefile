# make run: try it without an account · make test: lint, types and every test
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin

# Bytecode is kept, whatever the environment says: the tests start the program forty times.
unexport PYTHONDONTWRITEBYTECODE

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

# The long ones; each part runs alone as well: make soak-kills.
SOAK := soak-kills soak-faults soak-power soak-steps soak-arrivals soak-stuck soak-roles \
	soak-plays soak-stores soak-examples soak-fuzz
.PHONY: $(SOAK)
soak: $(SOAK)

# Two hundred kill -9 in bursts.
soak-kills: .venv/tested
	SALESBOT_KILLS=200 $(BIN)/pytest -n 0 -s tests/test_soak.py

# Every fault at once on two thousand messages.
soak-faults: .venv/tested
	SALESBOT_FAULT_MESSAGES=2000 $(BIN)/pytest -n 0 -s tests/test_faults.py

# Ten thousand power cuts.
soak-power: .venv/tested
	SALESBOT_CUTS=10000 $(BIN)/pytest -n 0 -s tests/test_power.py

# A kill at every single statement of the schema.
soak-steps: .venv/tested
	SALESBOT_KILL_EVERY_STATEMENT=1 $(BIN)/pytest -n 0 --timeout 3600 tests/test_process.py

# Whatever WeCom may do on the way, in a thousand courses of events.
soak-arrivals: .venv/tested
	SALESBOT_ARRIVALS=1000 $(BIN)/pytest -n 0 --timeout 7200 tests/test_arrivals.py

# Two thousand sockets that send half a request, and how long honest callbacks wait meanwhile.
soak-stuck: .venv/tested
	SALESBOT_STUCK=2000 $(BIN)/pytest -n 0 tests/test_patience.py
	SALESBOT_BENCHES=all $(BIN)/pytest -n 0 tests/test_bench.py
	$(BIN)/salesbot bench stuck --full

# Four workers killed at random, a hundred thousand events.
soak-roles: .venv/tested
	SALESBOT_EVENTS=100000 SALESBOT_WORKERS=4 SALESBOT_KILLS=200 $(BIN)/pytest -n 0 -s tests/test_roles.py

soak-plays: .venv/tested
	SALESBOT_PLAYS="first-day names archive-on group-page reminders visit sop" \
		$(BIN)/pytest -n 0 --timeout 1800 tests/test_postgres_plays.py

soak-stores: .venv/tested
	SALESBOT_STORES=postgres $(BIN)/pytest -k postgres

# A thousand examples where every run tries fifty.
soak-examples: .venv/tested
	SALESBOT_EXAMPLES=1000 $(BIN)/pytest -m hypothesis --timeout 3600

# Noise guided by coverage, ten minutes each; skipped loudly where atheris cannot be installed.
FUZZ_S ?= 600
soak-fuzz: .venv/tested
	@if $(BIN)/pip install --quiet atheris; then \
		for what in envelope xml json; do \
			PYTHONPATH=. $(BIN)/python tests/fuzz.py $$what -max_total_time=$(FUZZ_S) || exit 1; \
		done; \
	else echo "SKIPPED: atheris cannot be installed here, so nothing was fuzzed"; fi

# Other people's clients, from npm; where that is not possible their tests are skipped, loudly.
.PHONY: strangers
strangers:
	@sh tests/strangers/install.sh

clean:
	rm -rf tests/strangers/node_modules .venv .mypy_cache .pytest_cache .ruff_cache var
