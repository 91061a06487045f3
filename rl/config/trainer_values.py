"""Values of `trainer:` that TRL and transformers would refuse late, ignore, or break on.

A type alone does not show that a loss does not exist, that TRL's trainer has no evaluation set here, or that another
key makes an argument idle. Each is refused here, with the key, before anything is loaded.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rl.config.trainer_idle import check_idle
from rl.config.wrong_key import WrongKey
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config

LOG_LEVELS = ("detail", "debug", "info", "warning", "error", "critical", "passive")
CHOICES: dict[str, dict[str, tuple[Any, ...]]] = {
    "": {
        "log_level": LOG_LEVELS,
        "log_level_replica": LOG_LEVELS,
        "dataloader_multiprocessing_context": ("fork", "spawn", "forkserver"),
        "train_sampling_strategy": ("random", "sequential", "group_by_length", "batch_rebalance"),
        "truncation_mode": ("keep_start", "keep_end"),
        "include_num_input_tokens_seen": (False, True, "all", "non_padding", "no"),
        "ddp_backend": ("nccl", "gloo", "mpi", "xccl", "hccl", "cncl", "mccl"),
    },
    "GRPOConfig": {
        "loss_type": ("grpo", "dapo", "bnpo", "dr_grpo", "cispo", "sapo", "luspo", "vespo"),
        "scale_rewards": ("group", "batch", "none"),
        "importance_sampling_level": ("token", "sequence"),
        "cache_implementation": (
            "static", "offloaded_static", "sliding_window", "hybrid", "hybrid_chunked", "offloaded_hybrid",
            "offloaded_hybrid_chunked", "dynamic", "offloaded", "quantized",
        ),
        "vllm_importance_sampling_mode": ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"),
    },
    "DPOConfig": {
        "loss_type": (
            "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
            "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
        ),
        "f_divergence_type": ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"),
    },
    "SFTConfig": {
        "loss_type": ("nll", "dft", "chunked_nll"),
        "packing_strategy": ("bfd", "bfd_split", "bfd-requeue", "wrapped"),
    },
}  # fmt: skip
"""TRL config class, or "" for all → argument → the values that its trainer knows. Each item of a list is one."""

AT_LEAST_ONE = (
    "per_device_train_batch_size", "gradient_accumulation_steps", "num_iterations", "steps_per_generation",
    "generation_batch_size", "save_total_limit", "max_length", "torch_empty_cache_steps", "pad_to_multiple_of",
    "dataloader_prefetch_factor", "dataset_num_proc", "ref_model_sync_steps", "precompute_ref_batch_size",
    "vllm_max_model_length", "vllm_tensor_parallel_size",
)  # fmt: skip
ABOVE_ZERO = (
    "num_train_epochs", "logging_steps", "delta", "sapo_temperature_neg", "sapo_temperature_pos",
    "vllm_gpu_memory_utilization", "vllm_server_timeout", "ddp_timeout", "discopop_tau",
)  # fmt: skip
NOT_NEGATIVE = (
    "beta", "learning_rate", "weight_decay", "warmup_steps", "max_grad_norm", "epsilon", "epsilon_high", "adam_epsilon",
    "neftune_noise_alpha", "dataloader_num_workers", "ld_alpha", "vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg",
    "vespo_lambda_neg",
)  # fmt: skip
SHARES = ("adam_beta1", "adam_beta2")
"""Arguments by their lowest value; shares are also less than 1."""
UP_TO_ONE = ("top_entropy_quantile", "ref_model_mixup_alpha", "label_smoothing")

REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "eval_strategy": (lambda value: value != "no", "evaluation is set by evaluation.every"),
    "load_best_model_at_end": (bool, "checkpoints are not compared; the policy that is saved is the last one"),
    "push_to_hub": (bool, "nothing is uploaded; the policy is in the run folder, ready for `hf upload`"),
    "save_strategy": (lambda value: value == "best", "checkpoints are not compared; use steps and trainer.save_steps"),
    "log_completions": (bool, "completions are written by logging.completions_every"),
    "auto_find_batch_size": (bool, "a batch holds whole groups; lower trainer.per_device_train_batch_size instead"),
    "remove_unused_columns": (bool, "columns are kept or dropped as the algorithm needs them; leave it out"),
    "save_only_model": (bool, "a run could not be resumed from a checkpoint without the state of its optimizer"),
    "ignore_data_skip": (bool, "a resumed run would see other data than one that was not interrupted"),
    "enable_jit_checkpoint": (bool, "a termination signal saves a checkpoint at the end of the step anyway"),
    "skip_memory_metrics": (lambda value: value is False, "figures on memory are not recorded"),
    "lr_scheduler_type": (
        lambda value: value in ("reduce_lr_on_plateau", "greedy"),
        "depends on TRL's evaluation, which is not used here; choose another",
    ),
    "router_aux_loss_coef": (lambda value: value < 0, "expected 0 or more"),
    "use_weighting": (bool, "TRL 1.16 stops at its first step with it"),
}
"""Argument → which of its values are refused, and why. `None` is never refused: it is TRL's default."""

PACKAGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "use_liger_kernel": (bool, "liger_kernel"),
    "deepspeed": (bool, "deepspeed"),
    "optim": (
        lambda value: any(part in str(value) for part in ("bnb", "paged", "ademamix", "lion_8bit")),
        "bitsandbytes",
    ),
}
"""Argument → for which of its values a package is needed, and which package."""


def check_trainer_values(config: Config, checked: Mapping[str, Any]) -> None:
    """Refuse values of `trainer:` that could only fail later, or that would have no effect.

    Args:
        config: the config.
        checked: `trainer:`, each argument converted to its type.

    Raises:
        WrongKey: a value is refused.
    """
    given = {name: value for name, value in checked.items() if value is not None}
    for name, choices in {**CHOICES[""], **CHOICES.get(config.algorithm.trl_config, {})}.items():
        for value in _items(given.get(name)):
            if value not in choices:
                raise WrongKey(f"trainer.{name}", f"{value!r} is not one; {nearest(str(value), map(str, choices))}")
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise WrongKey(f"trainer.{name}", f"expected a finite number, got {value}")
    for names, fits, wanted in (
        (AT_LEAST_ONE, lambda value: value >= 1, "1 or more"),
        (ABOVE_ZERO, lambda value: value > 0, "a number above 0"),
        (NOT_NEGATIVE, lambda value: value >= 0, "0 or more"),
        (SHARES, lambda value: 0 <= value < 1, "a number from 0 to less than 1"),
        (UP_TO_ONE, lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    ):
        for name in names:
            if name in given and not isinstance(given[name], str) and not fits(given[name]):
                raise WrongKey(f"trainer.{name}", f"expected {wanted}, got {given[name]:g}")
    for name, (refused, why) in REFUSED.items():
        if name in given and refused(given[name]):
            raise WrongKey(f"trainer.{name}", why)
    for name, (needed, package) in PACKAGES.items():
        if name in given and needed(given[name]) and importlib.util.find_spec(package) is None:
            raise WrongKey(f"trainer.{name}", f"needs {package.replace('_', '-')}, which is not installed")
    _check_together(config, given)
    check_idle(config, given)
    if not config.algorithm.in_rounds:
        _check_online(config, given)


def _items(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _check_together(config: Config, given: Mapping[str, Any]) -> None:
    if isinstance(multiple := given.get("pad_to_multiple_of"), str) and multiple != "auto" and not multiple.isdecimal():
        raise WrongKey("trainer.pad_to_multiple_of", f"expected a number of tokens or auto, got {multiple!r}")
    if given.get("fp16") and given.get("bf16"):
        raise WrongKey("trainer.fp16", "excludes trainer.bf16; give one")
    for part in filter(None, str(given.get("optim_args", "")).replace(" ", "").split(",")):
        if "=" not in part:
            raise WrongKey("trainer.optim_args", f"expected name=value, with commas between several, got {part!r}")
    losses, weights = _items(given.get("loss_type", ["sigmoid"])), given.get("loss_weights")
    if weights is not None and len(weights) != len(losses):
        raise WrongKey("trainer.loss_weights", f"expected a weight for each of {', '.join(losses)}, got {len(weights)}")
    if given.get("sync_ref_model") and given.get("precompute_ref_log_probs"):
        raise WrongKey("trainer.sync_ref_model", "excludes trainer.precompute_ref_log_probs; give one")
    if given.get("router_aux_loss_coef") and config.policy.model == "embedded":
        raise WrongKey("trainer.router_aux_loss_coef", "is for a mixture of experts, which the embedded policy is not")


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
        raise WrongKey("trainer.generation_batch_size", "excludes trainer.steps_per_generation; give one")
    if not algorithm.group_baseline and "scale_rewards" in given:
        raise WrongKey(
            "trainer.scale_rewards",
            f"scales a baseline by groups, but {algorithm.name} has a critic; see algorithm.whiten_advantages and "
            f"algorithm.whiten_rewards",
        )
    drawing = next((name for name in ("dynamic_sampling", "curriculum") if getattr(algorithm, name) is not None), None)
    if given.get("shuffle_dataset") is False and drawing is not None:
        raise WrongKey("trainer.shuffle_dataset", f"algorithm.{drawing} draws prompts at random; leave one of them out")
