r"""Process reward: a process reward model (PRM) estimates for each step of a completion the probability that it is
right.

The value is the minimum of these scores (`min`, Math-Shepherd, Wang et al. 2023, arXiv:2312.08935), their `mean`, their
`product` (Lightman et al. 2023, arXiv:2305.20050) or the `last` one. With `credit`, the scores count within the
completion.

There are two formats of models:

- `classes`: a token-classification head, read at the last token of each step; the score is the sigmoid of one label, or
  the softmax of the classes that mean right. Models of `whetstone prm train` have this format; their `prm.json` says
  how many tokens they read. Other models are read at a token after each step, which `marker` names (`<extra_0>`).
- `shepherd`: a causal language model whose next token after the marker ` ки` is `+` or `-`; the score is $p = e^{z_+} /
  (e^{z_+} + e^{z_-})$ there. Prompt and completion are one text with a space between them.

Models that are asked about each step in a separate turn, and heads of several layers, are not supported.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file

from rewards.correctness import Correctness
from rewards.models.heads import NO_NUMBER, Encoded, Read, classes, probability, read_at
from rewards.models.prompts import one_token
from rewards.models.room import room
from rewards.models.types import Source, Tokenizer
from rewards.parts.context import Context
from rewards.parts.settings import one_of, options_of, whole
from rewards.parts.source import LOADING, source
from rewards.parts.step_scores import FINAL, FORM_FILE, READ_AT, check_marker, encode_steps, marked, right_class
from rewards.parts.step_spans import Span, Splitter
from rewards.reward import Reward, Scores, Text, text_of
from verifiers import Step
from verifiers.runtime.verifier import Verifier

FORMATS = ("classes", "shepherd")
OPTIONS = (
    "format", "final", "separator", "pattern", "marker", "good", "bad", "right", "max_tokens", *LOADING
)  # fmt: skip


class Process(Reward):
    """Scores the steps of completions with a process reward model; the value is in [0, 1].

    A completion without steps has the value 0, since it shows nothing that is right. Text that is too long for the
    model is truncated at the end; steps that end there abstain, and the value is that of the other steps (none for
    `last`). If the model returns NaN, the completion fails.

    Args:
        model: returns the model and its tokenizer.
        split: a `Splitter` with a separator or a pattern, or a verifier whose steps are used.
        read: turns logits into scores.
        final: a key of `FINAL`.
        marker: text after each step at which the score is read; None reads it at the step's own last token.
        together: text between prompt and completion if they are tokenized as one text.
        longest: largest number of tokens of prompt and completion.
        name: the name in the logs.

    Raises:
        ValueError: the verifier does not judge steps.
    """

    judges_steps = True
    reads_prompt = True

    def __init__(
        self,
        model: Source,
        split: Splitter | Verifier,
        read: Read,
        *,
        final: str = "min",
        marker: str | None = None,
        together: str | None = None,
        longest: int | None = None,
        name: str = "process",
    ) -> None:
        self.name = name
        self.model = model
        self.split = split
        self.read = read
        self.final = final
        self.marker, self.together, self.longest = marker, together, longest
        self.verifier: Correctness | None = None
        if isinstance(split, Verifier):
            if not split.judges_steps:
                raise ValueError(f"verifier {split.name!r} does not judge steps; name one that does, or a separator")
            self.verifier = Correctness(split, name)
            self.columns = self.verifier.columns

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Score each completion's steps."""
        spans, failures = self._spans(prompts, completions, columns)
        model, tokenizer = self.model()
        longest = room(model) if self.longest is None else self.longest
        rows = [row for row, found in enumerate(spans) if found]
        texts = [self._encoded(tokenizer, prompts[row], completions[row], spans[row] or [], longest) for row in rows]
        read = dict(zip(rows, read_at(model, tokenizer, texts, self.read), strict=True))
        values: list[float | None] = [None if found is None else 0.0 for found in spans]
        steps: list[tuple[Step, ...]] = [()] * len(spans)
        for row, scores in read.items():
            if any(score is not None and math.isnan(score) for score in scores):
                values[row], failures[row] = None, NO_NUMBER
                continue
            values[row] = self._value(scores)
            steps[row] = tuple(
                Step(start, end, "abstained", None, f"past the {longest} tokens that the model reads")
                if score is None
                else Step(start, end, "judged", score)
                for (start, end), score in zip(spans[row] or [], scores, strict=True)
            )
        return Scores(values, steps, failures=failures)

    def _spans(
        self, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]
    ) -> tuple[list[list[Span] | None], dict[int, str]]:
        """The spans of each completion's steps, None where the verifier abstains; and the rows on which it failed."""
        if self.verifier is None:
            assert isinstance(self.split, Splitter)
            return [self.split(text_of(completion), None) for completion in completions], {}
        judged = self.verifier.score(prompts, completions, (), **columns)
        spans: list[list[Span] | None] = [
            None if value is None and not steps else [(step.start, step.end) for step in steps]
            for value, steps in zip(judged.values, judged.steps, strict=True)
        ]
        return spans, dict(judged.failures)

    def _encoded(
        self, tokenizer: Tokenizer, prompt: Text, completion: Text, spans: Sequence[Span], longest: int
    ) -> Encoded:
        text, ends = text_of(completion), [end for _, end in spans]
        if self.marker is not None:
            text, ends = marked(text, ends, self.marker)
        return encode_steps(tokenizer, prompt, text, ends, longest, together=self.together)

    def _value(self, scores: Sequence[float | None]) -> float | None:
        judged = [score for score in scores if score is not None]
        if not judged or (self.final == "last" and scores[-1] is None):
            return None
        return FINAL[self.final](judged)


