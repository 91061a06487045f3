"""Generates completions: one function for evaluation, rounds, labels and rewards, whichever engine generates.

A transformers model or an `Engine`, such as vLLM, generates. Both take the same `SamplingParameters`, which alone
determine how tokens are drawn. The generation defaults that are stored with a model (a top_k of 50, a repetition
penalty) are ignored, except for the tokens that begin or end a text.

A completion includes the token that ends it: an end-of-text token, or the token that completes a stop string. Its text
is what these tokens decode to, without special tokens, so it contains the stop string and anything else in its last
token. TRL does the same in training, which allows mapping the spans of steps to tokens.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, cast, runtime_checkable

import torch
from peft import PeftModel
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteriaList

from rewards.models.batches import pad_id, padded
from rewards.models.decoding import decoding
from rewards.models.logprobs import token_logprobs
from rewards.models.prefill import prefilled
from rewards.models.processors import FirstTokens, NanWatch
from rewards.models.state import device_of, judging
from rewards.models.stopping import StopStrings, ended, strings_and_tokens
from rewards.models.types import Generates, Model, Tokenizer
from rewards.models.waiting import batches_of_others

FinishReason = Literal["stop", "length", "error"]
"""`stop` if the model ended the completion, `length` if it was truncated, `error` if its logits were NaN."""
FORMAT = ("bos_token_id", "decoder_start_token_id", "forced_bos_token_id")
"""Keys of a stored generation config that concern the format of texts, not how tokens are drawn."""


@dataclass(frozen=True)
class SamplingParameters:
    """How tokens are drawn.

    Attributes:
        max_tokens: largest number of tokens of a completion.
        temperature: temperature of the softmax; None for greedy decoding.
        top_p: draw from the most probable tokens with this total probability.
        top_k: draw from this number of most probable tokens; 0 for all.
        min_p: draw from tokens with at least this probability relative to the most probable one; None for all.
        repetition_penalty: divides the positive logits of tokens that are already in the text, and multiplies their
            negative logits; 1 for none (Keskar et al. 2019, arXiv:1909.05858, section 4.1).
        stop: strings, or special tokens, that end a completion.
        never: ids of tokens that are not drawn, such as control tokens; for transformers models only.
        branched: whether the completions of a prompt begin with its most likely first tokens, one each
            (`rewards/models/processors.py`); for transformers models only.
    """

    max_tokens: int
    temperature: float | None = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float | None = None
    repetition_penalty: float = 1.0
    stop: Sequence[str] = ()
    never: Sequence[int] = ()
    branched: bool = False

    @property
    def plain(self) -> bool:
        """Whether completions are drawn from the model's own, unmodified distribution."""
        filters = (self.top_p, self.top_k, self.min_p or 0, self.repetition_penalty)
        return self.temperature == 1 and filters == (1, 0, 0, 1) and not self.branched


@dataclass(frozen=True, slots=True)
class Generated:
    """One completion.

    Attributes:
        text: the text without special tokens.
        ids: the token ids, including the token that ended it.
        finish_reason: why it ended.
        logprobs: log-probability (nats) of each token given the prompt and the tokens before it, under the model's own
            distribution: at temperature 1 over the whole vocabulary, whatever the sampling parameters. None unless
            requested.
        thinking: whether the prompt ends with an opened thought; only the code that rendered the prompt knows it.
    """

    text: str
    ids: list[int]
    finish_reason: FinishReason
    logprobs: list[float] | None = None
    thinking: bool = False


class Tokens(NamedTuple):
    """A completion from an engine; the fields are those of `Generated`."""

    ids: list[int]
    finish_reason: FinishReason
    logprobs: list[float] | None = None


