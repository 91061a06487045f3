"""Answer correctness: the verdict of a verifier, by name; the value is its score, in [0, 1].

With the option `strict` an answer counts only where the completion states it in a form that can be asked for
(`verifiers/answer/reader.py`: an answer tag, `####`, a box, "the answer is"). Without it, as by default, a verifier
also reads the last line, the last number, or the one choice that is mentioned. A verifier that reads one form alone
(`chain`, `facts`, `code`) has no such option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.parts.context import Context
from rewards.reward import Reward, Scores, Text, text_of
from verifiers import abstained
from verifiers.answer.reader import spans
from verifiers.runtime.judge import Judge

MARKED = ("countdown", "game24")
"""Verifiers without an option `strict` of their own: strict, they are given the stated answer alone."""


class Correctness(Reward):
    """The score of a verifier; where it abstains or fails, or there is no gold (None), so does the reward.

    Args:
        judge: the verifier with its options.
        name: the name in the logs.
        strict: give the verifier the stated answer alone, or nothing where there is none (`MARKED`).
    """

    def __init__(self, judge: Judge, name: str = "correctness", *, strict: bool = False) -> None:
        self.name = name
        self.judge = judge
        self.strict = strict
        self.judges_steps = judge.judges_steps
        self.columns = ("gold", *(column for column in judge.columns if column != "prompt"))

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge each completion's text against the column `gold`.

        Raises:
            KeyError: a column that the verifier needs is missing.
        """
        given = {name: values for name, values in columns.items() if isinstance(values, list)}
        rows: list[Mapping[str, Any]] = [
            {
                **{name: values[row] for name, values in given.items()},
                "prompt": text_of(prompts[row]),
                "prediction": self._answer(text_of(completions[row])),
            }
            for row in range(len(completions))
        ]
        known = [row for row in rows if row["gold"] is not None]
        judged = iter(self.judge(known))
        verdicts = [abstained("no gold") if row["gold"] is None else next(judged) for row in rows]
        return Scores(
            values=[verdict.score for verdict in verdicts],
            steps=[verdict.steps for verdict in verdicts],
            columns={"extracted": [verdict.extracted for verdict in verdicts]},
            failures={row: v.reason for row, v in enumerate(verdicts) if v.status == "failed"},
        )

    def _answer(self, completion: str) -> str:
        """What the verifier is given of a completion."""
        if not self.strict:
            return completion
        span = next(spans(completion), None)
        return span.text if span and not span.fault else ""


def build(name: str, settings: Mapping[str, Any], context: Context) -> Correctness:
    """The reward from its part of the config; without a verifier's name, the task's own judges.

    Raises:
        ValueError: no verifier of that name, or an option that it does not have or take.
    """
    options = dict(settings.get("options") or {})
    strict = False
    if (settings.get("verifier") or context.judge.name) in MARKED:
        strict = options.pop("strict", False)
        if not isinstance(strict, bool):
            raise ValueError(f"strict: expected true or false, got {strict!r}")
    return Correctness(judge_of({**settings, "options": options}, context), name, strict=strict)


def judge_of(settings: Mapping[str, Any], context: Context) -> Judge:
    """The verifier that a reward names, with its options; without a name the task's own, its options kept.

    Raises:
        ValueError: no verifier of that name, or it has no such option.
    """
    verifier, options = settings.get("verifier"), settings.get("options") or {}
    if settings.get("model") is not None:
        raise ValueError("reads no model; leave model: out")
    if verifier is not None:
        return Judge(verifier, **options)
    return Judge(context.judge.name, **{**context.judge.options, **options}) if options else context.judge
