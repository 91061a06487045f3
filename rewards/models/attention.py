"""The capabilities of a model's attention, by its config and its signature."""

from __future__ import annotations

import inspect

from peft import PeftModel
from torch import nn

from rewards.models.types import Model


def bare(model: Model) -> nn.Module:
    """The model inside an adapter's wrapper, because the wrapper's signature is generic."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def parameters_of(model: Model) -> set[str]:
    """The names of the arguments that the model's forward pass takes."""
    return set(inspect.signature(bare(model).forward).parameters)


def implementation(model: Model) -> str | None:
    """How attention is computed: `sdpa`, `eager`, `flash_attention_2` and others."""
    return getattr(model.config.get_text_config(), "_attn_implementation", None)


def attends_where_told(model: Model) -> bool:
    """Whether every layer attends to exactly the tokens that a mask allows, at the positions that are passed to it.

    This does not hold if layers have a state instead of keys and values, if they see a sliding window, if the model
    counts positions itself or derives them from the mask (ALiBi), or if attention takes no mask (FlashAttention).

    Args:
        model: a decoder without wrappers such as DDP.
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
