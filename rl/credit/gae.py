r"""Generalized advantage estimation (Schulman et al. 2016, arXiv:1506.02438, eq. 11 to 16).

    δ_t = R_t + γ V_{t+1} - V_t
    A_t = δ_t + γ λ A_{t+1}

$V_t$ is the value before token $t$. After a completion's last token no reward follows, so the value there is 0. The
critic learns the λ-return $A_t + V_t$, for which λ may differ.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gae(rewards_BT: Tensor, values_BT: Tensor, mask_BT: Tensor, gamma: float, lam: float) -> Tensor:
    """Advantages (B, T), zero on masked tokens.

    Args:
        rewards_BT: reward of each token.
        values_BT: value before each token.
        mask_BT: 1 on the completion's tokens, which come first in each row, 0 on the padding.
        gamma: γ, the discount per token.
        lam: λ. With 1 the advantage is the return minus the value; with 0 it is the one-step error δ.
    """
    mask = mask_BT.to(values_BT.dtype)
    values = values_BT * mask
    next_values = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    delta_BT = (rewards_BT + gamma * next_values - values) * mask
    advantages_BT = torch.zeros_like(delta_BT)
    running = torch.zeros_like(delta_BT[:, 0])
    for t in reversed(range(delta_BT.shape[1])):
        running = delta_BT[:, t] + gamma * lam * running * mask[:, t]
        advantages_BT[:, t] = running
    return advantages_BT
