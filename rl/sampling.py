"""Draws completions from a policy: one function for evaluation, prototypes and rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from rewards.reward import Text


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion.

    Attributes:
        text: without special tokens.
        ids: its token ids, the end-of-text token included.
        finish: `stop` where the policy ended it, `length` where it was cut off.
    """

    text: str
    ids: list[int]
    finish: Literal["stop", "length"]


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Text],
    *,
    count: int = 1,
    max_tokens: int,
    temperature: float | None = 1.0,
    top_p: float = 1.0,
    batch: int = 512,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> list[list[Completion]]:
    """Draw completions of each prompt. Random states outside are left as they were.

    Args:
        model: the policy, not wrapped by DDP or the like.
        tokenizer: its tokenizer, with a pad token.
        prompts: strings, or lists of chat messages for the chat template.
        count: completions a prompt.
        max_tokens: most tokens a completion.
        temperature: of the softmax; None for greedy decoding.
        top_p: nucleus of the distribution to draw from.
        batch: completions at a time; prompts of similar length are put together.
        seed: of the draw. The same model, prompts, batch and seed give the same completions.
        progress: called after each batch with the number of completions in it.

    Returns:
        For each prompt in order, its `count` completions.
    """
    texts = [render(tokenizer, prompt) for prompt in prompts]
    prompt_ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    order = sorted((len(ids), row) for row, ids in enumerate(prompt_ids) for _ in range(count))
    settings = _generation_config(model, tokenizer, max_tokens, temperature, top_p)
    ends = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
    drawn: list[list[Completion]] = [[] for _ in prompts]
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
            completions = out_BT[:, padded["input_ids"].shape[1] :].tolist()
            for row, ids in zip(rows, completions, strict=True):
                drawn[row].append(_completion(ids, ends, tokenizer))
            if progress:
                progress(len(rows))
    model.train(training)
    return drawn


def render(tokenizer: PreTrainedTokenizerBase, prompt: Text) -> str:
    """The prompt as the text the policy reads; chat messages go through the chat template."""
    if isinstance(prompt, str):
        return prompt
    return tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True)  # type: ignore


def _completion(ids: list[int], ends: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> Completion:
    stop = next((place for place, token in enumerate(ids) if token in ends), None)
    ids = ids if stop is None else ids[: stop + 1]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    return Completion(text, ids, "length" if stop is None else "stop")  # type: ignore[arg-type]


def _generation_config(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int, temperature: float | None, top_p: float
) -> GenerationConfig:
    """Settings of our own, so that a model's stored defaults (a top_k of 50, say) do not enter unseen."""
    own: Any = model.generation_config.eos_token_id if model.generation_config else None
    ends = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    shared: dict[str, Any] = {
        "max_new_tokens": max_tokens,
        "eos_token_id": list(dict.fromkeys(end for end in ends if end is not None)),
        "pad_token_id": tokenizer.pad_token_id,
    }
    if temperature is None:
        return GenerationConfig(do_sample=False, **shared)
    return GenerationConfig(do_sample=True, temperature=temperature, top_p=top_p, top_k=0, **shared)
