"""Judging: the one place where samples meet the task's verifier and the rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rewards.mixing.mix import Mix
from rewards.reward import Text, question_of
from rewards.sample import Sample
from verifiers.runtime.verifier import Verifier

RESERVED = frozenset({"prompt", "prompts", "completion", "completions", "completion_ids"})
"""Names that TRL's reward signature takes for itself; columns of these names are not handed to rewards."""


def judge(samples: Sequence[Sample], verifier: Verifier, mix: Mix | None = None, **from_trainer: Any) -> list[Sample]:
    """Judge samples: each with its verdict, and where there are rewards with what each says and with their mix.

    A completion is judged once: rewards that ask the task's verifier get the verdict that the sample gets.

    Args:
        samples: B samples, those of one prompt wherever they stand.
        verifier: the task's own.
        mix: the rewards; None to verify alone.
        from_trainer: what a trainer tells reward functions: `trainer_state`, `log_metric`, `log_extra`.

    Returns:
        The samples in their order, judged.

    Raises:
        RewardBroken: a reward failed on more of the samples than its error budget allows.
    """
    if not samples:
        return []
    rows = [{**one.row, "prompt": question_of(one.prompt), "prediction": one.text} for one in samples]
    with verifier.once():
        mixed = None if mix is None else mix.score(*_for_rewards(samples), **_columns(samples), **from_trainer)
        verdicts = verifier(rows)
    judged = [replace(one, verdict=verdict) for one, verdict in zip(samples, verdicts, strict=True)]
    if mixed is None:
        return judged
    return [
        replace(one, reward=value, rewards=said)
        for one, value, said in zip(judged, mixed.values, mixed.judgements, strict=True)
    ]


def _for_rewards(samples: Sequence[Sample]) -> tuple[list[Text], list[Text], list[list[int]]]:
    """Prompts, completions and token ids as TRL hands them to reward functions."""
    texts: list[Text] = [
        one.text if isinstance(one.prompt, str) else [{"role": "assistant", "content": one.text}] for one in samples
    ]
    return [one.prompt for one in samples], texts, [list(one.ids) for one in samples]


def _columns(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Every other column of the samples' rows, one value a sample."""
    names = [name for name in samples[0].row if name not in RESERVED]
    return {name: [one.row[name] for one in samples] for name in names}
