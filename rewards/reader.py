"""Reader reward (LM-guided CoT, Lee et al., LREC-COLING 2024): does a frozen model find the answer from the rationale?

The completion's own answer is left out. The frozen model reads the prompt with the rationale and answers greedily, and
the task's verifier judges that answer. So the reward is for saying what helps a reader, not for being right oneself.

Each answer is kept, by the model's weights and what it read, in the context's cache folder or else in memory. As with
the other rewards on rationales, a completion without the answer marker has no reward: it abstains. So does one that is
longer than the model reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diskcache import Cache
from transformers import GenerationConfig, LogitsProcessor

from rewards.correctness import Correctness
from rewards.models.heads import NO_NUMBER, most_tokens
from rewards.models.loading import LOADING, Pair, batches, encode, fingerprint, judging, pad_id, prompt_text, source
from rewards.parts.context import Context
from rewards.parts.rationale import Layout, layout
from rewards.parts.settings import one_of, options_of, whole
from rewards.reward import Reward, Scores, Text, text_of
from verifiers.runtime.judge import Judge

FORMATS = ("causal", "encoder_decoder")
OPTIONS = ("format", "marker", "with_rationale", "max_tokens", *LOADING)


class Reader(Reward):
    """The verifier's score of a frozen model's answer.

    Where the verifier abstains or fails, so does the reward; it fails where the model gives NaN. The answers go to the
    table of completions, in the column `answer`.

    Args:
        model: (model, tokenizer).
        judge: the verifier.
        form: a key of `FORMATS`.
        layout: where the rationale ends, and how it is put to the model.
        max_tokens: most tokens of an answer, which ends with its line.
        cache: a folder for answers; None keeps them in memory.
        name: the name in the logs.

    Attributes:
        answered: how many answers the model has given; the others were kept.
    """

    def __init__(
        self,
        model: Pair,
        judge: Judge,
        *,
        form: str = "causal",
        layout: Layout | None = None,
        max_tokens: int = 32,
        cache: Path | None = None,
        name: str = "reader",
    ) -> None:
        self.name = name
        self.model, self.tokenizer = model
        self.form, self.max_tokens, self.cache = form, max_tokens, cache
        self.layout = layout or Layout()
        self.verifier = Correctness(judge, name)
        self.columns = self.verifier.columns
        self.answered = 0
        self._identity = f"{fingerprint(self.model)} {max_tokens}"
        self._kept: dict[str, str] = {}

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Let the model answer from each completion's rationale, and judge against the column `gold`."""
        texts: dict[int, str] = {}
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            part = self.layout.split(text_of(completion))
            if part.marked and columns["gold"][row] is not None:
                texts[row] = self.layout.before(prompt_text(prompt, self.tokenizer), part.rationale)
        answers = self._answers(list(dict.fromkeys(texts.values())))
        failures = {row: NO_NUMBER for row, text in texts.items() if text in answers and answers[text] is None}
        found = {row: answer for row, text in texts.items() if (answer := answers.get(text)) is not None}
        given = {name: [column[r] for r in found] for name, column in columns.items() if isinstance(column, list)}
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
        """The answer after the marker, apart from it: `So the answer is5` would be no answer to a verifier."""
        return answer if self.layout.marker is None else f" {self.layout.marker.strip()} {answer}"

    def _answers(self, texts: Sequence[str]) -> dict[str, str | None]:
        """Text → answer, None where the model gave NaN; texts that are too long are left out."""
        keys = {
            text: hashlib.blake2b(f"{self._identity} {text}".encode(), digest_size=16).hexdigest() for text in texts
        }
        if self.cache is None:
            return self._looked_up(keys, self._kept)
        with Cache(str(self.cache / "reader")) as store:
            return self._looked_up(keys, store)

    def _looked_up(self, keys: Mapping[str, str], store: Any) -> dict[str, str | None]:
        kept = {text: store.get(key) for text, key in keys.items()}
        missing = [text for text, answer in kept.items() if answer is None]
        fresh = self._generated(missing)
        for text, answer in fresh.items():
            if answer is not None:
                store[keys[text]] = answer
        return {text: answer for text, answer in kept.items() if answer is not None} | fresh

    def _generated(self, texts: Sequence[str]) -> dict[str, str | None]:
        causal = self.form == "causal"
        ids = [encode(text, self.tokenizer) if causal else self.tokenizer(text)["input_ids"] for text in texts]
        longest = most_tokens(self.model, self.tokenizer, None) - (self.max_tokens if causal else 0)
        rows = [row for row in range(len(texts)) if 0 < len(ids[row]) <= longest]
        answers: dict[str, str | None] = {}
        with judging(self.model):
            for batch in batches([len(ids[row]) + self.max_tokens for row in rows]):
                chosen = [rows[index] for index in batch]
                for row, answer in zip(chosen, self._greedy([ids[row] for row in chosen]), strict=True):
                    answers[texts[row]] = answer
        self.answered += len(rows)
        return answers

    def _greedy(self, rows: Sequence[Sequence[int]]) -> list[str | None]:
        """Greedy answers to B texts of token ids; None where the logits held NaN."""
        own: Any = self.model.generation_config
        eos = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
        ends = list(dict.fromkeys(end for end in (*eos, self.tokenizer.eos_token_id) if end is not None))
        pad = pad_id(self.tokenizer)
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=self.max_tokens,
            eos_token_id=ends or None,
            pad_token_id=pad,
            decoder_start_token_id=own.decoder_start_token_id,
        )
        length = max(len(ids) for ids in rows)
        ids_BT = torch.tensor([[pad] * (length - len(ids)) + list(ids) for ids in rows], device=self.model.device)
        mask_BT = torch.tensor([[0] * (length - len(ids)) + [1] * len(ids) for ids in rows], device=self.model.device)
        watch = _Watch()
        out_BT = self.model.generate(
            input_ids=ids_BT, attention_mask=mask_BT, generation_config=settings, logits_processor=[watch]
        )
        answers = out_BT[:, length if self.form == "causal" else 1 :].tolist()
        return [
            None if broken else _line(self.tokenizer.decode(_until(answer, ends), skip_special_tokens=True))
            for answer, broken in zip(answers, watch.broken_B.tolist(), strict=True)
        ]


