# Everything that can be done with this project. Each command first builds what it needs (tests/commands/bootstrap.py).
PYTHON3 ?= python3
DAGS ?= example_dags
RUNNER ?= auto
PY := .venv/bin/python

.PHONY: help demo up test check bench parity readme kill-matrix venv venv-3.1 venv-clients

help:
	@echo "make demo                     run an example DAG on a real Airflow against the stub, show what came out"
	@echo "make up [DAGS=dir] [RUNNER=auto|off|sandbox|docker|process|scripted]   the same, left running until Ctrl-C"
	@echo "make test                     the whole suite on Airflow 3.3.2, the Airflow-facing part on 3.1.8 as well"
	@echo "make check                    lint, types, import contracts"
	@echo "make parity                   every recorded answer of released servers beside the stub's; writes PARITY.md"
	@echo "make kill-matrix [CELLS=N] [SEED=n] [RELEASE=..] [AIRFLOW=3.3.2|3.1.8] [ONLY=glob] [RESUME=1] [SIDE=n]"
	@echo "                              whoever may die does, at every moment of a task's life; writes tests/kill_matrix/REPORT.md"
	@echo "make bench                    import cost, start, memory, requests per second, each beside its yardstick"

venv:
	@$(PYTHON3) tests/commands/bootstrap.py 3.3.2

venv-3.1:
	@$(PYTHON3) tests/commands/bootstrap.py 3.1.8

venv-clients:
	@$(PYTHON3) tests/commands/bootstrap.py clients

demo: venv
	@$(PY) tests/commands/demo.py

up: venv
	@exec $(PY) tests/commands/up.py --dags "$(DAGS)" --runner "$(RUNNER)"

test: venv venv-3.1 venv-clients
	@$(PY) tests/commands/run_tests.py

check: venv
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo

bench: venv
	@$(PY) tests/commands/bench.py

parity: venv
	@$(PY) tests/commands/parity.py

kill-matrix: venv venv-3.1
	@exec env PYTHONPATH=tests/commands $(PY) tests/kill_matrix/matrix.py

readme: venv
	@$(PY) tests/commands/readme.py
