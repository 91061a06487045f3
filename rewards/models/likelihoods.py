r"""The likelihood of answers after a context under a model: $\log p(a \mid c) = \sum_t \log p(a_t \mid c, a_{<t})$.

The contexts of a question share its prompt, and the answers of a context share the context. So the key-value cache of a
prompt is computed once, that of each context starts from it, and each answer starts from its context, one token before
the answer begins. For a prompt of 100 tokens, 8 rationales of 40 tokens and 8 answers of 5 tokens, this takes about 800
tokens instead of 9,280. The shared part is found in the token ids of the whole texts, so it does not matter how a
tokenizer divides them.

A model that cannot start from a cache with gaps (one with a recurrent state, a sliding window, or positions that it
counts itself) instead gets one pass over each whole text, with the same results.

Encoder-decoder models are not supported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from rewards.models.batches import BATCH_TOKENS, LOGITS, batches, logits_budget, pad_id
from rewards.models.caches import common, extend, keeps_last, shares
from rewards.models.logprobs import logprobs_at, token_logprobs
from rewards.models.prompts import Rendered, encode
from rewards.models.room import room
from rewards.models.state import judging
from rewards.models.types import Model, Tokenizer


class Likelihood(NamedTuple):
    """The likelihood of an answer.

    Attributes:
        logprob: the sum of its tokens' log-probabilities, in nats.
        tokens: the number of its tokens.
    """

    logprob: float
    tokens: int

    @property
    def mean(self) -> float:
        """The mean log-probability per token, in nats."""
        return self.logprob / self.tokens


class Pair(NamedTuple):
    """A context and an answer as one text.

    Attributes:
        ids: token ids of the text.
        start: index of the first token that the context alone does not have.
    """

    ids: list[int]
    start: int


_Key = tuple[str | Rendered, tuple[str, ...]]
"""A context with its answers."""


def likelihoods(
    model: Model,
    tokenizer: Tokenizer,
    prefixes: Sequence[str],
    contexts: Sequence[str | Rendered],
    answers: Sequence[Sequence[str]],
    *,
    share: bool | None = None,
    budget: int = BATCH_TOKENS,
) -> list[list[Likelihood] | None]:
    """The likelihood of each answer after its context.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        prefixes: N texts with which contexts may start; contexts with equal ones share the computation of their start.
        contexts: N texts before the answers.
        answers: the answers of each context, each with the space before it.
        share: whether to share caches; by default if the model can.
        budget: largest number of tokens in a batch.

    Returns:
        For each context the likelihoods of its answers; None if the longest text does not fit into the model.

    Raises:
        ValueError: an answer has no token of its own, or `share` is true and the model cannot share caches.
    """
    if share and not shares(model):
        raise ValueError(f"{type(model).__name__} cannot start from a shared prefix; leave share out")
    keys = [(contexts[i], tuple(answers[i])) for i in range(len(contexts))]
    known: dict[_Key, list[Pair]] = {}
    of_prefix: dict[str, list[_Key]] = {}
    for key, prefix in zip(keys, prefixes, strict=True):
        if key not in known:
            known[key] = [joined(key[0], answer, tokenizer) for answer in key[1]]
            of_prefix.setdefault(prefix, []).append(key)
    space = room(model)
    fits = {key: max((len(pair.ids) for pair in pairs), default=0) <= space for key, pairs in known.items()}
    groups = [[known[key] for key in group if fits[key] and key[1]] for group in of_prefix.values()]
    groups = [group for group in groups if group]
    found: dict[int, Likelihood] = {}
    with judging(model):
        if share is None:
            share = shares(model)
        whole = [group for group in groups if not share or _shared(group) < 1]
        _plain(model, [pair for group in whole for pairs in group for pair in pairs], budget, found)
        if share:
            if not keeps_last(model):  # otherwise the model computes the logits of whole prompts
                budget = logits_budget(model, budget)
            _tree(model, [group for group in groups if _shared(group) >= 1], tokenizer, budget, found)
    return [[found[id(pair)] for pair in known[key]] if fits[key] else None for key in keys]


def joined(context: str | Rendered, answer: str, tokenizer: Tokenizer) -> Pair:
    """A context and an answer as the tokens of one text.

    Args:
        context: the text before the answer.
        answer: the answer with the space before it.
        tokenizer: the model's tokenizer.

    Raises:
        ValueError: the answer has no token of its own.
    """
    context = Rendered(context) if isinstance(context, str) else context
    before, ids = encode(context, tokenizer), encode(context.followed_by(answer), tokenizer)
    start = common([before, ids])
    if start == len(ids):
        raise ValueError(f"the answer {answer!r} has no token of its own after {context.text[-40:]!r}")
    if start == 0:  # the first token of the answer needs a token before it
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        ids, start = [0 if first is None else first, *ids], 1
    return Pair(ids, start)


def _shared(group: Sequence[Sequence[Pair]]) -> int:
    """The number of tokens with which all pairs of several contexts start, without the last one before an answer."""
    pairs = [pair for context in group for pair in context]
    return min(common([pair.ids for pair in pairs]), *(pair.start - 1 for pair in pairs))


def _plain(model: Model, pairs: Sequence[Pair], budget: int, found: dict[int, Likelihood]) -> None:
    """One pass over each whole text."""
    contexts = [pair.ids[: pair.start] for pair in pairs]
    answers = [pair.ids[pair.start :] for pair in pairs]
    for pair, logprobs in zip(pairs, token_logprobs(model, contexts, answers, budget=budget), strict=True):
        found[id(pair)] = Likelihood(sum(logprobs), len(logprobs))


def _tree(
    model: Model,
    groups: Sequence[Sequence[Sequence[Pair]]],
    tokenizer: Tokenizer,
    budget: int,
    found: dict[int, Likelihood],
) -> None:
    """Run prompts, then contexts from the caches of their prompts, then answers from the caches of their contexts."""
    pad, heads = pad_id(tokenizer), [_shared(group) for group in groups]
    for chosen in batches(heads, budget):
        prompts, _ = extend(model, None, [], [groups[g][0][0].ids[: heads[g]] for g in chosen], pad)
        contexts = [(row, context) for row, g in enumerate(chosen) for context in groups[g]]
        begin = [heads[chosen[row]] for row, _ in contexts]
        ends = [_shared([context]) for _, context in contexts]
        before = prompts.mask_BS.shape[1]
        for some in batches([before + end - at for at, end in zip(begin, ends, strict=True)], budget):
            parents = [contexts[c][0] for c in some]
            level, _ = extend(model, prompts, parents, [contexts[c][1][0].ids[begin[c] : ends[c]] for c in some], pad)
            pairs = [(row, ends[c], pair) for row, c in enumerate(some) for pair in contexts[c][1]]
            tails = [pair.ids[end:] for _, end, pair in pairs]
            width = level.mask_BS.shape[1]
            widest = max(map(len, tails))
            most = min(budget, logits_budget(model, LOGITS) * (width + widest) // widest)
            for few in batches([width + len(tail) for tail in tails], most):
                _, logits_BTV = extend(
                    model, level, [pairs[p][0] for p in few], [tails[p] for p in few], pad, logits=True
                )
                for row, p in enumerate(few):
                    _, end, pair = pairs[p]
                    tail = torch.tensor(tails[p], device=logits_BTV.device)
                    logprobs = logprobs_at(logits_BTV[row], tail, pair.start - end)
                    found[id(pair)] = Likelihood(logprobs.sum().item(), len(logprobs))


def softmax(scores: Sequence[float]) -> list[float]:
    """Probabilities from scores in nats."""
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    return [weight / sum(weights) for weight in weights]
