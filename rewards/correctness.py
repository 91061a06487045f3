"""Correctness of the answer: the score of a verifier, in [0, 1].

With the option `strict`, an answer counts only if the completion states it in an explicit form (an answer tag, `####`,
a box, "the answer is"; `verifiers/answer/reader.py`). By default a verifier also reads the last line, the last number,
or the only choice that is mentioned. Verifiers that read a single form (`chain`, `facts`, `code`) do not have this
option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.parts.columns import data_columns
from rewards.parts.context import Context
from rewards.reward import Reward, Scores, Text, question_of, text_of
from verifiers import abstained
from verifiers.runtime.verifier import Verifier


class Correctness(Reward):
    """The score of a verifier. It abstains where the verifier does or the gold is None, and fails where it fails.

    Args:
        verifier: the verifier with its options.
        name: the name in the logs.
    """

    def __init__(self, verifier: Verifier, name: str = "correctness") -> None:
        self.name = name
        self.verifier = verifier
        self.judges_steps = verifier.judges_steps
        self.columns = ("gold", *(column for column in verifier.columns if column != "prompt"))

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge each completion's text against the column `gold`.

        Raises:
            ValueError: a column that the verifier needs is missing, or a column has another length.
        """
        given = data_columns(columns, len(completions))
        for name in ("gold", *self.columns):
            if name not in given:
                raise ValueError(f"needs a column {name!r} in the data")
        rows: list[Mapping[str, Any]] = [
            {
                **{name: values[row] for name, values in given.items()},
                "prompt": question_of(prompts[row]),
                "prediction": text_of(completions[row]),
            }
            for row in range(len(completions))
        ]
        known = [row for row in rows if row["gold"] is not None]
        judged = iter(self.verifier(known))
        verdicts = [abstained("no gold") if row["gold"] is None else next(judged) for row in rows]
        return Scores(
            values=[verdict.score for verdict in verdicts],
            steps=[verdict.steps for verdict in verdicts],
            columns={"extracted": [verdict.extracted for verdict in verdicts]},
            failures={row: v.reason for row, v in enumerate(verdicts) if v.status == "failed"},
        )


def build(name: str, settings: Mapping[str, Any], context: Context) -> Correctness:
    """Make the reward from its section of the config; by default the task's own verifier judges.

    Raises:
        ValueError: there is no verifier of that name, or an option is unknown or invalid.
    """
    return Correctness(verifier_of(settings, context), name)


def verifier_of(settings: Mapping[str, Any], context: Context) -> Verifier:
    """The verifier that a reward names, with its options; by default the task's own verifier with the task's options.

    Args:
        settings: the reward's section of the config, with `verifier` and `options`.
        context: has the task's own verifier.

    Raises:
        ValueError: there is no verifier of that name, or it has no such option.
    """
    name, options = settings.get("verifier"), settings.get("options") or {}
    if settings.get("model") is not None:
        raise ValueError("this reward uses no model; leave model: out")
    verifier = Verifier(name or context.verifier.name, **{**({} if name else context.verifier.options), **options})
    same = (verifier.name, verifier.options) == (context.verifier.name, context.verifier.options)
    return context.verifier if same else verifier
