"""`whetstone prm label` and `whetstone prm train`: from command-line options to files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import PartialState
from rich.console import Console

from rewards.models.state import default_device, move
from rewards.models.types import Model
from rewards.parts.step_spans import Splitter
from rewards.sample import Sample
from rl import setup, tasks
from rl.config import Config, load
from rl.config import Policy as PolicySettings
from rl.errors import UserError
from rl.policy import load as policies
from rl.policy.load import Policy
from rl.policy.positions import check_rows
from rl.policy.sharded import check_launch
from rl.policy.warm_start import cache_folder
from rl.prm import train as training
from rl.prm.complete import Completer, identity
from rl.prm.evaluation import check_place, quiet_libraries, table
from rl.prm.formats import LabelLayout, escaped
from rl.prm.label import Counts, agreement, by_monte_carlo, by_verifier
from rl.prm.labelled import records, scores_of, unlabelled, write
from rl.progress import completions_bar
from rl.sampling.draw import sample
from rl.tasks.task import Split, Task
from rl.terminal import Terminal
from verifiers.runtime.verifier import Verifier

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
"""Suffixes of files of labels that `prm train` and `prm eval` can open."""


@dataclass(frozen=True)
class LabelOptions:
    """The options of `whetstone prm label`; its `--help` explains them."""

    by: Literal["monte_carlo", "verifier", "file"] = "monte_carlo"
    rows: str | None = None
    task: str | None = None
    verifier: str | None = None
    completer: str | None = None
    prompts: int = 1000
    samples: int = 4
    split: Split = "train"
    k: int = 8
    kind: Literal["soft", "hard"] = "soft"
    threshold: float = 0.0
    max_tokens: int | None = None
    temperature: float = 1.0
    batch: int = 512
    seed: int = 0
    pattern: str | None = None
    separator: str | None = None
    form: str = "whetstone"
    template: str = "{question}\\n"


def label(out: str, overrides: Sequence[str], options: LabelOptions) -> list[Sample]:
    """`whetstone prm label`.

    Args:
        out: file to write.
        overrides: `key=value`, for the task's config.
        options: the other options.

    Raises:
        UserError: the options do not go together, a file, model or verifier does not exist, or no step gets a label.
    """
    console = Terminal(soft_wrap=True)
    _check_out(out)
    if options.by == "file":
        if not options.rows:
            raise UserError("command line", "--by file needs --rows FILE, in a format that --format names")
        read = LabelLayout(options.form, options.separator, options.template).read(options.rows)
        return _written(console, out, read, None)
    config = _config(options.task, overrides) if options.task else None
    task = tasks.load(config) if config else None
    verifier = _verifier(options, task)
    splitter = _splitter(options, verifier)
    if options.by == "verifier" and not verifier.judges_steps:
        raise UserError("--by verifier", f"verifier {verifier.name!r} does not judge steps")
    given = _read(options.rows, verifier) if options.rows else None
    if config:
        setup.quiet(config)
    else:
        quiet_libraries()
    if given is None:
        assert config and task
        given = _drawn(console, config, task, options)
    if options.by == "verifier":
        return _written(console, out, *by_verifier(given, verifier, splitter))
    chat = any(not isinstance(one.prompt, str) for one in given)
    completer = _completer(console, config, task, options, chat)
    with completions_bar(console, "step prefixes", len(given)) as progress:
        done, counts = by_monte_carlo(
            given,
            verifier,
            splitter,
            completer,
            options.k,
            kind=options.kind,
            threshold=options.threshold,
            template_kwargs=config.sampling.chat_template_kwargs if config else None,
            progress=progress,
        )
    _written(console, out, done, counts)
    if verifier.judges_steps:
        figures = agreement(done, 0.0)
        if figures["auc"] is not None:
            console.print(f"against the verifier's steps: agree {figures['agree']:.3f}, AUC {figures['auc']:.3f}")
    return done


def train(labels: str, model: str, out: str, layout: LabelLayout, settings: training.TrainSettings) -> dict[str, Any]:
    """`whetstone prm train`.

    Args:
        labels: a file of labels.
        model: the model to start from, a folder or hub id.
        out: folder for the model.
        layout: layout of the file.
        settings: the training settings.

    Returns:
        The figures of `rl.prm.train.train`.

    Raises:
        UserError: as in `rl.prm.train.train`; or OUT is a file, or the engine of `accelerate launch` cannot be used.
    """
    state = PartialState(cpu=not torch.accelerator.is_available())
    console = Terminal(quiet=not state.is_main_process, soft_wrap=True)
    check_launch(state)
    check_place(out, folder=True)
    quiet_libraries()
    samples = layout.read(labels)
    console.print(f"training on {len(samples):,} completions", highlight=False)
    figures = training.train(model, samples, out, settings, made_by=layout.form)
    if figures["cut_off"]:
        console.print(
            f"warning: {figures['cut_off']:,} labelled steps end past --max-length or the model's positions and carry "
            "no loss",
            style="yellow",
            highlight=False,
        )
    console.print(f"{figures['steps']} steps, loss {figures['train_loss']:.4f}, {figures['seconds']:.0f} s: {out}")
    if figures["validation"]:
        console.print(table(f"{out}: held-out problems", figures["validation"]))
    return figures


def _check_out(out: str) -> None:
    """Check, before hours of labelling, that the file can be written and read again."""
    if Path(out).suffix.lower() not in SUFFIXES:
        raise UserError("--out", f"expected a name that ends in {', '.join(SUFFIXES)}, got {out!r}")
    check_place(out, folder=False)


def _config(task: str, overrides: Sequence[str]) -> Config:
    if task.endswith((".yaml", ".yml")):
        return load(task, overrides)
    own = ["name=prm", "policy.model=embedded", "rewards.correctness.weight=1", "algorithm=grpo", f"task={task}"]
    return load(None, [*own, "sampling.max_tokens=256", *overrides])


def _verifier(options: LabelOptions, task: Task | None) -> Verifier:
    if task is None and not (options.rows and options.verifier):
        raise UserError("command line", "needs --task, or --rows FILE with --verifier NAME")
    if options.verifier is None:
        assert task
        return task.verifier
    try:
        return Verifier(options.verifier)
    except ValueError as error:
        raise UserError("--verifier", str(error)) from None


def _splitter(options: LabelOptions, verifier: Verifier) -> Splitter:
    separator = escaped(options.separator) if options.separator else None
    if options.pattern:
        try:
            return Splitter(separator, re.compile(options.pattern))
        except re.error as error:
            raise UserError("--pattern", f"not a regular expression: {error}") from None
    return Splitter(separator) if separator or verifier.judges_steps else Splitter("\n")


def _read(path: str, verifier: Verifier) -> list[Sample]:
    """Completions without labels from a file."""
    samples = []
    for place, row in records(path):
        for column in ("prompt", "completion", "gold", *verifier.columns):
            if row.get(column) is None:
                raise UserError(place, f"no {column!r}; the row has: {', '.join(row)}")
        try:
            samples.append(unlabelled(row))
        except ValueError as error:
            raise UserError(place, str(error)) from None
    return samples


def _drawn(console: Console, config: Config, task: Task, options: LabelOptions) -> list[Sample]:
    """Completions that the config's policy draws."""
    policy = setup.policy(config, task, console)
    problems = task.splits[options.split][: options.prompts]
    if not problems:
        raise UserError("--split", f"the task has no {options.split} split")
    parameters = config.sampling.parameters
    check_rows([(options.split, problems, parameters)], policy, console)
    with completions_bar(console, "completions to label", len(problems) * options.samples) as progress:
        drawn = sample(
            _on_device(policy),
            policy.tokenizer,
            [row["prompt"] for row in problems],
            count=options.samples,
            batch=options.batch,
            seed=options.seed,
            progress=progress,
            **parameters,
        )
    return [
        Sample(row, one.text, one.ids, one.finish_reason, index=index, thinking=one.thinking)
        for index, (row, group) in enumerate(zip(problems, drawn, strict=True))
        for one in group
    ]


