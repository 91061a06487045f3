"""Reader reward (LM-guided CoT, Lee et al., LREC-COLING 2024): does a frozen model find the answer from the rationale?

The frozen model reads the prompt with the rationale, without the completion's own answer, and answers greedily. The
task's verifier judges that answer. So the reward is for a rationale that helps a reader, not for a right answer.

Answers are cached in the context's cache folder, or in memory; the key is the model's weights and the text it read. As
with the other rewards for rationales, a completion without the answer marker has no reward: it abstains. So does one
that is longer than the model can read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diskcache import Cache

from rewards.correctness import Correctness
from rewards.models.batches import BATCH_TOKENS
from rewards.models.generate import Generated, SamplingParameters, eos_token_ids, generate
from rewards.models.heads import NO_NUMBER
from rewards.models.prompts import Rendered, encode
from rewards.models.room import most_tokens
from rewards.models.state import fingerprint
from rewards.models.types import Pair
from rewards.parts.columns import column, data_columns
from rewards.parts.context import Context
from rewards.parts.rationale import RationaleLayout, layout
from rewards.parts.settings import one_of, options_of, whole
from rewards.parts.source import LOADING, source
from rewards.reward import Reward, Scores, Text, text_of
from verifiers.runtime.verifier import Verifier

FORMATS = ("causal", "encoder_decoder")
OPTIONS = ("format", "marker", "with_rationale", "max_tokens", *LOADING)


class Reader(Reward):
    """The verifier's score of a frozen model's answer.

    The reward abstains or fails if the verifier does, and fails if the model gives NaN. The answers are in the column
    `answer` of the table of completions.

    Args:
        model: (model, tokenizer).
        verifier: the verifier.
        form: a key of `FORMATS`.
        layout: how completions are split, and how the question is posed to the model.
        max_tokens: largest number of tokens of an answer, which ends with its line.
        cache: a folder for answers; None keeps them in memory.
        name: the name in the logs.

    Attributes:
        answered: number of answers that the model has given; the others came from the cache.
    """

    reads_prompt = True

    def __init__(
        self,
        model: Pair,
        verifier: Verifier,
        *,
        form: str = "causal",
        layout: RationaleLayout | None = None,
        max_tokens: int = 32,
        cache: Path | None = None,
        name: str = "reader",
    ) -> None:
        self.name = name
        self.model, self.tokenizer = model
        self.form, self.max_tokens, self.cache = form, max_tokens, cache
        self.layout = layout or RationaleLayout()
        self.verifier = Correctness(verifier, name)
        self.columns = self.verifier.columns
        self.answered = 0
        self._identity = f"{fingerprint(self.model)} {max_tokens} greedy"
        self._kept: dict[str, str] = {}

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Let the model answer from each completion's rationale, and judge its answers against the column `gold`."""
        columns = data_columns(columns, len(completions))
        gold = column(columns, "gold", len(completions))
        texts: dict[int, Rendered] = {}
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            part = self.layout.split(text_of(completion))
            if part.marked and gold[row] is not None:
                texts[row] = self.layout.put(prompt, part.rationale, self.tokenizer)
        answers = self._answers(list(dict.fromkeys(texts.values())))
        failures = {row: NO_NUMBER for row, text in texts.items() if text in answers and answers[text] is None}
        found = {row: answer for row, text in texts.items() if (answer := answers.get(text)) is not None}
        given = {name: [values[r] for r in found] for name, values in columns.items()}
        verdicts = self.verifier.score(
            [prompts[row] for row in found], [self._as_completion(answer) for answer in found.values()], (), **given
        )
        values: list[float | None] = [None] * len(completions)
        for place, row in enumerate(found):
            values[row] = verdicts.values[place]
            if place in verdicts.failures:
                failures[row] = verdicts.failures[place]
        return Scores(values, columns={"answer": [found.get(r) for r in range(len(values))]}, failures=failures)

    def _as_completion(self, answer: str) -> str:
        """The answer after the marker and a space, since a verifier would not recognise `So the answer is5`."""
        return answer if self.layout.marker is None else f" {self.layout.marker.strip()} {answer}"

    def _answers(self, texts: Sequence[Rendered]) -> dict[Rendered, str | None]:
        """Text → answer, which is None if the model returned NaN; texts that are too long are left out."""
        keys = {
            text: hashlib.blake2b(f"{self._identity} {text.templated} {text.text}".encode(), digest_size=16).hexdigest()
            for text in texts
        }
        if self.cache is None:
            return self._looked_up(keys, self._kept)
        with Cache(str(self.cache / "reader")) as store:
            return self._looked_up(keys, store)

    def _looked_up(self, keys: Mapping[Rendered, str], store: Any) -> dict[Rendered, str | None]:
        kept = {text: store.get(key) for text, key in keys.items()}
        missing = [text for text, answer in kept.items() if answer is None]
        fresh = self._generated(missing)
        for text, answer in fresh.items():
            if answer is not None:
                store[keys[text]] = answer
        return {text: answer for text, answer in kept.items() if answer is not None} | fresh

    def _generated(self, texts: Sequence[Rendered]) -> dict[Rendered, str | None]:
        """Greedy answers to the texts that fit into the model; None if its logits were NaN."""
        causal, tokenizer = self.form == "causal", self.tokenizer
        ids = {text: encode(text, tokenizer) if causal else tokenizer(text.text)["input_ids"] for text in texts}
        longest = most_tokens(self.model, tokenizer, None) - (self.max_tokens if causal else 0)
        ids = {text: tokens for text, tokens in ids.items() if 0 < len(tokens) <= longest}
        if not ids:
            return {}
        batch = max(1, BATCH_TOKENS // (max(map(len, ids.values())) + self.max_tokens))
        greedy = SamplingParameters(self.max_tokens, temperature=None)
        drawn = generate(self.model, tokenizer, list(ids.values()), greedy, batch=batch)
        self.answered += len(ids)
        return {text: self._answer(one) for text, (one,) in zip(ids, drawn, strict=True)}

    def _answer(self, completion: Generated) -> str | None:
        if completion.finish_reason == "error":
            return None
        ends = eos_token_ids(self.model, self.tokenizer)  # some are not special tokens and would be decoded
        ids = [token for token in completion.ids if token not in ends]
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip().split("\n")[0]


def build(name: str, settings: Mapping[str, Any], context: Context) -> Reader:
    """Make the reward from its section of the config; by default the task's own verifier judges.

    Raises:
        ValueError: the model does not fit, there is no such verifier, or an option is invalid.
    """
    options = options_of(settings, OPTIONS, reads=("model", "verifier"))
    form = one_of("format", options.get("format", "causal"), FORMATS)
    longest = whole("max_tokens", options.get("max_tokens", 32))
    named = settings.get("verifier")
    verifier = Verifier(named) if named else context.verifier
    shape = layout({key: options[key] for key in ("marker", "with_rationale") if key in options}, verifier.name)
    model, tokenizer = source(settings, context, form, purpose="the model that reads, a path or a hub id")()
    most = most_tokens(model, tokenizer, None)
    if most <= longest:
        raise ValueError(f"max_tokens: {longest} leaves no room for a rationale: the model has room for {most}")
    return Reader(
        (model, tokenizer), verifier, form=form, layout=shape, max_tokens=longest, cache=context.cache, name=name
    )
