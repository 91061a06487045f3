"""The teachers of a fit, whose next-token distributions the policy learns, and what they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from rewards.models.load import frozen
from rewards.models.prompts import prompt_ids, unknown_tokens
from rewards.models.room import positions
from rewards.models.types import Model
from rewards.models.vocabulary import check_same_vocabulary
from rewards.parts.shown import SIBLING, columns_of, right_siblings, shown
from rewards.sample import Sample
from rl.config import Config
from rl.config.teachers import Teacher as TeacherSettings
from rl.errors import UserError
from rl.policy.load import Policy

KEY = "algorithm.teacher"


@dataclass(frozen=True)
class Teacher:
    """A teacher, ready to be asked.

    Attributes:
        settings: its part of the config.
        model: in evaluation mode and without gradients; None for the policy in training.
    """

    settings: TeacherSettings
    model: Model | None


def load(config: Config, policy: Policy) -> list[Teacher]:
    """The teachers that a config names; empty if its algorithm has none.

    Args:
        config: a checked config.
        policy: the policy that learns, as it was loaded.

    Raises:
        UserError: a teacher cannot be loaded, or has another vocabulary than the policy.
    """
    return [_loaded(settings, config, policy) for settings in getattr(config.algorithm, "teacher", [])]


def base(config: Config, policy: Policy) -> tuple[Any, Any]:
    """A frozen copy of the policy that the run started from, and its tokenizer.

    Args:
        config: a checked config.
        policy: the policy, as it was loaded.

    Raises:
        ValueError: it cannot be loaded again.
    """
    how = config.policy
    return frozen(policy.path, dtype=how.dtype, revision=how.revision, trust_remote_code=how.trust_remote_code)()


def _loaded(settings: TeacherSettings, config: Config, policy: Policy) -> Teacher:
    if settings.model == "policy":
        return Teacher(settings, None)
    try:
        if settings.model == "base":
            return Teacher(settings, base(config, policy)[0])
        model, tokenizer = frozen(
            settings.model,
            dtype=settings.dtype,
            revision=settings.revision,
            trust_remote_code=settings.trust_remote_code,
        )()
        check_same_vocabulary(tokenizer, policy.tokenizer)
    except ValueError as error:
        what = str(error)
        raise UserError(KEY, what if settings.model in what else f"{settings.model!r} {what}") from error
    return Teacher(settings, model)


def shown_ids(
    samples: Sequence[Sample],
    teacher: Teacher,
    tokenizer: PreTrainedTokenizerBase,
    template_kwargs: Mapping[str, Any] | None = None,
) -> list[list[int] | None]:
    """What a teacher reads before each completion, as token ids; None if there is no right sibling to show it.

    Args:
        samples: completions to fit on; they must be judged if siblings are shown.
        teacher: the teacher.
        tokenizer: the policy's tokenizer, whose chat layout the teacher gets too.
        template_kwargs: variables of the chat template.

    Raises:
        UserError: the teacher's prompt shows a column that a row lacks, or characters that the tokenizer has no token
            for; or prompt and completion are longer than the teacher's context.
    """
    template = teacher.settings.prompt
    siblings: Sequence[str | None] = [None] * len(samples)
    wanted = template is not None and SIBLING in columns_of(template)
    if wanted:
        siblings = right_siblings(
            [one.prompt for one in samples], [one.text for one in samples], [one.right for one in samples]
        )
    limit = None if teacher.model is None else positions(teacher.model)
    found: list[list[int] | None] = []
    for sample, sibling in zip(samples, siblings, strict=True):
        plain = ids = prompt_ids(sample.prompt, tokenizer, template_kwargs)
        if template is not None:
            try:  # also without a sibling, so that a missing column is found at once
                ids = prompt_ids(shown(sample.prompt, template, sample.row, sibling or ""), tokenizer, template_kwargs)
            except ValueError as error:
                raise UserError(KEY, str(error)) from None
            if unknown_tokens(ids, tokenizer) > unknown_tokens(plain, tokenizer):
                raise UserError(KEY, f"prompt: the tokenizer has no token for some characters of {template!r}")
        if limit is not None and len(ids) + len(sample.ids) > limit:
            raise UserError(
                KEY,
                f"the prompt of {teacher.settings.model!r} and a completion have {len(ids) + len(sample.ids):,} "
                f"tokens, but its context holds {limit:,}",
            )
        found.append(None if wanted and sibling is None else ids)
    return found
