"""Judging: the only place that calls the task's verifier and the rewards on samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rewards.mixing.mix import Mix
from rewards.parts.thinking import OPENING, of_the_text
from rewards.reward import Text, question_of
from rewards.sample import Sample
from verifiers.answer.completion import closes
from verifiers.runtime.verifier import Verifier

RESERVED = frozenset({"prompt", "prompts", "completion", "completions", "completion_ids"})
"""Argument names of TRL's reward signature; columns with these names are not passed to rewards."""


def judge(samples: Sequence[Sample], verifier: Verifier, mix: Mix | None = None, **from_trainer: Any) -> list[Sample]:
    """Judge samples: add the verdict and, if there are rewards, each reward's judgement and their mix.

    A completion is verified once: rewards that use the task's verifier get the same verdict as the sample. If a prompt
    opens a thought and the completion never closes it, the completion is judged with the opening in front of it,
    because its content is a draft and not an answer.

    Args:
        samples: B samples, in any order.
        verifier: the task's verifier.
        mix: the rewards; None for the verdict alone.
        from_trainer: what a trainer passes to reward functions: `trainer_state`, `log_metric`, `log_extra`.

    Returns:
        The judged samples, in the same order.

    Raises:
        RewardBroken: a reward failed on more of the samples than its error budget allows.
    """
    if not samples:
        return []
    drafts = [one.thinking and not closes(one.text) for one in samples]
    read = [replace(one, text=OPENING + one.text) if draft else one for one, draft in zip(samples, drafts, strict=True)]
    rows = [{**one.row, "prompt": question_of(one.prompt), "prediction": one.text} for one in read]
    with verifier.once():
        mixed = None if mix is None else mix.score(*_for_rewards(read), **_columns(samples), **from_trainer)
        verdicts = verifier(rows)
    judged = [
        replace(one, verdict=replace(verdict, steps=of_the_text(verdict.steps)) if draft else verdict)
        for one, verdict, draft in zip(samples, verdicts, drafts, strict=True)
    ]
    if mixed is None:
        return judged
    said = [
        {name: replace(one, steps=of_the_text(one.steps)) for name, one in judgements.items()} if draft else judgements
        for judgements, draft in zip(mixed.judgements, drafts, strict=True)
    ]
    return [replace(one, reward=value, rewards=of) for one, value, of in zip(judged, mixed.values, said, strict=True)]


def _for_rewards(samples: Sequence[Sample]) -> tuple[list[Text], list[Text], list[list[int]]]:
    """Prompts, completions and token ids as TRL passes them to reward functions."""
    texts: list[Text] = [
        one.text if isinstance(one.prompt, str) else [{"role": "assistant", "content": one.text}] for one in samples
    ]
    return [one.prompt for one in samples], texts, [list(one.ids) for one in samples]


def _columns(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Every other column of the samples' rows, with one value per sample."""
    names = [name for name in samples[0].row if name not in RESERVED]
    return {name: [one.row[name] for one in samples] for name in names}
