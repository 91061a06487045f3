r"""The critic of PPO: a value model with an optimizer of its own.

It is a token-classification model with one label. The value before token $t$ is its output at the token before $t$,
which is where the policy predicts token $t$. With the values $V^{old}$ at sampling time and the λ-returns $R$, the loss
is

    L_V = 1/2 mean over tokens of max((V - R)², (V^{old} + clip(V - V^{old}, -c, c) - R)²)

or without the second term if `value_clip` is None (Schulman et al. 2017, arXiv:1707.06347, eq. 9; the clipped form is
from the authors' code).

The critic has its own number of passes, so it may learn more often than the policy, or alone at first. Its weights are
never part of the exported policy.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForTokenClassification, PreTrainedModel

from rewards.models.load import load_model, merged
from rl.algorithms.guard import Skips
from rl.algorithms.length import parts_by_length, trimmed
from rl.algorithms.rollouts import Rollouts
from rl.algorithms.sharing import Sharing
from rl.config.online import Critic as CriticSettings
from rl.errors import UserError

MAX_GRADIENT_NORM = 1.0


class Critic:
    """A value model with its optimizer and their state.

    Every process holds the whole critic, and its gradients are averaged over processes, so it does not depend on how
    the policy is sharded. It always runs in evaluation mode, because dropout would make the values noisy.

    Args:
        model: a model with one logit per token; it is moved to the accelerator's device.
        settings: the `algorithm.critic` section of the config.
        accelerator: the trainer's accelerator.
        seed: seed for the order of the rollouts.
        sharing: runs the completions of a prompt together; None to run each as a sequence of its own.
        in_parts: whether sequences may be run in parts of similar length, of which each process has its own number.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: CriticSettings,
        accelerator: Accelerator,
        seed: int = 0,
        *,
        sharing: Sharing | None = None,
        in_parts: bool = True,
    ) -> None:
        self.settings = settings
        self.in_parts = in_parts
        self.accelerator = accelerator
        self.sharing = sharing
        self.model = model.to(accelerator.device).eval()
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        with torch.no_grad():
            for parameter in self.trained:  # new adapters are drawn at random, and TRL seeds each process differently
                parameter.copy_(cast(Tensor, broadcast(parameter.detach().clone())))
        self.optimizer = torch.optim.AdamW(self.trained, lr=settings.learning_rate, weight_decay=0.0)
        self.seed, self.passes = seed, 0
        self.skips = Skips("the critic")

    @torch.no_grad()
    def values(self, rollouts: Rollouts) -> Tensor:
        """The value before each token of the completions, (B, T); zero on padding."""
        return self._forward(rollouts, torch.arange(len(rollouts.completion_ids)))

    def fit(self, rollouts: Rollouts, returns_BT: Tensor, old_values_BT: Tensor) -> dict[str, float]:
        """Fit the values to the returns, in `epochs` passes of shuffled batches.

        Args:
            rollouts: B sampled sequences.
            returns_BT: the targets.
            old_values_BT: the values at sampling time.

        Returns:
            `value_loss`, and `clip_fraction`, the share of tokens whose loss was clipped; both are means over the last
            pass.

        Raises:
            NotFinite: ten steps in a row had gradients that are NaN or infinite. Such steps are skipped.
        """
        passes: list[list[dict[str, float]]] = []
        for _ in range(self.settings.epochs):
            batches = self._batches(len(returns_BT))
            passes.append([self._step(rollouts, returns_BT, old_values_BT, rows) for rows in batches])
            self.passes += 1
        last = passes[-1]
        return {name: sum(step[name] for step in last) / len(last) for name in last[0]}

    def _step(self, rollouts: Rollouts, returns_BT: Tensor, old_values_BT: Tensor, rows: Tensor) -> dict[str, float]:
        rows = rows.to(returns_BT.device)
        mask_BT, goal_BT = rollouts.completion_mask[rows], returns_BT[rows]
        values_BT = self._forward(rollouts, rows)
        error_BT = (values_BT - goal_BT) ** 2
        cut = 0.0
        if (clip := self.settings.value_clip) is not None:
            old_BT = old_values_BT[rows]
            near_error_BT = (old_BT + (values_BT - old_BT).clamp(-clip, clip) - goal_BT) ** 2
            cut = (((near_error_BT > error_BT) * mask_BT).sum() / mask_BT.sum().clamp(min=1)).item()
            error_BT = torch.maximum(error_BT, near_error_BT)
        # each process holds a part of the batch; their gradients are averaged
        everywhere = cast(Tensor, self.accelerator.gather(mask_BT.sum()))
        tokens = everywhere.sum() / self.accelerator.num_processes
        loss = 0.5 * (error_BT * mask_BT).sum() / tokens.clamp(min=1.0)
        loss.backward()
        for parameter in self.trained:
            if self.accelerator.num_processes > 1 and parameter.grad is not None:
                parameter.grad = cast(Tensor, self.accelerator.reduce(parameter.grad, reduction="mean"))
        norm = nn.utils.clip_grad_norm_(self.trained, MAX_GRADIENT_NORM)
        if torch.isfinite(norm):  # the same on every process, because the gradients are
            self.optimizer.step()
            self.skips.take()
        self.optimizer.zero_grad()
        if not torch.isfinite(norm):
            self.skips.skip()
        value_loss = cast(Tensor, self.accelerator.reduce(loss.detach(), reduction="mean"))
        return {"value_loss": value_loss.item(), "clip_fraction": cut}

    def _batches(self, size: int) -> Iterator[Tensor]:
        batch = max(1, self.settings.batch)
        if batch >= size:  # one batch: the order does not matter
            yield torch.arange(size)
            return
        # seeded by the number of the pass, so that one saved state is enough for all processes
        shuffling = torch.Generator().manual_seed(self.seed * 1_000_003 + self.passes)
        yield from torch.randperm(size, generator=shuffling).split(batch)

    def _forward(self, rollouts: Rollouts, rows: Tensor) -> Tensor:
        """Values (R, T) of the given rows, zero on padding. They are run in parts of similar length."""
        ids, mask = rollouts.ids[rows], rollouts.mask[rows]
        width = rollouts.completion_ids.shape[1]
        if self.sharing and (shared := self.sharing.packed(ids, mask, width)) is not None:
            with self.accelerator.autocast():
                logits = self.model(**shared.inputs(self.sharing.model)).logits[..., 0]
            return shared.unpacked(logits.float()) * rollouts.completion_mask[rows]
        pieces, order = [], []
        for part in parts_by_length(mask.sum(1)) if self.in_parts else [torch.arange(len(ids), device=ids.device)]:
            part_ids, part_mask, cut = trimmed(ids[part], mask[part], keep=width)
            places = (part_mask.cumsum(1) - 1).clamp(min=0)
            with self.accelerator.autocast():
                logits = self.model(input_ids=part_ids, attention_mask=part_mask, position_ids=places).logits[..., 0]
            before = logits[:, -(width - cut.right) - 1 : -1].float()
            pieces.append(nn.functional.pad(before, (0, cut.right)))
            order.append(part)
        back = torch.argsort(torch.cat(order))
        return torch.cat(pieces)[back] * rollouts.completion_mask[rows]

    def state_dict(self) -> dict[str, Any]:
        """The weights, the optimizer's state, the number of passes, and the count of skipped steps."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "passes": self.passes,
            "skips": self.skips.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.passes = state["passes"]
        self.skips.load_state_dict(state["skips"])


class WarmUp:
    """Counts down the generation cycles in which only the critic learns.

    Args:
        cycles: the number of such cycles.
    """

    def __init__(self, cycles: int) -> None:
        self.left = cycles

    def count_cycle(self) -> None:
        """Count one generation cycle."""
        self.left = max(0, self.left - 1)

    def state_dict(self) -> dict[str, int]:
        """The number of cycles left."""
        return {"left": self.left}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore a saved state."""
        self.left = state["left"]