def _completer(
    console: Console, config: Config | None, task: Task | None, options: LabelOptions, chat: bool
) -> Completer:
    """The completer, with the sampling parameters of the config except for temperature and length."""
    parameters: dict[str, Any] = {}
    longest = options.max_tokens or 256
    if config and task:
        parameters = {**config.sampling.parameters}
        longest = options.max_tokens or parameters["max_tokens"]
        for own in ("max_tokens", "temperature", "chat_template_kwargs"):
            parameters.pop(own)
        update = {"model": options.completer} if options.completer else {}
        chosen = config.policy.model_copy(update=update)
        policy = setup.policy(config.model_copy(update={"policy": chosen}), task, console)
    elif options.completer and options.completer != "embedded":
        try:
            policy = policies.load(PolicySettings(model=options.completer), options.completer, chat=chat)
        except UserError as error:
            raise UserError("--completer", error.what) from error
    else:
        raise UserError("--completer", "needs a folder or hub id; 'embedded' needs --task as well")
    model = _on_device(policy)
    return Completer(
        model,
        policy.tokenizer,
        identity(str(model.name_or_path), getattr(model.config, "_commit_hash", None)),
        longest,
        temperature=options.temperature,
        batch=options.batch,
        seed=options.seed,
        cache=cache_folder() / "continuations",
        parameters=parameters,
    )


def _on_device(policy: Policy) -> Model:
    move(policy.model, default_device())
    return policy.model


def _written(console: Console, out: str, samples: Sequence[Sample], counts: Counts | None) -> list[Sample]:
    labels = [score for sample in samples for score in scores_of(sample.labels)]
    known = [value for value in labels if value is not None]
    if not known:
        why = f"; the verifier abstained {counts.abstained:,} times, failed {counts.failed:,} times" if counts else ""
        raise UserError(
            out, f"not written: none of {len(labels):,} steps of {len(samples):,} completions has a label{why}"
        )
    write(Path(out), samples)
    mean = f", mean label {sum(known) / len(known):.3f}"
    console.print(f"{len(samples):,} completions, {len(known):,} of {len(labels):,} steps labelled{mean}: {out}")
    if counts and (counts.abstained or counts.failed):
        console.print(f"not judged: the verifier abstained {counts.abstained:,} times, failed {counts.failed:,} times")
    return list(samples)
