"""Draws completions of prompts from a policy, by the model layer (`rewards/models/generate.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from rewards.models.generate import Engine, Generated, SamplingParameters, generate
from rewards.models.prompts import Text, encode, render
from rewards.models.types import Model
from rewards.sample import Sample
from rl.policy.control import Conditioned
from verifiers.answer.completion import leaves_open

Completion = Generated


def as_samples(
    rows: Sequence[Mapping[str, Any]], indices: Sequence[int], groups: Sequence[Sequence[Completion]], **known: Any
) -> list[Sample]:
    """Completions as samples; those of one prompt follow each other.

    Args:
        rows: the rows of the split.
        indices: the index in `rows` of each group's prompt.
        groups: the completions of each prompt.
        known: further fields that all samples share, such as `round`.
    """
    return [
        Sample(rows[index], one.text, one.ids, one.finish_reason, index=index, thinking=one.thinking, **known)
        for index, group in zip(indices, groups, strict=True)
        for one in group
    ]


def parameters_of(sampling: Mapping[str, Any]) -> SamplingParameters:
    """The sampling parameters of a config.

    Args:
        sampling: by name, also the variables of the chat template, which concern prompts alone.
    """
    return SamplingParameters(**{name: value for name, value in sampling.items() if name != "chat_template_kwargs"})


def sample(
    model: Model | Engine,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Text],
    *,
    count: int = 1,
    batch: int = 512,
    seed: int = 0,
    logprobs: bool = False,
    progress: Callable[[int], None] | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    conditioned: Conditioned | None = None,
    **parameters: Any,
) -> list[list[Completion]]:
    """Draw completions of each prompt. Global random states are restored afterwards.

    Args:
        model: the policy, without wrappers such as DDP; or an engine that holds it.
        tokenizer: its tokenizer.
        prompts: strings, or lists of chat messages for the chat template.
        count: completions per prompt.
        batch: completions per batch; prompts of similar length share one.
        seed: random seed. The same model, prompts, batch and seed give the same completions.
        logprobs: whether to compute log-probabilities, at the cost of a forward pass.
        progress: called after each batch with the number of completions in it.
        chat_template_kwargs: variables of the chat template.
        conditioned: the control tokens of the prompts; None for a policy without any.
        parameters: the fields of `SamplingParameters`, including `max_tokens`.

    Returns:
        For each prompt in order, its `count` completions.
    """
    rendered = [render(prompt, tokenizer, chat_template_kwargs) for prompt in prompts]
    ids = [encode(text, tokenizer) for text in rendered]
    if conditioned is not None:
        ids, parameters = [conditioned.put(one) for one in ids], {**parameters, "never": conditioned.never}
    groups = generate(
        model, tokenizer, ids, SamplingParameters(**parameters), count=count, batch=batch, seed=seed,
        logprobs=logprobs, progress=progress,
    )  # fmt: skip
    return [
        [replace(one, thinking=True) for one in group] if leaves_open(prompt.text) else group
        for prompt, group in zip(rendered, groups, strict=True)
    ]
