"""Turns a row of a data set into an example: its prompt, one completion or a pair, and its other columns.

A row's prompt is the first of these that exists:

1. the turns before the last one of a conversation, from `messages` or from `chosen` and `rejected`;
2. the column `prompt`, plain text or chat messages, unless the config sets `algorithm.examples.template`;
3. the template, `algorithm.examples.template` or the task's own, filled with the row's columns.

Plain text becomes a chat message if the task's prompts are chats. A row whose prompt is in the task's validation or
test split is refused, because the split could not measure a policy that was trained on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewards.reward import Text, content_of, question_of
from rl.config import DatasetTask
from rl.config.examples import Examples
from rl.config.sections import Task as TaskSettings
from rl.errors import UserError
from rl.tasks.columns import column, has, names
from rl.tasks.forms import in_form
from rl.tasks.layout import BadRow, RowLayout, as_prompt, template_fields
from rl.tasks.messages import Messages, messages_of
from rl.tasks.task import Split, Task
from verifiers.runtime.names import nearest

IMITATED = ("completion",)
PREFERRED = ("chosen", "rejected")
"""The columns of the completions to learn from: one to imitate, or the two of a pair."""
HELD_OUT: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True)
class GivenRow:
    """One example as read.

    Attributes:
        place: `file:line`, for messages.
        row: `prompt`, `source`, every other column of the data, and `gold` if the data or the task provides it.
        texts: the completions: one, or the chosen and the rejected one.
        index: the index of its prompt in the task's train split, or -1 if the prompt is not in it.
        told: whether the prompt ends with the (chosen) completion: the last of a question's choices may be the answer,
            but if it is so in each row, a template or a column shows the completion.
    """

    place: str
    row: Mapping[str, Any]
    texts: tuple[str, ...]
    index: int
    told: bool = False


class RowReader:
    """Turns rows of a data set into examples.

    Args:
        settings: the config's `algorithm.examples`.
        task: the task, loaded.
        layout: the config's `task` section.
        wanted: the columns of the completions.

    Raises:
        UserError: a template cannot be used, or shows a column that holds a completion.
    """

    def __init__(self, settings: Examples, task: Task, layout: TaskSettings, wanted: Sequence[str]) -> None:
        self.wanted = wanted
        self.templated = settings.template is not None
        self.columns = {**getattr(layout, "columns", {}), **settings.columns}
        self.own = settings.columns
        self.form = settings.form
        self.layout = _layout(settings, task, layout)
        shown = {self.columns.get(field, field): field for field in template_fields(self.layout.config.template)}
        for name in wanted:
            if (source := self.columns.get(name, name)) in shown and settings.template is not None:
                raise UserError(
                    "algorithm.examples.template",
                    f"shows the column {source!r}, which holds the {name}, so each prompt would reveal it",
                )
        self.train = {key: place for place, row in enumerate(task.splits["train"]) for key in _problem(row)}
        self.golds = [row["gold"] for row in task.splits["train"]]
        self.held_out = {key: split for split in HELD_OUT for row in task.splits[split] for key in _problem(row)}

    def row(self, place: str, data: Mapping[str, Any], source: str, columns: Mapping[str, str]) -> GivenRow:
        """The example in a row.

        Args:
            place: `file:line` of the row.
            data: its columns.
            source: the name of its source.
            columns: the column names of its source, which override the shared ones.

        Raises:
            BadRow: the row has no prompt or completion, or is not an example to learn from.
        """
        named = {**self.columns, **columns}
        values = dict(data)
        for name, of_data in named.items():
            if has(data, of_data):
                values[name] = column(data, of_data)
            elif name in self.own or name in columns:  # the task's names need not be those of the examples
                values.pop(name, None)
        conversation, texts = self._completions(values, named, data)
        row = {name: value for name, value in values.items() if name not in (*self.wanted, "messages")}
        row |= {"prompt": conversation or self._prompt(values, named, data), "source": source}
        if self.form is not None:
            texts = tuple(self._in_form(text, row) for text in texts)
        keys = list(_problem(row))
        self._refuse(row["prompt"], keys, texts)
        told = question_of(row["prompt"]).rstrip().endswith(texts[0].strip())
        index = next((self.train[key] for key in keys if key in self.train), -1)
        if values.get("gold") is not None:
            row["gold"] = self.layout.gold(values["gold"])
        elif index >= 0:
            row["gold"] = self.golds[index]
        return GivenRow(place, row, texts, index, told)

    def _completions(
        self, values: Mapping[str, Any], named: Mapping[str, str], data: Mapping[str, Any]
    ) -> tuple[Messages | None, tuple[str, ...]]:
        """The completions of a row, and the turns before them if they end conversations."""
        if self.wanted == IMITATED and "completion" not in values and "messages" in values:
            before, text = self._last_turn(values["messages"], named.get("messages", "messages"))
            return before or None, (text,)
        texts: list[str] = []
        turns: list[Messages] = []
        for name in self.wanted:
            source = named.get(name, name)
            if name not in values:
                also = ", nor 'messages'" if self.wanted == IMITATED else ""
                raise BadRow(
                    f"no column {source!r}{also}, for the {name}; {nearest(source, names([data]))}; "
                    f"algorithm.examples.columns.{name} can name another"
                )
            before, text = self._last_turn(values[name], source)
            texts.append(text)
            turns.append(before)
        if any(before != turns[0] for before in turns):
            raise BadRow("the turns before the chosen and the rejected completion differ, so the two are not a pair")
        return turns[0] or None, tuple(texts)

    def _in_form(self, text: str, row: Mapping[str, Any]) -> str:
        question = row.get("question")
        try:
            return in_form(str(self.form), text, question if isinstance(question, str) else question_of(row["prompt"]))
        except ValueError as error:
            raise BadRow(f"its completion cannot be put in the form {self.form!r}: {error}") from None

    def _last_turn(self, value: Any, name: str) -> tuple[Messages, str]:
        """The completion in a column, and the turns before it, of which plain text has none."""
        try:
            messages = messages_of(value)
        except ValueError as error:
            raise BadRow(f"column {name!r}: {error}") from None
        if messages is None:
            if not isinstance(value, str):
                raise BadRow(f"column {name!r} holds neither text nor chat messages but {type(value).__name__}")
            before, text = [], value
        else:
            if messages[-1]["role"] != "assistant":
                raise BadRow(f"column {name!r} ends with a message of the {messages[-1]['role']}, not of the assistant")
            before, text = messages[:-1], content_of(messages[-1])
        if not text.strip():
            raise BadRow(f"column {name!r} is empty")
        return before, text

    def _prompt(self, values: Mapping[str, Any], named: Mapping[str, str], data: Mapping[str, Any]) -> Text:
        config = self.layout.config
        given = values.get("prompt")
        if given is None or self.templated:
            needed = dict.fromkeys(self.layout.fields, "the prompt's template")
            try:
                return replace(self.layout, columns=named, needed=needed).asked(data)[1]["prompt"]
            except BadRow as bad:
                if self.templated or given is not None or "no column" not in str(bad):
                    raise
                there = ", ".join(names([data]))
                raise BadRow(
                    f"no prompt: the row has no column {named.get('prompt', 'prompt')!r}, and {config.template!r} "
                    f"cannot be filled; it has {there}. algorithm.examples.columns names the columns"
                ) from None
        messages = messages_of(given)
        if messages is not None:
            return messages
        if not isinstance(given, str) or not given.strip():
            raise BadRow(f"column {named.get('prompt', 'prompt')!r} holds {given!r} instead of a prompt")
        return as_prompt(given, chat=config.chat, system=config.system)

    def _refuse(self, prompt: Text, keys: Sequence[str], texts: Sequence[str]) -> None:
        """Refuse an example that teaches nothing, and one of a problem on which the policy is evaluated."""
        if (key := next((key for key in keys if key in self.held_out), None)) is not None:
            raise BadRow(
                f"its prompt is in the task's {self.held_out[key]} split ({question_of(prompt)[:60]!r}); remove the "
                f"row, or set algorithm.examples.on_bad_row=skip"
            )
        if len(texts) == 2 and texts[0].strip() == texts[1].strip():
            raise BadRow(f"chosen and rejected are the same: {texts[0][:60]!r}")


def _layout(settings: Examples, task: Task, layout: TaskSettings) -> RowLayout:
    """How rows become prompts: as the examples' own settings say, and otherwise as in the task."""
    try:
        config = DatasetTask(
            name="dataset",
            data="",
            template=settings.template or getattr(layout, "template", None) or "{question}",
            system=settings.system or getattr(layout, "system", None),
            chat=task.chat if settings.chat is None else settings.chat,
            answer_pattern=getattr(layout, "answer_pattern", None),
        )
        return RowLayout.of(config, task.verifier)
    except UserError as error:
        raise UserError((error.where or "").replace("task.", "algorithm.examples."), error.what) from None


def _problem(row: Mapping[str, Any]) -> Iterator[str]:
    """The keys that rows with the same problem share: the text of the prompt, or the question in it."""
    prompt, question = row["prompt"], row.get("question")
    said = [prompt] if isinstance(prompt, str) else [content_of(m) for m in prompt if m["role"] != "system"]
    whole = " ".join("\n".join(said).split())
    yield whole
    if isinstance(question, str) and row.get("choices") is None:  # one question may come with several sets of choices
        question = " ".join(question.split())
        if question and question in whole:
            yield question
