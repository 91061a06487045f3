"""Describes what a config would run: prompts, completions, tokens, steps and memory. Imports without torch."""

from __future__ import annotations

import math

from rl.config import Config
from rl.config.algorithms import Online, Quark, Rounds
from rl.config.generation_cycle import GenerationCycle
from rl.examples.reading import is_on_hub, rows_of
from rl.runs.memory import GIB, memory, model_size, prompt_tokens
from rl.tasks.task import Task, refuse_empty
from verifiers.runtime.self_check import self_check, survey

TRL_EPOCHS = 3
"""Passes over the train split if `trainer.max_steps` is not set: TRL's default `num_train_epochs`."""
PHRASED_ROWS = 20
"""Number of rows whose gold answers are also put to the verifier in the usual phrasings."""


def describe(config: Config, task: Task | None, *, check_rows: int = 200) -> list[tuple[str, str]]:
    """Describe what would run, in lines of (what, how much).

    Args:
        config: a checked config.
        task: the loaded task; None if its data is not on this machine.
        check_rows: number of rows per split whose gold answers the verifier is tried on.

    Raises:
        UserError: a split that the run needs is empty, or the train split is smaller than a generation cycle.
    """
    if task is not None:
        refuse_empty(task.splits, validation=config.evaluation.every > 0)
    if task is not None and not config.algorithm.in_rounds:
        GenerationCycle.of(config).check_rows(len(task.splits["train"]), config.sampling.completions)
    lines = _task_lines(config, task, check_rows)
    lines += [
        ("rewards", ", ".join(f"{name} x {reward.weight}" for name, reward in config.rewards.items()) or "none"),
        *(_round_lines(config, task) if config.algorithm.in_rounds else _online_lines(config, task)),
        ("evaluation", _evaluation(config, task)),
        ("run folder", str(config.run_folder)),
    ]
    size = model_size(config, task)
    if size is None:
        lines.append(("memory", f"not known before {config.policy.model} is on this machine"))
    else:
        needs = memory(config, size, prompt_tokens(config, task))
        total = sum(needs.values())
        parts = ", ".join(f"{name} {amount / GIB:.2f}" for name, amount in needs.items())
        lines.append(("policy", f"{config.policy.model}: {size.parameters / 1e6:,.1f}M parameters"))
        lines.append(("memory", f"about {total / GIB:.1f} GiB per device ({parts}), plus 0.7 for the libraries"))
    return lines


def _task_lines(config: Config, task: Task | None, check_rows: int) -> list[tuple[str, str]]:
    if task is None:
        return [("task", f"{config.task.name}: its data is on the hub and is checked when it is downloaded")]
    counts = " · ".join(f"{split} {len(rows):,}" for split, rows in task.splits.items())
    skipped = f", {len(task.skipped)} skipped" if task.skipped else ""
    return [("task", f"{task.name}: {counts} problems{skipped}"), ("verifier", _self_check(task, check_rows))]


def _round_lines(config: Config, task: Task | None) -> list[tuple[str, str]]:
    algorithm = config.algorithm
    assert isinstance(algorithm, Rounds)
    start = "base" if algorithm.fit_from == "base" else "last round"
    steps = config.trainer.get("max_steps", -1)
    length = f"{steps:,} optimizer steps" if steps > 0 else "passes over its examples"
    length += f", times {algorithm.step_growth:g} in each further round" if algorithm.step_growth > 1 else ""
    rounds = "1 round, which" if algorithm.rounds == 1 else f"{algorithm.rounds} rounds, each"
    lines = _example_lines(config, task)
    training = ("training", f"{algorithm.name}: {rounds} fits {length}, from the {start}")
    for teacher in getattr(algorithm, "teacher", []):
        shown = "" if teacher.prompt is None else f", shown {teacher.prompt!r}"
        lines.append(("teacher", f"{teacher.model}: {teacher.direction} divergence x {teacher.weight:g}{shown}"))
    if isinstance(algorithm, Quark):
        counts = (f"{name} {algorithm.control.count(name)}" for name in algorithm.control.tokens)
        lines.append(("control tokens", ", ".join(counts) or "none: the pool is imitated as it is"))
    if not algorithm.samples:
        return [*lines, ("sampling", "none; it fits on the given examples alone"), training]
    prompts = min(algorithm.prompts, len(task.splits["train"])) if task else algorithm.prompts
    each = f"{config.sampling.completions}"
    drawn = prompts * config.sampling.completions
    if (strategies := getattr(algorithm, "strategies", None)) is not None:
        each += f" x {len(strategies.templates)} strategies"
        drawn *= len(strategies.templates)
    whole = algorithm.rounds * drawn
    return [
        *lines,
        ("sampling", f"{prompts:,} prompts x {each} = {drawn:,} completions per round"),
        ("", f"of at most {config.sampling.max_tokens} tokens"),
        training,
        ("", f"{whole:,} completions, at most {whole * config.sampling.max_tokens:,} tokens"),
    ]


