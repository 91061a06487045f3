r"""The gain in the likelihood of the right answer from the rationale, according to a model that answers.

With question $q$, rationale $r$ and gold answer $a^*$:

$$ \text{sum: } \log p(a^* \mid q, r) - \log p(a^* \mid q), \qquad \text{mean: the same, per token of } a^* $$

The sum is Quiet-STaR's reward of a thought (Zelikman et al. 2024, arXiv:2403.09629), which uses the next tokens of a
text in place of the answer. With choices $A$ and $\ell(a)$ the mean log-probability per token,

$$ \text{probability: } P(a^* \mid q, r) - P(a^* \mid q), \qquad P = \mathrm{softmax}_{a \in A}\, \ell(a) $$

which is MaRio's consistency with a single model; `consistency` has two, and `self_feedback` has Crystal's form. A
rationale that only states the answer gains as much as real reasoning does, or more, so combine this reward with a judge
of the reasoning.

A completion without the answer marker, or one that does not fit into the model, abstains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rewards.models.likelihoods import Likelihood, likelihoods, softmax
from rewards.models.prompts import render
from rewards.models.types import Source
from rewards.parts.context import Context
from rewards.parts.rationale import OPTIONS, Asked, RationaleLayout, asked, layout
from rewards.parts.settings import one_of, options_of
from rewards.parts.source import LOADING, source, template_kwargs
from rewards.reward import Reward, Scores, Text

MEASURES = ("sum", "mean", "probability")
Answers = list[Likelihood]


def with_and_without(
    rows: Sequence[Asked],
    layout: RationaleLayout,
    reader: Source,
    baseline: Source,
    template_kwargs: Mapping[str, Any] | None = None,
) -> list[tuple[Answers, Answers] | None]:
    """The likelihoods of each answer with and without the rationale; None if a text does not fit into the model.

    Args:
        rows: the questions, rationales and answers.
        layout: how the question is posed.
        reader: returns the model that gets the rationale.
        baseline: returns the model that does not; if it is the same, both texts share the computation of the prompt.
        template_kwargs: variables of the chat template.
    """
    model, tokenizer = reader()
    other, other_tokenizer = baseline()
    prompts = [render(row.prompt, tokenizer, template_kwargs).text for row in rows]
    told = [layout.put(row.prompt, row.rationale, tokenizer, template_kwargs) for row in rows]
    bare = [layout.put(row.prompt, None, other_tokenizer, template_kwargs) for row in rows]
    answers = [row.answers for row in rows]
    if other is model:
        both = likelihoods(model, tokenizer, prompts * 2, told + bare, answers * 2)
        found, base = both[: len(rows)], both[len(rows) :]
    else:
        found = likelihoods(model, tokenizer, prompts, told, answers)
        prompts = [render(row.prompt, other_tokenizer, template_kwargs).text for row in rows]
        base = likelihoods(other, other_tokenizer, prompts, bare, answers)
    return [None if one is None or two is None else (one, two) for one, two in zip(found, base, strict=True)]


def probability(answers: Answers, gold: int) -> float:
    """MaRio's probability of the gold choice: a softmax over the mean log-probabilities per token.

    Args:
        answers: the likelihood of each choice.
        gold: the index of the gold choice.
    """
    return softmax([answer.mean for answer in answers])[gold]


def scored(
    count: int,
    found: Mapping[int, tuple[float, float, float]],
    failures: Mapping[int, str],
    log: Callable[[str, float], None] | None,
    name: str,
) -> Scores:
    """The scores of a batch, with the figures with and without the rationale in the table, and their means in the logs.

    A value that is NaN or infinite is a failure, because the model's weights are broken.

    Args:
        count: number of completions in the batch.
        found: row → (value, figure with the rationale, figure without it).
        failures: row → error, for rows with broken data.
        log: called with a name and a number; None to log nothing.
        name: name of the reward.
    """
    nan = {row: "the model gave NaN" for row, parts in found.items() if not all(map(math.isfinite, parts))}
    failures = {**failures, **nan}
    good = {row: parts for row, parts in found.items() if row not in failures}
    parts: list[list[float | None]] = [
        [good[row][i] if row in good else None for row in range(count)] for i in range(3)
    ]
    for column, values in (("with", parts[1]), ("without", parts[2])):
        there = [value for value in values if value is not None]
        if log and there:
            log(f"rewards/{name}/{column}", sum(there) / len(there))
    return Scores(parts[0], columns={"with": parts[1], "without": parts[2]}, failures=failures)


class LikelihoodGain(Reward):
    """The gain in the gold answer's likelihood from the rationale; the likelihoods with and without it are logged.

    Args:
        model: returns the model that answers.
        layout: how completions are split and the question is posed.
        measure: `sum` or `mean` of the gold answer's log-probabilities, or its `probability` among the row's choices.
        name: the name in the logs.
        template_kwargs: variables of the model's chat template.
    """

    reads_prompt = True

    def __init__(
        self,
        model: Source,
        layout: RationaleLayout,
        measure: str = "sum",
        name: str = "likelihood_gain",
        template_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.model, self.layout, self.template_kwargs = name, model, layout, template_kwargs
        self.measure = one_of("measure", measure, MEASURES)
        self.columns = ("gold", "choices") if measure == "probability" else ("gold",)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Ask the model with and without each rationale.

        Raises:
            ValueError: a column is missing.
        """
        rows, failures = asked(self.layout, prompts, completions, columns, among=self.measure == "probability")
        found = {}
        asked_both = with_and_without(rows, self.layout, self.model, self.model, self.template_kwargs)
        for row, both in zip(rows, asked_both, strict=True):
            if both is not None:
                told, bare = (self._measured(answers, row.gold) for answers in both)
                found[row.row] = (told - bare, told, bare)
        return scored(len(completions), found, failures, columns.get("log_metric"), self.name)

    def _measured(self, answers: Answers, gold: int) -> float:
        if self.measure == "probability":
            return probability(answers, gold)
        return answers[gold].logprob if self.measure == "sum" else answers[gold].mean


def build(name: str, settings: Mapping[str, Any], context: Context) -> LikelihoodGain:
    """Make the reward from its section of the config; `model` is a path, a hub id, or `policy`."""
    options = options_of(settings, ("measure", *OPTIONS, *LOADING), reads=("model",))
    model = source(settings, context, "causal", policy=True, purpose="the model that answers, a path or a hub id")
    return LikelihoodGain(
        model,
        layout(options, context.verifier.name),
        options.get("measure", "sum"),
        name,
        template_kwargs(settings, context),
    )
