"""One pass of the policy over a batch, without the completions that teach nothing and without each other's padding.

The loss is TRL's own with its own normalisation. A completion that is not run keeps the log-probabilities it had at
sampling, so that its ratio is 1; as its advantage is 0, its term and its gradient are zero, as they would be anyway.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from rl.algorithms.length import parts_by_length, trimmed

Found = tuple[Tensor, Tensor | None, Tensor | None]
"""Log-probabilities (B, T), entropies (B, T) or None, and the experts' loss or None, as TRL's method gives them."""


@contextmanager
def positions_by_the_mask(model: nn.Module) -> Iterator[None]:
    """Within it, the model counts a text's positions from its first token, wherever the left padding ends.

    TRL passes no positions. A model with an embedding for each of them would then count padding too, and see a short
    prompt at other positions than in generation. With rotary positions there is no difference.

    Args:
        model: the model, not wrapped by DDP or the like.
    """
    if "position_ids" not in inspect.signature(_inside_adapters(model).forward).parameters:
        yield
        return

    def with_positions(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        places = (named["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return given, {"position_ids": places, **named}

    hook = model.register_forward_pre_hook(with_positions, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _inside_adapters(model: nn.Module) -> nn.Module:
    return model.get_base_model() if isinstance(model, PeftModel) else model


def rows_with_signal(advantages: Tensor) -> Tensor:
    """Indices of the completions whose advantage is not zero everywhere; the first one where there is none.

    At least one is run because every process has to run its model.

    Args:
        advantages: (B,) or (B, T).
    """
    signal_B = advantages != 0 if advantages.dim() == 1 else (advantages != 0).any(1)
    rows = signal_B.nonzero()[:, 0]
    return rows if len(rows) else torch.zeros(1, dtype=torch.long, device=advantages.device)


class ForwardPass:
    """A model to be run on some rows of a batch; TRL's loss takes it in place of the model and hands it back to us.

    Args:
        model: the policy, wrapped as it is in training.
        rows_R: the rows to run; None for all.
        otherwise_BT: log-probabilities of the rows that are not run; None for zeros.

    Attributes:
        logprobs_BT: the log-probabilities that were found, without gradients; None before the pass.
    """

    def __init__(self, model: nn.Module, rows_R: Tensor | None = None, otherwise_BT: Tensor | None = None) -> None:
        self.model, self.rows_R, self.otherwise_BT = model, rows_R, otherwise_BT
        self.logprobs_BT: Tensor | None = None

    def run(
        self,
        per_token: Callable[..., Found],
        ids_BS: Tensor,
        mask_BS: Tensor,
        width: int,
        *,
        by_length: bool,
        trim_left: bool,
        **more: Any,
    ) -> Found:
        """Log-probabilities and entropies of the completions' tokens.

        Args:
            per_token: TRL's method, which is given the model and part of the batch.
            ids_BS: token ids of prompts, padded on the left, and completions, padded on the right.
            mask_BS: 1 on tokens.
            width: T, the columns of the completions.
            by_length: whether to run in parts of similar length.
            trim_left: whether padding may be cut off on the left, which moves absolute positions.
            more: TRL's other arguments.
        """
        rows_R = torch.arange(len(ids_BS), device=ids_BS.device) if self.rows_R is None else self.rows_R
        parts = [rows_R[part] for part in parts_by_length(mask_BS[rows_R].sum(1))] if by_length else [rows_R]
        if len(parts) == 1 and len(rows_R) == len(ids_BS):
            return per_token(self.model, ids_BS, mask_BS, width, **more)
        logprobs, entropies = [], []
        for part in parts:
            ids, mask, cut = trimmed(ids_BS[part], mask_BS[part], keep=width, left=trim_left)
            part_logprobs, part_entropies, _ = per_token(self.model, ids, mask, width - cut.right, **more)
            logprobs.append(torch.nn.functional.pad(part_logprobs, (0, cut.right)))
            if part_entropies is not None:
                entropies.append(torch.nn.functional.pad(part_entropies, (0, cut.right)))
        ran_R = torch.cat(parts)
        place_B = torch.full((len(ids_BS),), -1, device=ids_BS.device)
        place_B[ran_R] = torch.arange(len(ran_R), device=ids_BS.device)
        logprobs_BT = _in_place(torch.cat(logprobs), place_B, self.otherwise_BT)
        if not entropies:
            return logprobs_BT, None, None
        # rows that were not run get the mean of those that were, so that the logged entropy is that of what was run
        entropy_RT, tokens_RT = torch.cat(entropies), mask_BS[ran_R][:, -width:]
        mean = ((entropy_RT * tokens_RT).sum() / tokens_RT.sum().clamp(min=1)).detach()
        return logprobs_BT, _in_place(entropy_RT, place_B, mean.expand_as(logprobs_BT)), None


def _in_place(values_RT: Tensor, place_B: Tensor, otherwise_BT: Tensor | None) -> Tensor:
    """Rows that were run, back in their places in the batch; the others as `otherwise_BT`, or zero."""
    spread = values_RT[place_B.clamp(min=0)]
    other = torch.zeros_like(spread) if otherwise_BT is None else otherwise_BT.to(spread.dtype)
    return torch.where((place_B >= 0).unsqueeze(1), spread, other)
