"""What a model's attention can be asked for, by its config and its signature."""

from __future__ import annotations

import inspect

from peft import PeftModel
from torch import nn

from rewards.models.types import Model


def bare(model: Model) -> nn.Module:
    """The model inside an adapter's wrapper, whose own signature says nothing."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def parameters_of(model: Model) -> set[str]:
    """The names of the arguments that the model's forward pass takes."""
    return set(inspect.signature(bare(model).forward).parameters)


def implementation(model: Model) -> str | None:
    """How attention is computed: `sdpa`, `eager`, `flash_attention_2` and others."""
    return getattr(model.config.get_text_config(), "_attn_implementation", None)


def attends_where_told(model: Model) -> bool:
    """Whether every layer attends to exactly what a mask allows, at the positions that it is given.

    Not so where layers hold a state instead of keys and values, where they see a sliding window, where positions are
    counted inside the model or stand in the mask (ALiBi), and where attention takes no mask (FlashAttention).

    Args:
        model: a decoder, not wrapped by DDP or the like.
    """
    config = model.config.get_text_config()
    if getattr(config, "is_encoder_decoder", False) or getattr(model, "_is_stateful", False):
        return False
    if getattr(config, "alibi", False) or not {"position_ids", "attention_mask"} <= parameters_of(model):
        return False
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and set(kinds) != {"full_attention"}:
        return False
    if kinds is None and getattr(config, "sliding_window", None) is not None:
        return False
    return implementation(model) in ("sdpa", "eager")
