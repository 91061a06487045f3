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
from rewards.reward import Reward, Scores, Text, question_of, text_of
from verifiers import abstained
from verifiers.runtime.judge import Judge


class Correctness(Reward):
    """The score of a verifier; where it abstains or fails, or there is no gold (None), so does the reward.

    Args:
        judge: the verifier with its options.
        name: the name in the logs.
    """

    def __init__(self, judge: Judge, name: str = "correctness") -> None:
        self.name = name
        self.judge = judge
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
                "prompt": question_of(prompts[row]),
                "prediction": text_of(completions[row]),
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


def build(name: str, settings: Mapping[str, Any], context: Context) -> Correctness:
    """The reward from its part of the config; without a verifier's name, the task's own judges.

    Raises:
        ValueError: no verifier of that name, or an option that it does not have or take.
    """
    return Correctness(judge_of(settings, context), name)


def judge_of(settings: Mapping[str, Any], context: Context) -> Judge:
    """The verifier that a reward names, with its options; without a name the task's own, its options kept.

    Raises:
        ValueError: no verifier of that name, or it has no such option.
    """
    verifier, options = settings.get("verifier"), settings.get("options") or {}
    if settings.get("model") is not None:
        raise ValueError("reads no model; leave model: out")
    judge = Judge(verifier or context.judge.name, **{**({} if verifier else context.judge.options), **options})
    same = (judge.name, judge.options) == (context.judge.name, context.judge.options)
    return context.judge if same else judge
