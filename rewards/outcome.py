"""Outcome reward: a reward model scores a prompt with its whole completion.

There are two formats of models:

- `sequence`: a sequence-classification head. With one class the value is the logit, for which transformers' reward
  models are trained, or its sigmoid; with several classes it is the probability of those that mean right.
- `token`: TinyGSM's verifier (Liu et al. 2023, arXiv:2312.09241), a token-classification head that is trained to
  predict at every token whether the completion is right. The value is that probability at the last token.

The model's own chat template renders chat messages. A text that is longer than the model can read is not judged, since
a truncated text is a different text. Models that take prompt and completion as a pair of texts are not supported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from rewards.models.heads import NO_NUMBER, Encoded, Read, classes, labels, probability, read_at, read_whole
from rewards.models.prompts import render
from rewards.models.room import most_tokens
from rewards.models.types import Source, Tokenizer
from rewards.parts.context import Context
from rewards.parts.settings import one_of, options_of, whole
from rewards.parts.source import LOADING, source
from rewards.reward import Reward, Scores, Text, text_of

FORMATS = ("sequence", "token")
OPTIONS = ("format", "sigmoid", "right", "end", "max_tokens", *LOADING)


class Outcome(Reward):
    """The score of a reward model. It abstains on texts that are too long, and fails if the model returns NaN.

    Args:
        model: returns the model and its tokenizer.
        read: turns logits into scores.
        form: one of `FORMATS`.
        end: whether the tokenizer's end-of-text token is added to a plain prompt and completion, as in the training of
            TRL's `RewardTrainer`; a chat template has its own end.
        longest: largest number of tokens of prompt and completion.
        name: the name in the logs.
    """

    reads_prompt = True

    def __init__(
        self,
        model: Source,
        read: Read,
        *,
        form: str = "sequence",
        end: bool = False,
        longest: int | None = None,
        name: str = "outcome",
    ) -> None:
        self.name = name
        self.model = model
        self.read = read
        self.form, self.end, self.longest = form, end, longest

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Score each prompt with its completion."""
        model, tokenizer = self.model()
        longest = most_tokens(model, tokenizer, self.longest)
        texts = [self._encoded(tokenizer, *pair) for pair in zip(prompts, completions, strict=True)]
        rows = [row for row, ids in enumerate(texts) if 0 < len(ids) <= longest]
        if self.form == "token":
            at_last = [Encoded(texts[row], [len(texts[row]) - 1]) for row in rows]
            scores = [score for (score,) in read_at(model, tokenizer, at_last, self.read)]
        else:
            scores = read_whole(model, tokenizer, [texts[row] for row in rows], self.read)
        values: list[float | None] = [None] * len(texts)
        failures = {}
        for row, score in zip(rows, scores, strict=True):
            if score is None or math.isnan(score):
                failures[row] = NO_NUMBER
            else:
                values[row] = score
        return Scores(values, failures=failures)

    def _encoded(self, tokenizer: Tokenizer, prompt: Text, completion: Text) -> list[int]:
        if not isinstance(prompt, str) and tokenizer.chat_template is not None:
            answer = [{"role": "assistant", "content": completion}] if isinstance(completion, str) else completion
            messages = [dict(message) for message in (*prompt, *answer)]
            text = str(tokenizer.apply_chat_template(messages, tokenize=False))
            return tokenizer(text, add_special_tokens=False)["input_ids"]
        text = render(prompt, tokenizer).text + text_of(completion)
        ids = list(tokenizer(text)["input_ids"])
        if ids[:2] == [tokenizer.bos_token_id] * 2:  # one from the prompt and one from the tokenizer
            ids = ids[1:]
        end = tokenizer.eos_token_id
        return [*ids, end] if self.end and isinstance(end, int) and ids[-1:] != [end] else ids


def build(name: str, settings: Mapping[str, Any], context: Context) -> Outcome:
    """Make the reward from its section of the config.

    Raises:
        ValueError: the model does not fit, or an option is invalid or does not go with the others.
    """
    options = options_of(settings, OPTIONS, reads=("model",))
    form = one_of("format", options.get("format", "sequence"), FORMATS)
    for option in ("sigmoid", "end"):
        if not isinstance(options.get(option, False), bool):
            raise ValueError(f"{option}: expected true or false, got {options[option]!r}")
    model = source(settings, context, form, purpose="a reward model, a path or a hub id")
    loaded, tokenizer = model()
    if options.get("end") and tokenizer.eos_token_id is None:
        raise ValueError("end: the model's tokenizer has no end-of-text token")
    read = probability(loaded, classes(options.get("right")))
    if labels(loaded) == 1 and not options.get("sigmoid", form == "token"):
        read = _logit
    elif labels(loaded) > 1 and options.get("sigmoid") is False:
        raise ValueError(f"sigmoid: the model has {labels(loaded)} classes, so the value is a probability already")
    longest = options.get("max_tokens")
    if longest is not None:
        longest = whole("max_tokens", longest)
    return Outcome(model, read, form=form, end=bool(options.get("end")), longest=longest, name=name)


def _logit(logits_SL: Tensor) -> Tensor:
    return logits_SL[:, 0]
