"""Whether and how the policy, its reference and the critic run a prompt once for all its completions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from rewards.models.attention import attends_where_told
from rewards.models.shared_prompts import Packed, Size, packed, pays
from rewards.models.types import Model
from rl.errors import UserError


class Sharing:
    """How a model runs sequences that share their prompt: packed, where that is cheaper.

    Args:
        model: the model, without wrappers such as DDP.
        wanted: whether to pack; None to pack where it is cheaper.

    Raises:
        UserError: packing is requested, but the model's attention does not allow it.
    """

    def __init__(self, model: Model, wanted: bool | None) -> None:
        self.model, self.wanted = model, wanted
        self.possible = wanted is not False and attends_where_told(model)
        if wanted and not self.possible:
            raise UserError(
                "algorithm.share_prompts",
                f"{type(model).__name__} cannot run prompts once for all their completions: that needs full attention "
                "in every layer, computed by sdpa or eager, and explicit positions; leave it out",
            )

    def pays(self, ids_RS: Tensor, mask_RS: Tensor, width: int) -> bool:
        """Whether `packed` would pack these sequences.

        Args:
            ids_RS: token ids of prompts, padded on the left, and completions, padded on the right.
            mask_RS: 1 on tokens.
            width: T, the columns of the completions.
        """
        return self.possible and pays(ids_RS, mask_RS, width, Size.of(self.model), always=bool(self.wanted))

    def packed(self, ids_RS: Tensor, mask_RS: Tensor, width: int) -> Packed | None:
        """The sequences as packed rows, or None if it is cheaper to run them unpacked.

        Args:
            ids_RS: token ids of prompts, padded on the left, and completions, padded on the right.
            mask_RS: 1 on tokens.
            width: T, the columns of the completions.
        """
        if not self.possible:
            return None
        return packed(ids_RS, mask_RS, width, Size.of(self.model), always=bool(self.wanted))

    def run(self, wrapped: Callable[..., Any], width: int) -> Callable[..., Any]:
        """A model as TRL's method calls it, with packed rows inside.

        Args:
            wrapped: the model as it is in training.
            width: T, the columns of the completions.
        """

        def call(*, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, **more: Any) -> Any:
            rows = packed(input_ids, attention_mask, width, Size.of(self.model), always=True)
            if rows is None:
                return wrapped(input_ids=input_ids, attention_mask=attention_mask, labels=labels, **more)
            output = wrapped(**rows.inputs(self.model), labels=rows.labels_CL, **more)
            entropy = None if output.entropy is None else rows.unpacked(output.entropy)
            return SimpleNamespace(log_probs=rows.unpacked(output.log_probs), entropy=entropy)

        return call
