"""A config made smaller: pure, from one config to another."""

from pathlib import Path

import pytest

from rl.config import load, load_stages
from rl.config.generation_cycle import GenerationCycle
from rl.errors import UserError
from rl.smoke import stand_ins
from rl.smoke.shrink import CYCLES, SIGNAL, StandIns, replaced, shrink
from rl.smoke.signal import signal

CONFIGS = Path(__file__).parents[3] / "configs"
ALL = sorted(file for file in CONFIGS.rglob("*.yaml") if file.parent.name not in ("accelerate", "rewards"))
WITH = StandIns("work/runs", "work/policy", "work/process")
DATASET = "task={name: dataset, data: none.jsonl, columns: {gold: solution.final, question: problem}}"
LARGE = [
    "name=large",
    "policy={model: org/large, dtype: bfloat16, attention: flash_attention_2, quantize: 4bit, lora: {r: 64}}",
    "sampling={completions: 16, max_tokens: 4096, engine: vllm}", "rewards.correctness.weight=1", "algorithm=grpo",
    "trainer={gradient_accumulation_steps: 8, steps_per_generation: 16, max_steps: 2000, save_steps: 100, bf16: true}",
    "evaluation={n: 1319, k: 8, every: 200}",
]  # fmt: skip


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
def test_every_shipped_config_can_be_made_smaller(file):
    for config in (load_stages(file) or {"": load(file)}).values():
        small = shrink(config, WITH)
        assert small.algorithm.name == config.algorithm.name and set(config.rewards) <= set(small.rewards)
        assert small.sampling.max_tokens <= 16 and small.evaluation.n <= 8
        assert str(small.run_folder).startswith("work/runs/")
        if config.policy.model != "embedded":
            assert small.policy.model == "work/policy"


def test_a_large_config_becomes_one_of_seconds_on_any_machine():
    small = shrink(load(None, [*LARGE, DATASET]), WITH)
    assert (small.sampling.completions, small.sampling.max_tokens, small.sampling.engine) == (4, 16, "transformers")
    assert (small.policy.dtype, small.policy.attention, small.policy.quantize) == ("float32", None, None)
    assert small.policy.lora.r == 4 and "bf16" not in small.trainer
    assert (small.evaluation.n, small.evaluation.k) == (8, 2)
    cycle = GenerationCycle.of(small)
    assert cycle.completions == 16 and small.trainer["max_steps"] == CYCLES * cycle.optimizer_steps == 4
    assert small.trainer["save_steps"] == cycle.optimizer_steps and small.evaluation.every == 2


def test_what_a_random_policy_learns_from_is_added():
    small = shrink(load(None, [*LARGE, DATASET]), WITH)
    assert small.rewards["smoke_signal"].function == SIGNAL and small.rewards["correctness"].weight == 1
    gated = shrink(load(None, [*LARGE, DATASET, "mix={aggregation: gated, gate: correctness}"]), WITH)
    assert set(gated.rewards) == {"correctness"}  # a further reward would change what the gate lets through
    assert signal(completion_ids=[[1, 2], [], [7]]) == [3 / 6, 0.0, 0.0]


def test_rewards_that_ask_a_model_get_a_tiny_one_or_a_number_that_means_nothing():
    more = ["rewards.process={model: org/prm, credit: min}", "rewards.reader={model: org/t5, weight: 0.5}"]
    config = load(None, [*LARGE, DATASET, *more])
    small = shrink(config, WITH)
    assert (small.rewards["process"].model, small.rewards["process"].credit) == ("work/process", "min")
    assert (small.rewards["reader"].function, small.rewards["reader"].weight) == (SIGNAL, 0.5)
    said = replaced(config)
    assert [line.partition(":")[0] for line in said] == ["rewards.reader (org/t5)", "sampling.engine vllm"]


def test_a_stage_goes_on_from_the_smaller_stage_before_it():
    stages = load_stages(CONFIGS / "sft_then_ppo.yaml")
    left = str(stages["sft"].run_folder / "model")
    with_ = StandIns("work/runs", "work/policy", "work/process", moved={left: "work/runs/a/model"})
    assert shrink(stages["ppo"], with_).policy.model == "work/runs/a/model"


def test_data_that_is_not_here_is_made_up_in_the_columns_that_the_config_names(tmp_path):
    config = load(None, [*LARGE, DATASET, "task.template='{problem} Please: {hint}'"])
    files = stand_ins.data(config, tmp_path)
    assert stand_ins.absent(config) == ["none.jsonl"] and set(files) == {"train", "validation", "test"}
    from rl import tasks

    small = shrink(config, StandIns("runs", "policy", "process", files))
    task = tasks.load(small)
    assert len(task.splits["train"]) == 48 and len(task.splits["test"]) == 16
    row = task.splits["train"][0]
    assert (
        row["prompt"].startswith("Made-up question ") and task.verifier([{**row, "prediction": row["gold"]}])[0].right
    )


@pytest.mark.parametrize("verifier", ["choice", "logic", "countdown", "steps", "boolean", "code"])
def test_rows_can_be_made_up_for_a_verifier_with_columns_of_its_own(verifier, tmp_path):
    config = load(None, [*LARGE, DATASET, f"task.verifier={verifier}"])
    files = stand_ins.data(config, tmp_path)
    from rl import tasks

    task = tasks.load(shrink(config, StandIns("runs", "policy", "process", files)))
    assert len(task.splits["train"]) == 48


def test_an_answer_pattern_that_no_usual_form_fits_is_refused(tmp_path):
    config = load(None, [*LARGE, DATASET, "task.answer_pattern='=> (.*)'"])
    with pytest.raises(UserError, match=r"task\.answer_pattern: finds '72' in no usual form"):
        stand_ins.data(config, tmp_path)
    usual = load(None, [*LARGE, DATASET, r"task.answer_pattern='#### (.*)'"])
    assert stand_ins.data(usual, tmp_path)


def test_models_of_rounds_and_of_statements_are_those_of_the_smaller_run():
    stages = load_stages(CONFIGS / "papers" / "sipf_gpu.yaml")
    left = str(stages["sft"].run_folder / "model")
    assert stages["sipf"].algorithm.first_sampler == left
    with_ = StandIns("work/runs", "work/policy", "work/process", moved={left: "work/runs/a/model"})
    small = shrink(stages["sipf"], with_).algorithm
    assert (small.first_sampler, small.process.start) == ("work/runs/a/model", "work/policy")
    embedded = ["policy={model: embedded}", "task=chain"]
    own = ["algorithm={name: orpo, process: {start: org/large}}"]
    config = load(None, [*LARGE[:1], *embedded, "rewards.correctness.weight=1", *own])
    assert shrink(config, WITH).algorithm.process.start == "sampler"  # no tiny policy is made beside the embedded one
    answers = "evaluation.statements={k: 10, model: stages.reader}"
    read = load(None, [*LARGE[:1], "policy={model: embedded}", "task=facts", *LARGE[3:5], answers])
    moved = StandIns("work/runs", "work/policy", "work/process", moved={"stages.reader": "work/runs/reader/model"})
    small = shrink(read, moved).evaluation.statements
    assert (small.model, small.k) == ("work/runs/reader/model", 2)
