"""GRPO: group relative policy optimization (Shao et al. 2024, arXiv:2402.03300), on TRL's `GRPOTrainer`.

For each prompt the policy draws G completions o_1 … o_G with rewards r_i. The group is its own baseline:

    A_i = (r_i - mean(r)) / (std(r) + δ)
    L   = -mean over i, t of min(ρ_it A_i, clip(ρ_it, 1 - ε, 1 + ε) A_i)

with ρ_it a token's probability under the policy over its probability under the policy that sampled it
(`rl/algorithms/policy_loss.py`). Which of the published variants runs (DAPO, Dr. GRPO, GSPO, CISPO, a KL term, …) is up
to TRL's own arguments in `trainer:`.

Where a reward has a credit rule, its step scores make the advantage one of each token, A_it (`rl/credit/group.py`).
Where a reward scores each token (`credit: token`), its weighted score is added to that token's advantage as it is.
With outcome rewards alone the advantages are TRL's, untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback

from rewards.sample import Sample
from rl.algorithms.online import Batch, OnlineTrainer
from rl.algorithms.trl_arguments import online_arguments
from rl.config.algorithms import Grpo
from rl.context import RunContext
from rl.credit.group import group_advantages


class GrpoTrainer(OnlineTrainer):
    """GRPO with outcome rewards, step credit, or both."""

    settings: Grpo

    def next_batch(self, rows: list[dict[str, Any]]) -> Batch:
        """Sample, judge and credit; then TRL takes its optimizer steps on the batch, which is the update."""
        batch, samples = self.sample_and_judge(rows)
        batch["advantages"] = self.credit(samples, batch)
        return batch

    def credit(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Group-relative advantages: (B, T) where a reward has a credit rule, else TRL's own (B,).

        Args:
            samples: the judged samples of the batch, those of a prompt in consecutive rows.
            batch: the batch, with TRL's advantages.
        """
        if not self.mix.credits:
            return batch["advantages"]
        mask_BT = batch["completion_mask"]
        lengths_B = torch.tensor([len(one.ids) for one in samples], device=mask_BT.device)
        # as with TRL, a completion that is masked because it was cut off counts in its group's baseline all the same
        tokens_BT = torch.arange(mask_BT.shape[1], device=mask_BT.device) < lengths_B.unsqueeze(1)
        rewards = self.token_rewards(samples, batch)
        of_group_BT = group_advantages(rewards, tokens_BT, self.group, self.scale_rewards, self.gathered)
        return (of_group_BT + rewards.token_BT) * mask_BT

    def carries_signal(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Whether any completion of a group that the loss counts has an advantage."""
        advantages = self.credit(samples, batch)
        advantages_BT = advantages.unsqueeze(1) if advantages.dim() == 1 else advantages
        return (advantages_BT * batch["completion_mask"] != 0).view(len(samples) // self.group, -1).any(1)


def build(run: RunContext, callbacks: Sequence[TrainerCallback]) -> GrpoTrainer:
    """The trainer for a run.

    Args:
        run: the run, with its policy and rewards loaded.
        callbacks: to be told of steps and logs.

    Raises:
        UserError: TRL refuses the arguments, or the data lacks a column that a reward needs.
    """
    settings = run.config.algorithm
    assert isinstance(settings, Grpo)
    trainer = GrpoTrainer(settings, run.mix, run.task.verifier, **online_arguments(run, callbacks))
    trainer.remove_callback(PrinterCallback)
    return trainer
