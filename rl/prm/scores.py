"""Step scores of a token-classification model, read at the last token of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from rl.errors import UserError
from rl.prm.chains import Chain
from rl.sampling import render


def encode(tokenizer: PreTrainedTokenizerBase, chain: Chain, longest: int | None = None) -> tuple[list[int], list[int]]:
    """Token ids of prompt and completion, and the place of the last token of each step.

    Prompt and completion are encoded apart, as a policy reads the one and writes the other.

    Args:
        tokenizer: a fast tokenizer, which knows the characters of its tokens.
        chain: what to encode.
        longest: most tokens; what is over is cut off, and the steps that end there have no place: -1.

    Raises:
        UserError: the tokenizer does not know the characters of its tokens.
    """
    if not tokenizer.is_fast:
        raise UserError("model", "its tokenizer is not a fast one, so the end of a step cannot be found in its tokens")
    prompt: list[int] = tokenizer(render(tokenizer, chain.prompt), add_special_tokens=False)["input_ids"]  # type: ignore
    encoded = tokenizer(chain.completion, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start for start, _ in encoded["offset_mapping"]]  # type: ignore[union-attr]
    ids = prompt + list(encoded["input_ids"])  # type: ignore[arg-type]
    places, token = [], 0
    for step in chain.steps:
        # the last token that begins inside the step holds its last character
        while token + 1 < len(starts) and starts[token + 1] < step.end:
            token += 1
        places.append(len(prompt) + token if starts else -1)
    if longest is not None and len(ids) > longest:
        ids = ids[:longest]
        places = [place if place < longest else -1 for place in places]
    return ids, places


@torch.no_grad()
def step_scores(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    chains: Sequence[Chain],
    *,
    batch: int = 64,
    progress: Callable[[int], None] | None = None,
) -> list[list[float]]:
    """The probability that each step is right: of one label the sigmoid, of two the second one's softmax.

    Args:
        model: a token-classification model of one or two labels.
        tokenizer: its tokenizer, with a pad token.
        chains: what to score; labels are not looked at.
        batch: chains at a time, those of similar length together.
        progress: called with the number of chains scored since the last call.

    Raises:
        UserError: the model has another number of labels.
    """
    if model.config.num_labels not in (1, 2):
        raise UserError("model", f"has {model.config.num_labels} labels; a process reward model has one or two")
    encoded = [encode(tokenizer, chain) for chain in chains]
    order = sorted(range(len(chains)), key=lambda row: len(encoded[row][0]))
    scores: list[list[float]] = [[] for _ in chains]
    training = model.training
    model.eval()
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        ids: list[Any] = [encoded[row][0] or [tokenizer.pad_token_id] for row in rows]
        padded = tokenizer.pad(
            {"input_ids": ids},
            padding_side="right",
            return_tensors="pt",
        ).to(model.device)
        logits_BTL = model(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"]).logits.float()
        right_BT = logits_BTL[..., 0].sigmoid() if logits_BTL.shape[-1] == 1 else logits_BTL.softmax(-1)[..., 1]
        for row, values_T in zip(rows, right_BT.tolist(), strict=True):
            scores[row] = [values_T[place] for place in encoded[row][1]]
        if progress:
            progress(len(rows))
    model.train(training)
    return scores
