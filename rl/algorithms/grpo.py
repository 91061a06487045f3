r"""GRPO: group relative policy optimization (Shao et al. 2024, arXiv:2402.03300), on TRL's `GRPOTrainer`.

What happens to a batch, in the order of the code:

1. Sample and judge (`sample_and_judge`). For each prompt the policy $\pi_{old}$ draws a group of G completions
   o_1 … o_G, and completion i gets a reward r_i.
2. Credit (`credit`). There is no critic. The baseline of a completion is the mean reward of its group:

       A_i = (r_i - mean(r)) / (std(r) + δ)

   Every token of completion i has this advantage. Where a reward has a credit rule, its step scores give each token an
   advantage of its own, A_it (`rl/credit/group.py`); one with `credit_on: rationale` gives none to the tokens after the
   rationale. With outcome rewards alone the advantages are TRL's.
3. Update the policy, on the clipped loss with ρ_it = π(o_it) / π_old(o_it), the probability of a token relative to the
   policy that sampled it:

       L = -mean over i, t of min(ρ_it A_it, clip(ρ_it, 1 - ε, 1 + ε) A_it)

   TRL computes this loss and takes the optimizer steps; `rl/algorithms/policy_loss.py` states it as a function, and a
   test holds TRL to it.

A group whose rewards are all equal has zero advantage, so it gives no gradient and is left out of the forward pass
(`rl/algorithms/online.py`).

TRL's arguments in `trainer:` select the published variants: `loss_type` (DAPO, Dr. GRPO, CISPO, …),
`importance_sampling_level: sequence` (GSPO), `scale_rewards`, `beta` (a KL term in the loss), and ε as `epsilon` and
`epsilon_high`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.utils import nanstd

from rewards.sample import Sample
from rl.algorithms.online import Batch, OnlineTrainer
from rl.algorithms.trl_arguments import online_arguments
from rl.config.algorithms import Grpo
from rl.context import RunContext
from rl.credit.group import DELTA, all_equal, group_advantages


class GrpoTrainer(OnlineTrainer):
    """GRPO with outcome rewards, step credit, or both."""

    settings: Grpo

    def next_batch(self, rows: list[dict[str, Any]]) -> Batch:
        """Sample, judge and credit. TRL then updates the policy on the batch."""
        batch, samples = self.sample_and_judge(rows)
        batch["advantages"] = self.credit(samples, batch)
        return batch

    def credit(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Group-relative advantages. It changes nothing.

        Args:
            samples: B judged samples; those of one prompt are in consecutive rows.
            batch: the batch, with TRL's advantages.

        Returns:
            A_it (B, T) if a reward has a credit rule or counts for the rationale alone; otherwise TRL's own A_i (B,),
            but exactly 0 where all completions of a group earn the same.
        """
        if not self.mix.credits and not self.mix.rationales:
            return self._of_outcomes(samples, batch["advantages"])
        mask_BT = batch["completion_mask"]
        lengths_B = torch.tensor([len(one.ids) for one in samples], device=mask_BT.device)
        # as in TRL, a truncated completion counts in its group's baseline even if the loss masks it
        tokens_BT = torch.arange(mask_BT.shape[1], device=mask_BT.device) < lengths_B.unsqueeze(1)
        rewards = self.token_rewards(samples, batch)
        of_group_BT = group_advantages(rewards, tokens_BT, self.group, self.scale_rewards, self.gathered)
        return (of_group_BT + rewards.token_BT) * mask_BT

    def _of_outcomes(self, samples: Sequence[Sample], advantages_B: Tensor) -> Tensor:
        """TRL's advantages without what rounding makes of equal rewards, and by the scale of the whole batch.

        With dynamic sampling TRL has scaled each draw for itself. By the scale of the batch (`scale_rewards: batch`)
        completions would count more the fewer groups of their draw carried a signal.
        """
        rewards = [torch.nan if one.reward is None else one.reward for one in samples]
        # a group may be on several processes
        rewards_B1 = self.gathered(torch.tensor(rewards, dtype=torch.float32, device=advantages_B.device)).unsqueeze(1)
        equal_B = all_equal(rewards_B1.nan_to_num(), ~rewards_B1.isnan(), self.group)[:, 0]
        first = self.accelerator.process_index * len(samples)
        if self.settings.dynamic_sampling is not None and self.scale_rewards == "batch":
            group_C1G = rewards_B1.view(-1, 1, self.group)
            deviation_B = (group_C1G - group_C1G.nanmean(2, keepdim=True)).flatten().nan_to_num()
            scaled_B = deviation_B / (nanstd(rewards_B1) + DELTA)
            advantages_B = scaled_B[first : first + len(samples)]
        return advantages_B.masked_fill(equal_B[first : first + len(samples)], 0.0)

    def carries_signal(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Whether a group has a completion that the loss counts and whose advantage is not zero."""
        advantages = self.credit(samples, batch)
        advantages_BT = advantages.unsqueeze(1) if advantages.dim() == 1 else advantages
        return (advantages_BT * batch["completion_mask"] != 0).view(len(samples) // self.group, -1).any(1)


def build(run: RunContext, callbacks: Sequence[TrainerCallback]) -> GrpoTrainer:
    """The trainer for a run.

    Args:
        run: the run, with its policy and rewards loaded.
        callbacks: the trainer's callbacks.

    Raises:
        UserError: TRL refuses the arguments, or the data lacks a column that a reward needs.
    """
    settings = run.config.algorithm
    assert isinstance(settings, Grpo)
    trainer = GrpoTrainer(settings, run.mix, run.task.verifier, **online_arguments(run, callbacks))
    trainer.remove_callback(PrinterCallback)
    return trainer
