"""`whetstone eval`: evaluates policies on tasks, one at a time in memory, and compares each with the first.

With `--out FOLDER` the folder holds `figures.json`, the printed tables as `table.md`, and `answers.jsonl` with a line
for each answer: the greedy one of each problem (`sample` is null), and its k samples from 0.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from rewards.models.state import default_device, move
from rl import setup, tasks
from rl.analysis import models_table, statements
from rl.analysis.evaluation import Evaluation, evaluate, settings_for
from rl.analysis.measured import Measured
from rl.config import Config, load_to_measure
from rl.config.named import missing_on_hub
from rl.errors import UserError
from rl.policy.control import saved
from rl.policy.positions import check_positions
from rl.progress import completions_bar
from rl.tasks.task import Split, Task
from rl.terminal import Terminal


def configs(task_names: Sequence[str], models: Sequence[str], overrides: Sequence[str]) -> dict[str, Config]:
    """The config of each task, with the first policy.

    Args:
        task_names: names of tasks, or config files; in a config of stages, the last stage counts.
        models: the policies.
        overrides: `key=value`, for every task.

    Raises:
        UserError: a config is wrong, a name is given twice, or a policy does not exist.
    """
    for option, names in (("MODEL", models), ("--task", task_names)):
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise UserError(option, f"{twice[0]} is named twice; each is measured once")
    found = {name: _config(name, models[0], overrides) for name in task_names}
    for config in found.values():
        for model in models:
            missing_on_hub(_with(config, model))
    return found


def evaluate_models(
    found: Mapping[str, Config],
    models: Sequence[str],
    split: Split,
    form: Sequence[str],
    out: Path | None = None,
    *,
    console: Console | None = None,
) -> list[Measured]:
    """Evaluate each policy on each task, and print and write the figures.

    Args:
        found: task → its config, from `configs`.
        models: the policies; the others are compared with the first.
        split: the split to evaluate on.
        form: the rules that find an answer in the form that was asked for.
        out: a folder for the figures and answers; None to write none.
        console: where to print; None for the terminal.

    Raises:
        UserError: a policy or a task cannot be loaded, or a task has fewer problems than `evaluation.n` asks for.
    """
    console = console or Terminal(soft_wrap=True)
    loaded: dict[str, Task] = {}
    for name, config in found.items():  # before any policy is loaded
        setup.quiet(config)
        loaded[name] = tasks.load(config)
        _refuse_few(name, config, loaded[name], split)
    evaluations: dict[str, dict[str, Evaluation]] = {name: {} for name in found}
    for model in models:
        for name, config in found.items():
            evaluations[name][model] = _evaluate(_with(config, model), loaded[name], name, split, console)
            gc.collect()  # free the policy before the next one is loaded
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    measured = [Measured(name, form, evaluations[name]) for name in found]
    tables = [table for one in measured for table in models_table.tables(one)]
    for table in tables:
        console.print(table.for_console())
    if out is not None:
        _write(out, split, measured, tables)
        console.print(f"figures and answers: {out}", highlight=False)
    return measured


def _config(task: str, model: str, overrides: Sequence[str]) -> Config:
    if task.endswith((".yaml", ".yml")):
        return load_to_measure(task, overrides, model)
    return load_to_measure(None, [f"task={task}", "sampling.max_tokens=256", *overrides], model)


def _with(config: Config, model: str) -> Config:
    return config.model_copy(update={"policy": config.policy.model_copy(update={"model": model})})


def _refuse_few(name: str, config: Config, task: Task, split: Split) -> None:
    """Refuse a config that asks for more problems than the split has.

    Raises:
        UserError: the split has fewer problems, or none.
    """
    wanted, there = settings_for(config, split).n, len(task.splits[split])
    key = "validation_n" if split == "validation" and config.evaluation.validation_n else "n"
    if not there or (wanted > there and key in config.evaluation.model_fields_set):
        what = f"its {split} split has {there:,} problems, but evaluation.{key} asks for {wanted:,}"
        raise UserError(f"--task {name}", what)


def _evaluate(config: Config, task: Task, name: str, split: Split, console: Console) -> Evaluation:
    if config.evaluation.statements is not None:
        statements.check(config.evaluation.statements, task.splits[split])
    policy = setup.policy(config, task, console)
    check_positions(config, task, policy, console, [split])
    move(policy.model, default_device())
    settings = settings_for(config, split)
    if (tokens := saved(policy.path, policy.tokenizer)) is not None:
        console.print(f"{config.policy.model}: prompts have the best control tokens it was saved with", highlight=False)
        settings = settings.conditioned_on(tokens)
    completions = min(settings.n, len(task.splits[split])) * (1 + settings.k)
    with completions_bar(console, f"{config.policy.model} on {name}, {split}", completions) as progress:
        return evaluate(policy.model, policy.tokenizer, task, split, settings, progress)


def _write(out: Path, split: Split, measured: Sequence[Measured], tables: Sequence[models_table.Table]) -> None:
    figures = {"split": split, "tasks": {one.task: one.as_dict() for one in measured}}
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (out / "table.md").write_text("\n".join(table.as_markdown() for table in tables), encoding="utf-8")
    with (out / "answers.jsonl").open("w", encoding="utf-8") as file:
        for one in measured:
            file.writelines(json.dumps(answer) + "\n" for answer in one.answers())
