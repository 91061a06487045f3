"""Reads given examples from files or the hub: each with its prompt, one completion or a pair, and its other columns.

A row's prompt is, the first that is there:

1. the turns before the last one of a conversation: of `messages`, or of `chosen` and `rejected`;
2. the column `prompt`, plain text or chat messages, unless `algorithm.examples.template` says what the prompt is;
3. the template, `algorithm.examples.template` or the task's own, filled with the row's columns.

Plain text becomes a chat message where the task's prompts are chats. A row that cannot be used stops the run with its
file and line, or is counted where the config says `on_bad_row: skip`. So does a prompt that stands in the task's
validation or test split: a policy that had seen it could not be measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from rewards.reward import Text, content_of, question_of
from rl.config import Config, DatasetTask
from rl.config.algorithms import Rounds
from rl.config.examples import Examples
from rl.config.sections import Task as TaskSettings
from rl.errors import UserError
from rl.examples.forms import in_form
from rl.examples.records import OF_TASK, permuted, records
from rl.tasks.columns import column, has, names
from rl.tasks.layout import BadRow, Layout, as_prompt, template_fields
from rl.tasks.messages import Messages, messages_of
from rl.tasks.sources import is_hub_id, name_and_split
from rl.tasks.task import Split, Task
from verifiers.runtime.names import nearest

IMITATED = ("completion",)
PREFERRED = ("chosen", "rejected")
"""Columns of the completions to learn from: one to imitate, or a pair."""
HELD_OUT: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True)
class GivenRow:
    """One example as it was read.

    Attributes:
        place: `file:line`, for messages.
        row: `prompt`, `source`, every other column of the data, and `gold` where the data or the task knows it.
        texts: the completions: one, or the chosen and the rejected one.
        index: where its prompt stands in the task's train split; -1 where it does not.
    """

    place: str
    row: Mapping[str, Any]
    texts: tuple[str, ...]
    index: int


@dataclass(frozen=True)
class GivenRows:
    """The examples of all sources.

    Attributes:
        rows: those that can be used, in order; by source.
        skipped: `file:line: why` of the others.
    """

    rows: Mapping[str, list[GivenRow]]
    skipped: tuple[str, ...]


def rows_of(config: Config, task: Task) -> GivenRows | None:
    """The given examples of a run as they were read; None where its config names none.

    Args:
        config: a checked config.
        task: its task, loaded.

    Raises:
        UserError: a source that is not there, or a row that cannot be used.
    """
    algorithm = config.algorithm
    if not isinstance(algorithm, Rounds) or algorithm.examples is None:
        return None
    wanted = IMITATED if algorithm.trl_config == "SFTConfig" else PREFERRED
    return read(algorithm.examples, task, config.task, wanted, config.seed)


def is_on_hub(settings: Examples) -> bool:
    """Whether reading the examples would ask the hub."""
    sources = (source.data for source in settings.data.values() if source.data not in OF_TASK)
    return any(is_hub_id(name_and_split(data)[0]) for data in sources)


def read(settings: Examples, task: Task, layout: TaskSettings, wanted: Sequence[str], seed: int = 0) -> GivenRows:
    """Read all sources.

    Args:
        settings: the config's `algorithm.examples`.
        task: the task, loaded; its verifier and its splits are asked.
        layout: the config's `task` section, whose columns, template, system message and chat are the defaults.
        wanted: `IMITATED` or `PREFERRED`.
        seed: of what the demonstrator says, and of the columns that are permuted.

    Raises:
        UserError: a source that is not there or is empty, a template that cannot be used, or a row that cannot.
    """
    reader = _Reader(settings, task, layout, wanted)
    rows: dict[str, list[GivenRow]] = {}
    skipped: list[str] = []
    for name, source in settings.data.items():
        rows[name] = []
        rng = random.Random(f"examples of {name} {seed}")
        found = islice(records(source, task, {**reader.own, **source.columns}, rng), source.rows)
        for place, data, broken in permuted(found, source.permuted, rng) if source.permuted else found:
            try:
                if broken:
                    raise BadRow(broken)
                rows[name].append(reader.row(place, data, name, source.columns))
            except BadRow as bad:
                if settings.on_bad_row == "fail":
                    raise UserError(place, str(bad)) from None
                skipped.append(f"{place}: {bad}")
        if not rows[name]:
            first = f"; the first: {skipped[-1]}" if skipped else ""
            raise UserError("algorithm.examples", f"{source.data} has no example that can be used{first}")
    return GivenRows(rows, tuple(skipped))


class _Reader:
    """Turns rows of somebody's data into examples.

    Args:
        settings: the config's `algorithm.examples`.
        task: the task, loaded.
        layout: the config's `task` section.
        wanted: the columns of the completions.
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
                    f"shows the column {source!r}, which holds the {name}, so each prompt would give it away",
                )
        self.train = {key: place for place, row in enumerate(task.splits["train"]) for key in _problem(row)}
        self.golds = [row["gold"] for row in task.splits["train"]]
        self.held_out = {key: split for split in HELD_OUT for row in task.splits[split] for key in _problem(row)}

    def row(self, place: str, data: Mapping[str, Any], source: str, columns: Mapping[str, str]) -> GivenRow:
        """The example of a row.

        Args:
            place: where it stands.
            data: its columns.
            source: what its source is called.
            columns: those of its source alone, over the shared ones.

        Raises:
            BadRow: it has no prompt or completion, or is no example to learn from.
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
        index = next((self.train[key] for key in keys if key in self.train), -1)
        if values.get("gold") is not None:
            row["gold"] = self.layout.gold(values["gold"])
        elif index >= 0:
            row["gold"] = self.golds[index]
        return GivenRow(place, row, texts, index)

    def _completions(
        self, values: Mapping[str, Any], named: Mapping[str, str], data: Mapping[str, Any]
    ) -> tuple[Messages | None, tuple[str, ...]]:
        """The completions of a row, and the turns before them where they end conversations."""
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
            raise BadRow("the turns before the chosen and before the rejected completion differ, so it is no pair")
        return turns[0] or None, tuple(texts)

    def _in_form(self, text: str, row: Mapping[str, Any]) -> str:
        question = row.get("question")
        try:
            return in_form(str(self.form), text, question if isinstance(question, str) else question_of(row["prompt"]))
        except ValueError as error:
            raise BadRow(f"its completion has no form {self.form!r}: {error}") from None

    def _last_turn(self, value: Any, name: str) -> tuple[Messages, str]:
        """What a completion's column says, and the turns before it; none where it is plain text."""
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
                raise BadRow(f"column {name!r} ends with the words of the {messages[-1]['role']}, not the assistant")
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
            raise BadRow(f"column {named.get('prompt', 'prompt')!r} holds no prompt but {given!r}")
        return as_prompt(given, chat=config.chat, system=config.system)

    def _refuse(self, prompt: Text, keys: Sequence[str], texts: Sequence[str]) -> None:
        """Refuse what nothing could be learnt from, and what the policy is measured on."""
        if (key := next((key for key in keys if key in self.held_out), None)) is not None:
            raise BadRow(
                f"its prompt stands in the task's {self.held_out[key]} split ({question_of(prompt)[:60]!r}); leave it "
                f"out, or set algorithm.examples.on_bad_row=skip"
            )
        for text in texts:
            if question_of(prompt).rstrip().endswith(text.strip()):
                raise BadRow(f"its completion stands at the end of its prompt: {text[:60]!r}")
        if len(texts) == 2 and texts[0].strip() == texts[1].strip():
            raise BadRow(f"chosen and rejected are the same: {texts[0][:60]!r}")


def _layout(settings: Examples, task: Task, layout: TaskSettings) -> Layout:
    """How rows become prompts: as the examples' own settings say, else as the task does it."""
    try:
        config = DatasetTask(
            name="dataset",
            data="",
            template=settings.template or getattr(layout, "template", None) or "{question}",
            system=settings.system or getattr(layout, "system", None),
            chat=not isinstance(task.splits["train"][0]["prompt"], str) if settings.chat is None else settings.chat,
            answer_pattern=getattr(layout, "answer_pattern", None),
        )
        return Layout.of(config, task.verifier)
    except UserError as error:
        raise UserError((error.where or "").replace("task.", "algorithm.examples."), error.what) from None


def _problem(row: Mapping[str, Any]) -> Iterator[str]:
    """What rows that pose the same problem have in common: the words of the prompt, or the question in it."""
    prompt, question = row["prompt"], row.get("question")
    said = [prompt] if isinstance(prompt, str) else [content_of(m) for m in prompt if m["role"] != "system"]
    whole = " ".join("\n".join(said).split())
    yield whole
    if isinstance(question, str) and row.get("choices") is None:  # one question may be asked of several choices
        question = " ".join(question.split())
        if question and question in whole:
            yield question
