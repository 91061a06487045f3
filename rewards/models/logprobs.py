r"""Log-probabilities of given tokens: $\log p(y_t \mid x, y_{<t})$ under a model's own distribution, in nats."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rewards.models.batches import BATCH_TOKENS, batches, logits_budget, padded
from rewards.models.state import device_of, judging
from rewards.models.types import Model


def token_logprobs(
    model: Model, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, budget: int = BATCH_TOKENS
) -> list[list[float]]:
    """The log-probability of each completion token given the prompt and the tokens before it.

    The distribution is the model's own: at temperature 1, over the whole vocabulary.

    Args:
        model: a causal language model.
        prompts: token ids of B prompts, each with at least one token.
        completions: token ids of B completions.
        budget: largest number of tokens in a batch, including padding.

    Returns:
        B lists of numbers in nats, each as long as its completion.
    """
    found: list[list[float]] = [[] for _ in prompts]
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    with judging(model):
        for chosen in batches([len(row) for row in rows], logits_budget(model, budget)):
            ids_BT, mask_BT = padded([rows[i] for i in chosen], 0, device_of(model))
            logits_BTV = model(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False).logits
            for line, i in enumerate(chosen):
                found[i] = logprobs_at(logits_BTV[line], ids_BT[line, : len(rows[i])], len(prompts[i])).tolist()
    return found


def logprobs_at(logits_TV: Tensor, ids_T: Tensor, start: int) -> Tensor:
    """The log-probabilities of the tokens from `start` on, (T - start,).

    Args:
        logits_TV: the model's logits for a text; row t predicts token t + 1. There may be more rows than tokens.
        ids_T: the text's token ids.
        start: index of the first token, at least 1.
    """
    logprobs_AV = logits_TV[start - 1 : len(ids_T) - 1].float().log_softmax(-1)
    return logprobs_AV.gather(1, ids_T[start:].unsqueeze(1)).squeeze(1)
