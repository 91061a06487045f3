r"""Consistency (MaRio, Ramnath et al. 2024, arXiv:2311.02805): the gain in the right answer's probability from the
rationale.

$$ r = P_{\mathrm{IR2O}}(a^* \mid q, r) - P_{\mathrm{I2O}}(a^* \mid q), \qquad
   P(a \mid \cdot) = \mathrm{softmax}_{a \in A} \tfrac{1}{|a|} \log p(a \mid \cdot) $$

in [-1, 1], with two frozen models: I2O is trained to answer from the question, and IR2O from question and rationale.
With `discrete` the value is -1 if IR2O is wrong, 1 if only IR2O is right, and 0 if both are.
With `shifted` it is (1 + r) / 2, in [0, 1], as a product of rewards needs it.

`model` is a folder that `rewards.parts.answer_models` made. Its models are cross-fitted: each question is judged by
models that were not trained on it, according to the column `fold` or the hash of its prompt. The layout is the one with
which they were trained.

As in MaRio, a completion without the answer marker has no reward: it abstains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.likelihood_gain import Answers, probability, scored, with_and_without
from rewards.models.load import frozen
from rewards.models.types import Source
from rewards.parts.answer_models import KINDS, MANIFEST, fold_of
from rewards.parts.columns import data_columns
from rewards.parts.context import Context
from rewards.parts.rationale import RationaleLayout, asked
from rewards.parts.settings import options_of
from rewards.parts.source import LOADING
from rewards.reward import Reward, Scores, Text


class Consistency(Reward):
    """The gain in the gold choice's probability from the rationale, by models that were not trained on the question.

    Args:
        models: for each fold the model that answers without a rationale, and the model that answers with it.
        layout: how completions are split and the question is posed.
        discrete: whether only right and wrong count, not probabilities.
        shifted: whether values are moved into [0, 1].
        name: the name in the logs.
    """

    columns = ("gold", "choices")
    reads_prompt = True

    def __init__(
        self,
        models: Sequence[tuple[Source, Source]],
        layout: RationaleLayout,
        discrete: bool = False,
        shifted: bool = False,
        name: str = "consistency",
    ) -> None:
        self.name, self.models, self.layout = name, list(models), layout
        self.discrete, self.shifted = discrete, shifted

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Ask the two models of each question's fold.

        Raises:
            ValueError: a column is missing, or there is no such fold.
        """
        rows, failures = asked(self.layout, prompts, completions, columns, among=True)
        given = data_columns(columns, len(completions)).get("fold") or [None] * len(completions)
        folds = [fold_of(row.prompt, len(self.models), given[row.row]) for row in rows]
        found = {}
        for fold, (without, told) in enumerate(self.models):
            mine = [row for row, of in zip(rows, folds, strict=True) if of == fold]
            for row, both in zip(mine, with_and_without(mine, self.layout, told, without), strict=True):
                if both is not None:
                    found[row.row] = self._value(*both, row.gold)
        return scored(len(completions), found, failures, columns.get("log_metric"), self.name)

    def _value(self, told: Answers, bare: Answers, gold: int) -> tuple[float, float, float]:
        """(reward, probability with the rationale, probability without)."""
        parts = probability(told, gold), probability(bare, gold)
        gain = parts[0] - parts[1]
        if self.discrete:
            gain = -1.0 if not _right(told, gold) else 0.0 if _right(bare, gold) else 1.0
        return (1 + gain) / 2 if self.shifted else gain, *parts


def _right(answers: Answers, gold: int) -> bool:
    """Whether the gold choice has the highest mean log-probability per token."""
    return all(answers[gold].mean > answer.mean for place, answer in enumerate(answers) if place != gold)


def build(name: str, settings: Mapping[str, Any], context: Context) -> Consistency:
    """Make the reward from its section of the config; `model` is the folder of the answer models.

    Raises:
        ValueError: there is no such folder, or an option is unknown.
    """
    options = options_of(settings, ("discrete", "shifted", *LOADING), reads=("model",))
    make = "make one with python -m rewards.parts.answer_models"
    if not settings.get("model"):
        raise ValueError(f"model: is needed: a folder of answer models; {make}")
    folder = Path(str(settings["model"]))
    if not (folder / MANIFEST).is_file():
        raise ValueError(f"model: {str(folder)!r} is not a folder of answer models: it has no {MANIFEST}; {make}")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    forms = {option: options.pop(option, False) for option in ("discrete", "shifted")}
    for option, wanted in forms.items():
        if not isinstance(wanted, bool):
            raise ValueError(f"{option}: expected true or false, got {wanted!r}")
    models: list[tuple[Source, Source]] = []
    for fold in range(manifest["folds"]):
        without, told = (frozen(str(folder / str(fold) / kind), **options) for kind in KINDS)
        models.append((without, told))
    return Consistency(models, RationaleLayout(**manifest["layout"]), **forms, name=name)
