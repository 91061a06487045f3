"""The prompts of a batch before completions are drawn: what they share is run once.

The completions of a group continue the same prompt, and prompts often begin alike, with a system prompt or with worked
examples. `generate` of transformers runs each row of its batch from the first token. Here it starts from a key-value
cache instead:

    tokens that all prompts start with | the rest of each prompt | its last token
    run once                           | once for each prompt    | by `generate`, for each completion

For 64 completions of 8 prompts of 60 tokens, the first 45 of which are the same, these are 45 + 8 · 14 + 64 tokens
instead of 3,840. The completions are drawn from the same distribution, up to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rewards.models.caches import common, extend, shares
from rewards.models.shared_prompts import Size
from rewards.models.types import Model
from rewards.models.waiting import waits_for_others

LEAST_SAVED = 2e10
"""Operations that must be saved: the cache takes two passes more, which for a small model cost more than they save."""


def prefilled(model: Model, ids_BP: Tensor, mask_BP: Tensor, pad: int) -> dict[str, Any]:
    """The inputs of `generate` for a batch of prompts, with a cache of what they share where that saves work.

    Args:
        model: the model that is to generate, without wrappers such as DDP.
        ids_BP: token ids of the prompts, padded on the left.
        mask_BP: 1 on tokens.
        pad: a token for padding.

    Returns:
        `input_ids` and `attention_mask`, (B, P'), and, where it saves work, `past_key_values`. The completions follow
        the P' columns, which may be fewer than P and have their padding before the last token.
    """
    plain = {"input_ids": ids_BP, "attention_mask": mask_BP}
    if not shares(model) or waits_for_others(model):
        return plain
    a_token = Size.of(model).operations(1)
    if ids_BP.numel() * a_token < LEAST_SAVED:  # too little even if nothing had to be run
        return plain
    rows = [tuple(ids[mask].tolist()) for ids, mask in zip(ids_BP.cpu(), mask_BP.bool().cpu(), strict=True)]
    prompts = {prompt: place for place, prompt in enumerate(dict.fromkeys(rows))}
    shortest, longest = min(map(len, prompts)), max(map(len, prompts))
    if shortest < 2:
        return plain
    head = min(common(list(prompts)), shortest - 1)
    tokens = head + len(prompts) * (longest - 1 - head) + len(rows)
    if (ids_BP.numel() - tokens) * a_token < LEAST_SAVED:
        return plain
    rests = [list(prompt[head:-1]) for prompt in prompts]
    level = None
    if head:
        level, _ = extend(model, None, [], [list(rows[0][:head])], pad)
    level, _ = extend(model, level, [0] * len(rests), rests, pad)
    of_row = [prompts[row] for row in rows]
    level = level.selected(of_row)
    ids_B1 = torch.tensor([[row[-1]] for row in rows], device=ids_BP.device)
    before = [list(rows[0][:head]) + rest + [pad] * (longest - 1 - head - len(rest)) for rest in rests]
    before_BP = torch.tensor([before[place] for place in of_row], device=ids_BP.device)
    return {
        "input_ids": torch.cat([before_BP, ids_B1], dim=1),
        "attention_mask": torch.cat([level.mask_BS, torch.ones_like(ids_B1)], dim=1),
        "past_key_values": level.cache,
    }
