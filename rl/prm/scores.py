"""Step scores of a token-classification model, read at the last token of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from rewards.models.heads import Encoded, probability, read_at
from rewards.models.room import learnt_positions
from rewards.parts.step_scores import encode_steps
from rl.errors import UserError
from rl.prm.chains import Chain


def encode(tokenizer: PreTrainedTokenizerBase, chain: Chain, longest: int | None = None) -> Encoded:
    """Token ids of prompt and completion, and the place of the last token of each step.

    Prompt and completion are encoded apart, as a policy reads the one and writes the other.

    Args:
        tokenizer: a fast tokenizer, which knows the characters of its tokens.
        chain: what to encode.
        longest: most tokens; what is over is cut off, and the steps that end there have no place: -1.

    Raises:
        UserError: the tokenizer does not know the characters of its tokens.
    """
    try:
        return encode_steps(tokenizer, chain.prompt, chain.completion, [step.end for step in chain.steps], longest)
    except ValueError as error:
        raise UserError("model", str(error)) from None


def fits(model: Any, tokenizer: PreTrainedTokenizerBase, chain: Chain) -> bool:
    """Whether a chain stays within the positions that a model has learnt."""
    limit = learnt_positions(model)
    return limit is None or len(encode(tokenizer, chain).ids) <= limit


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
        UserError: the model has another number of labels, prompt and completion of a chain are empty, or a chain goes
            past the positions that the model has learnt.
    """
    if model.config.num_labels not in (1, 2):
        raise UserError("model", f"has {model.config.num_labels} labels; a process reward model has one or two")
    texts, limit = [encode(tokenizer, chain) for chain in chains], learnt_positions(model)
    for chain, text in zip(chains, texts, strict=True):
        if -1 in text.places:
            raise UserError("chains", f"a chain's prompt and completion are both empty: {chain}")
        if limit is not None and len(text.ids) > limit:
            name = chain.id or chain.question[:40]
            raise UserError(
                "chains",
                f"{name!r} has {len(text.ids):,} tokens, and the model has learnt {limit:,} positions; leave it out",
            )
    return read_at(model, tokenizer, texts, probability(model), most=batch, progress=progress)  # type: ignore
