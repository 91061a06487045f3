"""Arguments of TRL and transformers that would have no effect here: always, or without another setting.

TRL's trainers accept them silently, so a run would not do what its config says.
`tests/rl/config/test_trainer_values.py` holds the names to those of TRL's config classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config

_NO_EVALUATION = "TRL evaluates nothing here; evaluation is set by the section evaluation"
_NO_UPLOAD = "nothing is uploaded; the policy is in the run folder, ready for `hf upload`"
_NO_TABLE = "completions are written by logging.completions_every"
_TOKENS = "TRL gets examples as token ids and labels"

IDLE: dict[str, dict[str, str]] = {
    "": {
        **dict.fromkeys(
            (
                "eval_delay", "per_device_eval_batch_size", "prediction_loss_only", "eval_on_start",
                "eval_use_gather_object", "eval_accumulation_steps", "include_for_metrics", "batch_eval_metrics",
                "bf16_full_eval", "fp16_full_eval", "metric_for_best_model", "greater_is_better", "label_names",
                "num_generations_eval", "generate_during_eval", "eval_packing", "do_predict",
            ),
            _NO_EVALUATION,
        ),
        **dict.fromkeys(
            (
                "hub_token", "hub_private_repo", "hub_model_id", "hub_strategy", "hub_always_push", "hub_revision",
                "log_completions_hub_repo", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id",
            ),
            _NO_UPLOAD,
        ),
        **dict.fromkeys(("log_multimodal", "num_completions_to_print", "log_unique_prompts"), _NO_TABLE),
        "do_train": "whetstone train always trains",
        "local_rank": "the launcher says which process is which",
        "parallelism_config": "is an object that only code can make",
        "max_tool_calling_iterations": "completions call no tools here",
        "is_encoder_decoder": "the policy says so itself",
    },
    "GRPOConfig": {
        **dict.fromkeys(
            ("train_sampling_strategy", "length_column_name"),
            "prompts are drawn in groups; see trainer.shuffle_dataset and algorithm.curriculum",
        ),
        "label_smoothing_factor": "the policy loss has no labels to smooth",
        "vllm_tensor_parallel_size": "vLLM here has a device a process; a server takes --tensor-parallel-size",
        "vllm_structured_outputs_regex": "completions are drawn freely",
    },
    "DPOConfig": {
        "label_smoothing_factor": "the preference loss has its own, trainer.label_smoothing",
        "padding_free": "TRL's DPO pads all the same",
        "dataset_num_proc": _TOKENS,
    },
    "ORPOConfig": {"label_smoothing_factor": "the loss is ORPO's own, and does not smooth labels"},
    "SFTConfig": dict.fromkeys(
        ("dataset_text_field", "dataset_kwargs", "dataset_num_proc", "completion_only_loss", "assistant_only_loss"),
        f"{_TOKENS}; see algorithm.prompt_weight and algorithm.span_weights",
    ),
}  # fmt: skip
"""TRL config class, or "" for all → argument → why it has no effect. Off, 0 and None are never refused."""


class Needs(NamedTuple):
    """What an argument needs to have an effect.

    Attributes:
        met: whether the other given arguments provide it.
        what: what is needed, in words.
    """

    met: Callable[[Mapping[str, Any]], bool]
    what: str


def _loss(*losses: str, default: str) -> Needs:
    def met(given: Mapping[str, Any]) -> bool:
        chosen = given.get("loss_type", default)
        return any(one in losses for one in ([chosen] if isinstance(chosen, str) else chosen))

    return Needs(met, f"trainer.loss_type={' or '.join(losses)}")


def _set(name: str, what: str | None = None) -> Needs:
    return Needs(lambda given: bool(given.get(name)), what or f"trainer.{name}")


_WORKERS = _set("dataloader_num_workers", "trainer.dataloader_num_workers above 0")
_SYNCED = _set("sync_ref_model", "trainer.sync_ref_model=true")
_ADAPTIVE = _set("use_adaptive_entropy", "trainer.use_adaptive_entropy=true")
_CUT = _set("max_length")
_CLIPS = _loss("grpo", "bnpo", "dr_grpo", "dapo", "luspo", default="dapo")

NEEDS: dict[str, dict[str, Needs]] = {
    "": {
        "dataloader_persistent_workers": _WORKERS,
        "dataloader_prefetch_factor": _WORKERS,
        "dataloader_multiprocessing_context": _WORKERS,
        "liger_kernel_config": _set("use_liger_kernel", "trainer.use_liger_kernel=true"),
        "fsdp_config": _set("fsdp"),
        "ref_model_mixup_alpha": _SYNCED,
        "ref_model_sync_steps": _SYNCED,
        "truncation_mode": _CUT,
        "num_train_epochs": Needs(lambda given: given.get("max_steps", -1) < 1, "trainer.max_steps=-1"),
        "warmup_steps": Needs(
            lambda given: given.get("lr_scheduler_type") != "constant",
            "another lr_scheduler_type than constant, such as constant_with_warmup",
        ),
        "optim_target_modules": Needs(
            lambda given: str(given.get("optim", "")).startswith(("galore", "apollo")),
            "a trainer.optim of GaLore or APOLLO",
        ),
    },
    "GRPOConfig": {
        "sapo_temperature_neg": _loss("sapo", default="dapo"),
        "sapo_temperature_pos": _loss("sapo", default="dapo"),
        **dict.fromkeys(
            ("vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg", "vespo_lambda_neg"), _loss("vespo", default="dapo")
        ),
        "delta": _CLIPS,
        "epsilon": _CLIPS,
        "epsilon_high": _loss("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", default="dapo"),
        "use_bias_correction_kl": _set("beta", "trainer.beta above 0"),
        **dict.fromkeys(("entropy_coef_min", "entropy_coef_max", "entropy_coef_delta", "entropy_target"), _ADAPTIVE),
    },
    "DPOConfig": {
        "f_alpha_divergence_coef": Needs(
            lambda given: given.get("f_divergence_type") == "alpha_divergence",
            "trainer.f_divergence_type=alpha_divergence",
        ),
        "label_smoothing": _loss("exo_pair", "robust", "aot", "aot_unpaired", default="sigmoid"),
        "discopop_tau": _loss("discopop", default="sigmoid"),
        "precompute_ref_batch_size": _set("precompute_ref_log_probs", "trainer.precompute_ref_log_probs=true"),
    },
    "SFTConfig": {"packing_strategy": _set("packing", "trainer.packing=true")},
}  # fmt: skip
"""TRL config class, or "" for all → argument → what it needs to have an effect."""

_VLLM_HERE = (
    "vllm_model_impl", "vllm_enable_sleep_mode", "vllm_gpu_memory_utilization", "vllm_max_model_length",
)  # fmt: skip
_VLLM_SERVER = ("vllm_server_timeout", "vllm_group_port")


def check_idle(config: Config, given: Mapping[str, Any]) -> None:
    """Refuse arguments that would have no effect.

    Args:
        config: the config.
        given: `trainer:`, with each argument converted to its type and without those that are None.

    Raises:
        WrongKey: an argument would have no effect.
    """
    trl_config = config.algorithm.trl_config
    said = {name: value for name, value in given.items() if value}  # a value that is off or 0 asks for nothing
    for name, why in {**IDLE[""], **IDLE.get(trl_config, {})}.items():
        if name in said:
            raise WrongKey(f"trainer.{name}", f"has no effect here: {why}")
    for name, needs in {**NEEDS[""], **NEEDS.get(trl_config, {})}.items():
        if name in said and not needs.met(given):
            raise WrongKey(f"trainer.{name}", f"has no effect without {needs.what}")
    engine = config.sampling.engine
    for name in said:
        wanted = "vllm" if name in _VLLM_HERE else "vllm_server" if name in _VLLM_SERVER else None
        if name.startswith("vllm_") and engine == "transformers":
            raise WrongKey(f"trainer.{name}", f"has no effect without sampling.engine={wanted or 'vllm'}")
        if wanted not in (None, engine):
            raise WrongKey(f"trainer.{name}", f"has no effect with sampling.engine={engine}; it needs {wanted}")
    if "cache_implementation" in said and engine != "transformers":
        raise WrongKey("trainer.cache_implementation", "has no effect without sampling.engine=transformers")
