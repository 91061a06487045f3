"""Any of reasoning-gym's generated tasks by name, judged by the task's own scorer.

The three splits are disjoint by construction: a question belongs to one by a hash of its text. A row carries what the
scorer wants back: `question`, `gold` (empty where the task has no single answer and the scorer alone decides),
`source_dataset`, and as JSON text the entry's `metadata` and the `options` it was made with, on which some scorers
depend. Text, because metadata differs from entry to entry and a table's column has one type.

See Stojanovski et al. (2025), "Reasoning Gym", https://github.com/open-thought/reasoning-gym.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator
from typing import Any

from rl.config import ReasoningGymTask
from rl.errors import UserError
from rl.tasks.layout import as_prompt, template_fields
from rl.tasks.task import SPLITS, Split, Task, fill_splits
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import Verifier

CHUNK = 500
"""Entries that one generator makes; the next gets another seed. Some prepare all their entries when they are made."""


def build(config: ReasoningGymTask, seed: int) -> Task:
    """The task with its three splits.

    Args:
        config: the section of the config.
        seed: which entries are drawn.

    Raises:
        UserError: no such dataset, options it does not take, or fewer different questions than were asked for.
    """
    unknown = [field for field in template_fields(config.template) if field != "question"]
    if unknown:
        raise UserError("task.template", f"{{{unknown[0]}}} is not there; reasoning-gym's entries have {{question}}")
    sizes: dict[Split, int] = {split: getattr(config.sizes, split) for split in SPLITS}
    splits = fill_splits(_rows(config, seed), sizes, f"task.sizes ({config.dataset})")
    for split in SPLITS:
        for row in splits[split]:
            text = config.template.format(question=row["question"])
            row["prompt"] = as_prompt(text, chat=config.chat, system=config.system)
    return Task(name="reasoning_gym", splits=splits, verifier=Verifier("reasoning_gym"))


def _rows(config: ReasoningGymTask, seed: int) -> Iterator[dict[str, Any]]:
    """Rows without end; the prompt is the bare question, by which they are told apart."""
    rng = random.Random(f"reasoning_gym {seed}")
    while True:
        generator = _generator(config, rng.randrange(2**31))
        for index in range(CHUNK):
            try:
                entry = generator[index]
            except Exception as error:  # it is the generator that could not, whatever it raised: say with which options
                what = f"{config.dataset} cannot make an entry with {config.options}: {type(error).__name__}: {error}"
                raise UserError("task.options", what) from error
            source = entry["metadata"].get("source_dataset", config.dataset)
            yield {
                "prompt": entry["question"],
                "gold": "" if entry["answer"] is None else str(entry["answer"]),
                "question": entry["question"],
                "source_dataset": source,
                "metadata": json.dumps(entry["metadata"], default=str),
                "options": json.dumps(_options_of(source, config)),
            }


def _options_of(source: str, config: ReasoningGymTask) -> dict[str, Any]:
    """The options an entry was made with; a composite gives each of its parts its own."""
    if config.dataset != "composite":
        return config.options
    return next(spec.get("config", {}) for spec in config.options["datasets"] if spec["name"] == source)


def _generator(config: ReasoningGymTask, seed: int) -> Any:
    """reasoning-gym's own data set object, with the section's options."""
    from reasoning_gym.composite import DatasetSpec
    from reasoning_gym.factory import DATASETS, create_dataset

    name = config.dataset
    if name not in DATASETS:
        raise UserError("task.dataset", f"reasoning-gym has no {name!r}; {nearest(name, DATASETS)}")
    valid = {field.name for field in dataclasses.fields(DATASETS[name][1])}
    for option in config.options:
        if option in ("seed", "size"):
            raise UserError(f"task.options.{option}", f"is set by {'seed' if option == 'seed' else 'task.sizes'}")
        if option not in valid:
            raise UserError(f"task.options.{option}", f"{name} has no such option; {nearest(option, valid)}")
    options = dict(config.options)
    try:
        if name == "composite":  # the only one whose options are objects of its own
            options["datasets"] = [DatasetSpec(**spec) for spec in options.get("datasets", [])]
        return create_dataset(name, seed=seed, size=CHUNK, **options)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            "task.options", f"{name} does not take {config.options}: {error or 'it says no more'}"
        ) from error
