"""What is different when FSDP or DeepSpeed shards the policy: no process holds the whole of it.

To run a sharded model, every process gathers its weights layer by layer, so each pass waits for the same pass of the
other processes, and all of them must run as many. What runs the policy a different number of times on each process is
refused. Without a GPU, accelerate makes DDP of FSDP and shards nothing, which is refused as well.

Runs in rounds sample, judge and evaluate with a whole copy of the policy on each process; only their fits are sharded.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from accelerate import Accelerator, DistributedType, PartialState
from accelerate.utils import str_to_bool
from rich.console import Console
from torch import nn
from torch.distributed.tensor import DTensor
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from rl.config import Config
from rl.errors import UserError

ASKS_THE_POLICY = ("teacher", "self_feedback")
"""Rewards that run the current policy, whichever model they are given."""


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether FSDP or DeepSpeed holds the policy; DeepSpeed below stage 3 counts as well."""
    return accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def check_launch(state: PartialState, config: Config | None = None) -> None:
    """Refuse what cannot work with the engine with which accelerate was launched.

    Args:
        state: of the processes.
        config: a checked config; None where no policy is trained.

    Raises:
        UserError: FSDP without a GPU, or with a setting that does not work here; or the config runs the policy a
            different number of times on each process.
    """
    fsdp, deepspeed = _is_set("ACCELERATE_USE_FSDP"), _is_set("ACCELERATE_USE_DEEPSPEED")
    if fsdp:
        _check_fsdp(state)
    if not (fsdp or deepspeed) or config is None:
        return
    if config.trainer.get("sync_ref_model"):
        what = (
            "changes the reference, which checkpoints do not have while FSDP or DeepSpeed shards it, so no run could "
        )
        raise UserError("trainer.sync_ref_model", f"{what}be resumed exactly; train by DDP, or leave it out")
    if config.algorithm.in_rounds:
        return
    for name, reward in config.rewards.items():
        if reward.model == "policy" or (reward.kind or name) in ASKS_THE_POLICY:
            what = "runs the policy itself, which FSDP and DeepSpeed cannot do while they shard it; train by DDP"
            raise UserError(f"rewards.{name}", what)
    if config.evaluation.statements is not None:
        what = "runs the policy as often as each process needs, which FSDP and DeepSpeed cannot do; train by DDP"
        raise UserError("evaluation.statements", what)
    critic = getattr(config.algorithm, "critic", None)
    if deepspeed and critic is not None and critic.warm_up_cycles:
        what = "DeepSpeed cannot leave out the policy's steps while only the critic learns; set it to 0, or use FSDP2"
        raise UserError("algorithm.critic.warm_up_cycles", what)
    if deepspeed and config.trainer.get("ds3_gather_for_generation") is False:
        raise UserError("trainer.ds3_gather_for_generation", "the policy is whole while it samples here; leave it out")


def join_deepspeed() -> None:
    """Tell DeepSpeed of the processes that accelerate has joined.

    The reference policy is loaded, already sharded, while the trainer is made, and DeepSpeed would count one process.
    """
    if _is_set("ACCELERATE_USE_DEEPSPEED"):
        import deepspeed  # pyright: ignore[reportMissingImports]  # the launch found it

        if not deepspeed.comm.is_initialized():
            deepspeed.init_distributed(dist_backend=torch.distributed.get_backend(), verbose=False)


def _check_fsdp(state: PartialState) -> None:
    if state.distributed_type == DistributedType.MULTI_CPU:
        what = "accelerate has no FSDP without a GPU: every process would hold the whole policy"
        raise UserError("distributed_type", f"{what}; launch with configs/accelerate/cpu_2.yaml")
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UserError("fsdp_config.fsdp_version", "needs to be 2, as in configs/accelerate/fsdp2.yaml")
    if _is_set("FSDP_CPU_RAM_EFFICIENT_LOADING"):
        what = "lets only one process load new heads, such as a critic's, so the others would lack them"
        raise UserError("fsdp_config.fsdp_cpu_ram_efficient_loading", f"{what}; set it to false")


class Shards(TrainerCallback):
    """Says what share of a sharded policy each process holds, and stops a run that shards nothing.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    def watch(self, trainer: Trainer) -> None:
        """Set the trainer, which is made after its callbacks, and let models be loaded whole again."""
        self.trainer = trainer
        load_whole_models()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the weights.

        Raises:
            RuntimeError: FSDP was asked for, but every process holds all weights.
        """
        accelerator = self.trainer.accelerator
        if not is_sharded(accelerator) or accelerator.num_processes == 1:
            return
        held, whole = weights(kwargs["model"])
        if held == whole and accelerator.distributed_type == DistributedType.FSDP:
            raise RuntimeError("FSDP has sharded none of the weights")
        self.console.print(
            f"sharded over {accelerator.num_processes} processes: this one holds {held:,} of {whole:,} weights",
            highlight=False,
        )


def load_whole_models() -> None:
    """Let transformers load models whole again, once a trainer has been made.

    From then on it knows of DeepSpeed's configuration, and would shard every model that is loaded: the policy of the
    next round, its reference, a reward's model. The trainer itself no longer needs that configuration.
    """
    unset_hf_deepspeed_config()


def weights(model: nn.Module) -> tuple[int, int]:
    """Number of weights that this process holds, and number of all weights of the model.

    Args:
        model: the policy, as FSDP or DeepSpeed has prepared it.
    """
    held = whole = 0
    for parameter in model.parameters():
        own = parameter.to_local() if isinstance(parameter, DTensor) else getattr(parameter, "ds_tensor", parameter)
        held += own.numel()
        whole += getattr(parameter, "ds_numel", parameter.numel())
    return held, whole


def _is_set(name: str) -> bool:
    return bool(str_to_bool(os.environ.get(name, "false")))