class _Watch(LogitsProcessor):
    """Remembers which rows of a batch had NaN among their logits."""

    broken_B: torch.Tensor

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        now_B = scores.isnan().any(-1)
        self.broken_B = now_B | self.broken_B if hasattr(self, "broken_B") else now_B
        return scores


def build(name: str, settings: Mapping[str, Any], context: Context) -> Reader:
    """The reward from its part of the config; without a verifier's name, the task's own judges.

    Raises:
        ValueError: the model does not fit, there is no such verifier, or an option is no good.
    """
    options = options_of(settings, OPTIONS, reads=("model", "verifier"))
    form = one_of("format", options.get("format", "causal"), FORMATS)
    longest = whole("max_tokens", options.get("max_tokens", 32))
    verifier = settings.get("verifier")
    judge = Judge(verifier) if verifier else context.judge
    shape = layout({key: options[key] for key in ("marker", "with_rationale") if key in options}, judge.name)
    model, tokenizer = source(settings, context, form, purpose="the model that reads, a path or a hub id")()
    most = most_tokens(model, tokenizer, None)
    if most <= longest:
        raise ValueError(f"max_tokens: {longest} leave no room for a rationale: the model has room for {most}")
    return Reader(
        (model, tokenizer), judge, form=form, layout=shape, max_tokens=longest, cache=context.cache, name=name
    )


def _until(ids: Sequence[int], ends: Sequence[int]) -> Sequence[int]:
    return ids[: next((place for place, token in enumerate(ids) if token in ends), len(ids))]


def _line(text: str) -> str:
    return text.strip().split("\n")[0]
