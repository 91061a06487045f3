r"""Answering with the best of several statements, or with none, as in Crystal (Liu et al. 2023, arXiv:2310.04921).

The policy draws statements $k_1 … k_K$ about a question q. With $s(a \mid \cdot)$ the log-probability of choice a, and
$k_0$ the empty statement, each is an expert whose opinion is the softmax over the choices:

$$ \hat a = \arg\max_a \max_{0 \le i \le K} P(a \mid q, k_i), \qquad
   P(\cdot \mid q, k_i) = \mathrm{softmax}_a\, s(a \mid q, k_i) $$

`combine` has the other ways that the authors tried: the `mean` of the experts, their `product`, and a `vote`. The model
that answers is the policy, or a frozen one that reads the policy's statements, as in LM-guided CoT (Lee et al. 2024).

The figures on each problem are: whether the answer is right without a statement, with the statement of the greedy
completion, and by all experts together; `rectified`, the second minus the first; and the margins m(q) and m(q, k) of
the gold choice over the best other one, in nats. The margin without a statement distinguishes a policy whose statements
help from one that has unlearnt to answer without them.

A completion without the marker before its answer counts as a statement as a whole. A problem whose texts do not fit
into the model's context is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from rewards.models.likelihoods import likelihoods, softmax
from rewards.models.load import frozen
from rewards.models.prompts import render
from rewards.models.types import Model, Tokenizer
from rewards.parts.rationale import RationaleLayout, choices_of, layout
from rewards.self_feedback import margin
from rl.analysis.intervals import Interval, bootstrap, wilson
from rl.config.statements import Statements
from rl.errors import UserError


class Answered(NamedTuple):
    """How a problem is answered.

    Attributes:
        without: whether the choice is right without a statement.
        with_one: whether it is right with the statement of the greedy completion.
        with_best: whether it is right by all experts together.
        margin_without: m(q), in nats.
        margin_with: the mean of m(q, k) over the sampled statements.
    """

    without: bool
    with_one: bool
    with_best: bool
    margin_without: float
    margin_with: float


COMBINED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "max": lambda of_experts: of_experts.max(0),
    "mean": lambda of_experts: of_experts.mean(0),
    "product": lambda of_experts: np.log(of_experts + 1e-30).sum(0),
    "vote": lambda of_experts: np.bincount(of_experts.argmax(1), minlength=of_experts.shape[1]),
}
"""`combine` → the scores of the choices, from the experts' probabilities (experts, choices)."""


def check(settings: Statements, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse statements if the rows have no choices.

    Args:
        settings: the config's `evaluation.statements`.
        rows: rows of the task.

    Raises:
        UserError: the rows have no choices, or the model that answers cannot be loaded.
    """
    if "choices" not in rows[0]:
        raise UserError("evaluation.statements", f"needs a column 'choices'; the task has {', '.join(sorted(rows[0]))}")
    if settings.model is not None:
        try:
            frozen(settings.model)
        except ValueError as error:
            raise UserError("evaluation.statements.model", str(error)) from error


def answered(
    policy: tuple[Model, Tokenizer],
    rows: Sequence[Mapping[str, Any]],
    greedy: Sequence[str],
    sampled: Sequence[Sequence[str]],
    settings: Statements,
    task: str,
    template_kwargs: Mapping[str, Any] | None = None,
) -> list[Answered | None]:
    """How each problem is answered by the experts; None if it has no gold choice, or a text does not fit.

    Args:
        policy: the policy and its tokenizer.
        rows: N problems with `prompt`, `gold` and `choices`.
        greedy: the greedy completion of each.
        sampled: its K sampled completions.
        settings: the config's `evaluation.statements`.
        task: the name of the task's verifier, which decides how completions are split.
        template_kwargs: variables of the policy's chat template.
    """
    model, tokenizer = policy if settings.model is None else frozen(settings.model)()
    kwargs = template_kwargs if settings.model is None else None
    form = layout(settings.layout, task)
    prefixes, contexts, answers, places = [], [], [], []
    golds: dict[int, int] = {}
    for row, problem in enumerate(rows):
        labels, texts, gold = choices_of(problem["choices"], problem["gold"])
        if gold is None or len(labels) < 2:
            continue
        golds[row] = gold
        statements = [None, *(form.split(text).rationale for text in (greedy[row], *sampled[row]))]
        contexts += [form.put(problem["prompt"], one, tokenizer, kwargs) for one in statements]
        prefixes += [render(problem["prompt"], tokenizer, kwargs).text] * len(statements)
        answers += [_answers(form, labels, texts)] * len(statements)
        places += [row] * len(statements)
    found: dict[int, list[Any]] = {row: [] for row in golds}
    for row, of_choices in zip(places, likelihoods(model, tokenizer, prefixes, contexts, answers), strict=True):
        found[row].append(of_choices)
    return [
        _answered(found[row], golds[row], settings.combine) if row in golds and None not in found[row] else None
        for row in range(len(rows))
    ]


def _answers(form: RationaleLayout, labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    return [form.answer.format(label=label, text=text) for label, text in zip(labels, texts, strict=True)]


def _answered(experts: Sequence[Any], gold: int, combine: str) -> Answered:
    """The answer from the likelihoods of the choices without a statement, with the greedy and each sampled one."""
    bare, one, *sampled = experts
    opinions = np.array([softmax([choice.logprob for choice in expert]) for expert in (bare, *sampled)])
    return Answered(
        without=_best(bare) == gold,
        with_one=_best(one) == gold,
        with_best=int(COMBINED[combine](opinions).argmax()) == gold,
        margin_without=margin(bare, gold),
        margin_with=fmean(margin(expert, gold) for expert in sampled),
    )


def _best(choices: Sequence[Any]) -> int:
    return max(range(len(choices)), key=lambda place: choices[place].logprob)


def metrics(found: Sequence[Answered | None]) -> dict[str, Interval | None]:
    """The figures over all problems that could be answered.

    Args:
        found: the answer to each problem.
    """
    known = [one for one in found if one is not None]
    return {
        "without_statement": wilson(sum(one.without for one in known), len(known)),
        "with_statement": wilson(sum(one.with_one for one in known), len(known)),
        "with_best_statement": wilson(sum(one.with_best for one in known), len(known)),
        "rectified": bootstrap([float(one.with_one) - float(one.without) for one in known]),
        "margin_without": bootstrap([one.margin_without for one in known]),
        "margin_with": bootstrap([one.margin_with for one in known]),
    }
