r"""The clipped policy loss that PPO and GRPO minimise (Schulman et al. 2017, arXiv:1707.06347, eq. 7).

    L    = -mean over i, t of min(ρ_it A_it, clip(ρ_it, 1 - ε_low, 1 + ε_high) A_it)
    ρ_it = exp(log π(o_it) - log π_old(o_it))

The clip removes the incentive to move the ratio ρ further than ε from 1: beyond it the gradient of the term is zero.

In training, TRL computes this loss and its variants (`trainer.loss_type`, `trainer.beta`, …). This function is the
readable reference, and `tests/rl/algorithms/test_policy_loss.py` checks that TRL's values and gradients agree with it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def clipped_policy_loss(
    logprobs_BT: Tensor,
    old_logprobs_BT: Tensor,
    advantages_BT: Tensor,
    mask_BT: Tensor,
    *,
    epsilon_low: float = 0.2,
    epsilon_high: float = 0.2,
) -> Tensor:
    """The mean loss over all tokens of a batch (TRL's `loss_type: dapo` on one process).

    Args:
        logprobs_BT: log-probability (nats) of each sampled token under the policy.
        old_logprobs_BT: log-probability (nats) under the policy that sampled, without gradients.
        advantages_BT: advantage of each token.
        mask_BT: 1 on the completions' tokens, 0 on padding.
        epsilon_low: clip range of the ratio below 1.
        epsilon_high: clip range of the ratio above 1.

    Returns:
        A scalar.
    """
    ratio_BT = torch.exp(logprobs_BT - old_logprobs_BT)
    clipped_BT = ratio_BT.clamp(1 - epsilon_low, 1 + epsilon_high)
    objective_BT = torch.minimum(ratio_BT * advantages_BT, clipped_BT * advantages_BT)
    return -(objective_BT * mask_BT).sum() / mask_BT.sum()
