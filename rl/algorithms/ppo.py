r"""PPO: proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347), on TRL's `GRPOTrainer`.

The policy draws completions of each prompt. Each token has a reward: the final one at the last token, step scores at
the ends of steps (`rl/credit/token_rewards.py`), and if asked for a penalty for leaving the reference policy,

    R_t = r_t - c_kl (log π(a_t) - log π_ref(a_t))

A critic V estimates the return to come (`rl/algorithms/critic.py`). Rewards and values give the advantages by GAE
(`rl/credit/gae.py`), whitened over the batch, A ← (A - mean) / std, and the returns that the critic learns, A + V
before whitening, optionally with a λ of its own. The policy learns from the clipped loss

    L = -mean over t of min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε) A_t)

(`rl/algorithms/policy_loss.py`), which is TRL's own loss with advantages (B, T): epochs are `trainer.num_iterations`,
minibatches `trainer.steps_per_generation`, ε is `trainer.epsilon`, a KL term in the loss `trainer.beta`. While the
critic warms up, the policy takes no gradient at all.

Whitening rewards divides them by their standard deviation over the batch without shifting their mean, since a shift
would reward or punish length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.utils import use_adapter

from rewards.mixing.mix import Mix
from rewards.sample import Sample
from rl.algorithms.critic import Critic, load_critic
from rl.algorithms.critic_lora import LoraCritic
from rl.algorithms.online import Batch, OnlineTrainer
from rl.algorithms.rollouts import Rollouts
from rl.algorithms.trl_arguments import online_arguments
from rl.config.algorithms import Ppo
from rl.context import RunContext
from rl.credit.gae import gae
from verifiers.runtime.verifier import Verifier

EPSILON = 1e-8


class Credited(NamedTuple):
    """Advantages and returns of a batch.

    Attributes:
        advantages_BT: not whitened.
        returns_BT: what the critic is to learn.
        mask_BT: 1 on the tokens that count: those of completions of which something is known.
    """

    advantages_BT: Tensor
    returns_BT: Tensor
    mask_BT: Tensor


class Lesson(NamedTuple):
    """What the critic learns from a batch: the sampled sequences, their returns, and its own values at sampling."""

    rollouts: Rollouts
    returns_BT: Tensor
    values_BT: Tensor


class PpoTrainer(OnlineTrainer):
    """PPO.

    Args:
        settings: the config's `algorithm` section.
        mix: the rewards.
        verifier: the task's own.
        critic: a model with one logit for each token, to learn the values; None for adapters over the policy's base.
        arguments: TRL's own keyword arguments.
    """

    settings: Ppo

    def __init__(
        self, settings: Ppo, mix: Mix, verifier: Verifier, critic: torch.nn.Module | None, **arguments: Any
    ) -> None:
        args = arguments["args"]
        loss_beta = args.beta
        args.beta = loss_beta or settings.kl  # TRL loads a reference policy only where beta is not 0
        super().__init__(settings, mix, verifier, **arguments)
        args.beta = self.beta = loss_beta  # the penalty is in the reward, not in the loss
        if critic is None:
            assert isinstance(self.policy, PeftModel), "checked with the config"
            critic = LoraCritic(self.policy)
        self.critic = Critic(critic, settings.critic, self.accelerator, self.args.seed + self.accelerator.process_index)
        self.warm_up = WarmUp(settings.critic.warm_up_cycles)
        self.stateful |= {"critic": self.critic, "warm_up": self.warm_up}
        self.lesson: Lesson | None = None
        self.critic_learns_alone = False

    def next_batch(self, rows: list[dict[str, Any]]) -> Batch:
        """Sample, judge and credit. The update follows: the critic's in `_prepare_inputs`, the policy's by TRL."""
        batch, samples = self.sample_and_judge(rows)
        values_BT = self.critic.values(Rollouts.of(batch))
        log_ratio_BT = self._log_ratio_to_reference(batch) if self.settings.kl else None
        credited = self.credit(samples, batch, values_BT, log_ratio_BT)
        self.critic_learns_alone = self.warm_up.left > 0
        batch["advantages"] = self._for_policy(credited)
        learnt_from = replace(Rollouts.of(batch), completion_mask=credited.mask_BT)
        self.lesson = Lesson(learnt_from, credited.returns_BT, values_BT)
        self._record_credit(credited, values_BT)
        return batch

    def credit(
        self, samples: Sequence[Sample], batch: Batch, values_BT: Tensor, log_ratio_BT: Tensor | None = None
    ) -> Credited:
        """Advantages and returns by GAE.

        Args:
            samples: the judged samples of the batch.
            batch: the batch.
            values_BT: the critic's values at sampling.
            log_ratio_BT: log π(a_t) - log π_ref(a_t), for the penalty in the reward; None for no penalty.
        """
        settings, rewards = self.settings, self.token_rewards(samples, batch)
        # a completion of which nothing is known teaches neither the policy nor the critic
        mask_BT = batch["completion_mask"] * rewards.known_B.unsqueeze(1)
        rewards_BT = rewards.all_BT
        if settings.whiten_rewards:
            rewards_BT = rewards_BT / (self._moments(rewards_BT.sum(1), rewards.known_B)[1] + EPSILON)
        if log_ratio_BT is not None:
            rewards_BT = rewards_BT - settings.kl * log_ratio_BT
        advantages_BT = gae(rewards_BT, values_BT, mask_BT, settings.gamma, settings.lambda_)
        lambda_critic = settings.lambda_ if settings.lambda_critic is None else settings.lambda_critic
        returns_BT = values_BT + gae(rewards_BT, values_BT, mask_BT, settings.gamma, lambda_critic)
        return Credited(advantages_BT, returns_BT, mask_BT)

    def update_critic(self, lesson: Lesson) -> None:
        """The critic learns the returns of a batch, in passes of its own."""
        learnt = self.critic.fit(*lesson)
        self.warm_up.count_cycle()
        self.record("critic/value_loss", learnt["value_loss"])
        self.record("critic/clip_fraction", learnt["clip_fraction"])
        self._metrics["train"]["critic/skipped_steps"] = [float(self.critic.skips.total)]  # so far, as `skipped_steps`

    def carries_signal(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Whether the completions of a group earn different rewards, among those that the policy learns from."""
        rewards = self.token_rewards(samples, batch)
        counts_BG = (rewards.known_B & (batch["completion_mask"] != 0).any(1)).view(-1, self.group)
        earned_BG = rewards.all_BT.sum(1).view(-1, self.group)
        most_B = earned_BG.masked_fill(~counts_BG, -torch.inf).amax(1)
        least_B = earned_BG.masked_fill(~counts_BG, torch.inf).amin(1)
        return most_B - least_B > EPSILON

    def record_update(self, batch: Batch, logprobs_BT: Tensor) -> None:
        """KL to the policy that sampled, by Schulman's k3 estimate, and the share of ratios beyond the clip."""
        mask_BT, old_BT = batch["completion_mask"], batch.get("old_per_token_logps")
        log_ratio_BT = torch.zeros_like(logprobs_BT) if old_BT is None else logprobs_BT - old_BT
        ratio_BT = log_ratio_BT.exp()
        cut_BT = (ratio_BT < 1 - self.epsilon_low) | (ratio_BT > 1 + self.epsilon_high)
        self.record("ppo/approx_kl", self._moments(ratio_BT - 1 - log_ratio_BT, mask_BT)[0].item())
        self.record("ppo/clip_fraction", self._moments(cut_BT.float(), mask_BT)[0].item())

    def close(self) -> None:
        """Take the critic's adapters off the policy, too, so that they are not saved with it."""
        super().close()
        if isinstance(self.critic.model, LoraCritic):
            self.critic.model.close()

    def training_step(self, *given: Any, **more: Any) -> Tensor:
        """TRL's step; while the critic learns alone, nothing of it is left for the policy's optimizer.

        Advantages of 0 would leave an entropy bonus and weight decay at work.
        """
        loss = super().training_step(*given, **more)
        if self.critic_learns_alone:
            for parameter in self.policy.parameters():
                if self.accelerator.scaler is None:
                    parameter.grad = None
                elif parameter.grad is not None:  # the scaler wants gradients to look at
                    parameter.grad.zero_()
        return loss

    def _prepare_inputs(self, generation_batch: Batch) -> Batch:
        inputs = super()._prepare_inputs(generation_batch)  # TRL's: the next minibatch, of a new batch where it is time
        if self.lesson is not None:
            self.update_critic(self.lesson)
            self.lesson = None
        return inputs

    def _for_policy(self, credited: Credited) -> Tensor:
        """Advantages as the policy's loss takes them: whitened over the batch's tokens, 0 while the critic warms up."""
        advantages_BT, _, mask_BT = credited
        if self.critic_learns_alone:
            return torch.zeros_like(advantages_BT)
        if not self.settings.whiten_advantages:
            return advantages_BT
        mean, std = self._moments(advantages_BT, mask_BT)
        return (advantages_BT - mean) / (std + EPSILON) * mask_BT

    def _log_ratio_to_reference(self, batch: Batch) -> Tensor:
        """log π(a_t) - log π_ref(a_t) of the sampled tokens, (B, T)."""
        rollouts = Rollouts.of(batch)
        width = rollouts.completion_ids.shape[1]
        model = cast(nn.Module, self.model)  # wrapped as it is in training
        run = self._get_per_token_logps_and_entropies
        with torch.no_grad():
            logprobs_BT, _, _ = run(model, rollouts.ids, rollouts.mask, width)
            if self.ref_model is not None:
                reference_BT, _, _ = run(cast(nn.Module, self.ref_model), rollouts.ids, rollouts.mask, width)
            else:  # of a policy with adapters the reference is the base, or the adapter that training went on from
                policy = self.policy
                assert isinstance(policy, PeftModel)
                with use_adapter(policy, adapter_name="ref" if "ref" in policy.peft_config else None):
                    reference_BT, _, _ = run(model, rollouts.ids, rollouts.mask, width)
        return (logprobs_BT - reference_BT) * rollouts.completion_mask

    def _moments(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation where the mask is 1, over all processes."""
        mask = mask.to(values.dtype)
        sums = torch.stack([mask.sum(), (values * mask).sum(), (values**2 * mask).sum()])
        count, total, squares = cast(Tensor, self.accelerator.reduce(sums, reduction="sum"))
        mean = total / count.clamp(min=1)
        return mean, (squares / count.clamp(min=1) - mean**2).clamp(min=0).sqrt()

    def _record_credit(self, credited: Credited, values_BT: Tensor) -> None:
        advantages_BT, returns_BT, mask_BT = credited
        returns_mean, returns_std = self._moments(returns_BT, mask_BT)
        advantages_mean, advantages_std = self._moments(advantages_BT, mask_BT)
        _, error_std = self._moments(returns_BT - values_BT, mask_BT)
        explained = 1 - (error_std / (returns_std + EPSILON)) ** 2
        for name, value in {
            "critic/explained_variance": explained,
            "critic/value_mean": self._moments(values_BT, mask_BT)[0],
            "ppo/returns_mean": returns_mean,
            "ppo/returns_std": returns_std,
            "ppo/advantages_mean": advantages_mean,
            "ppo/advantages_std": advantages_std,
        }.items():
            self.record(name, value.item())


class WarmUp:
    """Counts down the generation cycles in which the critic learns alone.

    Args:
        cycles: how many there are.
    """

    def __init__(self, cycles: int) -> None:
        self.left = cycles

    def count_cycle(self) -> None:
        """Count one generation cycle."""
        self.left = max(0, self.left - 1)

    def state_dict(self) -> dict[str, int]:
        """The cycles that are left."""
        return {"left": self.left}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved state."""
        self.left = state["left"]


def build(run: RunContext, callbacks: Sequence[TrainerCallback]) -> PpoTrainer:
    """The trainer for a run.

    Args:
        run: the run, with its policy and rewards loaded.
        callbacks: to be told of steps and logs.

    Raises:
        UserError: TRL refuses the arguments, or no critic can be made.
    """
    settings = run.config.algorithm
    assert isinstance(settings, Ppo)
    critic = None if settings.critic.lora else load_critic(settings.critic.start, run.policy.model)
    trainer = PpoTrainer(settings, run.mix, run.task.verifier, critic, **online_arguments(run, callbacks))
    trainer.remove_callback(PrinterCallback)
    return trainer
