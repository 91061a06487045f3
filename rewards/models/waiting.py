"""Processes that share a model: where its weights are sharded, each pass waits for the same pass of the others."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FSDPModule
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from transformers.integrations.fsdp import is_fsdp_managed_module

from rewards.models.state import device_of
from rewards.models.types import Model


def waits_for_others(model: Model) -> bool:
    """Whether each pass waits for the other processes because the weights are sharded: all must run as many passes.

    Args:
        model: the model, without wrappers such as DDP.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return False
    return is_deepspeed_zero3_enabled() or any(
        isinstance(module, FSDPModule) or is_fsdp_managed_module(module) for module in model.modules()
    )


def batches_of_others(model: Model, own: int) -> int:
    """Number of batches that a process runs beyond this one's own, which this one has to accompany.

    All processes call this before their first batch. It is 0 for a model whose passes wait for no other process.

    Args:
        model: the model, without wrappers such as DDP.
        own: number of this process's batches.
    """
    if not waits_for_others(model):
        return 0
    most = torch.tensor(own, device=device_of(model))
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return int(most) - own
