"""Values of `trainer:` that would fail late or be ignored are refused in one line, before anything is loaded."""

from pathlib import Path

import pytest
import trl
from transformers.generation.configuration_utils import ALL_CACHE_IMPLEMENTATIONS
from transformers.training_args import trainer_log_levels

from rl import config as configuration
from rl.config import trainer_idle, trainer_values
from rl.config.trainer_arguments import arguments
from rl.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"
LORA = "policy.lora.r=4"
SECTIONS = ("policy", "algorithm", "sampling")


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
        ("grpo", ["eval_on_start=true"], "eval_on_start: has no effect here: TRL evaluates nothing"),
        ("dpo", ["per_device_eval_batch_size=4"], "per_device_eval_batch_size: has no effect"),
        ("orpo", ["generate_during_eval=true"], "generate_during_eval: has no effect"),
        ("star", ["metric_for_best_model=loss"], "metric_for_best_model: has no effect"),
        ("grpo", ["hub_model_id=me/mine"], "hub_model_id: has no effect here: nothing is uploaded"),
        ("grpo", ["log_unique_prompts=true"], "log_unique_prompts: has no effect here: completions are written by"),
        ("ppo", ["train_sampling_strategy=group_by_length"], "train_sampling_strategy: has no effect"),
        ("dpo", ["label_smoothing_factor=0.1"], "label_smoothing_factor: has no effect"),
        ("star", ["assistant_only_loss=true"], "assistant_only_loss: has no effect"),
        ("star", ["eos_token=x"], "eos_token: is set by the tokenizer"),
        ("grpo", ["data_seed=3"], "data_seed: is set by seed"),
        ("grpo", ["trust_remote_code=true"], "trust_remote_code: is set by policy.trust_remote_code"),
        ("grpo", ["sapo_temperature_pos=2"], "sapo_temperature_pos: has no effect without trainer.loss_type=sapo"),
        ("grpo", ["vespo_k_neg=2", "loss_type=sapo"], "vespo_k_neg: has no effect without trainer.loss_type=vespo"),
        ("grpo", ["epsilon=0.3", "loss_type=sapo"], "epsilon: has no effect without trainer.loss_type=grpo or"),
        ("grpo", ["delta=2", "loss_type=cispo", "epsilon_high=5"], "delta: has no effect"),
        ("grpo", ["delta=0"], "delta: expected a number above 0, got 0"),
        ("grpo", ["use_bias_correction_kl=true"], "use_bias_correction_kl: has no effect without trainer.beta"),
        ("grpo", ["entropy_target=0.5"], "entropy_target: has no effect without trainer.use_adaptive_entropy=true"),
        ("grpo", ["ref_model_sync_steps=8"], "ref_model_sync_steps: has no effect without trainer.sync_ref_model"),
        ("grpo", ["vllm_gpu_memory_utilization=0.3"], "vllm_gpu_memory_utilization: has no effect without sampling"),
        ("grpo", ["vllm_server_timeout=9", "sampling.engine=vllm"], "vllm_server_timeout: has no effect with"),
        ("grpo", ["vllm_importance_sampling_mode=token"], "vllm_importance_sampling_mode: 'token' is not one"),
        ("grpo", ["top_entropy_quantile=1.5"], "top_entropy_quantile: expected a number from 0 to 1, got 1.5"),
        ("grpo", ["num_train_epochs=3"], "num_train_epochs: has no effect without trainer.max_steps=-1"),
        ("grpo", ["warmup_steps=3", "lr_scheduler_type=constant"], "warmup_steps: has no effect without"),
        ("grpo", ["lr_scheduler_type=reduce_lr_on_plateau"], "lr_scheduler_type: depends on TRL's evaluation"),
        ("grpo", ["optim_target_modules=[q_proj]"], "optim_target_modules: has no effect"),
        ("grpo", ["optim_args=betas"], "optim_args: expected name=value, with commas between several, got 'betas'"),
        ("grpo", ["fsdp_config={min_num_params: 3}"], "fsdp_config: has no effect without trainer.fsdp"),
        ("grpo", ["use_liger_kernel=true"], "use_liger_kernel: needs liger-kernel, which is not installed"),
        ("star", ["use_liger_kernel=true"], "use_liger_kernel"),
        ("grpo", ["deepspeed=zero3.json"], "deepspeed: needs deepspeed, which is not installed"),
        ("grpo", ["optim=paged_adamw_8bit"], "optim: needs bitsandbytes, which is not installed"),
        ("dpo", ["router_aux_loss_coef=0.1"], "router_aux_loss_coef: is for a mixture of experts"),
        ("grpo", ["router_aux_loss_coef=-1"], "router_aux_loss_coef: expected 0 or more"),
        ("grpo", ["save_only_model=true"], "save_only_model: a run could not be resumed"),
        ("grpo", ["ignore_data_skip=true"], "ignore_data_skip"),
        ("grpo", ["fp16=true", "bf16=true"], "fp16: excludes trainer.bf16"),
        ("grpo", ["use_transformers_paged=true"], "use_transformers_paged: is set by sampling.engine"),
        ("grpo", ["cache_implementation=statik"], "cache_implementation: 'statik' is not one; did you mean 'static'"),
        ("grpo", ["ddp_backend=nonsense"], "ddp_backend: 'nonsense' is not one"),
        ("grpo", ["include_num_input_tokens_seen=some"], "include_num_input_tokens_seen: 'some' is not one"),
        ("grpo", ["log_level=loud"], "log_level: 'loud' is not one"),
        ("grpo", ["neftune_noise_alpha=-1"], "neftune_noise_alpha: expected 0 or more, got -1"),
        ("grpo", ["dataloader_num_workers=-1"], "dataloader_num_workers: expected 0 or more, got -1"),
        ("grpo", ["dataloader_persistent_workers=true"], "dataloader_persistent_workers: has no effect without"),
        ("grpo", ["dataloader_prefetch_factor=2"], "dataloader_prefetch_factor: has no effect without"),
        ("grpo", ["torch_empty_cache_steps=0"], "torch_empty_cache_steps: expected 1 or more, got 0"),
        ("grpo", ["pad_to_multiple_of=0"], "pad_to_multiple_of: expected 1 or more, got 0"),
        ("grpo", ["pad_to_multiple_of=eight"], "pad_to_multiple_of: expected a number of tokens or auto, got 'eight'"),
        ("dpo", ["loss_type=[sigmoyd]"], "loss_type: 'sigmoyd' is not one; did you mean 'sigmoid'"),
        ("dpo", ["loss_weights=[1.0,2.0]"], "loss_weights: expected a weight for each of sigmoid, got 2"),
        ("dpo", ["f_divergence_type=kl"], "f_divergence_type: 'kl' is not one"),
        ("dpo", ["f_alpha_divergence_coef=0.5"], "f_alpha_divergence_coef: has no effect without"),
        ("dpo", ["discopop_tau=0.1"], "discopop_tau: has no effect without trainer.loss_type=discopop"),
        ("dpo", ["truncation_mode=keep_end"], "truncation_mode: has no effect without trainer.max_length"),
        ("dpo", ["truncation_mode=keep_middle", "max_length=9"], "truncation_mode: 'keep_middle' is not one"),
        ("orpo", ["truncation_mode=keep_end"], "truncation_mode: ORPOConfig has no such argument"),
        ("star", ["loss_type=nil"], "loss_type: 'nil' is not one; did you mean 'nll'"),
        ("star", ["packing_strategy=bfd"], "packing_strategy: has no effect without trainer.packing=true"),
    ],
)  # fmt: skip
def test_it_is_refused_with_its_key(name, overrides, key):
    keys = [text if text.startswith(SECTIONS) else f"trainer.{text}" for text in overrides]
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
        ("dpo", ["loss_type=[sigmoid, sft]", "loss_weights=[1.0, 0.5]", "max_length=64", "truncation_mode=keep_end"]),
        ("star", ["packing=true", "packing_strategy=bfd", "train_sampling_strategy=random"]),
        ("grpo", ["eval_on_start=false", "eval_delay=0", "greater_is_better=null", "warmup_steps=0"]),
        ("grpo", ["max_steps=-1", "num_train_epochs=3"]),
        ("grpo", ["lr_scheduler_type=constant_with_warmup", "warmup_steps=4"]),
        ("grpo", ["loss_type=sapo", "sapo_temperature_pos=2"]),
        ("grpo", ["loss_type=cispo", "epsilon_high=5"]),
        ("grpo", ["dataloader_num_workers=2", "dataloader_prefetch_factor=2"]),
        ("grpo", ["vllm_gpu_memory_utilization=0.3", "sampling.engine=vllm"]),
        ("grpo", ["vllm_importance_sampling_clip_max=2", "sampling.engine=vllm"]),
        ("grpo", ["optim_args='betas=0.9, eps=1e-8'", "pad_to_multiple_of=auto"]),
    ],
)
def test_what_trl_can_do_passes(name, overrides):
    keys = [text if text.startswith(SECTIONS) else f"trainer.{text}" for text in overrides]
    assert configuration.load(CONFIGS / f"{name}.yaml", keys)


