r"""PPO: proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347), on TRL's `GRPOTrainer`.

What happens to a batch, in the order of the code:

1. Sample and judge (`sample_and_judge`). The policy $\pi_{old}$ draws completions of each prompt.
2. Reward. Each token $a_t$ gets a reward $r_t$: outcomes at the last token they are credited to, step scores at the
   ends of steps (`rl/credit/token_rewards.py`). With `algorithm.kl` = c > 0, a penalty holds π near a reference policy:

       R_t = r_t - c (log π_old(a_t) - log π_ref(a_t))

3. Credit (`credit`). A critic estimates $V_t$, the return that is still to come before token t. Generalized advantage
   estimation (Schulman et al. 2016, arXiv:1506.02438; `rl/credit/gae.py`) combines rewards and values:

       δ_t = R_t + γ V_{t+1} - V_t
       A_t = δ_t + γ λ A_{t+1}

   The returns A_t + V_t are the critic's targets; their λ may differ (`algorithm.lambda_critic`). For the policy, the
   advantages are whitened over the batch: A ← (A - mean) / std.
4. Update the critic (`update_critic`): squared error to the returns, with an optimizer of its own
   (`rl/algorithms/critic.py`).
5. Update the policy, on the clipped loss with ρ_t = π(a_t) / π_old(a_t):

       L = -mean over t of min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε) A_t)

   TRL computes this loss from advantages (B, T) and takes the optimizer steps; `rl/algorithms/policy_loss.py` states it
   as a function, and a test holds TRL to it.

TRL's names for the usual settings: epochs are `trainer.num_iterations`, minibatches `trainer.steps_per_generation`, ε
is `trainer.epsilon`, and a KL term in the loss instead of the reward is `trainer.beta`. For the first
`critic.warm_up_cycles` batches only the critic learns, and the policy gets no gradient. Turns of supervised answering
(`algorithm.answering`) are not among these batches.

`whiten_rewards` divides rewards by their standard deviation over the batch. It does not shift their mean, because a
shift would reward or punish the length of completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback
from trl.trainer.utils import use_adapter

from rewards.mixing.mix import Mix
from rewards.sample import Sample
from rl.algorithms.critic import Critic, WarmUp, load_critic
from rl.algorithms.critic_lora import LoraCritic
from rl.algorithms.online import Batch, OnlineTrainer
from rl.algorithms.rollouts import Rollouts
from rl.algorithms.sharing import Sharing
from rl.algorithms.trl_arguments import online_arguments
from rl.config.algorithms import Ppo
from rl.context import RunContext
from rl.credit.gae import gae
from verifiers.runtime.verifier import Verifier

EPSILON = 1e-8


class Credited(NamedTuple):
    """Advantages and returns of a batch.

    Attributes:
        advantages_BT: the advantage of each token, before whitening.
        returns_BT: the return of each token, which is the critic's target.
        mask_BT: 1 on the tokens that count, 0 on padding, on completions without a reward and on tokens without credit.
    """

    advantages_BT: Tensor
    returns_BT: Tensor
    mask_BT: Tensor


class CriticBatch(NamedTuple):
    """What one critic update needs: the sampled sequences, their returns, and the critic's values at sampling time."""

    rollouts: Rollouts
    returns_BT: Tensor
    values_BT: Tensor