@runtime_checkable
class Engine(Protocol):
    """Generates instead of a transformers model.

    Attributes:
        eos_token_ids: the end-of-text tokens of its model, in addition to the tokenizer's.
    """

    eos_token_ids: Sequence[int]

    def generate(
        self,
        prompt_ids: Sequence[list[int]],
        seeds: Sequence[int],
        parameters: SamplingParameters,
        *,
        count: int,
        eos_token_ids: Sequence[int],
        logprobs: bool,
    ) -> list[list[Tokens]]:
        """For each prompt in order, its `count` completions, drawn with the prompt's seed."""
        ...


def generate(
    model: Model | Engine,
    tokenizer: Tokenizer,
    prompt_ids: Sequence[list[int]],
    parameters: SamplingParameters,
    *,
    count: int = 1,
    batch: int = 512,
    seed: int = 0,
    logprobs: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[list[Generated]]:
    """Draw completions of each prompt. Global random states are restored afterwards.

    Args:
        model: a causal or encoder-decoder transformers model without wrappers such as DDP; or an engine.
        tokenizer: its tokenizer.
        prompt_ids: token ids of N prompts.
        parameters: the sampling parameters.
        count: completions per prompt.
        batch: completions per batch; prompts of similar length share one.
        seed: random seed. The same model, prompts, batch and seed give the same completions.
        logprobs: whether to compute log-probabilities, at the cost of a forward pass; for causal models only.
        progress: called after each batch with the number of completions in it.

    Returns:
        For each prompt in order, its `count` completions.
    """
    strings, tokens = strings_and_tokens(parameters.stop, tokenizer)
    parameters, ends = replace(parameters, stop=strings), [*eos_token_ids(model, tokenizer), *tokens]
    if isinstance(model, Engine):
        assert not parameters.never, "the config keeps policies with control tokens from engines"
        assert not parameters.branched, "the config keeps branched sampling from engines"
        drawn = _by_engine(model, prompt_ids, parameters, ends, count, batch, seed, logprobs, progress)
    else:
        drawn = _by_transformers(model, tokenizer, prompt_ids, parameters, ends, count, batch, seed, logprobs, progress)
    return [
        [Generated(str(tokenizer.decode(one.ids, skip_special_tokens=True)), *one) for one in group] for group in drawn
    ]


def eos_token_ids(model: Model | Engine, tokenizer: Tokenizer) -> list[int]:
    """The tokens that end a completion: those of the model or engine, and the tokenizer's.

    Args:
        model: a transformers model, or an engine.
        tokenizer: its tokenizer.
    """
    stored = model.eos_token_ids if isinstance(model, Engine) else model.generation_config.eos_token_id
    ends = [*(stored if isinstance(stored, list | tuple) else [stored]), tokenizer.eos_token_id]
    return list(dict.fromkeys(end for end in ends if end is not None))


@contextmanager
def without_stored_defaults(model: Model) -> Iterator[None]:
    """Within this context, hide the generation defaults that are stored with a model from transformers.

    They are restored afterwards, so that they are saved with the model.

    Args:
        model: a transformers model, or a peft wrapper of one.
    """
    layers: list[Any] = [model, *([model.get_base_model()] if isinstance(model, PeftModel) else [])]
    holders = [layer for layer in layers if "generation_config" in vars(layer)]
    stored = [layer.generation_config for layer in holders]
    for layer, config in zip(holders, stored, strict=True):
        ends = {"eos_token_id": config.eos_token_id, "pad_token_id": config.pad_token_id}
        layer.generation_config = GenerationConfig(**ends, **{name: getattr(config, name, None) for name in FORMAT})
    try:
        yield
    finally:
        for layer, config in zip(holders, stored, strict=True):
            layer.generation_config = config


def _by_engine(
    engine: Engine,
    prompt_ids: Sequence[list[int]],
    parameters: SamplingParameters,
    ends: Sequence[int],
    count: int,
    batch: int,
    seed: int,
    logprobs: bool,
    progress: Callable[[int], None] | None,
) -> list[list[Tokens]]:
    drawn: list[list[Tokens]] = []
    some = max(1, batch // count)
    for start in range(0, len(prompt_ids), some):
        part = prompt_ids[start : start + some]
        # a seed per prompt, because equal prompts with equal seeds would get equal completions
        seeds = [random.Random(f"{seed}/{start + place}").getrandbits(31) for place in range(len(part))]
        drawn += engine.generate(part, seeds, parameters, count=count, eos_token_ids=ends, logprobs=logprobs)
        if progress:
            progress(len(part) * count)
    return drawn


def _by_transformers(
    model: Model,
    tokenizer: Tokenizer,
    prompt_ids: Sequence[list[int]],
    parameters: SamplingParameters,
    ends: list[int],
    count: int,
    batch: int,
    seed: int,
    logprobs: bool,
    progress: Callable[[int], None] | None,
) -> list[list[Tokens]]:
    order = sorted((len(ids), row) for row, ids in enumerate(prompt_ids) for _ in range(count))
    device, pad = device_of(model), pad_id(tokenizer)
    settings = _generation_config(parameters, ends, pad)
    reads_apart = getattr(model.config, "is_encoder_decoder", False)
    drawn: list[list[Tokens]] = [[] for _ in prompt_ids]
    sampling = parameters.temperature is not None
    seeded = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [], enabled=sampling)
    with judging(model), without_stored_defaults(model), seeded:
        if sampling:
            torch.manual_seed(seed)
        to_accompany = batches_of_others(model, -(-len(order) // batch))
        for first in range(0, len(order), batch):
            rows = [row for _, row in order[first : first + batch]]
            inputs = prefilled(model, *padded([prompt_ids[row] for row in rows], pad, device, side="left"), pad)
            start = 1 if reads_apart else inputs["input_ids"].shape[1]
            stopping = [StopStrings(parameters.stop, tokenizer, start)] if parameters.stop else []
            watch = NanWatch()
            # sampling from NaN raises an error
            processors: list[LogitsProcessor] = [] if sampling else [watch]
            if parameters.branched:  # the completions of a prompt follow each other in the order
                processors.append(FirstTokens(start, [place % count for place in range(first, first + len(rows))]))
            out_BT = cast(Generates, model).generate(
                **inputs,
                generation_config=settings,
                stopping_criteria=StoppingCriteriaList(stopping),
                logits_processor=LogitsProcessorList(processors),
                custom_generate=decoding(model),
            )
            made = [Tokens(*ended(ids, ends, parameters.stop, tokenizer)) for ids in out_BT[:, start:].tolist()]
            if hasattr(watch, "broken_B"):
                broken = watch.broken_B.tolist()
                made = [
                    one._replace(finish_reason="error") if bad else one for one, bad in zip(made, broken, strict=True)
                ]
            if logprobs:
                values = token_logprobs(model, [prompt_ids[row] for row in rows], [one.ids for one in made])
                made = [one._replace(logprobs=of) for one, of in zip(made, values, strict=True)]
            for row, one in zip(rows, made, strict=True):
                drawn[row].append(one)
            if progress:
                progress(len(rows))
        for _ in range(to_accompany):
            ids, mask = padded([[pad]], pad, device)
            cast(Generates, model).generate(input_ids=ids, attention_mask=mask, generation_config=settings)
    return drawn


def _generation_config(parameters: SamplingParameters, ends: list[int], pad: int) -> GenerationConfig:
    shared: dict[str, Any] = {
        "max_new_tokens": parameters.max_tokens,
        "repetition_penalty": parameters.repetition_penalty,
        "eos_token_id": ends or None,
        "pad_token_id": pad,
        "suppress_tokens": list(parameters.never) or None,
    }
    if parameters.temperature is None:
        return GenerationConfig(do_sample=False, **shared)
    return GenerationConfig(
        do_sample=True,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        top_k=parameters.top_k,
        min_p=parameters.min_p,
        **shared,
    )