def test_null_leaves_out_an_argument_of_an_included_file():
    given = ["trainer.max_steps=null", "trainer.num_train_epochs=3", "trainer.generation_batch_size=null"]
    trainer = configuration.load(CONFIGS / "grpo.yaml", given).trainer
    assert "max_steps" not in trainer and trainer["num_train_epochs"] == 3.0
    assert trainer["generation_batch_size"] is None  # which is a value of this one


def test_null_leaves_out_an_argument_that_only_another_algorithm_has():
    sft = ["algorithm={name: sft, examples: {data: task}}", "rewards.correctness=null"]
    for wrong in ("steps_per_generation=2", "steps_per_generatoin=null"):
        with pytest.raises(UserError, match=rf"trainer\.{wrong.split('=')[0]}: SFTConfig has no such argument"):
            configuration.load(CONFIGS / "grpo.yaml", [*sft, f"trainer.{wrong}"])
    given = [*sft, "trainer.steps_per_generation=2", "trainer.steps_per_generation=null"]
    assert "steps_per_generation" not in configuration.load(CONFIGS / "grpo.yaml", given).trainer


CLASSES = ("GRPOConfig", "DPOConfig", "ORPOConfig", "SFTConfig")
ALL = {name for kind in CLASSES for name in arguments(kind)}


