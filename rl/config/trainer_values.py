"""Values of `trainer:` that TRL and transformers would refuse late, ignore, or break on.

A type alone does not tell that a loss has no such name, that a run has no evaluation set of TRL's, or that something
else in the config makes an argument idle. Each is refused here, with the key, before anything is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rl.config.wrong_key import WrongKey
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config

CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "GRPOConfig": {
        "loss_type": ("grpo", "dapo", "bnpo", "dr_grpo", "cispo", "sapo", "luspo", "vespo"),
        "scale_rewards": ("group", "batch", "none"),
        "importance_sampling_level": ("token", "sequence"),
    },
}
"""TRL config class → argument → the values that its trainer knows."""

AT_LEAST_ONE = (
    "per_device_train_batch_size", "gradient_accumulation_steps", "num_iterations", "steps_per_generation",
    "generation_batch_size", "save_total_limit", "max_length",
)  # fmt: skip
ABOVE_ZERO = ("num_train_epochs", "logging_steps")
NOT_NEGATIVE = (
    "beta", "learning_rate", "weight_decay", "warmup_steps", "max_grad_norm", "epsilon", "epsilon_high", "adam_epsilon"
)  # fmt: skip
SHARES = ("adam_beta1", "adam_beta2")
"""Arguments by their least value; shares are less than 1, too."""

REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "eval_strategy": (lambda value: value != "no", "evaluation is set by evaluation.every"),
    "load_best_model_at_end": (bool, "checkpoints are not compared; the policy that is saved is the last one"),
    "push_to_hub": (bool, "nothing is uploaded; the policy is in the run folder, ready for `hf upload`"),
    "save_strategy": (lambda value: value == "best", "checkpoints are not compared; use steps and trainer.save_steps"),
    "log_completions": (bool, "completions are written by logging.completions_every"),
    "auto_find_batch_size": (bool, "a batch holds whole groups; lower trainer.per_device_train_batch_size instead"),
    "remove_unused_columns": (bool, "columns are kept or dropped as the algorithm needs them; leave it out"),
}
"""Argument → which of its values is refused, and why. `None` is never refused: it is TRL's default."""


def check_trainer_values(config: Config, checked: Mapping[str, Any]) -> None:
    """Refuse values of `trainer:` that could only fail later, or that would have no effect.

    Args:
        config: the config.
        checked: `trainer:`, each argument converted to its type.

    Raises:
        WrongKey: such a value.
    """
    given = {name: value for name, value in checked.items() if value is not None}
    for name, choices in CHOICES.get(config.algorithm.trl_config, {}).items():
        if name in given and given[name] not in choices:
            raise WrongKey(f"trainer.{name}", f"{given[name]!r} is not one; {nearest(str(given[name]), choices)}")
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise WrongKey(f"trainer.{name}", f"expected a finite number, got {value}")
    for names, fits, wanted in (
        (AT_LEAST_ONE, lambda value: value >= 1, "1 or more"),
        (ABOVE_ZERO, lambda value: value > 0, "a number above 0"),
        (NOT_NEGATIVE, lambda value: value >= 0, "0 or more"),
        (SHARES, lambda value: 0 <= value < 1, "a number from 0 to less than 1"),
    ):
        for name in names:
            if name in given and not fits(given[name]):
                raise WrongKey(f"trainer.{name}", f"expected {wanted}, got {given[name]:g}")
    for name, (refused, why) in REFUSED.items():
        if name in given and refused(given[name]):
            raise WrongKey(f"trainer.{name}", why)
    if not config.algorithm.in_rounds:
        _check_online(config, given)


def _check_online(config: Config, given: Mapping[str, Any]) -> None:
    algorithm: Any = config.algorithm
    if given.get("sync_ref_model") and not given.get("beta") and not getattr(algorithm, "kl", 0.0):
        raise WrongKey(
            "trainer.sync_ref_model", "there is no reference policy to synchronise; set trainer.beta above 0"
        )
    if given.get("sync_ref_model") and config.policy.lora is not None:
        raise WrongKey("trainer.sync_ref_model", "the reference of a policy with adapters is its base; leave it out")
    if given.get("cast_lm_head_to_fp32") and config.policy.lora is not None:
        raise WrongKey("trainer.cast_lm_head_to_fp32", "TRL finds no head to cast under adapters; leave it out")
    if "generation_batch_size" in given and "steps_per_generation" in given:
        raise WrongKey("trainer.generation_batch_size", "does not go with trainer.steps_per_generation; give one")
    if not algorithm.group_baseline and "scale_rewards" in given:
        raise WrongKey(
            "trainer.scale_rewards",
            f"scales a baseline by groups, and {algorithm.name} has a critic; see algorithm.whiten_advantages and "
            f"algorithm.whiten_rewards",
        )
    drawing = next((name for name in ("dynamic_sampling", "curriculum") if getattr(algorithm, name) is not None), None)
    if given.get("shuffle_dataset") is False and drawing is not None:
        raise WrongKey("trainer.shuffle_dataset", f"algorithm.{drawing} draws prompts at random; leave one of them out")
