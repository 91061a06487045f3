"""The attention `current_token`: a token sees nothing but itself, so the next token depends on the last one alone.

With it a transformer is a Markov chain over tokens, which is what the theory of RL-STaR (Chang et al. 2024,
arXiv:2410.23912) assumes of a policy: each step of a chain depends on the state before it and on nothing earlier. It is
a name for `attn_implementation` once it is registered. Positions do not matter: where there is one value to attend to,
attention returns it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface

CURRENT_TOKEN = "current_token"


def attend_to_itself(
    module: nn.Module, query_BHTD: Tensor, key_BKSD: Tensor, value_BKSD: Tensor, attention_mask: Any, **_: Any
) -> tuple[Tensor, None]:
    """Each token's own value, in the form that transformers asks of an attention function.

    Args:
        module: the attention layer; unused.
        query_BHTD: queries of T tokens, the last ones of S, in H heads.
        key_BKSD: keys; unused.
        value_BKSD: values of all S tokens, in K heads, each of which serves H / K heads of queries.
        attention_mask: unused.

    Returns:
        The values of the T tokens, (B, T, H, D), and no attention weights.
    """
    own_BKTD = value_BKSD[:, :, -query_BHTD.shape[2] :]
    return own_BKTD.repeat_interleave(query_BHTD.shape[1] // own_BKTD.shape[1], dim=1).transpose(1, 2), None


def register() -> None:
    """Make `current_token` a name that transformers knows; to do it again changes nothing."""
    AttentionInterface.register(CURRENT_TOKEN, attend_to_itself)
