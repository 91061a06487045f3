"""From judged samples to a reward for each token.

Outcomes are at the last token, step scores at the ends of steps, and token scores at their own tokens. Both online
algorithms take this representation: PPO estimates advantages from it with a critic (`gae`), GRPO with the group
(`group`). The mix has already applied weights, the gate and abstentions (`rewards.mixing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rewards.mixing.aggregate import filled, groups_of
from rewards.parts.settings import TOKEN_RULE
from rewards.sample import Judgement, Sample
from rl.credit.spans import StepEnds
from rl.credit.steps import OWN_STEP, RULES


@dataclass(frozen=True)
class TokenRewards:
    """Rewards of B completions of up to T tokens.

    Attributes:
        to_go_BT: rewards that count for their own token and all earlier ones: outcomes, and steps under `sum` and
            `min`.
        own_BT: rewards that count only for the tokens of their own step.
        token_BT: rewards that count only for their own token, such as a teacher's log-ratio.
        step_BT: index of each token's step; the text after the last step counts as one more step.
        known_B: False where the mix abstained, or a reward with the rule `token` did not judge the completion.
        counts_BT: False on the tokens that no reward is credited to: padding, and what follows the rationale where all
            rewards have `credit_on: rationale`.
    """

    to_go_BT: Tensor
    own_BT: Tensor
    token_BT: Tensor
    step_BT: Tensor
    known_B: Tensor
    counts_BT: Tensor

    @property
    def all_BT(self) -> Tensor:
        """The sum of all three, which an algorithm with a critic uses."""
        return self.to_go_BT + self.own_BT + self.token_BT

    @property
    def known_rows(self) -> list[int]:
        """The rows of the completions that are known."""
        return self.known_B.nonzero()[:, 0].tolist()

    def to(self, device: torch.device) -> TokenRewards:
        """The same tensors on a device."""
        return TokenRewards(*(getattr(self, field.name).to(device) for field in fields(self)))


def token_rewards(
    samples: Sequence[Sample], credits: Mapping[str, str], width: int, step_ends: StepEnds
) -> TokenRewards:
    """Lay the rewards of judged samples out over their tokens.

    A reward without a credit rule counts at the last token, with its contribution to the sample's reward. A reward with
    a rule counts at the ends of its steps. If it abstains, its steps are unknown; the last token then gets the mean sum
    of step rewards of its group, so that abstaining neither pays nor costs. Where a gate is closed it does not count,
    and is not part of that mean.

    A reward with `credit_on: rationale` counts at the token that ends the rationale, which is the first of the marker
    before the answer: by it the policy decides that it has said enough, as by an end-of-sequence token. Later tokens
    have no share in it.

    A reward with the rule `token` counts at each token. If it abstains or fails, nothing is learnt from the completion,
    because zeros would be an advantage over siblings with negative scores.

    Args:
        samples: B judged samples.
        credits: reward name → credit rule (`rl.credit.steps`, or `token`), for the rewards that have one.
        width: T, at least the length of the longest completion.
        step_ends: maps the steps' spans to tokens.

    Raises:
        ValueError: a step ends after its completion's text.
    """
    shape = len(samples), width
    token_BT, known_B = _token_scores(samples, [name for name, rule in credits.items() if rule == TOKEN_RULE], width)
    rewards = TokenRewards(
        to_go_BT=torch.zeros(shape),
        own_BT=torch.zeros(shape),
        token_BT=token_BT,
        step_BT=torch.zeros(shape, dtype=torch.long),
        known_B=known_B,
        counts_BT=torch.zeros(shape, dtype=torch.bool),
    )
    ends: list[set[int]] = [set() for _ in samples]  # the tokens that end steps
    for row in rewards.known_rows:
        _add_outcomes(rewards, row, samples[row], credits, step_ends, ends[row])
    for name, rule in credits.items():
        if rule != TOKEN_RULE:
            _add_steps(rewards, samples, name, rule, step_ends, ends)
    for row, places in enumerate(ends):
        for place in places:
            rewards.step_BT[row, place + 1 :] += 1
    return rewards


def _token_scores(samples: Sequence[Sample], names: Sequence[str], width: int) -> tuple[Tensor, Tensor]:
    """The weighted scores of single tokens (B, T), and whether each completion is known (B,).

    Of several such rewards, each has to have judged a completion.
    """
    token_BT = torch.zeros(len(samples), width)
    known_B = torch.tensor([one.reward is not None and len(one.ids) > 0 for one in samples])
    for name in names:
        for row, said in ((row, one.rewards[name]) for row, one in enumerate(samples) if known_B[row]):
            if said.weight == 0:
                continue
            known_B[row] = said.status == "judged"
            scores = said.weight * torch.tensor(said.tokens)
            token_BT[row, : len(scores)] += scores
    return token_BT * known_B.unsqueeze(1), known_B


def _add_outcomes(
    rewards: TokenRewards, row: int, sample: Sample, credits: Mapping[str, str], step_ends: StepEnds, ends: set[int]
) -> None:
    """Add the rewards without a credit rule to one completion's last tokens, and mark the tokens that count."""
    last = {name: _last_token(sample, said, step_ends) for name, said in sample.rewards.items()}
    for name, place in last.items():
        if name not in credits:
            said = sample.rewards[name]
            rewards.to_go_BT[row, place] += said.contribution or 0.0
            ends.update([] if said.until is None else [place])  # what follows has no share in it
    # a reward of weight 0 is there to be seen, unless there is nothing else
    weighing = [place for name, place in last.items() if sample.rewards[name].weight] or last.values()
    rewards.counts_BT[row, : max(weighing, default=len(sample.ids) - 1) + 1] = True


def _add_steps(
    rewards: TokenRewards,
    samples: Sequence[Sample],
    name: str,
    rule: str,
    step_ends: StepEnds,
    ends: Sequence[set[int]],
) -> None:
    """Add the step rewards of one reward to the tokens that end the steps, or its group's mean where it abstained."""
    into_BT = rewards.own_BT if rule in OWN_STEP else rewards.to_go_BT
    earned: list[float | None] = [None] * len(samples)
    for row in rewards.known_rows:
        said = samples[row].rewards[name]
        if said.status != "judged" or said.weight == 0:
            continue
        step_rewards = [said.weight * reward for reward in RULES[rule]([one.score for one in said.steps])]
        earned[row] = sum(step_rewards)
        places = step_ends(samples[row].ids, said.steps)
        for place, reward in zip(places, step_rewards, strict=True):
            into_BT[row, place] += reward
        ends[row].update(places)
    means = filled(earned, groups_of([one.prompt for one in samples]))
    for row in rewards.known_rows:
        if earned[row] is None and samples[row].rewards[name].weight != 0:
            rewards.to_go_BT[row, len(samples[row].ids) - 1] += means[row]


def _last_token(sample: Sample, said: Judgement, step_ends: StepEnds) -> int:
    """The index of the last token that a reward is credited to."""
    if said.until is None:
        return len(sample.ids) - 1
    return step_ends.of_characters(sample.ids, [said.until])[0]
