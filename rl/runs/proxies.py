"""Two figures that grow before a training diverges: the size of an update, and the size of the logits.

    update_ratio    |θ' - θ| / |θ| over one optimizer step
    largest_logit   the mean over positions of the largest |logit| of the policy's head

Both come from small-scale proxies for the instabilities of large models (Wortsman et al. 2023, arXiv:2309.14322, 3.1.2
and 3.4). They are estimated from few numbers, so they cost almost nothing: the first from at most 1,024 weights per
tensor, in evenly spaced runs, the second from the last token of at most eight sequences in each forward pass of
training. Of sharded weights only the local shard is used, and their logits are left out.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate import DistributedType
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.utils.hooks import RemovableHandle
from transformers import IntervalStrategy, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl.policy.sharded import is_sharded
from rl.storage.checkpoints import metrics

WEIGHTS = 1024
"""Largest number of weights per tensor that are compared."""
RUN = 16
"""Length of a run: as many weights as a line of a processor's cache holds, so that few lines are read."""
SEQUENCES = 8
"""Largest number of sequences per forward pass whose last token is used."""


class Proxies(TrainerCallback):
    """Adds both figures to each log line, of the optimizer step before it."""

    def __init__(self) -> None:
        self.trainer: Trainer | None = None
        self._due = True
        self._before: list[Tensor] = []
        self._logits: list[Tensor] = []
        self._hook: RemovableHandle | None = None

    def watch(self, trainer: Trainer) -> None:
        """Set the trainer, which is made after its callbacks."""
        self.trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start to observe the hidden states that the policy's body gives to its head."""
        assert self.trainer is not None
        policy = self.trainer.accelerator.unwrap_model(self.trainer.model)
        policy = policy.get_base_model() if hasattr(policy, "get_base_model") else policy
        head = policy.get_output_embeddings()
        if head is not None and not is_sharded(self.trainer.accelerator) and policy.base_model is not policy:
            self._hook = policy.base_model.register_forward_hook(
                lambda _, __, given, out: self._look(head, given.get("attention_mask"), out), with_kwargs=True
            )

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look at this step if a log line follows it, and else at none."""
        by_steps = args.logging_strategy == IntervalStrategy.STEPS
        self._due = not by_steps or (state.global_step + 1) % max(1, int(state.logging_steps)) == 0

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember some weights."""
        self._before = some_weights(kwargs["model"]) if self._due else []

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Compare these weights with those after the step, and note the largest logits since the last step."""
        assert self.trainer is not None
        if not self._due:
            return
        found = metrics(self.trainer)
        if self.trainer.accelerator.distributed_type != DistributedType.DEEPSPEED:  # it stepped in the backward pass
            ratio = update_ratio(self._before, some_weights(kwargs["model"]))
            found.setdefault("update_ratio", []).append(ratio)
        if self._logits:
            found.setdefault("largest_logit", []).append(torch.stack(self._logits).mean().item())
        self._before, self._logits = [], []

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop observing."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _look(self, head: nn.Module, mask: Tensor | None, out: Any) -> None:
        if self._due and torch.is_grad_enabled():
            with torch.no_grad():
                logits = head(last_hidden(out[0][:SEQUENCES].detach(), mask))
                self._logits.append(logits.float().abs().amax(-1).mean())


def last_hidden(hidden_BSH: Tensor, mask: Tensor | None) -> Tensor:
    """The hidden state (B, H) of each sequence's last token that is not padding.

    Args:
        hidden_BSH: the hidden states.
        mask: (B', S) with B' of at least B, 1 on tokens; if it has another shape, every position counts as a token.
    """
    rows, positions = hidden_BSH.shape[:2]
    if mask is None or mask.dim() != 2 or mask.shape[1] != positions:
        return hidden_BSH[:, -1]
    last = positions - 1 - mask[:rows].flip(1).int().argmax(1)
    return hidden_BSH[torch.arange(rows, device=hidden_BSH.device), last]


def some_weights(model: nn.Module) -> list[Tensor]:
    """At most `WEIGHTS` values of each trained tensor, in evenly spaced runs of `RUN`, as float32 copies."""
    found = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            local = parameter.to_local() if isinstance(parameter, DTensor) else parameter
            flat = local.detach().reshape(-1)
            if (apart := flat.numel() // (WEIGHTS // RUN)) >= RUN:
                flat = flat[: apart * (WEIGHTS // RUN)].view(-1, apart)[:, :RUN].reshape(-1)
            found.append(flat.float().clone())
    return found


def update_ratio(before: list[Tensor], after: list[Tensor]) -> float:
    """The norm of the change divided by the norm of the weights before it.

    Args:
        before: weights before a step, one vector per tensor.
        after: the same weights after the step.
    """
    old, new = torch.cat(before), torch.cat(after)
    return ((new - old).norm() / old.norm().clamp(min=1e-15)).item()
