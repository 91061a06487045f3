"""From what the rewards said of a batch to a reward for each token: outcome at the last, step scores at step ends.

This is the one representation that both algorithms are fed with: PPO estimates advantages from it with a critic
(`gae`), GRPO with the group (`group`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rewards.mixing.mix import Mixed
from rl.credit.spans import StepEnds
from rl.credit.steps import OWN_STEP, RULES


@dataclass(frozen=True)
class TokenRewards:
    """Rewards of B completions of up to T tokens.

    Attributes:
        to_go_BT: what counts for every token up to its own: the outcome, and steps whose rule is about what follows.
        own_BT: what counts for the tokens of its own step alone.
        step_BT: index of the step that each token is in; what follows the last step is one more.
        known_B: False where the mix abstained, so that nothing is known of the completion.
    """

    to_go_BT: Tensor
    own_BT: Tensor
    step_BT: Tensor
    known_B: Tensor

    @property
    def all_BT(self) -> Tensor:
        """Both together: what an algorithm with a critic is fed."""
        return self.to_go_BT + self.own_BT

    def to(self, device: torch.device) -> TokenRewards:
        """The same on a device."""
        return TokenRewards(*(getattr(self, field.name).to(device) for field in fields(self)))


def token_rewards(
    mixed: Mixed, weights: dict[str, float], completion_ids: Sequence[Sequence[int]], width: int, ends: StepEnds
) -> TokenRewards:
    """Lay the rewards of a batch out over its tokens.

    A reward that abstains on a completion is left out there and the others' weights are scaled up to its share, as in
    the mix.

    Args:
        mixed: what the mix said of the B completions.
        weights: reward name → weight, of all rewards.
        completion_ids: token ids of each completion, without padding.
        width: T, at least the longest completion.
        ends: maps the steps' spans to tokens.
    """
    size = len(completion_ids)
    to_go, own = torch.zeros(size, width), torch.zeros(size, width)
    step = torch.zeros(size, width, dtype=torch.long)
    known = torch.zeros(size, dtype=torch.bool)
    outcome_weight = sum(abs(w) for name, w in weights.items() if name not in mixed.credited)
    whole = sum(abs(w) for w in weights.values())
    for row, ids in enumerate(completion_ids):
        if not ids or mixed.values[row] is None:  # a gate that abstains leaves nothing known, whatever else was said
            continue
        present, cuts = 0.0, set()
        if (outcome := mixed.outcome[row] if mixed.outcome else None) is not None:
            to_go[row, len(ids) - 1] += outcome
            present += outcome_weight
        for name, credited in mixed.credited.items():
            if mixed.parts[name].values[row] is None:
                continue
            present += abs(weights[name])
            steps = credited.steps[row]
            places = ends(ids, steps)
            into = own if credited.rule in OWN_STEP else to_go
            for place, reward in zip(places, RULES[credited.rule]([step.score for step in steps]), strict=True):
                into[row, place] += credited.weight * reward
            cuts.update(places)
        known[row] = present > 0
        if present:
            to_go[row] *= whole / present
            own[row] *= whole / present
        for place in cuts:
            step[row, place + 1 :] += 1
    return TokenRewards(to_go, own, step, known)
