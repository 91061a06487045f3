"""What vLLM gets of a policy: all weights by the names of the checkpoint, or its adapter alone.

A policy with adapters is never merged for vLLM. An update of the adapter is often smaller than what bfloat16 can add to
a weight, so a sum in bfloat16 would lose it; vLLM adds the adapter's own product to each layer's output instead.

Sharded weights are gathered one at a time, which is a collective operation: every process has to go through them, also
one that keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from peft import PeftModel
from peft.utils.save_and_load import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from rewards.models.types import Model

ADAPTER = "default"
"""peft's name of the policy's adapter; a critic or a reference has others."""


def all_weights(policy: Model) -> Iterator[tuple[str, Tensor]]:
    """The weights of a policy without adapters, whole.

    Tied weights come once under each of their names: when vLLM's CPU backend reloads the embeddings, it does not pack
    an output head anew that shares them.

    Args:
        policy: the policy; of one with adapters, its base model.

    Yields:
        The name in the checkpoint, and the weight.
    """
    base = cast(Any, policy.get_base_model() if isinstance(policy, PeftModel) else policy)
    for name, parameter in base.named_parameters(remove_duplicate=False):
        if not _of_adapter(policy, name):
            with _whole(parameter) as weight:
                yield name.replace(".base_layer", ""), weight


def write_weights(policy: Model, folder: Path, *, writes: bool) -> None:
    """Write all weights of a policy into a folder.

    Args:
        policy: as in `all_weights`.
        folder: the folder, which is made.
        writes: whether this process writes; the others only gather.
    """
    kept = {name: _kept(weight) for name, weight in all_weights(policy) if writes}
    if writes:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(kept, folder / "model.safetensors", {"format": "pt"})


def write_adapter(policy: PeftModel, folder: Path, *, writes: bool) -> None:
    """Write the adapter of a policy into a folder, as peft saves it.

    Args:
        policy: the policy.
        folder: the folder, which is made.
        writes: whether this process writes; the others only gather.
    """
    kept: dict[str, Tensor] = {}
    for name, parameter in policy.named_parameters():
        if _of_adapter(policy, name):
            with _whole(parameter) as weight:
                if writes:
                    kept[name] = _kept(weight)
    if writes:
        folder.mkdir(parents=True, exist_ok=True)
        saved = get_peft_model_state_dict(policy, state_dict=kept, adapter_name=ADAPTER, save_embedding_layers=False)
        save_file(saved, folder / "adapter_model.safetensors", {"format": "pt"})
        policy.peft_config[ADAPTER].save_pretrained(str(folder))


def _of_adapter(policy: Model, name: str) -> bool:
    return isinstance(policy, PeftModel) and str(policy.base_model.prefix) in name


def _kept(weight: Tensor) -> Tensor:
    """A copy in main memory that shares nothing with other weights."""
    return weight.detach().cpu().clone().contiguous()


@contextmanager
def _whole(parameter: Any) -> Iterator[Tensor]:
    """A parameter's values, gathered if they are sharded by ZeRO-3 or FSDP2."""
    if hasattr(parameter, "ds_id"):
        import deepspeed  # pyright: ignore[reportMissingImports]  # there if a parameter has its mark

        with deepspeed.zero.GatheredParameters([parameter]):
            yield parameter.data
    elif isinstance(parameter, DTensor):
        yield cast(Tensor, parameter.full_tensor()).detach()
    else:
        yield parameter.data
