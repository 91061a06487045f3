import copy
import subprocess
import sys
from pathlib import Path

import torch

from rl import tasks
from rl.config import load
from rl.runs import plan

QUICKSTART = str(Path(__file__).parents[3] / "configs" / "quickstart.yaml")


def test_the_size_of_the_embedded_policy_is_that_of_the_model_it_makes(small, task, warm):
    size = plan.model_size(load(QUICKSTART, small), task)
    assert size.parameters == warm[0].num_parameters()
    assert size.vocabulary == warm[0].config.vocab_size


def test_the_size_of_a_saved_policy_is_read_from_its_files(small, task, warm, tmp_path):
    warm[0].save_pretrained(tmp_path / "policy")
    size = plan.model_size(load(QUICKSTART, [*small, f"policy.model={tmp_path / 'policy'}"]), task)
    assert (size.parameters, size.hidden, size.layers) == (warm[0].num_parameters(), 32, 1)


def test_a_model_that_is_not_here_has_no_size(small, task):
    assert plan.model_size(load(QUICKSTART, [*small, "policy.model=some/hub-model"]), task) is None


def test_the_plan_counts_prompts_completions_tokens_and_steps():
    config = load(
        QUICKSTART,
        ["trainer.max_steps=12", "trainer.save_steps=4", "trainer.num_iterations=2", "trainer.steps_per_generation=2"],
    )
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    # a cycle is 2 x 2 optimizer steps on 2 batches of 16; 12 steps are 3 cycles
    assert "16 prompts x 2 = 32 completions" in lines and "for every 4 optimizer step(s)" in lines
    assert "12 optimizer steps, 96 completions" in lines and f"{96 * 32:,} tokens" in lines
    assert "accepts its own gold answer on all 600" in lines and "and 0 of " in lines


def test_the_plan_says_whose_turn_it_is_and_how_problems_are_answered():
    config = load(Path(QUICKSTART).parent / "papers" / "crystal.yaml", ["algorithm.answering.qa_weight=0.5"])
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    assert (
        "after every 1 of these draws, 1 for learning gold answers: after a statement x 1, without one x 0.5" in lines
    )
    assert "greedy, and by the max over 4 statements and no statement" in lines


def test_the_plan_counts_the_control_tokens_of_each_reward():
    config = load(Path(QUICKSTART).with_name("quark.yaml"))
    assert ("control tokens", "correctness 2, steps 5") in plan.describe(config, tasks.load(config))


def test_a_larger_batch_and_full_training_take_more_memory(small, task):
    def total(*overrides):
        config = load(QUICKSTART, [*small, *overrides])
        return sum(plan.memory(config, plan.model_size(config, task), 10).values())

    assert total("policy.lora.r=1") < total() < total("trainer.per_device_train_batch_size=64")


SIZE = plan.ModelSize(parameters=1000, hidden=8, layers=2, vocabulary=10, kv_width=16)


def test_gradients_and_adam_take_what_torch_takes(small, task, warm):
    """Counted on a model that took a step of Adam: the gradient and two moments of each number, four bytes each."""
    model = copy.deepcopy(warm[0])
    adam = torch.optim.AdamW(model.parameters())
    sum(weight.sum() for weight in model.parameters()).backward()
    adam.step()
    held = [weight.grad for weight in model.parameters()]
    held += [state[name] for state in adam.state.values() for name in ("exp_avg", "exp_avg_sq")]
    config = load(QUICKSTART, small)
    needs = plan.memory(config, plan.model_size(config, task), 10)
    assert needs["gradients and Adam"] == sum(tensor.nbytes for tensor in held)
    assert needs["weights"] == sum(weight.nbytes for weight in model.parameters())


def test_memory_by_hand(small):
    overrides = [*small, "sampling.max_tokens=20", "trainer.gradient_checkpointing=false", "policy.dtype=float32"]
    needs = plan.memory(load(QUICKSTART, overrides), SIZE, prompt_tokens=12)
    assert needs["weights"] == 1000 * 4
    assert needs["gradients and Adam"] == 1000 * 12
    # 16 sequences of 32 tokens: activations 16 x 32 x 8 x (20 x 2 + 2 x 2) x 4 and logits 3 x 16 x 20 x 10 x 4,
    # which are more than the cache's 16 x 32 x 2 x 16 x 4
    assert needs["sampling or training"] == 720_896 + 38_400
    checkpointing = load(QUICKSTART, [*overrides, "trainer.gradient_checkpointing=true"])  # one layer's are kept
    checkpointing = plan.memory(checkpointing, SIZE, prompt_tokens=12)
    assert checkpointing["sampling or training"] == 16 * 32 * 8 * (20 + 4) * 4 + 38_400


def test_an_adapter_alone_has_gradients_and_moments(small):
    needs = plan.memory(load(QUICKSTART, [*small, "policy.lora.r=4", "policy.dtype=bfloat16"]), SIZE, 10)
    assert needs["weights"] == 1000 * 2
    assert needs["gradients and Adam"] == 18 * 4 * 8 * 2 * 12


def test_check_prints_the_resolved_config_and_starts_nothing(tmp_path):
    command = [Path(sys.executable).with_name("whetstone"), "check", QUICKSTART, f"logging.folder={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"folder: {tmp_path}" in done.stdout and "480 optimizer steps" in done.stdout
    assert not list(tmp_path.iterdir())


def test_data_on_the_hub_is_left_alone(monkeypatch):
    config = load(Path(QUICKSTART).with_name("gsm8k_smollm2.yaml"))
    assert tasks.is_on_hub(config) and not tasks.is_on_hub(load(QUICKSTART))
    lines = " ".join(" ".join(line) for line in plan.describe(config, None))
    assert "on the hub" in lines and "5 optimizer steps" in lines and "not known before" in lines


def test_the_plan_of_rounds_counts_prompts_and_completions_a_round():
    config = load(Path(QUICKSTART).with_name("dpo.yaml"), ["algorithm.prompts=100", "algorithm.rounds=2"])
    lines = " ".join(" ".join(line) for line in plan.describe(config, tasks.load(config)))
    assert "100 prompts x 8 = 800 completions per round" in lines and "1,600 completions" in lines


def test_the_plan_of_strategies_counts_the_completions_of_all_of_them():
    strategies = "algorithm.strategies.templates={a: '{prompt};', b: '{prompt}#'}"
    given = ["algorithm.prompts=10", "sampling.completions=4", strategies]
    config = load(Path(QUICKSTART).with_name("star.yaml"), given)
    lines = plan.describe(config, tasks.load(config))
    assert ("sampling", "10 prompts x 4 x 2 strategies = 80 completions per round") in lines
