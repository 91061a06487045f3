r"""Self-feedback (Crystal, Liu et al. 2023, arXiv:2310.04921): does the rationale help the policy itself to answer?

$$ m(\cdot) = s(a^* \mid \cdot) - \max_{a \ne a^*} s(a \mid \cdot), \qquad
   r = \tfrac12 \{ \tanh m(q, k) - \tanh m(q) \} $$

with question $q$, rationale $k$, gold answer $a^*$, and $s$ the log-probability of an answer. The paper uses the logit
of the answer's single token; its differences are the same, and log-probabilities also work for longer answers.

Then $r \leftarrow (r - \mu) / \sigma$, with the mean and standard deviation over rationales that the initial policy
draws for rows of the train split; they are fixed from then on. (The authors' code divides by $\sqrt\sigma$; this does
not.)

The policy could increase $r$ by answering worse without a rationale. So both margins, `with` and `without`, are in the
table and the logs, and with `baseline` a frozen model provides $m(q)$, which rules this out. A frozen model, or `base`,
the policy as the run began with it, may take the policy's place in both terms or in this one.

A completion without the answer marker, or one that does not fit into the model, abstains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewards.likelihood_gain import scored, with_and_without
from rewards.models.generate import SamplingParameters, generate
from rewards.models.likelihoods import Likelihood
from rewards.models.prompts import prompt_ids
from rewards.models.types import Source
from rewards.parts.context import Context
from rewards.parts.rationale import OPTIONS, RationaleLayout, asked, layout
from rewards.parts.settings import number, options_of, whole
from rewards.parts.source import LOADING, source, template_kwargs
from rewards.reward import Reward, Scores, Text

SAMPLING = ("rows", "temperature", "max_tokens", "seed")
"""Options of the measurement with the initial policy."""


def margin(answers: Sequence[Likelihood], gold: int) -> float:
    """The log-probability of the gold answer minus that of the best other answer, in nats.

    Args:
        answers: the likelihoods of two or more choices.
        gold: the index of the gold choice.
    """
    return answers[gold].logprob - max(answer.logprob for place, answer in enumerate(answers) if place != gold)


class SelfFeedback(Reward):
    """Half the difference of the tanh margins of the gold answer, normalised with the initial policy's rewards.

    Args:
        model: returns the model that answers.
        layout: how completions are split and the question is posed.
        baseline: returns the model that answers without the rationale; by default the same model.
        context: has the policy and the rows for the measurement of the initial policy; None for no normalisation.
        rows: largest number of rows of the measurement.
        temperature: its sampling temperature.
        max_tokens: its largest number of tokens per completion.
        seed: its random seed.
        template_kwargs: variables of the policy's chat template.
        name: the name in the logs.

    Raises:
        ValueError: there is no policy or no row for the normalisation.
    """

    columns = ("gold", "choices")
    reads_prompt = True

    def __init__(
        self,
        model: Source,
        layout: RationaleLayout,
        *,
        baseline: Source | None = None,
        context: Context | None = None,
        rows: int = 256,
        temperature: float = 0.7,
        max_tokens: int = 64,
        seed: int = 0,
        template_kwargs: Mapping[str, Any] | None = None,
        name: str = "self_feedback",
    ) -> None:
        if context is not None and (context.policy is None or not context.rows):
            lacks = "no policy" if context.policy is None else "no rows of a train split"
            raise ValueError(f"normalise: there is {lacks} here to measure rewards with; set options.normalise: false")
        self.name, self.model, self.layout, self.baseline = name, model, layout, baseline or model
        self.context, self.template_kwargs = context, template_kwargs
        self.rows, self.temperature, self.max_tokens, self.seed = rows, temperature, max_tokens, seed
        self.mean, self.std = (0.0, 1.0) if context is None else (math.nan, math.nan)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Ask the model with and without each rationale; the first call first measures the initial policy.

        Raises:
            ValueError: a column is missing, or all rewards of the initial policy are equal.
        """
        if math.isnan(self.std):
            self.measure()
        raw, failures = self._raw(prompts, completions, columns)
        found = {row: ((value - self.mean) / self.std, told, bare) for row, (value, told, bare) in raw.items()}
        return scored(len(completions), found, failures, columns.get("log_metric"), self.name)

    def measure(self) -> None:
        """Draw rationales from the current policy, and store the mean and standard deviation of their rewards.

        Raises:
            ValueError: fewer than two rationales have a reward, or all rewards are equal.
        """
        assert self.context is not None and self.context.policy is not None
        rng = np.random.default_rng(self.seed)
        chosen = rng.permutation(len(self.context.rows))[: self.rows]
        rows = [self.context.rows[int(i)] for i in chosen]
        model, tokenizer = self.context.policy()
        drawn = generate(
            model,
            tokenizer,
            [prompt_ids(row["prompt"], tokenizer, self.context.template_kwargs) for row in rows],
            SamplingParameters(self.max_tokens, self.temperature),
            seed=self.seed,
        )
        completions = [one.text for (one,) in drawn]
        columns = {name: [row.get(name) for row in rows] for name in self.columns}
        found, _ = self._raw([row["prompt"] for row in rows], completions, columns)
        raw = [value for value, *_ in found.values()]
        if len(raw) < 2 or not np.std(raw) > 1e-6:  # also if it is NaN
            raise ValueError(
                f"normalise: {len(raw)} of {len(rows)} completions of the initial policy have a reward, and these do "
                f"not differ, so there is nothing to divide by; set options.normalise: false, or more max_tokens"
            )
        self.mean, self.std = float(np.mean(raw)), float(np.std(raw))

    def state_dict(self) -> dict[str, float]:
        """The mean and standard deviation, if they have been measured, for a resumed run."""
        return {} if math.isnan(self.std) else {"mean": self.mean, "std": self.std}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore a saved state."""
        if state:
            self.mean, self.std = float(state["mean"]), float(state["std"])

    def _raw(
        self, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]
    ) -> tuple[dict[int, tuple[float, float, float]], dict[int, str]]:
        """Row → (reward before normalisation, margin with the rationale, margin without it); and row → error."""
        several, failures = asked(self.layout, prompts, completions, columns, among=True)
        rows = [row for row in several if len(row.answers) > 1]
        found = {}
        asked_both = with_and_without(rows, self.layout, self.model, self.baseline, self.template_kwargs)
        for row, both in zip(rows, asked_both, strict=True):
            if both is not None:
                told, bare = (margin(answers, row.gold) for answers in both)
                found[row.row] = (0.5 * (math.tanh(told) - math.tanh(bare)), told, bare)
        return found, failures


def build(name: str, settings: Mapping[str, Any], context: Context) -> SelfFeedback:
    """Make the reward from its section of the config; `model` is `policy` unless it names a frozen one, such as `base`.

    Raises:
        ValueError: an option is unknown or out of bounds, or a policy is needed and there is none.
    """
    options = options_of(settings, ("normalise", "baseline", *SAMPLING, *OPTIONS, *LOADING), reads=("model",))
    normalise = options.get("normalise", True)
    if not isinstance(normalise, bool):
        raise ValueError(f"normalise: expected true or false, got {normalise!r}")
    settings = {**settings, "model": settings.get("model") or "policy"}
    model = source(settings, context, "causal", policy=True, base=True)
    baseline = options.get("baseline")
    return SelfFeedback(
        model,
        layout(options, context.verifier.name),
        baseline=source({**settings, "model": baseline}, context, "causal", base=True) if baseline else None,
        context=context if normalise else None,
        rows=whole("rows", options.get("rows", 256), 2),
        temperature=number("temperature", options.get("temperature", 0.7), above=0.0),
        max_tokens=whole("max_tokens", options.get("max_tokens", 64)),
        seed=whole("seed", options.get("seed", 0), 0),
        template_kwargs=template_kwargs(settings, context),
        name=name,
    )
