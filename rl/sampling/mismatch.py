"""How far the log-probabilities of an engine are from those of the policy that it should hold."""

from __future__ import annotations

from collections.abc import Sequence

from rewards.models.generate import Generated
from rewards.models.logprobs import token_logprobs
from rewards.models.types import Model

COMPARED = 32
"""Number of completions that are compared; one that holds other weights differs on almost every token."""


def mismatch(
    policy: Model, prompt_ids: Sequence[Sequence[int]], groups: Sequence[Sequence[Generated]]
) -> dict[str, float]:
    """The absolute differences of the log-probabilities of drawn tokens, under TRL's names for online runs.

    Args:
        policy: the policy.
        prompt_ids: token ids of the prompts.
        groups: completions of each prompt, with the engine's log-probabilities.

    Returns:
        Mean and largest difference over the first completions, in nats per token; nothing if there are none.
    """
    pairs = [(ids, one) for ids, group in zip(prompt_ids, groups, strict=True) for one in group][:COMPARED]
    ours = token_logprobs(policy, [ids for ids, _ in pairs], [one.ids for _, one in pairs])
    apart = [
        abs(here - there)
        for values, (_, one) in zip(ours, pairs, strict=True)
        for here, there in zip(values, one.logprobs or (), strict=True)
    ]
    if not apart:
        return {}
    name = "sampling/sampling_logp_difference"
    return {f"{name}/mean": sum(apart) / len(apart), f"{name}/max": max(apart)}
