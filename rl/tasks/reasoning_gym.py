"""The generated tasks of reasoning-gym, judged by each task's own scorer.

The three splits are disjoint by construction: a hash of the question's text determines its split. A row has what the
scorer needs: `question`, `gold` (empty if the task has no single answer and only the scorer decides), `source_dataset`,
and as JSON text the entry's `metadata` and the `options` with which it was made, on which some scorers depend. They are
text because metadata differs between entries, while a column of a table has one type.

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
"""Number of entries per generator; the next one gets another seed. Some generators make all their entries at once."""


def build(config: ReasoningGymTask, seed: int) -> Task:
    """Make the task with its three splits.

    Args:
        config: the section of the config.
        seed: random seed for the entries.

    Raises:
        UserError: there is no such dataset, it rejects an option, or it has too few different questions.
    """
    unknown = [field for field in template_fields(config.template) if field != "question"]
    if unknown:
        raise UserError(
            "task.template", f"{{{unknown[0]}}} is unknown; the only placeholder of this task is {{question}}"
        )
    sizes: dict[Split, int] = {split: getattr(config.sizes, split) for split in SPLITS}
    splits = fill_splits(_rows(config, seed), sizes, f"task.sizes ({config.dataset})")
    for split in SPLITS:
        for row in splits[split]:
            text = config.template.format(question=row["question"])
            row["prompt"] = as_prompt(text, chat=config.chat, system=config.system)
    return Task(name="reasoning_gym", splits=splits, verifier=Verifier("reasoning_gym"))


def _rows(config: ReasoningGymTask, seed: int) -> Iterator[dict[str, Any]]:
    """An endless stream of rows whose prompt is the bare question, by which duplicates are found."""
    rng = random.Random(f"reasoning_gym {seed}")
    while True:
        generator = _generator(config, rng.randrange(2**31))
        for index in range(CHUNK):
            try:
                entry = generator[index]
            except Exception as error:  # a generator may raise anything: name the options with which it failed
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
    """The options with which an entry was made; in a composite, each part has its own."""
    if config.dataset != "composite":
        return config.options
    return next(spec.get("config", {}) for spec in config.options["datasets"] if spec["name"] == source)


def _generator(config: ReasoningGymTask, seed: int) -> Any:
    """reasoning-gym's data set with the options of the config."""
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
        if name == "composite":  # the only data set whose options are objects
            options["datasets"] = [DatasetSpec(**spec) for spec in options.get("datasets", [])]
        return create_dataset(name, seed=seed, size=CHUNK, **options)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            "task.options", f"{name} does not take {config.options}: {error or 'it gives no reason'}"
        ) from error
