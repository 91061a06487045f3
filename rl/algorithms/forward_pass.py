"""One forward pass of the policy over a batch, without zero-advantage completions and with little padding.

The prompt that the completions of a group share is run once where that is faster (`rewards/models/shared_prompts.py`).

The loss is TRL's own, with TRL's normalisation. A completion that is not run keeps the log-probabilities from sampling,
so its ratio is 1. Its advantage is 0, so its term in the loss and its gradient are zero, as they would be if it were
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rewards.models.attention import parameters_of
from rewards.models.types import Model
from rl.algorithms.length import parts_by_length, trimmed
from rl.algorithms.sharing import Sharing

Found = tuple[Tensor, Tensor | None, Tensor | None]
"""What TRL's method returns: log-probabilities (B, T), entropies (B, T) or None, and the experts' loss or None."""


@contextmanager
def positions_by_the_mask(model: Model) -> Iterator[None]:
    """Within this context, the model's positions start at the first token after the left padding.

    TRL passes no positions. A model with learnt position embeddings would then count the padding as well, and would see
    a short prompt at other positions than during generation. Rotary positions are relative, so they make no difference.

    Args:
        model: the model, without wrappers such as DDP.
    """
    if "position_ids" not in parameters_of(model):
        yield
        return

    def with_positions(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        places = (named["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return given, {"position_ids": places, **named}

    hook = model.register_forward_pre_hook(with_positions, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def rows_with_signal(advantages: Tensor) -> Tensor:
    """Indices of the completions that have a nonzero advantage; index 0 if there are none.

    At least one completion is run, because every process has to run its model.

    Args:
        advantages: (B,) or (B, T).
    """
    signal_B = advantages != 0 if advantages.dim() == 1 else (advantages != 0).any(1)
    rows = signal_B.nonzero()[:, 0]
    return rows if len(rows) else torch.zeros(1, dtype=torch.long, device=advantages.device)


class ForwardPass:
    """A model that runs only some rows of a batch.

    TRL's loss receives it instead of the model, and passes it to our override of the forward pass.

    Args:
        model: the policy, wrapped as it is in training.
        rows_R: indices of the rows to run; None for all rows.
        otherwise_BT: log-probabilities of the rows that are not run; None for zeros.

    Attributes:
        logprobs_BT: the resulting log-probabilities, without gradients; None before the pass.
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
        sharing: Sharing,
        **more: Any,
    ) -> Found:
        """Log-probabilities and entropies of the completions' tokens.

        Args:
            per_token: TRL's method, which takes the model and a part of the batch.
            ids_BS: token ids of prompts, padded on the left, and completions, padded on the right.
            mask_BS: 1 on tokens, 0 on padding.
            width: T, the number of columns of the completions.
            by_length: whether to run parts of similar length separately.
            trim_left: whether padding on the left may be removed, which shifts absolute positions.
            sharing: runs the completions of a prompt together.
            more: TRL's other arguments.
        """
        rows_R = torch.arange(len(ids_BS), device=ids_BS.device) if self.rows_R is None else self.rows_R
        shares = sharing.pays(ids_BS[rows_R], mask_BS[rows_R], width)
        in_parts = by_length and not shares
        parts = [rows_R[part] for part in parts_by_length(mask_BS[rows_R].sum(1))] if in_parts else [rows_R]
        if len(parts) == 1 and len(rows_R) == len(ids_BS):
            model = sharing.run(self.model, width) if shares else self.model
            return per_token(model, ids_BS, mask_BS, width, **more)
        logprobs, entropies = [], []
        for part in parts:
            ids, mask, cut = trimmed(ids_BS[part], mask_BS[part], keep=width, left=trim_left)
            kept = width - cut.right
            model = sharing.run(self.model, kept) if shares else self.model
            part_logprobs, part_entropies, _ = per_token(model, ids, mask, kept, **more)
            logprobs.append(torch.nn.functional.pad(part_logprobs, (0, cut.right)))
            if part_entropies is not None:
                entropies.append(torch.nn.functional.pad(part_entropies, (0, cut.right)))
        ran_R = torch.cat(parts)
        place_B = torch.full((len(ids_BS),), -1, device=ids_BS.device)
        place_B[ran_R] = torch.arange(len(ran_R), device=ids_BS.device)
        logprobs_BT = _in_place(torch.cat(logprobs), place_B, self.otherwise_BT)
        if not entropies:
            return logprobs_BT, None, None
        # rows that were not run get the mean of those that were, which leaves the logged mean entropy unchanged
        entropy_RT, tokens_RT = torch.cat(entropies), mask_BS[ran_R][:, -width:]
        mean = ((entropy_RT * tokens_RT).sum() / tokens_RT.sum().clamp(min=1)).detach()
        return logprobs_BT, _in_place(entropy_RT, place_B, mean.expand_as(logprobs_BT)), None


def _in_place(values_RT: Tensor, place_B: Tensor, otherwise_BT: Tensor | None) -> Tensor:
    """The rows that were run, back in their places in the batch; the others from `otherwise_BT`, or zero."""
    spread = values_RT[place_B.clamp(min=0)]
    other = torch.zeros_like(spread) if otherwise_BT is None else otherwise_BT.to(spread.dtype)
    return torch.where((place_B >= 0).unsqueeze(1), spread, other)
