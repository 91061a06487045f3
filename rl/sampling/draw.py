"""Draws completions from a policy: one function for evaluation, prototypes and rounds, whatever generates.

A policy is a transformers model, or an engine of `rl/sampling/vllm.py`. All take the same settings and give the same
things: tokens, text, why it ended, and on request log-probabilities.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from rewards.reward import Text

LOGITS_AT_ONCE = 2**26
"""Most logits of one forward pass for log-probabilities; 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion.

    Attributes:
        text: without special tokens.
        ids: its token ids, the end-of-text token included.
        finish: `stop` where the policy ended it, `length` where it was cut off.
        logps: for each token its log-probability (nats) given the prompt and the tokens before it, under the policy's
            own distribution: at temperature 1, with no token left out, whatever it was drawn with. None unless asked
            for.
    """

    text: str
    ids: list[int]
    finish: Literal["stop", "length"]
    logps: list[float] | None = None


@dataclass(frozen=True)
class Drawing:
    """How to draw; the fields are those of `sample`, with the tokens that end a completion."""

    count: int
    max_tokens: int
    temperature: float | None
    top_p: float
    top_k: int
    min_p: float | None
    ends: list[int]
    logps: bool

    @property
    def plain(self) -> bool:
        """Whether completions are drawn from the policy's own distribution, so that log-probabilities are of it."""
        return self.temperature == 1.0 and self.top_p == 1.0 and not self.top_k and not self.min_p


class Raw(NamedTuple):
    """A completion as an engine gives it."""

    ids: list[int]
    finish: Literal["stop", "length"]
    logps: list[float] | None


@runtime_checkable
class Engine(Protocol):
    """What generates in place of a transformers model."""

    def draw(self, prompt_ids: Sequence[list[int]], seeds: Sequence[int], drawing: Drawing) -> list[list[Raw]]:
        """For each prompt in order its completions, drawn by the prompt's own seed."""
        ...


def sample(
    model: PreTrainedModel | Engine,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Text],
    *,
    count: int = 1,
    max_tokens: int,
    temperature: float | None = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    min_p: float | None = None,
    batch: int = 512,
    seed: int = 0,
    logps: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[list[Completion]]:
    """Draw completions of each prompt. Random states outside are left as they were.

    Args:
        model: the policy, not wrapped by DDP or the like; or an engine that holds it.
        tokenizer: its tokenizer, with a pad token.
        prompts: strings, or lists of chat messages for the chat template.
        count: completions a prompt.
        max_tokens: most tokens a completion.
        temperature: of the softmax; None for greedy decoding.
        top_p: nucleus of the distribution to draw from.
        top_k: draw from so many of the likeliest tokens; 0 for all.
        min_p: draw from tokens at least this likely beside the likeliest one; None for all.
        batch: completions at a time; prompts of similar length are put together.
        seed: of the draw. The same model, prompts, batch and seed give the same completions.
        logps: whether to fill in log-probabilities, at the cost of a forward pass.
        progress: called after each batch with the number of completions in it.

    Returns:
        For each prompt in order, its `count` completions.
    """
    texts = [render(tokenizer, prompt) for prompt in prompts]
    prompt_ids: list[list[int]] = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]  # type: ignore
    own = None if isinstance(model, Engine) else model.generation_config
    drawing = Drawing(count, max_tokens, temperature, top_p, top_k, min_p, eos_token_ids(own, tokenizer), logps)
    if isinstance(model, Engine):
        drawn = _by_engine(model, prompt_ids, drawing, batch, seed, progress)
    else:
        drawn = _by_transformers(model, tokenizer, prompt_ids, drawing, batch, seed, progress)
    return [
        [Completion(str(tokenizer.decode(raw.ids, skip_special_tokens=True)), *raw) for raw in group] for group in drawn
    ]


def render(tokenizer: PreTrainedTokenizerBase, prompt: Text) -> str:
    """The prompt as the text the policy reads; chat messages go through the chat template."""
    if isinstance(prompt, str):
        return prompt
    return tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True)  # type: ignore