def load_critic(start: str, policy: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The token-classification model with one label that the critic starts from.

    Args:
        start: `policy` for the policy's own weights; or a path or hub id, for example of a process reward model.
        policy: the loaded policy.

    Raises:
        UserError: there is no such model, or transformers has no token classification for its architecture.
    """
    try:
        if start != "policy":
            model, new_head = load_model(start, "token", num_labels=1, dtype="float32")
            model = merged(model)
        else:
            new_head = True
            policy = merged(copy.deepcopy(policy)) if isinstance(policy, PeftModel) else policy
            config = copy.deepcopy(policy.config)
            config.num_labels = 1
            model = AutoModelForTokenClassification.from_config(config, dtype=torch.float32)
            body = getattr(policy, policy.base_model_prefix).state_dict()
            getattr(model, model.base_model_prefix).load_state_dict(body)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError("algorithm.critic.start", f"no critic can be made of {start!r}: {reason}") from error
    if new_head:
        start_at_zero(next(m for m in reversed(list(model.modules())) if isinstance(m, nn.Linear)))
    return model


def start_at_zero(head: nn.Linear) -> None:
    """Set a value head to zero, so that the first advantages are plain returns."""
    nn.init.zeros_(head.weight)
    if head.bias is not None:
        nn.init.zeros_(head.bias)