def _example_lines(config: Config, task: Task | None) -> list[tuple[str, str]]:
    """The number of examples in each source; sources on the hub are not read."""
    algorithm = config.algorithm
    assert isinstance(algorithm, Rounds)
    if algorithm.examples is None:
        return []
    sources = algorithm.examples.data
    if task is None or is_on_hub(algorithm.examples):
        return [("examples", ", ".join(source.data for source in sources.values()))]
    found = rows_of(config, task)
    assert found is not None
    counts = " · ".join(f"{name} {len(rows):,}" for name, rows in found.rows.items())
    skipped = f", {len(found.skipped)} skipped" if found.skipped else ""
    return [("examples", f"{counts}{skipped}, before the rules of algorithm.examples.keep")]


def _online_lines(config: Config, task: Task | None) -> list[tuple[str, str]]:
    cycle = GenerationCycle.of(config)
    prompts = cycle.completions // config.sampling.completions
    drawn = f"{prompts:,} prompt{'s' * (prompts != 1)} x {config.sampling.completions}"
    each = "each optimizer step" if cycle.optimizer_steps == 1 else f"every {cycle.optimizer_steps} optimizer steps"
    return [
        ("sampling", f"{drawn} = {cycle.completions:,} completions"),
        ("", f"of at most {config.sampling.max_tokens} tokens, for {each}"),
        *_answering_lines(config),
        *_training_lines(config, task),
    ]


def _answering_lines(config: Config) -> list[tuple[str, str]]:
    """How supervised answering takes turns with the algorithm, if it does."""
    answering = config.algorithm.answering if isinstance(config.algorithm, Online) else None
    if answering is None:
        return []
    weights = f"after a statement x {answering.qka_weight:g}, without one x {answering.qa_weight:g}"
    turns = f"after every {answering.policy_cycles} of these draws, {answering.answer_cycles} for learning gold answers"
    return [("answering", f"{turns}: {weights}")]


def _training_lines(config: Config, task: Task | None) -> list[tuple[str, str]]:
    cycle, steps = GenerationCycle.of(config), optimizer_steps(config, task)
    if steps is None:
        epochs = config.trainer.get("num_train_epochs", TRL_EPOCHS)
        return [("training", f"{config.algorithm.name}: {epochs:g} passes over the train split")]
    drawn = -(-steps // cycle.optimizer_steps) * cycle.completions
    return [
        ("training", f"{config.algorithm.name}: {steps:,} optimizer steps, {drawn:,} completions"),
        ("", f"at most {drawn * config.sampling.max_tokens:,} tokens"),
    ]


def optimizer_steps(config: Config, task: Task | None) -> int | None:
    """Optimizer steps of an online run, or of one fit of a run in rounds; None if they are not known in advance.

    Args:
        config: a checked config.
        task: the loaded task; None if its data is not on this machine.
    """
    steps = config.trainer.get("max_steps", -1)
    if steps > 0:
        return steps
    if task is None or config.algorithm.in_rounds:
        return None
    cycle, epochs = GenerationCycle.of(config), config.trainer.get("num_train_epochs", TRL_EPOCHS)
    # a pass leaves out the prompts that do not fill a cycle
    cycles = len(task.splits["train"]) * config.sampling.completions // cycle.completions
    return math.ceil(epochs * cycles * cycle.optimizer_steps)


def _self_check(task: Task, rows: int) -> str:
    tried = [row for split in task.splits.values() for row in split[:rows]]
    verifier = task.verifier
    problems = self_check(verifier, tried)
    if problems:
        return f"{verifier.name}: REFUSES {len(problems)} of {len(tried)} gold answers; the first: {problems[0].reason}"
    phrased = task.splits["train"][:PHRASED_ROWS]
    found = survey(verifier, phrased)
    accepted = f"{verifier.name}: accepts its own gold answer on all {len(tried)} rows tried"
    if len(found.phrasings) > 1:
        accepted += f", {found.share:.1%} of {len(phrased)} in {len(found.phrasings)} usual phrasings"
    if found.wrong.tried:
        accepted += f", and {found.wrong.right} of {found.wrong.tried} wrong answers near them"
    return accepted


def _evaluation(config: Config, task: Task | None) -> str:
    settings = config.evaluation
    n = min(settings.n, len(task.splits["test"])) if task else settings.n
    text = f"{n:,} test problems before and after, greedy" + (f" and {settings.k} samples" if settings.k else "")
    if (several := settings.statements) is not None:
        text += f", and by the {several.combine} over {several.k} statements and no statement"
    if settings.every or (config.algorithm.in_rounds and not (task and not task.splits["validation"])):
        validation = settings.validation_n or settings.n
        validation = min(validation, len(task.splits["validation"])) if task else validation
        often = "after each round" if config.algorithm.in_rounds else f"every {settings.every} steps"
        text += f"; {validation:,} validation problems {often}"
    return text