class PpoTrainer(OnlineTrainer):
    """PPO with a critic, on TRL's GRPO trainer.

    Args:
        settings: the config's `algorithm` section.
        mix: the rewards.
        verifier: the task's own.
        critic: a model with one logit per token; None for a critic of adapters over the policy's base.
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
            values, sharing = LoraCritic(self.policy), self.sharing
        else:
            is_transformer = isinstance(critic, PreTrainedModel)
            values, sharing = critic, Sharing(critic, settings.share_prompts) if is_transformer else None
        seed = self.args.seed + self.accelerator.process_index
        # a critic of its own is whole on every process; one of adapters runs the policy's base, which may be sharded
        in_parts = critic is not None or self.may_run_any_number_of_passes()
        self.critic = Critic(values, settings.critic, self.accelerator, seed, sharing=sharing, in_parts=in_parts)
        self.warm_up = WarmUp(settings.critic.warm_up_cycles)
        self.stateful |= {"critic": self.critic, "warm_up": self.warm_up}
        self.critic_batch: CriticBatch | None = None
        self.is_warming_up = False

    def next_batch(self, rows: list[dict[str, Any]]) -> Batch:
        """Sample, judge and credit. `_prepare_inputs` then updates the critic, and TRL updates the policy."""
        batch, samples = self.sample_and_judge(rows)
        values_BT = self.critic.values(Rollouts.of(batch))
        log_ratio_BT = self._log_ratio_to_reference(batch) if self.settings.kl else None
        credited = self.credit(samples, batch, values_BT, log_ratio_BT)
        self.is_warming_up = self.warm_up.left > 0
        batch["advantages"] = self._for_policy(credited)
        learnt_from = replace(Rollouts.of(batch), completion_mask=credited.mask_BT)
        self.critic_batch = CriticBatch(learnt_from, credited.returns_BT, values_BT)
        self._record_credit(credited, values_BT)
        return batch

    def credit(
        self, samples: Sequence[Sample], batch: Batch, values_BT: Tensor, log_ratio_BT: Tensor | None = None
    ) -> Credited:
        """Advantages and returns by generalized advantage estimation. It changes nothing.

        Args:
            samples: the judged samples of the batch.
            batch: the batch.
            values_BT: the critic's values V_t at sampling.
            log_ratio_BT: log π_old(a_t) - log π_ref(a_t), for the penalty in the reward; None for no penalty.

        Returns:
            The advantages A_t, and the returns A_t + V_t that the critic learns.
        """
        settings, rewards = self.settings, self.token_rewards(samples, batch)
        # neither the policy nor the critic learns from a completion without a reward, or a token without credit
        mask_BT = batch["completion_mask"] * rewards.known_B.unsqueeze(1) * rewards.counts_BT
        rewards_BT = rewards.all_BT  # r_t
        if settings.whiten_rewards:
            rewards_BT = rewards_BT / (self._moments(rewards_BT.sum(1), rewards.known_B)[1] + EPSILON)
        if log_ratio_BT is not None:
            rewards_BT = rewards_BT - settings.kl * log_ratio_BT  # R_t
        advantages_BT = gae(rewards_BT, values_BT, mask_BT, settings.gamma, settings.lambda_)
        lambda_critic = settings.lambda_ if settings.lambda_critic is None else settings.lambda_critic
        returns_BT = values_BT + gae(rewards_BT, values_BT, mask_BT, settings.gamma, lambda_critic)
        return Credited(advantages_BT, returns_BT, mask_BT)

    def update_critic(self, batch: CriticBatch) -> None:
        """Fit the critic to the returns of a batch."""
        with self.timed("critic"):
            learnt = self.critic.fit(*batch)
        self.warm_up.count_cycle()
        self.record("critic/value_loss", learnt["value_loss"])
        self.record("critic/clip_fraction", learnt["clip_fraction"])
        self._metrics["train"]["critic/skipped_steps"] = [float(self.critic.skips.total)]  # a total, as `skipped_steps`

    def carries_signal(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Whether a group's completions have different rewards, counting only those that the policy learns from."""
        rewards = self.token_rewards(samples, batch)
        counts_BG = (rewards.known_B & (batch["completion_mask"] != 0).any(1)).view(-1, self.group)
        earned_BG = rewards.all_BT.sum(1).view(-1, self.group)
        most_B = earned_BG.masked_fill(~counts_BG, -torch.inf).amax(1)
        least_B = earned_BG.masked_fill(~counts_BG, torch.inf).amin(1)
        return most_B - least_B > EPSILON

    def record_update(self, batch: Batch, logprobs_BT: Tensor) -> None:
        """Log the KL divergence from the sampling policy (Schulman's k3 estimate) and the share of clipped ratios."""
        mask_BT, old_BT = batch["completion_mask"], batch.get("old_per_token_logps")
        log_ratio_BT = torch.zeros_like(logprobs_BT) if old_BT is None else logprobs_BT - old_BT
        ratio_BT = log_ratio_BT.exp()
        cut_BT = (ratio_BT < 1 - self.epsilon_low) | (ratio_BT > 1 + self.epsilon_high)
        self.record("ppo/approx_kl", self._moments(ratio_BT - 1 - log_ratio_BT, mask_BT)[0].item())
        self.record("ppo/clip_fraction", self._moments(cut_BT.float(), mask_BT)[0].item())

    def training_step(self, *given: Any, **more: Any) -> Tensor:
        """TRL's step; during the critic's warm-up, the gradients of the policy are dropped.

        Zero advantages would not be enough: an entropy bonus and weight decay would still change the policy.
        """
        loss = super().training_step(*given, **more)
        if self.is_warming_up:
            for parameter in self.policy.parameters():
                if self.accelerator.scaler is None:
                    parameter.grad = None
                elif parameter.grad is not None:  # the gradient scaler needs gradients to inspect
                    parameter.grad.zero_()
        return loss

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        self.is_warming_up = False  # `next_batch` says so again; supervised answering does not wait for the critic
        return super()._generate_and_score_completions(inputs)

    def _prepare_inputs(self, generation_batch: Batch) -> Batch:
        inputs = super()._prepare_inputs(generation_batch)  # TRL's next minibatch; samples a new batch when it is due
        if self.critic_batch is not None:
            self.update_critic(self.critic_batch)
            self.critic_batch = None
        return inputs

    def _for_policy(self, credited: Credited) -> Tensor:
        """Advantages for the policy's loss: whitened over the batch's tokens, or 0 during the critic's warm-up."""
        advantages_BT, _, mask_BT = credited
        if self.is_warming_up:
            return torch.zeros_like(advantages_BT)
        if not self.settings.whiten_advantages:
            return advantages_BT
        mean, std = self._moments(advantages_BT, mask_BT)
        return (advantages_BT - mean) / (std + EPSILON) * mask_BT

    def _log_ratio_to_reference(self, batch: Batch) -> Tensor:
        """log π_old(a_t) - log π_ref(a_t) of the sampled tokens, (B, T)."""
        rollouts = Rollouts.of(batch)
        width = rollouts.completion_ids.shape[1]
        model = cast(nn.Module, self.model)  # wrapped as it is in training
        run = self._get_per_token_logps_and_entropies
        with torch.no_grad():
            logprobs_BT = batch.get("old_per_token_logps")  # TRL computes them only where they may be another policy's
            if logprobs_BT is None:
                logprobs_BT, _, _ = run(model, rollouts.ids, rollouts.mask, width)
            if self.ref_model is not None:
                reference_BT, _, _ = run(cast(nn.Module, self.ref_model), rollouts.ids, rollouts.mask, width)
            else:  # with adapters, the reference is the base model, or the adapter that training started from
                policy = self.policy
                assert isinstance(policy, PeftModel)
                with use_adapter(policy, adapter_name="ref" if "ref" in policy.peft_config else None):
                    reference_BT, _, _ = run(model, rollouts.ids, rollouts.mask, width)
        return (logprobs_BT - reference_BT) * rollouts.completion_mask

    def _moments(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the values where the mask is 1, over all processes."""
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


def build(run: RunContext, callbacks: Sequence[TrainerCallback]) -> PpoTrainer:
    """The trainer for a run.

    Args:
        run: the run, with its policy and rewards loaded.
        callbacks: the trainer's callbacks.

    Raises:
        UserError: TRL refuses the arguments, or no critic can be made of the given start.
    """
    settings = run.config.algorithm
    assert isinstance(settings, Ppo)
    critic = None if settings.critic.lora else load_critic(settings.critic.start, run.policy.model)
    trainer = PpoTrainer(settings, run.mix, run.task.verifier, critic, **online_arguments(run, callbacks))
    trainer.remove_callback(PrinterCallback)
    return trainer
