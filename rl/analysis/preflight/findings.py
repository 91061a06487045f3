"""What drawn completions say about a future training. Pure functions, from numbers to numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from rewards.mixing.aggregate import centred, variance_shares
from rl.analysis.preflight.drawn import Drawn

EQUAL = 1e-9
Learns = Literal["from groups", "from draws", "from right ones"]
"""What a completion is compared with: its group (GRPO, pairs), the draw (PPO by its critic, Quark by quantiles), or
nothing if right completions are imitated (STaR)."""
LEARNS: dict[str, Learns] = {"ppo": "from draws", "quark": "from draws", "sft": "from right ones"}
"""Algorithm → what its completions are compared with, if that is not their group."""


@dataclass(frozen=True)
class Findings:
    """What the completions show. Shares are of all completions unless stated otherwise; None if they are unknown.

    Attributes:
        problems: number of groups, one for each problem.
        group: completions in a group.
        judged: share of completions that the verifier judged.
        abstained: share that it abstained from.
        failed: share on which it failed.
        answered: of those judged, the share in which it found an answer.
        cut_off: share of completions that reached `max_tokens`.
        tokens: mean length of a completion.
        right: of those judged, the share that is right.
        greedy: of the greedy completions that were judged, the share that is right.
        pass_at_k: of the problems with a judged completion, the share with a right one in the group.
        mixed: share of problems with right and wrong completions.
        signal: share of groups that teach something: their completions do not all earn the same; with a critic, one of
            them does not earn what most of the draw earns; if right ones are imitated, one of them is right.
        gradient: share of all tokens that are in such a group.
        format_gain: what `right` would gain if every judged completion had an answer that is right as often as the
            existing ones: the gain from learning the form alone.
        agreement: correlation of reward and right within groups: 1 if the reward orders completions as the verifier
            does, 0 if the two are unrelated; None if either never differs.
        shares: reward name → its share of the advantage's variance.
        rewards_failed: reward name → share of completions on which it failed.
        rewards_abstained: reward name → share of completions from which it abstained.
    """

    problems: int
    group: int
    judged: float
    abstained: float
    failed: float
    answered: float | None
    cut_off: float
    tokens: float
    right: float | None
    greedy: float | None
    pass_at_k: float | None
    mixed: float
    signal: float
    gradient: float
    format_gain: float | None
    agreement: float | None
    shares: Mapping[str, float]
    rewards_failed: Mapping[str, float]
    rewards_abstained: Mapping[str, float]

    @property
    def headroom(self) -> float | None:
        """pass@k minus greedy accuracy: what the policy can do but does not do yet."""
        return None if self.pass_at_k is None or self.greedy is None else self.pass_at_k - self.greedy

    @property
    def has_rewards(self) -> bool:
        """Whether the rewards were run; otherwise the signal is that of answers alone."""
        return bool(self.shares or self.rewards_failed or self.rewards_abstained)


def findings(groups: Sequence[Sequence[Drawn]], greedy: Sequence[Drawn], learns: Learns = "from groups") -> Findings:
    """Compute the findings.

    Args:
        groups: the completions of each problem.
        greedy: the greedy completion of each problem; may be empty.
        learns: what a completion is compared with.
    """
    everything = [one for group in groups for one in group]
    judged = [one for one in everything if one.right is not None]
    answered = [one for one in judged if one.answered]
    count = len(everything)
    right, rate = _share_right(judged), _share_right(answered)
    teaching = _teaching(groups, learns)
    of_teaching = sum(one.tokens for group, teaches in zip(groups, teaching, strict=True) for one in group if teaches)
    solved = [any(one.right for one in group) for group in groups if any(one.right is not None for one in group)]
    names = dict.fromkeys(
        name for one in everything for name in (*(one.contributions or {}), *one.failed, *one.abstained)
    )
    ends = list(accumulate(map(len, groups)))
    places = [range(end - len(group), end) for group, end in zip(groups, ends, strict=True)]
    contributions = {
        name: centred([(one.contributions or {}).get(name) for one in everything], places) for name in names
    }
    return Findings(
        problems=len(groups),
        group=len(groups[0]),
        judged=len(judged) / count,
        abstained=sum(one.status == "abstained" for one in everything) / count,
        failed=sum(one.status == "failed" for one in everything) / count,
        answered=len(answered) / len(judged) if judged else None,
        cut_off=sum(one.cut_off for one in everything) / count,
        tokens=statistics.fmean(one.tokens for one in everything),
        right=right,
        greedy=_share_right([one for one in greedy if one.right is not None]),
        pass_at_k=sum(solved) / len(solved) if solved else None,
        mixed=sum(len({one.right for one in group} - {None}) == 2 for group in groups) / len(groups),
        signal=sum(teaching) / len(groups),
        gradient=of_teaching / max(1, sum(one.tokens for one in everything)),
        format_gain=None if right is None or rate is None else rate - right,
        agreement=_agreement(everything, places),
        shares=variance_shares(contributions) if contributions else {},
        rewards_failed={name: sum(name in one.failed for one in everything) / count for name in names},
        rewards_abstained={name: sum(name in one.abstained for one in everything) / count for name in names},
    )


def _teaching(groups: Sequence[Sequence[Drawn]], learns: Learns) -> list[bool]:
    if learns == "from right ones":
        return [any(one.right for one in group) for group in groups]
    earned = [_earned(group) for group in groups]
    if learns == "from groups":
        return [len(set(of)) > 1 for of in earned]
    everything = [value for of in earned for value in of]
    usual = max(everything, key=everything.count, default=0.0)
    return [any(value != usual for value in of) for of in earned]


def _earned(group: Sequence[Drawn]) -> list[float]:
    """The reward of each completion that has one; without rewards, whether it is right."""
    if all(one.reward is None and not one.failed and not one.abstained for one in group):
        return [float(one.right) for one in group if one.right is not None]
    return [round(one.reward + one.credit, 9) for one in group if one.reward is not None]


def _share_right(judged: Sequence[Drawn]) -> float | None:
    return sum(one.right is True for one in judged) / len(judged) if judged else None


def _agreement(everything: Sequence[Drawn], places: Sequence[Sequence[int]]) -> float | None:
    known = [one.reward is not None and one.right is not None for one in everything]
    earned = [(one.reward or 0.0) + one.credit if there else None for one, there in zip(everything, known, strict=True)]
    right = [float(one.right is True) if there else None for one, there in zip(everything, known, strict=True)]
    rewards, rights = centred(earned, places), centred(right, places)
    spread = math.sqrt(float(rewards @ rewards) * float(rights @ rights))
    return float(rewards @ rights) / spread if spread > EQUAL else None