def build(name: str, settings: Mapping[str, Any], context: Context) -> Process:
    """Make the reward from its section of the config.

    Steps are the matches of `pattern`, the parts between `separator`s, or the steps of `verifier`; by default those of
    the task's verifier, or lines if that verifier does not judge steps.

    Raises:
        ValueError: the model does not fit, or an option is invalid or does not go with the others.
    """
    options = options_of(settings, OPTIONS, reads=("model", "verifier"))
    form = one_of("format", options.get("format", "classes"), FORMATS)
    final = one_of("final", options.get("final", "min"), FINAL)
    shepherd = form == "shepherd"
    for option in ("right",) if shepherd else ("good", "bad"):
        if option in options:
            raise ValueError(f"{option}: has no effect with format: {form}")
    marker = options.get("marker", " ки" if shepherd else None)
    if marker is None and shepherd:
        raise ValueError("marker: format: shepherd needs a marker after each step; leave the option out for ` ки`")
    if marker is not None and (not isinstance(marker, str) or not marker):
        raise ValueError(f"marker: expected a text, got {marker!r}")
    split = _split(options, settings.get("verifier"), context)
    model = source(
        settings, context, "causal" if shepherd else "token", purpose="a process reward model, a path or a hub id"
    )
    loaded, tokenizer = model()
    longest = options.get("max_tokens")
    if longest is not None:
        longest = min(whole("max_tokens", longest), room(loaded, longest))
    made = trained_form(settings["model"], options.get("revision"))
    if made is not None:
        if made.get("read_at") != READ_AT:
            raise ValueError(
                f"{FORM_FILE} says that the model is read at {made.get('read_at')!r}, not at the {READ_AT}"
            )
        if shepherd or marker is not None:
            raise ValueError(f"{FORM_FILE} says that the model is read at the {READ_AT}; leave out format and marker")
        if longest is None and made.get("max_length"):
            longest = room(loaded, made["max_length"])
    if not tokenizer.is_fast:
        raise ValueError("the model's tokenizer is not a fast one, so the end of a step cannot be found in its tokens")
    if marker is not None:
        check_marker(tokenizer, marker)
    return Process(
        model,
        split,
        _words(tokenizer, options)
        if shepherd
        else probability(loaded, classes(options.get("right")) or right_class(loaded)),
        final=final,
        marker=marker,
        together=" " if shepherd else None,
        longest=longest,
        name=name,
    )


def trained_form(name: str, revision: str | None = None) -> dict[str, Any] | None:
    """The description that `whetstone prm train` saved beside the weights; None for models of other origin.

    Args:
        name: a folder or hub id.
        revision: revision on the hub.

    Raises:
        ValueError: the description cannot be read.
    """
    path = cached_file(
        name, FORM_FILE, revision=revision,
        _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False,
    )  # fmt: skip
    try:
        made = json.loads(Path(path).read_text(encoding="utf-8")) if path else None
    except json.JSONDecodeError as error:
        raise ValueError(f"{FORM_FILE} of the model {name!r} is not valid JSON: {error}") from None
    if made is not None and not isinstance(made, dict):
        raise ValueError(f"{FORM_FILE} of the model {name!r} is not a JSON object")
    return made


def _split(options: Mapping[str, Any], verifier: str | None, context: Context) -> Splitter | Verifier:
    separator, pattern = options.get("separator"), options.get("pattern")
    named = [what for what, given in (("separator", separator), ("pattern", pattern), ("verifier", verifier)) if given]
    if len(named) > 1:
        raise ValueError(f"{' and '.join(named)}: only one of these can define the steps; leave the others out")
    if pattern:
        try:
            return Splitter(pattern=re.compile(pattern))
        except re.error as error:
            raise ValueError(f"pattern: {pattern!r} is not a regular expression: {error}") from None
    if separator is not None:
        if not isinstance(separator, str) or not separator:
            raise ValueError(f"separator: expected a text, got {separator!r}")
        return Splitter(separator)
    if verifier:
        return Verifier(verifier)
    return context.verifier if context.verifier.judges_steps else Splitter("\n")


def _words(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Read:
    words = [
        one_token(str(options.get(which, sign)), tokenizer, which) for which, sign in (("good", "+"), ("bad", "-"))
    ]
    if words[0] == words[1]:
        raise ValueError("good and bad are the same token")
    return lambda logits_SV: logits_SV[:, words].softmax(-1)[:, 0]
