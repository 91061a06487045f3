"""The model that a reward's section of the config names: a frozen model, or the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewards.models.load import frozen
from rewards.models.types import Source
from rewards.parts.context import Context


def template_kwargs(settings: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Variables of the chat template of the reward's model: for the policy those of sampling, otherwise none.

    Args:
        settings: the reward's section of the config.
        context: has the variables of the policy's chat template.
    """
    return context.template_kwargs if settings.get("model") == "policy" else {}


LOADING = ("dtype", "device", "revision", "trust_remote_code")
"""Options of every reward that loads a model."""


def source(
    settings: Mapping[str, Any],
    context: Context,
    head: str,
    *,
    policy: bool = False,
    base: bool = False,
    purpose: str = "a path or a hub id",
) -> Source:
    """A function that returns the model that a reward's section of the config names, with its tokenizer.

    Args:
        settings: its `model`: a path, a hub id, or `policy`; and its options `dtype`, `device`, `revision` and
            `trust_remote_code`.
        context: has the policy.
        head: a key of `rewards.models.load.HEADS`.
        policy: whether the reward can use the policy, which changes during training.
        base: whether the reward can use the initial policy of the run.
        purpose: a description of the model, for the error.

    Raises:
        ValueError: no model is named, or it does not fit; the message says what to name.
    """
    name, options = settings.get("model"), settings.get("options") or {}
    if not name:
        raise ValueError(f"model: is needed: {purpose}{', or `policy`' if policy else ''}")
    if name == "policy":
        if not policy:
            raise ValueError(
                "model: this reward needs a frozen model, and policy is not frozen; name a path or a hub id"
            )
        if context.policy is None:
            raise ValueError("model: there is no policy here that policy could refer to; name a path or a hub id")
        return context.policy
    if name == "base" and base:
        if context.base is None:
            raise ValueError("model: base is the policy with which a run started, and there is no run here")
        return context.base
    return frozen(str(name), head, **{key: options[key] for key in LOADING if key in options})
