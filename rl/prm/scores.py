"""Step scores of a token-classification model, read at the last token of each step or at a marker after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from transformers import PreTrainedTokenizerBase

from rewards.models.heads import NO_NUMBER, Encoded, probability, read_at
from rewards.models.room import learnt_positions
from rewards.models.types import Model
from rewards.parts.step_scores import encode_steps, marked, right_class
from rewards.sample import Sample
from rl.errors import UserError
from rl.prm.labelled import name_of


def encode(
    tokenizer: PreTrainedTokenizerBase, sample: Sample, longest: int | None = None, marker: str | None = None
) -> Encoded:
    """Token ids of prompt and completion, and the index of the last token of each labelled step.

    Prompt and completion are tokenized separately, as when a policy reads the prompt and writes the completion.

    Args:
        tokenizer: a fast tokenizer, which knows the characters of its tokens.
        sample: the sample to encode.
        longest: largest number of tokens; the rest is cut off, and steps that end in it have the index -1.
        marker: text after each step at which scores are read; None reads them at the step's own last token.

    Raises:
        UserError: the tokenizer does not know the characters of its tokens.
    """
    text, ends = sample.text, [step.end for step in sample.labels]
    if marker is not None:
        text, ends = marked(text, ends, marker)
    try:
        return encode_steps(tokenizer, sample.prompt, text, ends, longest)
    except ValueError as error:
        raise UserError("model", str(error)) from None


def fits(model: Model, tokenizer: PreTrainedTokenizerBase, sample: Sample) -> bool:
    """Whether prompt and completion fit into the positions that a model has learnt.

    Args:
        model: any model.
        tokenizer: its tokenizer, which must be a fast one.
        sample: the sample to read.
    """
    limit = learnt_positions(model)
    return limit is None or len(encode(tokenizer, sample).ids) <= limit


def step_scores(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    samples: Sequence[Sample],
    *,
    batch: int = 64,
    marker: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[list[float]]:
    """The probability that each labelled step is right: the sigmoid of one label, or the right one of two classes.

    Args:
        model: a token-classification model of one or two labels.
        tokenizer: its tokenizer, with a pad token.
        samples: the samples to score; only the spans of their labels are used.
        batch: samples per batch; samples of similar length share one.
        marker: as in `encode`.
        progress: called with the number of samples scored since the last call.

    Returns:
        For each sample a number in [0, 1] for each of its labels.

    Raises:
        UserError: the model has another number of labels or returns NaN, prompt and completion are both empty, or a
            sample exceeds the positions that the model has learnt.
    """
    if model.config.num_labels not in (1, 2):
        raise UserError("model", f"has {model.config.num_labels} labels; a process reward model has one or two")
    texts, limit = [encode(tokenizer, sample, marker=marker) for sample in samples], learnt_positions(model)
    for sample, text in zip(samples, texts, strict=True):
        if -1 in text.places:
            raise UserError("completions", f"the prompt and the completion of {name_of(sample)!r} are both empty")
        if limit is not None and len(text.ids) > limit:
            raise UserError(
                "completions",
                f"{name_of(sample)!r} has {len(text.ids):,} tokens, and the model has learnt {limit:,} positions; "
                "leave it out",
            )
    read = probability(model, right_class(model))
    # every step has an index, as was checked above, and therefore a score
    scores = [
        [score for score in of if score is not None]
        for of in read_at(model, tokenizer, texts, read, most=batch, progress=progress)
    ]
    for sample, of in zip(samples, scores, strict=True):
        if any(map(math.isnan, of)):
            raise UserError("model", f"{NO_NUMBER} for {name_of(sample)!r}; its weights are broken")
    return scores
