# The commands to remember. Each works on a fresh clone: what it needs is installed first, and only once.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup quickstart test test-slow lint notebooks bench bench-learning bench-quickstart bench-prm bench-rewards bench-verifiers clean

setup: $(READY)

# A second call installs nothing; a change of what is installed installs again.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,notebooks]'
	touch $@

quickstart: $(READY)
	$(BIN)/whetstone train configs/quickstart.yaml --fresh

# One thread a process: two test processes share two cores, and threads that wait for each other waste both.
test test-slow notebooks: export OMP_NUM_THREADS = 1

test: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -n 2

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/basedpyright

notebooks: $(READY)
	$(BIN)/python -m pytest tests/test_notebooks.py

# Side by side with plain TRL: bench/results.json; where a draw's time goes: bench/floor.json. Quiet machine wanted; half
# an hour on two cores.
bench: $(READY)
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/floor.py

# Each algorithm from the same warm start with the same samples, three seeds: bench/learning.json.
bench-learning: $(READY)
	$(BIN)/python bench/learning.py

# A process reward model from labels to PPO, three seeds: bench/prm.json. About an hour on two cores.
bench-prm: $(READY)
	$(BIN)/python bench/prm.py

# Each reward on right, wrong and adversarial completions, and what PPO makes of a policy trained on it alone. Those that
# ask a model are on facts, with models made here. About an hour on two cores.
MODELS := runs/reward_models
bench-rewards: $(READY)
	test -f $(MODELS)/alone.yaml || $(BIN)/python bench/reward_models.py $(MODELS)
	$(BIN)/python bench/reward_prefix.py --json bench/reward_prefix.json
	$(BIN)/python bench/rewards_table.py --task chain
	$(BIN)/python bench/rewards_table.py --task facts --rewards $(MODELS)/rewards.yaml --out bench/rewards_table_facts.json
	$(BIN)/python bench/reward_alone.py sampling.completions=4
	$(BIN)/python bench/reward_alone.py --task facts --add $(MODELS)/alone.yaml --out bench/reward_alone_facts.json sampling.completions=4

# Five seeds of the quickstart: the table in the README.
bench-quickstart: $(READY)
	$(BIN)/python bench/quickstart.py

# The verifiers on real data: agreement, and speed beside math-verify. DATA is a folder of the sets that they name.
bench-verifiers: $(READY)
	@test -d "$(DATA)" || { echo "make bench-verifiers DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python bench/verify_math.py $(DATA) --json bench/verify_math.json
	$(BIN)/python bench/verify_steps.py $(DATA) --json bench/verify_steps.json
	$(BIN)/python bench/verify_formats.py $(DATA) --json bench/verify_formats.json
	$(BIN)/python bench/verify_code.py $(DATA) --json bench/verify_code.json

clean:
	rm -rf $(VENV) runs wandb *.egg-info
