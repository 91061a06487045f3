"""Checks that a policy's chat template accepts a task's prompts, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError, meta
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import _compile_jinja_template

from rewards.models.prompts import Text, render
from rewards.reward import content_of
from rl.config import Config
from rl.errors import UserError
from rl.tasks.task import Task
from verifiers.answer.completion import leaves_open
from verifiers.runtime.names import nearest

GIVEN = ("messages", "add_generation_prompt", "tools", "documents", "bos_token", "eos_token", "pad_token", "unk_token")
"""Variables of chat templates that are not set by `chat_template_kwargs`."""


def check_chat(config: Config, task: Task, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Check that the chat template accepts every prompt, and that the config's settings for it have an effect.

    Args:
        config: the config, whose `policy.chat_template` and `chat_template_kwargs` are checked.
        task: the task, whose prompts are laid out.
        tokenizer: the policy's tokenizer, with a chat template if prompts are chats.

    Returns:
        Notes for the user to read.

    Raises:
        UserError: the template refuses a prompt, which the message names, or a setting has no effect.
    """
    settings = {
        "sampling.chat_template_kwargs": config.sampling.chat_template_kwargs,
        "evaluation.chat_template_kwargs": config.evaluation.chat_template_kwargs or {},
    }
    if not task.chat:
        given = [key for key, values in settings.items() if values]
        given += ["policy.chat_template"] if config.policy.chat_template is not None else []
        if given:
            raise UserError(given[0], "has no effect: the task's prompts are plain text; set task.chat=true")
        return []
    template = str(tokenizer.chat_template)
    for key, values in settings.items():
        known = _variables(template)
        for name in values:
            if name not in known:
                raise UserError(f"{key}.{name}", f"the chat template has no such variable; {nearest(name, known)}")
    for split, rows in task.splits.items():
        drawing = config.sampling.parameters if split == "train" else config.evaluation_parameters
        for number, row in enumerate(rows, start=1):
            try:
                render(row["prompt"], tokenizer, drawing["chat_template_kwargs"])
            except (TemplateError, TypeError, KeyError) as error:
                roles = ", ".join(str(message["role"]) for message in row["prompt"])
                raise UserError(
                    "task",
                    f"the policy's chat template refuses row {number} of the {split} split, whose messages are by "
                    f"{roles}: {error}",
                ) from error
    notes = _notes(task.first["prompt"], tokenizer, config.sampling.chat_template_kwargs)
    return [*notes, *_special_tokens(task, tokenizer)]


def _special_tokens(task: Task, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """A note about special tokens in the data's own words, where they could end a turn or a text; none without any."""
    found: dict[str, int] = {}
    for row in (row for rows in task.splits.values() for row in rows):
        said = "\n".join(content_of(message) for message in row["prompt"])
        for token in map(str, tokenizer.all_special_tokens):
            if token in said:
                found[token] = found.get(token, 0) + 1
    return [
        f"{count:,} prompts have {token!r} in a message, which the tokenizer reads as its special token, not as text"
        for token, count in found.items()
    ]


def _variables(template: str) -> set[str]:
    """The variables that a template reads and that a config may set."""
    environment = _compile_jinja_template(template).environment  # with the tags that transformers adds
    return meta.find_undeclared_variables(environment.parse(template)) - {*GIVEN, *environment.globals}


def _notes(prompt: Text, tokenizer: PreTrainedTokenizerBase, variables: Mapping[str, Any]) -> list[str]:
    notes = []
    laid_out = render(prompt, tokenizer, variables).text
    messages: Any = [dict(message) for message in prompt if not isinstance(message, str)]
    closed = tokenizer.apply_chat_template(messages, add_generation_prompt=False, tokenize=False, **variables)
    if laid_out == closed:
        notes.append(
            "the chat template has no generation prompt, so a completion begins where the user's words end; "
            "policy.chat_template can name a template that has one"
        )
    if leaves_open(laid_out):
        notes.append("the chat template opens a thought, so completions begin inside it")
    return notes