@pytest.mark.parametrize("table", [trainer_idle.IDLE, trainer_idle.NEEDS, trainer_values.CHOICES])
def test_the_tables_name_arguments_that_trl_has(table):
    assert {
        name: kind for kind in table for name in table[kind] if name not in (arguments(kind) if kind else ALL)
    } == {}


def test_so_do_the_lists():
    lists = ("AT_LEAST_ONE", "ABOVE_ZERO", "NOT_NEGATIVE", "SHARES", "UP_TO_ONE", "REFUSED", "PACKAGES")
    assert {name for of in lists for name in getattr(trainer_values, of)} <= ALL


def test_trl_knows_the_values_that_pass():
    assert trainer_log_levels.keys() == set(trainer_values.LOG_LEVELS)
    assert set(trainer_values.CHOICES["GRPOConfig"]["cache_implementation"]) == set(ALL_CACHE_IMPLEMENTATIONS)
    for file, kind, names in (
        ("grpo_trainer", "GRPOConfig", ("loss_type", "importance_sampling_level", "scale_rewards")),
        ("dpo_trainer", "DPOConfig", ("loss_type", "f_divergence_type")),
        ("sft_trainer", "SFTConfig", ("loss_type",)),
    ):
        source = Path(trl.__file__).with_name("trainer") / f"{file}.py"
        text = source.read_text() + source.with_name(f"{file.replace('trainer', 'config')}.py").read_text()
        for name in names:
            missing = [value for value in trainer_values.CHOICES[kind][name] if f'"{value}"' not in text]
            assert missing == [], name
