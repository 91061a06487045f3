r"""GRPO with token rewards: group-relative advantages (B, T).

As in GRPO (arXiv:2402.03300; section 4.1.3 is about rewards at the ends of steps), the baseline of a completion comes
from its group, the G completions of the same prompt. Here each step has a baseline of its own. With the return to go
$G_{i,k}$ from the start of step $k$ of completion $i$,

    A_{i,t} = (G_{i,k(t)} - b_k) / (σ + δ),    b_k = mean over the group's completions that reach step k of G_{·,k}

where $k(t)$ is the step of token $t$ (the text after the last step, such as the answer, counts as one more step), and σ
is the standard deviation of the whole return $G_{i,1}$ over the group. With a single reward at the end, $G_{i,k} = r_i$
for every step, and this is GRPO's advantage.

A reward that counts for its own step alone is treated in the same way, with that reward in place of $G_{i,k}$.

Where all completions of a group earn the same, the advantage is exactly 0 (`all_equal`). In float32 the mean of equal
numbers may differ from them in the last digit, and δ is so small that this digit would become an advantage of up to
0.003, so the group would seem to teach something.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from trl.trainer.utils import nanstd

from rl.credit.token_rewards import TokenRewards

DELTA = 1e-4
"""δ, with TRL's value."""
ROUNDING = 1e-6
"""Numbers that differ by less than this share of the largest of them are equal, since they are float32."""


def group_advantages(
    rewards: TokenRewards,
    mask_BT: Tensor,
    group: int,
    scale: str = "group",
    gather: Callable[[Tensor], Tensor] = lambda returns_B: returns_B,
) -> Tensor:
    """Advantages (B, T), zero on masked tokens and on completions without a reward, which no baseline includes.

    Args:
        rewards: rewards of the tokens.
        mask_BT: 1 on the completion's tokens.
        group: G, completions per prompt; they are in consecutive rows.
        scale: what to divide by: the standard deviation of the returns of the `group`, of the `batch`, or `none`.
        gather: brings the returns of all processes together, for the batch's standard deviation.
    """
    to_go_BT, own_BT = rewards.to_go_BT, rewards.own_BT
    mask = mask_BT.to(to_go_BT.dtype)
    known_B = rewards.known_B.to(to_go_BT.dtype)
    # (B, T, K): which step a token is in, so that sums by step are sums over T
    member_BTK = one_hot(rewards.step_BT, int(rewards.step_BT.max()) + 1).to(mask.dtype) * mask.unsqueeze(-1)
    of_step_BK = (to_go_BT.unsqueeze(-1) * member_BTK).sum(1)
    # G_{i,k}: the sum from step k on, and what the step earns for itself alone
    return_BK = of_step_BK.flip(1).cumsum(1).flip(1) + (own_BT.unsqueeze(-1) * member_BTK).sum(1)
    reached_BK = member_BTK.amax(1) * known_B.unsqueeze(1)
    baseline_BK = _group_mean(return_BK, reached_BK, group)  # b_k
    advantage_BK = (return_BK - baseline_BK) * reached_BK
    advantage_BK = advantage_BK.masked_fill(all_equal(return_BK, reached_BK > 0, group), 0.0)
    whole_B = ((to_go_BT + own_BT) * mask).sum(1).masked_fill(~rewards.known_B, torch.nan)
    if scale == "group":
        std_B = nanstd(whole_B.view(-1, group), dim=1).nan_to_num().repeat_interleave(group)
        advantage_BK = advantage_BK / (std_B.unsqueeze(1) + DELTA)
    elif scale == "batch":
        advantage_BK = advantage_BK / (nanstd(gather(whole_B)) + DELTA)
    return (advantage_BK.unsqueeze(1) * member_BTK).sum(-1)


def all_equal(values_BK: Tensor, known_BK: Tensor, group: int) -> Tensor:
    """Whether the known values of a group are all the same, (B, K): repeated for each of its members.

    Args:
        values_BK: K values of each of B completions.
        known_BK: whether each of them counts.
        group: completions per prompt; they are in consecutive rows.
    """
    shape = (-1, group, values_BK.shape[1])
    most_CK = values_BK.masked_fill(~known_BK, -torch.inf).view(shape).amax(1)
    least_CK = values_BK.masked_fill(~known_BK, torch.inf).view(shape).amin(1)
    equal_CK = most_CK - least_CK <= ROUNDING * torch.maximum(most_CK.abs(), least_CK.abs())
    return equal_CK.repeat_interleave(group, dim=0)


def _group_mean(value_BK: Tensor, reached_BK: Tensor, group: int) -> Tensor:
    """Mean over the completions of each group that reach a step, repeated for each member of the group."""
    count = reached_BK.view(-1, group, reached_BK.shape[1]).sum(1).clamp(min=1.0)
    summed = (value_BK * reached_BK).view(-1, group, value_BK.shape[1]).sum(1)
    return (summed / count).repeat_interleave(group, dim=0)
