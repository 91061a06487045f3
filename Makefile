# The commands to remember. Each works on a fresh clone: what it needs is installed first, and only once.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup quickstart test test-slow test-engines test-vllm lint notebooks bench bench-gpu bench-learning \
	bench-quickstart bench-stages \
	bench-prm bench-diagnostics bench-overhead faults soak supply speedrun \
	bench-rewards bench-verifiers papers real \
	tables docs mutate clean

setup: $(READY)

# A second call installs nothing; a change of what is installed installs again.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,notebooks,docs]'
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

# FSDP2, DeepSpeed ZeRO-3, bitsandbytes, two nodes and Ray, without a GPU, in an environment of its own: the project's and
# these packages. DeepSpeed compiles a part of itself, for which a C++ compiler is needed. A quarter of an hour.
ENGINES := runs/engines/sharded
test-engines: export OMP_NUM_THREADS = 1
test-engines: export TORCH_EXTENSIONS_DIR = $(abspath $(ENGINES))/extensions
test-engines: $(ENGINES)/.ready
	$(ENGINES)/bin/python -m pytest -m engines tests/rl/engines

$(ENGINES)/.ready: $(READY) Makefile
	test -x $(ENGINES)/bin/python || $(PYTHON) -m venv $(ENGINES)
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
		> $$($(ENGINES)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/project.pth
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		deepspeed==0.19.8 bitsandbytes==0.50.2 'ray[train]==2.60.0'
	DS_ACCELERATOR=cpu $(ENGINES)/bin/python -c "import deepspeed.accelerator as of; \
		of.get_accelerator().create_op_builder('ShareMemCommBuilder').load()"
	touch $@

# Runs the product with vLLM's CPU build, in an environment of its own: 3 GB, some minutes to install, and some to test.
# pip has to find torch's CPU build, such as by PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
VLLM := runs/engines/vllm
test-vllm: export OMP_NUM_THREADS = 1
test-vllm: $(VLLM)/.ready
	$(VLLM)/bin/python -m pytest -m vllm tests/rl/engines

# Without what their packages ask for: vLLM's asks for torchvision and torchaudio, which nothing here uses.
$(VLLM)/.ready: constraints-vllm.txt
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement constraints-vllm.txt
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

lint: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/basedpyright

notebooks: $(READY)
	$(BIN)/python -m pytest -m "slow or not slow" tests/test_notebooks.py

# Side by side with plain TRL and other peers, one table, and where the time of a draw goes. A quiet machine is wanted; a
# quarter of an hour on two cores, after `make speedrun`, which gives two of the rows.
# Add DATA=FOLDER, as for bench-verifiers, to measure verify_mixed as well, and MODEL=FOLDER of a chat model to measure
# rollout_model.
bench: $(READY)
	$(BIN)/python bench/speed.py --out bench/results.json $(if $(DATA),--data $(DATA)) $(if $(MODEL),--model $(MODEL))
	$(BIN)/python bench/floor.py --out bench/floor.json

# The share of step time that everything takes which looks at a run. Some minutes on a core; it need not be quiet.
# MODEL=FOLDER of SmolLM2-135M-Instruct to measure a real model as well.
bench-overhead: export OMP_NUM_THREADS = 1
bench-overhead: $(READY)
	$(BIN)/python bench/overhead.py --out bench/overhead.json $(if $(MODEL),--model $(MODEL))
	$(BIN)/python bench/tables.py docs/results.md

# Completions, tokens and seconds until a policy reaches a fixed accuracy, by ours and by plain TRL, three seeds. Runs on
# record are not made again. Some twenty minutes on a quiet core.
speedrun: export OMP_NUM_THREADS = 1
speedrun: $(READY)
	$(BIN)/python bench/speedrun.py --out bench/speedrun.json

# Speed, memory and a learning curve on a GPU, in less than 20 minutes; MODEL=FOLDER TASK=FILE for a real model and task,
# PARTS="steps curve tests" to run the tests there as well.
bench-gpu: $(READY)
	$(BIN)/python bench/gpu.py --out bench/gpu.json $(if $(MODEL),--model $(MODEL)) $(if $(TASK),--task $(TASK)) \
		$(if $(PARTS),--parts $(PARTS))

# Each algorithm from the same warm start with the same samples, three seeds.
bench-learning: $(READY)
	$(BIN)/python bench/learning.py --out bench/learning.json

# A process reward model from labels to PPO, three seeds. About an hour on two cores.
bench-prm: $(READY)
	$(BIN)/python bench/prm.py --out bench/prm.json

# Each reward on right, wrong and adversarial completions, and what PPO makes of a policy trained on it alone. Those that
# ask a model are on facts, with models made here. About an hour on two cores.
MODELS := runs/reward_models
TABLE := bench/rewards_table.py --out bench/rewards_table.json
ALONE := bench/reward_alone.py --out bench/reward_alone.json
bench-rewards: $(READY)
	test -f $(MODELS)/alone.yaml || $(BIN)/python bench/reward_models.py $(MODELS)
	$(BIN)/python bench/reward_prefix.py --out bench/reward_prefix.json
	$(BIN)/python $(TABLE) --task chain
	$(BIN)/python $(TABLE) --task facts --rewards $(MODELS)/rewards.yaml
	$(BIN)/python $(ALONE) sampling.completions=4
	$(BIN)/python $(ALONE) --task facts --add $(MODELS)/alone.yaml sampling.completions=4

# Five seeds of the quickstart.
bench-quickstart: $(READY)
	$(BIN)/python bench/quickstart.py --out bench/quickstart.json

# SFT on given examples, PPO, and both, three seeds. A quarter of an hour on two cores.
bench-stages: $(READY)
	$(BIN)/python bench/stages.py --out bench/stages.json

# The recipes of configs/papers/, each arm with three seeds, and their tables; ONLY="skintern eotd" for some of them.
# Runs on record in bench/papers.json are not made again.
papers: export OMP_NUM_THREADS = 1
papers: $(READY)
	$(BIN)/python bench/papers.py --out bench/papers.json $(if $(ONLY),--only $(ONLY))
	$(BIN)/python bench/tables.py docs/papers.md

# SmolLM2-135M-Instruct before and after training, each arm with three seeds. MODEL is a folder or hub id, DATA the folder
# of the data sets (svamp, quarel, prontoqa: NAME.jsonl.gz); sums and gym need none. A run that was stopped goes on, and one
# on record in bench/real.json is not made again.
real: export OMP_NUM_THREADS = 1
real: $(READY)
	@test -n "$(MODEL)" || { echo "make real MODEL=FOLDER [DATA=FOLDER] [ONLY=sums]" >&2; exit 2; }
	$(BIN)/python bench/real.py --model $(MODEL) $(if $(DATA),--data $(DATA)) $(if $(ONLY),--only $(ONLY)) --out bench/real.json
	$(BIN)/python bench/tables.py docs/results.md

# Diagnostics and preflight on small runs made to fail, and on healthy ones. Half an hour on a quiet core; what is made is
# kept, and only what is missing is made.
bench-diagnostics: export OMP_NUM_THREADS = 1
bench-diagnostics: $(READY)
	$(BIN)/python bench/diagnostics.py --minutes 60
	$(BIN)/python bench/tables.py docs/guides/diagnostics.md docs/guides/preflight.md

# The verifiers on real data: agreement, and speed beside math-verify. DATA is a folder of the sets that they name.
bench-verifiers: $(READY)
	@test -d "$(DATA)" || { echo "make bench-verifiers DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python bench/verify_math.py $(DATA) --out bench/verify_math.json
	$(BIN)/python bench/verify_steps.py $(DATA) --out bench/verify_steps.json
	$(BIN)/python bench/verify_formats.py $(DATA) --out bench/verify_formats.json
	$(BIN)/python bench/verify_code.py $(DATA) --out bench/verify_code.json

# Kills, full disks, broken rewards, hostile models and the like, each injected into a small run: what should be seen and
# what was. Those on record in bench/faults.json are not injected again; AGAIN=1 for all of them, ONLY="kill disk" for some.
# A quarter of an hour on two quiet cores.
faults: export OMP_NUM_THREADS = 1
faults: export TOKENIZERS_PARALLELISM = false
faults: export HF_HUB_OFFLINE = 1
faults: export PYTHONPATH = .
faults: $(READY)
	$(BIN)/python bench/faults.py --out bench/faults.json $(if $(AGAIN),--again) $(if $(ONLY),--only $(ONLY))
	$(BIN)/python bench/tables.py docs/guides/faults.md

# An hour of PPO, of which memory, files and processes must be level, and a million items through the pool of verifiers, one
# in a hundred of them hostile. MINUTES=5 ITEMS=50000 for a short one.
soak: export OMP_NUM_THREADS = 1
soak: export PYTHONPATH = .
soak: $(READY)
	$(BIN)/python bench/soak.py --out bench/soak.json $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ITEMS),--items $(ITEMS))
	$(BIN)/python bench/tables.py docs/guides/faults.md

# The wheel in bare environments of Python 3.11, 3.12 and 3.13, known vulnerabilities of what it installs, and licences.
# PyPI's torch brings CUDA, 3 GB; with PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu it is the CPU build.
supply: export OMP_NUM_THREADS = 1
supply: $(READY)
	$(BIN)/python bench/supply.py --out bench/supply.json $(if $(PYTHONS),--python $(PYTHONS))
	$(BIN)/python bench/tables.py docs/supply.md

# The documentation, as pages that can be read from the disk: site/index.html. A broken link or mark fails.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# Mutants of the code that computes, each against the fast tests of its part: the share killed, and every survivor with
# its change. At most half an hour on two cores.
mutate: $(READY)
	$(BIN)/python bench/mutate.py --out bench/mutation.json

# The tables in the README and the docs, from the figures of the targets above.
tables: $(READY)
	$(BIN)/python bench/tables.py

clean:
	rm -rf $(VENV) runs wandb site *.egg-info
