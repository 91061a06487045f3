r"""Right steps: $r = \frac{1}{|J|} \sum_{k \in J} s_k$, with $J$ the steps that a step verifier could judge.

Steps on which it abstained or failed are left out. With `credit`, the step scores count within the completion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewards.correctness import Correctness, verifier_of
from rewards.parts.columns import data_columns
from rewards.parts.context import Context
from rewards.reward import Scores, Text
from verifiers import VERIFIERS
from verifiers.runtime.golds import first_gold
from verifiers.runtime.verifier import Verifier, module


class Steps(Correctness):
    """The share of a completion's steps that are right.

    Steps are judged even without a gold answer. A completion without steps has the value 0, since it shows nothing that
    is right. The reward abstains if no step could be judged.

    Args:
        verifier: a verifier that judges steps.
        name: the name in the logs.

    Raises:
        ValueError: the verifier does not judge steps.
    """

    def __init__(self, verifier: Verifier, name: str = "steps") -> None:
        if not verifier.judges_steps:
            those = [verifier for verifier in VERIFIERS if getattr(module(verifier), "JUDGES_STEPS", False)]
            raise ValueError(f"verifier {verifier.name!r} does not judge steps; these do: {', '.join(those)}")
        super().__init__(verifier, name)
        self.columns = tuple(column for column in self.columns if column != "gold")

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge each completion's steps; a gold answer is passed on for verifiers whose steps need it."""
        gold = data_columns(columns, len(completions)).get("gold") or [None] * len(completions)
        columns["gold"] = ["" if first_gold(answer) is None else answer for answer in gold]
        scores = super().score(prompts, completions, completion_ids, **columns)
        values: list[float | None] = []
        for answer, steps in zip(scores.values, scores.steps, strict=True):
            judged = [step.score for step in steps if step.score is not None]
            values.append(sum(judged) / len(judged) if judged else None if steps or answer is None else 0.0)
        return replace(scores, values=values)


def build(name: str, settings: Mapping[str, Any], context: Context) -> Steps:
    """Make the reward from its section of the config; by default the task's own verifier judges."""
    return Steps(verifier_of(settings, context), name)