def _by_engine(
    engine: Engine,
    prompt_ids: Sequence[list[int]],
    drawing: Drawing,
    batch: int,
    seed: int,
    progress: Callable[[int], None] | None,
) -> list[list[Raw]]:
    drawn: list[list[Raw]] = []
    some = max(1, batch // drawing.count)
    for start in range(0, len(prompt_ids), some):
        part = prompt_ids[start : start + some]
        # a seed a prompt: with one for all, equal prompts would get equal completions
        seeds = [random.Random(f"{seed}/{start + place}").getrandbits(31) for place in range(len(part))]
        drawn += engine.draw(part, seeds, drawing)
        if progress:
            progress(len(part) * drawing.count)
    return drawn


@torch.no_grad()
def _by_transformers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_ids: Sequence[list[int]],
    drawing: Drawing,
    batch: int,
    seed: int,
    progress: Callable[[int], None] | None,
) -> list[list[Raw]]:
    order = sorted((len(ids), row) for row, ids in enumerate(prompt_ids) for _ in range(drawing.count))
    settings = _generation_config(tokenizer, drawing)
    drawn: list[list[Raw]] = [[] for _ in prompt_ids]
    training = model.training
    model.eval()
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        for start in range(0, len(order), batch):
            rows = [row for _, row in order[start : start + batch]]
            padded = tokenizer.pad(
                {"input_ids": [prompt_ids[row] for row in rows]}, padding_side="left", return_tensors="pt"
            ).to(model.device)
            out_BT = model.generate(  # type: ignore[operator]
                input_ids=padded["input_ids"], attention_mask=padded["attention_mask"], generation_config=settings
            )
            made = [_cut(ids, drawing.ends) for ids in out_BT[:, padded["input_ids"].shape[1] :].tolist()]
            if drawing.logps:
                values = log_probabilities(model, [prompt_ids[row] for row in rows], [one.ids for one in made])
                made = [one._replace(logps=of) for one, of in zip(made, values, strict=True)]
            for row, one in zip(rows, made, strict=True):
                drawn[row].append(one)
            if progress:
                progress(len(rows))
    model.train(training)
    return drawn


@torch.no_grad()
def log_probabilities(
    model: PreTrainedModel, prompts: Sequence[list[int]], completions: Sequence[list[int]]
) -> list[list[float]]:
    """Log-probability of each completion token given the prompt and the tokens before it, at temperature 1.

    Args:
        model: the policy, in evaluation mode.
        prompts: token ids.
        completions: token ids, one for each prompt.
    """
    values: list[list[float]] = []
    longest = max((len(p) + len(c) for p, c in zip(prompts, completions, strict=True)), default=1)
    some = max(1, LOGITS_AT_ONCE // (longest * model.config.get_text_config().vocab_size))
    for start in range(0, len(prompts), some):
        pairs = list(zip(prompts[start : start + some], completions[start : start + some], strict=True))
        rows = [torch.tensor(prompt + completion) for prompt, completion in pairs]
        ids_BT = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
        lengths_B = torch.tensor([len(row) for row in rows], device=model.device)
        mask_BT = torch.arange(ids_BT.shape[1], device=model.device) < lengths_B.unsqueeze(1)
        logits_BTV = model(input_ids=ids_BT, attention_mask=mask_BT.long(), use_cache=False).logits[:, :-1].float()
        logps_BT = logits_BTV.log_softmax(-1).gather(-1, ids_BT[:, 1:].unsqueeze(-1)).squeeze(-1).tolist()
        values += [
            logps[len(prompt) - 1 : len(prompt) - 1 + len(completion)]
            for logps, (prompt, completion) in zip(logps_BT, pairs, strict=True)
        ]
    return values


def _cut(ids: list[int], ends: Sequence[int]) -> Raw:
    stop = next((place for place, token in enumerate(ids) if token in ends), None)
    return Raw(ids, "length", None) if stop is None else Raw(ids[: stop + 1], "stop", None)


def eos_token_ids(own: GenerationConfig | None, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that end a completion: those of the model's generation config, and the tokenizer's."""
    stored: Any = own.eos_token_id if own else None
    ends = [*(stored if isinstance(stored, list) else [stored]), tokenizer.eos_token_id]
    return list(dict.fromkeys(end for end in ends if end is not None))


def _generation_config(tokenizer: PreTrainedTokenizerBase, drawing: Drawing) -> GenerationConfig:
    """Settings of our own, so that a model's stored defaults (a top_k of 50, say) do not enter unseen."""
    shared: dict[str, Any] = {
        "max_new_tokens": drawing.max_tokens,
        "eos_token_id": drawing.ends,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if drawing.temperature is None:
        return GenerationConfig(do_sample=False, **shared)
    return GenerationConfig(
        do_sample=True,
        temperature=drawing.temperature,
        top_p=drawing.top_p,
        top_k=drawing.top_k,
        min_p=drawing.min_p,
        **shared,
    )
