"""Values of `trainer:` that would fail late or be ignored are refused in one line, before anything is loaded."""

from pathlib import Path

import pytest

from rl import config as configuration
from rl.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"
LORA = "policy.lora.r=4"


@pytest.mark.parametrize(
    ("name", "overrides", "key"),
    [
        ("grpo", ["loss_type=nonsense"], "loss_type"),
        ("grpo", ["loss_type=grp"], "loss_type: 'grp' is not one; did you mean 'grpo'"),
        ("grpo", ["scale_rewards=std"], "scale_rewards"),
        ("grpo", ["importance_sampling_level=word"], "importance_sampling_level"),
        ("grpo", ["eval_strategy=steps"], "eval_strategy: evaluation is set by evaluation.every"),
        ("star", ["eval_strategy=epoch"], "eval_strategy"),
        ("grpo", ["push_to_hub=true"], "push_to_hub"),
        ("dpo", ["push_to_hub=true"], "push_to_hub"),
        ("grpo", ["load_best_model_at_end=true"], "load_best_model_at_end"),
        ("grpo", ["save_strategy=best"], "save_strategy"),
        ("grpo", ["auto_find_batch_size=true"], "auto_find_batch_size"),
        ("grpo", ["remove_unused_columns=true"], "remove_unused_columns"),
        ("grpo", ["log_completions=true"], "log_completions: completions are written by logging.completions_every"),
        ("grpo", ["per_device_train_batch_size=0"], "per_device_train_batch_size: expected 1 or more, got 0"),
        ("grpo", ["gradient_accumulation_steps=0"], "gradient_accumulation_steps"),
        ("grpo", ["num_iterations=0"], "num_iterations"),
        ("grpo", ["adam_beta1=2"], "adam_beta1: expected a number from 0 to less than 1, got 2"),
        ("grpo", ["beta=-1"], "beta: expected 0 or more, got -1"),
        ("dpo", ["beta=-0.1"], "beta"),
        ("grpo", ["weight_decay=-1"], "weight_decay"),
        ("grpo", ["epsilon=-1"], "epsilon"),
        ("grpo", ["learning_rate=-1"], "learning_rate"),
        ("grpo", ["sync_ref_model=true"], "sync_ref_model: there is no reference policy"),
        ("grpo", ["sync_ref_model=true", "beta=0.1", LORA], "sync_ref_model: the reference of a policy with adapters"),
        ("grpo", ["cast_lm_head_to_fp32=true", LORA], "cast_lm_head_to_fp32"),
        ("grpo", ["generation_batch_size=128", "steps_per_generation=1"], "generation_batch_size"),
        ("ppo", ["scale_rewards=none"], "scale_rewards: scales a baseline by groups"),
        ("grpo", ["shuffle_dataset=false", "algorithm.dynamic_sampling.draws=2"], "shuffle_dataset: algorithm.dynamic"),
        ("grpo", ["shuffle_dataset=false", "algorithm.curriculum.floor=0.2"], "shuffle_dataset: algorithm.curriculum"),
    ],
)  # fmt: skip
def test_it_is_refused_with_its_key(name, overrides, key):
    keys = [text if text.startswith(("policy", "algorithm")) else f"trainer.{text}" for text in overrides]
    with pytest.raises(UserError) as refused:
        configuration.load(CONFIGS / f"{name}.yaml", keys)
    assert f"trainer.{key}" in str(refused.value)
    assert "\n" not in str(refused.value).strip()


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("grpo", ["loss_type=dr_grpo", "scale_rewards=none", "importance_sampling_level=token"]),
        ("grpo", ["eval_strategy=no", "push_to_hub=false", "remove_unused_columns=false", "max_grad_norm=0"]),
        ("grpo", ["generation_batch_size=null", "epsilon_high=null"]),
        ("grpo", ["sync_ref_model=true", "beta=0.1"]),
        ("ppo", ["sync_ref_model=true", "algorithm.kl=0.1"]),
        ("grpo", ["shuffle_dataset=false"]),
        ("dpo", ["loss_type=[sigmoid]", "beta=0.1"]),
    ],
)
def test_what_trl_can_do_passes(name, overrides):
    keys = [text if text.startswith("algorithm") else f"trainer.{text}" for text in overrides]
    assert configuration.load(CONFIGS / f"{name}.yaml", keys)
