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
    to_go, own, token = (torch.zeros(len(samples), width) for _ in range(3))
    step = torch.zeros(len(samples), width, dtype=torch.long)
    known = torch.tensor([one.reward is not None and len(one.ids) > 0 for one in samples])
    of_tokens = [name for name, rule in credits.items() if rule == TOKEN_RULE]
    for name in of_tokens:
        for row, said in ((row, one.rewards[name]) for row, one in enumerate(samples) if known[row]):
            if said.weight == 0:
                continue
            known[row] = said.status == "judged"
            scores = said.weight * torch.tensor(said.tokens)
            token[row, : len(scores)] += scores
    token *= known.unsqueeze(1)  # of several such rewards each has to have judged it
    rows = [row for row in range(len(samples)) if known[row]]
    cuts: dict[int, set[int]] = {row: set() for row in rows}
    counts = torch.zeros(len(samples), width, dtype=torch.bool)
    for row in rows:
        last = {name: _last_token(samples[row], said, step_ends) for name, said in samples[row].rewards.items()}
        for name, place in last.items():
            if name not in credits:
                said = samples[row].rewards[name]
                to_go[row, place] += said.contribution or 0.0
                cuts[row].update([] if said.until is None else [place])  # what follows has no share in it
        # a reward of weight 0 is there to be seen, unless there is nothing else
        weighing = [place for name, place in last.items() if samples[row].rewards[name].weight] or last.values()
        counts[row, : max(weighing, default=len(samples[row].ids) - 1) + 1] = True
    for name, rule in ((name, rule) for name, rule in credits.items() if name not in of_tokens):
        into = own if rule in OWN_STEP else to_go
        earned: list[float | None] = [None] * len(samples)
        for row in rows:
            said = samples[row].rewards[name]
            if said.status != "judged" or said.weight == 0:
                continue
            rewards = [said.weight * reward for reward in RULES[rule]([one.score for one in said.steps])]
            earned[row] = sum(rewards)
            places = step_ends(samples[row].ids, said.steps)
            for place, reward in zip(places, rewards, strict=True):
                into[row, place] += reward
            cuts[row].update(places)
        for row, total in enumerate(filled(earned, groups_of([one.prompt for one in samples]))):
            if known[row] and earned[row] is None and samples[row].rewards[name].weight != 0:
                to_go[row, len(samples[row].ids) - 1] += total
    for row, places in cuts.items():
        for place in places:
            step[row, place + 1 :] += 1
    return TokenRewards(to_go, own, token, step, known, counts)


def _last_token(sample: Sample, said: Judgement, step_ends: StepEnds) -> int:
    """The index of the last token that a reward is credited to."""
    if said.until is None:
        return len(sample.ids) - 1
    return step_ends.of_characters(sample.ids, [said.until])[0]
