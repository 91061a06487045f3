r"""PPO: proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347), on TRL's `GRPOTrainer`.

The policy draws completions of each prompt. Each token has a reward: the final one at the last token, step scores at
the ends of steps (`rl/credit/token_rewards.py`), and if asked for a penalty for leaving the reference policy,

    R_t = r_t - c_kl (log π(a_t) - log π_ref(a_t))

A critic V says what is still to come (`rl/algorithms/critic.py`). From both come advantages by GAE
(`rl/credit/gae.py`), whitened over the batch, A ← (A - mean) / std, and the returns that the critic learns, A + V
before whitening, with a λ of its own if that is asked for. The policy learns from the clipped loss

    L = -mean over t of min(ρ_t A_t, clip(ρ_t, 1 - ε, 1 + ε) A_t)

which is TRL's own loss with advantages (B, T): epochs are `trainer.num_iterations`, minibatches
`trainer.steps_per_generation`, ε is `trainer.epsilon`, a KL term in the loss `trainer.beta`. While the critic warms up,
the advantages are 0 and the policy stays as it is.

Whitening rewards divides them by their standard deviation over the batch without shifting their mean, since a shift
would reward or punish length.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback

from rewards.mixing.mix import Mix
from rl.algorithms.critic import Critic, load_critic
from rl.algorithms.critic_lora import LoraCritic
from rl.algorithms.grpo import for_trl
from rl.algorithms.online import OnlineTrainer
from rl.algorithms.rollouts import Rollouts
from rl.config import Config
from rl.config.algorithms import Ppo
from rl.credit.gae import gae
from rl.policy.load import Policy
from rl.storage.run_folder import RunFolder
from rl.tasks.task import Task

EPSILON = 1e-8


class PpoTrainer(OnlineTrainer):
    """PPO.

    Args:
        settings: the config's `algorithm` section.
        mix: the rewards.
        critic: a model with one logit a token, to learn the values; None for adapters over the policy's own base.
        arguments: TRL's own keyword arguments.
    """

    settings: Ppo

    def __init__(self, settings: Ppo, mix: Mix, critic: torch.nn.Module | None, **arguments: Any) -> None:
        self.loss_beta = arguments["args"].beta
        if settings.kl and not self.loss_beta:  # TRL keeps a reference policy only where beta is not 0
            arguments["args"].beta = settings.kl
        super().__init__(settings, mix, **arguments)
        self.skips_zero_signal = self.can_skip(self.loss_beta)
        if critic is None:
            critic = LoraCritic(self.accelerator.unwrap_model(self.model))
        self.critic = Critic(critic, settings.critic, self.accelerator, self.args.seed + self.accelerator.process_index)
        self.warm_up = WarmUp(settings.critic.warm_up_steps)
        self.stateful |= {"critic": self.critic, "warm_up": self.warm_up}

    def close(self) -> None:
        """Leave the policy as it is to be saved."""
        super().close()
        if isinstance(self.critic.model, LoraCritic):
            self.critic.model.close()

    def credit(self, output: dict[str, Any]) -> Tensor:
        """Advantages (B, T) by GAE; the critic learns the batch's returns on the way."""
        settings, rollouts = self.settings, Rollouts.of(output)
        rewards = self.token_rewards(output)
        # a completion of which nothing is known teaches neither the policy nor the critic
        mask_BT = output["completion_mask"] * rewards.known_B.unsqueeze(1)
        rewards_BT = rewards.all_BT
        if settings.whiten_rewards:
            rewards_BT = rewards_BT / (self._moments(rewards_BT.sum(1), rewards.known_B)[1] + EPSILON)
        if settings.kl:
            rewards_BT = rewards_BT - settings.kl * self._log_ratio_to_reference(output)
        values_BT = self.critic.values(rollouts)
        advantages_BT = gae(rewards_BT, values_BT, mask_BT, settings.gamma, settings.lambda_)
        lambda_critic = settings.lambda_ if settings.lambda_critic is None else settings.lambda_critic
        returns_BT = values_BT + gae(rewards_BT, values_BT, mask_BT, settings.gamma, lambda_critic)
        learnt = self.critic.fit(rollouts, returns_BT, values_BT)
        self._record(values_BT, returns_BT, advantages_BT, mask_BT, learnt)
        if self.warm_up.goes_on():
            return torch.zeros_like(advantages_BT)
        if settings.whiten_advantages:
            mean, std = self._moments(advantages_BT, mask_BT)
            advantages_BT = (advantages_BT - mean) / (std + EPSILON) * mask_BT
        return advantages_BT

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        self.beta, sampling_beta = self.loss_beta, self.beta
        try:
            loss = super()._compute_loss(model, inputs)
        finally:
            self.beta = sampling_beta
        self._record_step(inputs)
        return loss

    def _record_step(self, inputs: dict[str, Any]) -> None:
        """How far the policy has moved from the one that sampled: KL by Schulman's k3 estimate, and what was cut."""
        mask_BT, old_BT, logps_BT = inputs["completion_mask"], inputs.get("old_per_token_logps"), self.logps_BT
        assert logps_BT is not None
        log_ratio_BT = torch.zeros_like(logps_BT) if old_BT is None else logps_BT - old_BT
        ratio_BT = log_ratio_BT.exp()
        cut_BT = (ratio_BT < 1 - self.epsilon_low) | (ratio_BT > 1 + self.epsilon_high)
        self.record("ppo/approx_kl", self._moments(ratio_BT - 1 - log_ratio_BT, mask_BT)[0].item())
        self.record("ppo/clip_fraction", self._moments(cut_BT.float(), mask_BT)[0].item())

    def _moments(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation where the mask is 1, over all processes."""
        mask = mask.to(values.dtype)
        sums = torch.stack([mask.sum(), (values * mask).sum(), (values**2 * mask).sum()])
        count, total, squares = self.accelerator.reduce(sums, reduction="sum")  # type: ignore[misc]
        mean = total / count.clamp(min=1)
        return mean, (squares / count.clamp(min=1) - mean**2).clamp(min=0).sqrt()

    def _log_ratio_to_reference(self, output: dict[str, Any]) -> Tensor:
        """log π(a_t) - log π_ref(a_t) of the sampled tokens, (B, T)."""
        rollouts = Rollouts.of(output)
        width = rollouts.completion_ids.shape[1]
        with torch.no_grad():
            logps, _, _ = self._get_per_token_logps_and_entropies(self.model, rollouts.ids, rollouts.mask, width)
        return (logps - output["ref_per_token_logps"]) * rollouts.completion_mask

    def _record(
        self, values_BT: Tensor, returns_BT: Tensor, advantages_BT: Tensor, mask_BT: Tensor, learnt: dict[str, float]
    ) -> None:
        returns_mean, returns_std = self._moments(returns_BT, mask_BT)
        advantages_mean, advantages_std = self._moments(advantages_BT, mask_BT)
        _, error_std = self._moments(returns_BT - values_BT, mask_BT)
        explained = 1 - (error_std / (returns_std + EPSILON)) ** 2
        for name, value in {
            "critic/value_loss": learnt["value_loss"],
            "critic/clip_fraction": learnt["clip_fraction"],
            "critic/explained_variance": explained.item(),
            "critic/value_mean": self._moments(values_BT, mask_BT)[0].item(),
            "ppo/returns_mean": returns_mean.item(),
            "ppo/returns_std": returns_std.item(),
            "ppo/advantages_mean": advantages_mean.item(),
            "ppo/advantages_std": advantages_std.item(),
        }.items():
            self.record(name, value)
        self._metrics["train"]["critic/skipped_steps"] = [float(self.critic.skips.total)]  # so far, as `skipped_steps`


class WarmUp:
    """Counts the generation cycles in which the critic learns alone.

    Args:
        cycles: how many there are.
    """

    def __init__(self, cycles: int) -> None:
        self.left = cycles

    def goes_on(self) -> bool:
        """Whether this cycle is one of them; counts it."""
        self.left -= 1
        return self.left >= 0

    def state_dict(self) -> dict[str, int]:
        """How many are left."""
        return {"left": self.left}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved state."""
        self.left = state["left"]


def build(
    config: Config, policy: Policy, task: Task, mix: Mix, folder: RunFolder, callbacks: list[TrainerCallback]
) -> PpoTrainer:
    """The trainer for a config; arguments as in `rl.algorithms.grpo.build`.

    Raises:
        UserError: TRL refuses the arguments, or no critic can be made.
    """
    settings = config.algorithm
    assert isinstance(settings, Ppo)
    critic = None if settings.critic.lora else load_critic(settings.critic.start, policy.model)
    trainer = PpoTrainer(settings, mix, critic, **for_trl(config, policy, task, folder, callbacks))
    trainer.remove_callback(PrinterCallback)
    return trainer
