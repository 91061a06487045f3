"""GRPO: group relative policy optimization (Shao et al. 2024, arXiv:2402.03300), on TRL's `GRPOTrainer`.

For each prompt the policy draws G completions o_1 … o_G with rewards r_i. The group is its own baseline:

    A_i = (r_i - mean(r)) / (std(r) + δ)
    L   = -mean over i, t of min(ρ_it A_i, clip(ρ_it, 1 - ε, 1 + ε) A_i)

with ρ_it a token's probability under the policy over its probability under the policy that sampled it. Which of the
published variants runs (DAPO, Dr. GRPO, GSPO, CISPO, a KL term, …) is up to TRL's own arguments in `trainer:`.

Where a reward has a credit rule, its step scores make the advantage one of each token, A_it (`rl/credit/group.py`).
With outcome rewards alone the advantages are TRL's, untouched.
"""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig

from rewards.mixing.mix import Mix
from rl.algorithms.online import OnlineTrainer
from rl.config import Config
from rl.config.checks import GenerationCycle
from rl.credit.group import group_advantages
from rl.errors import UserError
from rl.policy.load import Policy
from rl.storage.run_folder import RunFolder
from rl.tasks.task import Task


class GrpoTrainer(OnlineTrainer):
    """GRPO with outcome rewards, step credit, or both."""

    def credit(self, output: dict[str, Any]) -> Tensor | None:
        """Group-relative advantages, (B, T) where a reward has a credit rule; else TRL's stay."""
        if not self.mix.credits:
            return None
        rewards, mask_BT = self.token_rewards(output), output["completion_mask"]
        return group_advantages(rewards, mask_BT, self.group, self.scale_rewards, self.accelerator.gather)  # type: ignore[arg-type]


def build(
    config: Config, policy: Policy, task: Task, mix: Mix, folder: RunFolder, callbacks: list[TrainerCallback]
) -> GrpoTrainer:
    """The trainer for a config.

    Args:
        config: a checked config.
        policy: the loaded policy.
        task: its train split is trained on.
        mix: the rewards.
        folder: where checkpoints go.
        callbacks: to be told of steps and logs.

    Raises:
        UserError: TRL refuses the arguments, or the data lacks a column that a reward needs.
    """
    trainer = GrpoTrainer(config.algorithm, mix, **for_trl(config, policy, task, folder, callbacks))  # type: ignore
    trainer.remove_callback(PrinterCallback)
    return trainer


def for_trl(
    config: Config, policy: Policy, task: Task, folder: RunFolder, callbacks: list[TrainerCallback]
) -> dict[str, Any]:
    """Keyword arguments of `SamplingTrainer`, TRL's trainer with stop strings, but for the rewards.

    Raises:
        UserError: TRL refuses what `trainer:` says.
    """
    try:
        arguments = GRPOConfig(**trainer_arguments(config, folder))
    except (ValueError, TypeError) as error:
        raise UserError("trainer", str(error).strip().splitlines()[0]) from error
    return {
        "model": policy.model,
        "args": arguments,
        "train_dataset": Dataset.from_list(task.splits["train"]),
        "processing_class": policy.tokenizer,
        "peft_config": policy.lora,
        "callbacks": callbacks,
        "stop": config.sampling.stop,
    }


def trainer_arguments(config: Config, folder: RunFolder) -> dict[str, Any]:
    """Arguments of `GRPOConfig`: what our sections set, our defaults where the user said nothing, and `trainer:`.

    Our defaults differ from TRL's where a run is watched (a log line every step, no progress bar of its own) and where
    the machine decides (the CPU where there is nothing else, which also lets several CPU processes find each other;
    bfloat16 only on a GPU that has it). Checkpoints fall on the ends of generation cycles.
    """
    cycle, on_cpu = GenerationCycle.of(config).optimizer_steps, not torch.accelerator.is_available()
    defaults: dict[str, Any] = {
        # GDPO's rewards come normalised in their group; what is left is the scale of the batch
        "scale_rewards": "batch" if config.mix.aggregation == "normalise_then_sum" else "group",
        "logging_steps": 1,
        "disable_tqdm": True,
        "save_steps": -(-500 // cycle) * cycle,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "ddp_broadcast_buffers": False,  # a broadcast a pass would want as many passes on every process
        "bf16": not on_cpu and torch.cuda.is_bf16_supported() and "fp16" not in config.trainer,
    }
    ours = {
        "output_dir": str(folder.staging),
        "seed": config.seed,
        "run_name": config.name,
        "report_to": [] if config.logging.wandb == "disabled" else ["wandb"],
        "num_generations": config.sampling.completions,
        "max_completion_length": config.sampling.max_tokens,
        "temperature": config.sampling.temperature,
        "top_p": config.sampling.top_p,
        "top_k": config.sampling.top_k,
        "min_p": config.sampling.min_p,
        "repetition_penalty": config.sampling.repetition_penalty,
        "chat_template_kwargs": config.sampling.chat_template_kwargs,
        # TRL hands these to vLLM as they are
        "generation_kwargs": {"stop": config.sampling.stop, "include_stop_str_in_output": True}
        if config.sampling.stop and config.sampling.engine != "transformers"
        else None,
        "use_vllm": config.sampling.engine != "transformers",
        "vllm_mode": "server" if config.sampling.engine == "vllm_server" else "colocate",
        "vllm_server_base_url": config.sampling.server,
    }
    return {**defaults, **config.trainer, **ours}
