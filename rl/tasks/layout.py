"""Turns a row of given data into a row of a task: a prompt, a reference answer, and every other column."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rl.config import DatasetTask
from rl.errors import UserError
from rl.tasks.choices import choices_of, labels_at, refuse_places
from rl.tasks.columns import column, has, names
from rl.tasks.messages import Messages, last_user, messages_of
from verifiers.runtime.golds import golds_of
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import Verifier


class BadRow(Exception):
    """A row that cannot be used; the message says why."""


@dataclass(frozen=True)
class RowLayout:
    """How a row of the data becomes a row of the task.

    Attributes:
        columns: column of the task → column of the data.
        fields: columns of the task that the template shows.
        needed: column of the task that each row must have → what needs it.
    """

    config: DatasetTask
    columns: Mapping[str, str]
    fields: tuple[str, ...]
    needed: Mapping[str, str]
    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, config: DatasetTask, verifier: Verifier) -> RowLayout:
        """The layout that a config describes.

        Args:
            config: the config's `task` section.
            verifier: the task's verifier, whose columns each row needs.

        Raises:
            UserError: a template or pattern cannot be used.
        """
        fields = template_fields(config.template)
        as_prompt(
            "", chat=config.chat, system=config.system
        )  # checks that these two go together, before any row is read
        pattern = None
        if config.answer_pattern is not None:
            try:
                pattern = re.compile(config.answer_pattern)
            except re.error as error:
                raise UserError("task.answer_pattern", f"not a regular expression: {error}") from None
            if pattern.groups < 1:
                raise UserError(
                    "task.answer_pattern", "has no group; put the part that matches the answer in parentheses"
                )
        needed = {field: "task.template" for field in fields} | {"gold": "every task"}
        needed |= {column: f"verifier {config.verifier!r}" for column in verifier.columns if column != "prompt"}
        needed |= {"choices": "task.choices_from"} if config.choices_from is not None else {}
        needed = {name: f"task.columns.{name}" for name in config.columns} | needed
        return cls(config, config.columns, fields, needed, pattern)

    def row(self, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The problem of a row of the data, and the task's row for it.

        The problem is the text of all columns that the template shows, without the template's own words.

        Raises:
            BadRow: a column is missing or empty, the answer pattern does not match, or the answer is no choice's place.
        """
        problem, row = self.asked(data)
        gold = self.gold(row["gold"])
        try:
            if self.config.choices_from is not None:
                gold = labels_at(gold, row["choices"], self.config.choices_from)
            elif self.config.verifier == "choice":
                refuse_places(gold, row["choices"])
        except ValueError as error:
            raise BadRow(f"the answer (column {self.columns.get('gold', 'gold')!r}) is {error}") from None
        return problem, {**row, "gold": gold}

    def asked(self, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The problem and the row as `row` returns them, except that the gold column is still as in the data.

        Raises:
            BadRow: a column is missing or empty.
        """
        values = dict(data)
        for name, source in self.columns.items():
            if has(data, source):
                values[name] = column(data, source)
        for name, why in self.needed.items():
            source = self.columns.get(name, name)
            if not has(data, source):
                mapped = "" if name in self.columns else f"; task.columns.{name} can name another"
                raise BadRow(f"no column {source!r}, which {why} needs; {nearest(source, names([data]))}{mapped}")
            if column(data, source) is None and not why.startswith("task.columns"):
                raise BadRow(f"column {source!r}, which {why} needs, is empty")
        if values.get("choices") is not None:
            try:
                values["choices"] = choices_of(values["choices"])
            except ValueError as error:
                if "choices" in self.needed:
                    raise BadRow(f"column {self.columns.get('choices', 'choices')!r} {error}") from None
        history = self._history(values)
        whole = {field: _text(values[field], field) for field in self.fields}
        shown = dict(whole)
        if history is not None:
            shown[history.field] = values[history.field] = history.messages[history.asked]["content"]
        if not any(text.strip() for text in shown.values()):
            raise BadRow(f"there is no question: {' and '.join(map(repr, shown))} is empty")
        text = self.config.template.format(**shown)
        if history is None:
            prompt = as_prompt(text, chat=self.config.chat, system=self.config.system)
        else:
            prompt = list(history.messages)
            prompt[history.asked] = {**prompt[history.asked], "content": text}
            if self.config.system is not None:
                prompt.insert(0, {"role": "system", "content": self.config.system})
        problem, question = ("\n".join(of[field] for field in sorted(of)) for of in (whole, shown))
        return problem, {"question": question, **values, "prompt": prompt}

    def _history(self, values: Mapping[str, Any]) -> _History | None:
        """The chat messages in a column that the template shows; None if there are none.

        The template is filled with the user's last message and replaces it; earlier turns stay as they are.
        """
        found: list[_History] = []
        for field in self.fields:
            name = self.columns.get(field, field)
            try:
                messages = messages_of(values[field])
            except ValueError as error:
                raise BadRow(f"column {name!r}: {error}") from None
            if messages is None:
                continue
            asked = last_user(messages)
            if asked is None or messages[-1]["role"] == "assistant":
                said = "has no message of the user's" if asked is None else "ends with the assistant's words"
                raise BadRow(f"column {name!r} {said}, so it is not a prompt; a prompt ends before the answer")
            if self.config.system is not None and any(message["role"] == "system" for message in messages):
                raise BadRow(
                    f"column {name!r} has its own system message, and task.system is set; leave task.system out"
                )
            found.append(_History(field, messages, asked))
        if len(found) > 1:
            both = " and ".join(repr(history.field) for history in found)
            raise BadRow(f"the template shows two columns of chat messages, {both}; a prompt is one chat")
        return found[0] if found else None

    def gold(self, value: Any) -> str | list[str]:
        """The reference answer, or a list of answers any of which counts as right.

        Raises:
            BadRow: the answer is empty, or the answer pattern does not match.
        """
        source = self.columns.get("gold", "gold")
        if isinstance(value, Mapping):
            keys = ", ".join(f"{source}.{key}" for key in value)
            raise BadRow(
                f"the answer (column {source!r}) is an object; task.columns.gold can name what is in it: {keys}"
            )
        texts = [gold if isinstance(gold, str) else as_text(gold) for gold in golds_of(value)]
        if not any(text.strip() for text in texts):
            raise BadRow(f"the answer (column {source!r}) is empty")
        if self.pattern is None:
            return texts[0] if len(texts) == 1 else texts
        matches = [match for text in texts if (match := self.pattern.search(text)) is not None]
        if not matches:
            raise BadRow(f"task.answer_pattern does not match column {source!r}: {_short(texts[0])}")
        answers = list(dict.fromkeys(answer for match in matches if (answer := (match[1] or "").strip())))
        if not answers:
            raise BadRow(f"task.answer_pattern finds an empty answer in column {source!r}: {_short(texts[0])}")
        return answers[0] if len(answers) == 1 else answers


class _History(NamedTuple):
    """The chat messages of a row: their column, the messages, and the index of the user's last one."""

    field: str
    messages: Messages
    asked: int


def as_prompt(text: str, *, chat: bool, system: str | None) -> str | list[dict[str, str]]:
    """The prompt as plain text, or as the messages of a chat.

    Args:
        text: the question.
        chat: whether the prompt is a list of chat messages.
        system: a system message; None for none.

    Raises:
        UserError: a system message without a chat.
    """
    if not chat:
        if system is not None:
            raise UserError("task.system", "needs a chat; set task.chat=true, or put the text into task.template")
        return text
    before = [] if system is None else [{"role": "system", "content": system}]
    return [*before, {"role": "user", "content": text}]


def template_fields(template: str) -> tuple[str, ...]:
    """The columns that a template shows, without duplicates.

    Raises:
        UserError: the template is invalid, or shows no column.
    """
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise UserError("task.template", f"{error}; to get a brace in the text, write it twice, {{{{ or }}}}") from None
    for field in fields:
        if not field.isidentifier():
            what = "to get a brace in the text, write it twice, {{ or }}"
            if field and all(part.isidentifier() for part in field.split(".")):
                what = f"task.columns.NAME={field} gives a nested column a name"
            raise UserError("task.template", f"{{{field}}} names no column; {what}")
    try:
        template.format(**dict.fromkeys(fields, ""))
    except (KeyError, ValueError) as error:
        raise UserError("task.template", f"cannot be filled in: {error}") from None
    if not fields:
        raise UserError(
            "task.template", f"shows no column of the data, so every prompt is the same: {_short(template)}"
        )
    return tuple(dict.fromkeys(fields))


def _text(value: Any, column: str) -> str:
    """A column's value as the prompt shows it."""
    if value != value:  # NaN, which pandas and parquet use for a missing value
        raise BadRow(f"column {column!r} is empty")
    if column == "choices" and isinstance(value, list):
        return "\n".join(f"{choice['label']}. {choice['text']}" for choice in value)
    return value if isinstance(value, str) else as_text(value)


def as_text(value: Any) -> str:
    """Lists, objects and nothing as JSON, bytes as the text that they encode, a number or a date in its usual form."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, list | tuple | Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
