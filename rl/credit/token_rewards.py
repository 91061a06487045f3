"""From judged samples to a reward for each token: outcomes at the last token, step scores at the ends of steps, and
scores of tokens at their own.

This is the one representation that both online algorithms are fed with: PPO estimates advantages from it with a critic
(`gae`), GRPO with the group (`group`). Weights, the gate and abstentions were decided in the mix (`rewards.mixing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rewards.mixing.aggregate import filled, groups_of
from rewards.parts.settings import TOKEN_RULE
from rewards.sample import Sample
from rl.credit.spans import StepEnds
from rl.credit.steps import OWN_STEP, RULES


@dataclass(frozen=True)
class TokenRewards:
    """Rewards of B completions of up to T tokens.

    Attributes:
        to_go_BT: what counts for every token up to its own: the outcome, and steps whose rule is about what follows.
        own_BT: what counts for the tokens of its own step alone.
        token_BT: what counts for each token by itself, such as a teacher's log-ratio.
        step_BT: index of the step that each token is in; what follows the last step is one more.
        known_B: False where the mix abstained, so that nothing is known of the completion, or a reward whose tokens
            are credited did not judge it.
    """

    to_go_BT: Tensor
    own_BT: Tensor
    token_BT: Tensor
    step_BT: Tensor
    known_B: Tensor

    @property
    def all_BT(self) -> Tensor:
        """All together: what an algorithm with a critic is fed."""
        return self.to_go_BT + self.own_BT + self.token_BT

    def to(self, device: torch.device) -> TokenRewards:
        """The same on a device."""
        return TokenRewards(*(getattr(self, field.name).to(device) for field in fields(self)))


def token_rewards(
    samples: Sequence[Sample], credits: Mapping[str, str], width: int, step_ends: StepEnds
) -> TokenRewards:
    """Lay the rewards of judged samples out over their tokens.

    A reward without a credit rule counts at the last token, by what it contributes to the sample's reward. One with a
    rule counts at the ends of its steps. Where it abstains, nothing is known of the steps, and the mean of what its
    siblings' steps earn stands at the last token, so that abstaining neither pays nor costs. Below a closed gate it
    neither counts nor is part of that mean.

    One with the rule `token` counts at each token. Where it abstains or fails, nothing is learnt from the completion:
    zeros would be a reward beside the costs of its siblings.

    Args:
        samples: B judged samples.
        credits: reward name → credit rule (`rl.credit.steps`, or `token`), for the rewards that have one.
        width: T, at least the longest completion.
        step_ends: maps the steps' spans to tokens.

    Raises:
        ValueError: a step ends past its completion's text.
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
    for row in rows:
        to_go[row, len(samples[row].ids) - 1] = sum(
            said.contribution or 0.0 for name, said in samples[row].rewards.items() if name not in credits
        )
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
    return TokenRewards(to_go, own, token, step, known)
