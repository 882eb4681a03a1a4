# Everything runs in .venv, which is made on first use. Needs Python 3.11 or newer, no root.
PYTHON ?= python3
BIN := .venv/bin
# One thread, as the command line has it: threads that wait for each other are no gain.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
READY := .venv/.gridhaul-ready
EVIDENCE := tests/contract/test_laws.py tests/study/store/test_kill.py tests/controllers/scheduling/test_bound.py \
	tests/controllers/scheduling/test_schedule.py tests/controllers/optimisation tests/controllers/shared_rental \
	tests/controllers/multi_objective tests/controllers/market tests/study/execution tests/study/inference \
	tests/browser tests/inspect/test_check_controller.py tests/uncertainty/test_many_stations.py \
	tests/scenarios/test_rebuild.py tests/adapters tests/episode tests/command_line \
	tests/test_install.py tests/test_docs_commands.py

.PHONY: demo docs test coverage lint bench reproduction evidence mutation hostile

demo: $(READY)
	$(BIN)/gridhaul demo

# The documentation as a site in site/, notebooks executed, without network; some minutes.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Neighbours stay in one process as far as it goes: the tests of a file share what takes long to make.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --benchmark-disable -m "not benchmark and not slow"

# The same tests, a third slower: at least 90 % of the lines run.
coverage: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --benchmark-disable -m "not benchmark and not slow" \
		--cov --cov-report=term:skip-covered

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m pytest tests/benchmarks -m benchmark

# Long evidence with fixed seeds: the laws where planning takes long, studies that are killed, bounds
# of 200 problems, bilevel programmes against brute force, fronts against NSGA-II, faults planted in
# controllers, coverage of intervals, power flows computed again, a
# thousand stations, the commands of the documentation, a sample of attacks (which writes
# docs/reliability.md), and the first 20 mutants by key, of which at most 15 % may live.
evidence: $(READY)
	$(BIN)/python -m pytest $(EVIDENCE) -m slow --numprocesses 2 --dist worksteal --hypothesis-profile=ci \
		-k "not (test_laws and (oberrhein or ieee123))"
	$(BIN)/python -m tests.hostile.run --sample
	$(BIN)/python -m tests.mutation.run --sample 20

# All attacks; an hour.
hostile: $(READY)
	$(BIN)/python -m tests.hostile.run

# 600 mutants; each that lives is printed as a difference. An hour or two on two cores.
mutation: $(READY)
	$(BIN)/python -m tests.mutation.run

# The pages that hold published figures against ours.
reproduction: $(READY)
	for page in docs/reproduction/*.py; do $(BIN)/python $$page || exit 1; done

# The package itself is installed editable, so that changes take effect at once.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
