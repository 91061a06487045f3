"""Answer correctness: the verdict of a verifier, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.context import Context
from rewards.reward import Reward, Scores, Text, text_of
from verifiers.judge import Judge


class Correctness(Reward):
    """The score of a verifier; where it abstains or fails, so does the reward.

    Args:
        judge: the verifier with its options.
        name: the name in the logs.
    """

    def __init__(self, judge: Judge, name: str = "correctness") -> None:
        self.name = name
        self.judge = judge
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
                "prediction": text_of(completions[row]),
            }
            for row in range(len(completions))
        ]
        verdicts = self.judge(rows)
        return Scores(
            values=[verdict.score for verdict in verdicts],
            steps=[verdict.steps for verdict in verdicts],
            columns={"extracted": [verdict.extracted for verdict in verdicts]},
            failures={row: v.reason for row, v in enumerate(verdicts) if v.status == "failed"},
        )


def build(name: str, settings: Mapping[str, Any], context: Context) -> Correctness:
    """The reward from its part of the config; without a verifier's name, the task's own judges."""
    verifier, options = settings.get("verifier"), settings.get("options", {})
    if verifier is None and not options:
        return Correctness(context.judge, name)
    return Correctness(Judge(verifier or context.judge.name, **options), name)
