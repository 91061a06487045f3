"""What the commands of `whetstone prm` do: from options to files and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from rewards.parts.step_spans import Splitter
from rl import setup, tasks
from rl.config import Config, load
from rl.config import Policy as PolicySettings
from rl.errors import UserError
from rl.policy import load as policies
from rl.policy.warm_start import cache_folder
from rl.prm import step_metrics as measures
from rl.prm import train as training
from rl.prm.chains import Chain, records, write
from rl.prm.complete import Completer, identity
from rl.prm.formats import read
from rl.prm.label import agreement, by_monte_carlo, by_verifier
from rl.prm.scores import step_scores
from rl.progress import completions_bar
from rl.sampling.draw import sample
from rl.tasks.task import Task
from verifiers.runtime.verifier import Verifier


def label(out: str, by: str, overrides: Sequence[str], **o: Any) -> list[Chain]:
    """`whetstone prm label`; the options are those of the command.

    Raises:
        UserError: they do not fit together, or a file, model or verifier is not there.
    """
    console = Console(soft_wrap=True)
    if by == "file":
        if not o["rows"]:
            raise UserError("command line", "--by file needs --rows FILE, in a format that --format names")
        separator = escaped(o["separator"])
        chains = read(o["rows"], o["form"], separator=separator or "\n", template=escaped(o["template"]) or "")
        return _written(console, out, chains, None)
    if not o["task"] and not (o["rows"] and o["verifier"]):
        raise UserError("command line", "needs --task, or --rows FILE with --verifier NAME")
    config = _config(o["task"], overrides) if o["task"] else None
    task = tasks.load(config) if config else None
    try:
        verifier = Verifier(o["verifier"]) if o["verifier"] else task.verifier  # type: ignore[union-attr]
    except ValueError as error:
        raise UserError("--verifier", str(error)) from None
    splitter = _splitter(o, verifier)
    rows = _rows(o["rows"], verifier) if o["rows"] else None
    if config:
        setup.quiet(config)
    if rows is None:
        assert config and task
        rows = _drawn(console, config, task, o)
    if by == "verifier":
        if not verifier.judges_steps:
            raise UserError("--by verifier", f"verifier {verifier.name!r} judges no steps")
        chains, counts = by_verifier(rows, verifier, splitter)
    else:
        completer = _completer(console, config, task, o)
        with completions_bar(console, "step prefixes", len(rows)) as progress:
            chains, counts = by_monte_carlo(
                rows, verifier, splitter, completer, o["k"], kind=o["kind"], threshold=o["threshold"], progress=progress
            )
    return _written(console, out, chains, counts)


def train(
    labels: str, model: str, out: str, form: str, separator: str | None, template: str | None, settings: Mapping
) -> dict[str, Any]:
    """`whetstone prm train`."""
    console = Console(soft_wrap=True)
    chains = read(labels, form, separator=separator or "\n", template=template or "")
    console.print(f"training on {len(chains):,} chains", highlight=False)
    figures = training.train(model, chains, out, training.TrainSettings(**settings), made_by=form)
    console.print(f"{figures['steps']} steps, loss {figures['train_loss']:.4f}, {figures['seconds']:.0f} s: {out}")
    if figures["validation"]:
        console.print(table(f"{out}: held-out problems", figures["validation"]))
    return figures


def evaluate(
    model: str | None,
    data: str,
    form: str,
    separator: str | None,
    template: str | None,
    *,
    predictions: str | None,
    threshold: float,
    tune: str | None,
    batch: int,
) -> dict[str, Any]:
    """`whetstone prm eval`."""
    console = Console(soft_wrap=True)
    layout = {"separator": separator or "\n", "template": template or ""}
    chains = read(data, form, **layout)
    if predictions is not None:
        figures = _predicted(chains, predictions, threshold)
    else:
        assert model is not None
        loaded, tokenizer = training.load(model)
        if tune:
            held = read(tune, form, **layout)
            scores = step_scores(loaded, tokenizer, held, batch=batch)
            truth = [measures.first_wrong([step.label for step in chain.steps]) for chain in held]
            threshold = measures.best_threshold(scores, truth)
        with completions_bar(console, model, len(chains)) as progress:
            scores = step_scores(loaded, tokenizer, chains, batch=batch, progress=progress)
        figures = measures.evaluate(chains, scores, threshold)
    console.print(table(f"{model or predictions} on {data}", figures))
    return figures


def table(title: str, figures: Mapping[str, Any]) -> Table:
    """The figures of `rl.prm.step_metrics` as a table."""
    made = Table(title=title, title_justify="left")
    made.add_column("measure")
    made.add_column("value", justify="right")
    own = figures["processbench"]
    for name in ("wrong", "right"):
        if own[name]:
            made.add_row(f"accuracy on {own[f'n_{name}']} {name} chains", f"{own[name]['value']:.4f}")
    if own["f1"] is not None:
        made.add_row("F1", f"{own['f1']:.4f}")
    for key, what in (("step_auc", "step AUC"), ("all_steps_auc", "step AUC, also after the first mistake")):
        if figures.get(key) is not None:
            made.add_row(what, f"{figures[key]:.4f}")
    if figures.get("calibration"):
        made.add_row("expected calibration error", f"{figures['calibration']['ece']:.4f}")
    for name, by_n in figures.get("best_of_n", {}).items():
        n = max(by_n)
        made.add_row(f"best of {n} by {name}", f"{by_n[n]['best']:.4f}")
    if "best_of_n" in figures:
        last = figures["best_of_n"]["min"]
        made.add_row(f"majority of {max(last)}", f"{last[max(last)]['majority']:.4f}")
        made.add_row(f"pass@{max(last)}", f"{last[max(last)]['pass']:.4f}")
    return made


def escaped(text: str | None) -> str | None:
    r"""Text of the command line with `\n` and `\t` read as a line break and a tab."""
    return None if text is None else text.replace("\\n", "\n").replace("\\t", "\t")


def _config(task: str, overrides: Sequence[str]) -> Config:
    if task.endswith((".yaml", ".yml")):
        return load(task, overrides)
    own = ["name=prm", "policy.model=embedded", "rewards.correctness.weight=1", "algorithm=grpo", f"task={task}"]
    return load(None, [*own, "sampling.max_tokens=256", *overrides])


def _splitter(o: Mapping[str, Any], verifier: Verifier) -> Splitter:
    separator = escaped(o["separator"])
    if o["pattern"]:
        try:
            return Splitter(separator, re.compile(o["pattern"]))
        except re.error as error:
            raise UserError("--pattern", f"not a regular expression: {error}") from None
    return Splitter(separator) if separator or verifier.judges_steps else Splitter("\n")


def _rows(path: str, verifier: Verifier) -> list[dict[str, Any]]:
    rows = []
    for place, row in records(path):
        for column in ("prompt", "completion", "gold", *verifier.columns):
            if row.get(column) is None:
                raise UserError(place, f"no {column!r}; the row has: {', '.join(row)}")
        rows.append(row)
    return rows


def _drawn(console: Console, config: Config, task: Task, o: Mapping[str, Any]) -> list[dict[str, Any]]:
    policy = setup.policy(config, task, console)
    model: Any = policy.model
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    problems = task.splits[o["split"]][: o["prompts"]]
    with completions_bar(console, "completions to label", len(problems) * o["samples"]) as progress:
        drawn = sample(
            model,
            policy.tokenizer,
            [row["prompt"] for row in problems],
            count=o["samples"],
            batch=o["batch"],
            seed=o["seed"],
            progress=progress,
            **config.sampling.parameters,
        )
    return [
        {**row, "completion": completion.text, "finish_reason": completion.finish_reason}
        for row, group in zip(problems, drawn, strict=True)
        for completion in group
    ]


def _completer(console: Console, config: Config | None, task: Task | None, o: Mapping[str, Any]) -> Completer:
    if config and task:
        chosen = config.policy.model_copy(update={"model": o["completer"]}) if o["completer"] else config.policy
        policy = setup.policy(config.model_copy(update={"policy": chosen}), task, console)
        longest = o["max_tokens"] or config.sampling.max_tokens
    elif o["completer"] and o["completer"] != "embedded":
        policy = policies.load(PolicySettings(model=o["completer"]), o["completer"], chat=False)
        longest = o["max_tokens"] or 256
    else:
        raise UserError("--completer", "needs a folder or hub id; 'embedded' needs --task as well")
    model: Any = policy.model
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    return Completer(
        model,
        policy.tokenizer,
        identity(model.name_or_path, getattr(model.config, "_commit_hash", None)),
        longest,
        temperature=o["temperature"],
        batch=o["batch"],
        seed=o["seed"],
        cache=cache_folder() / "continuations",
    )


def _written(console: Console, out: str, chains: Sequence[Chain], counts: Any) -> list[Chain]:
    labels = [step.label for chain in chains for step in chain.steps]
    known = [value for value in labels if value is not None]
    if not known:
        why = f"; the verifier abstained {counts.abstained:,} times, failed {counts.failed:,} times" if counts else ""
        raise UserError(out, f"not written: none of {len(labels):,} steps of {len(chains):,} chains has a label{why}")
    write(Path(out), chains)
    mean = f", mean label {sum(known) / len(known):.3f}"
    console.print(f"{len(chains):,} chains, {len(known):,} of {len(labels):,} steps labelled{mean}: {out}")
    if counts and (counts.abstained or counts.failed):
        console.print(f"not judged: the verifier abstained {counts.abstained:,} times, failed {counts.failed:,} times")
    if counts and any(chain.verified for chain in chains):
        figures = agreement(chains, 0.0)
        if figures["auc"] is not None:
            console.print(f"against the verifier's steps: agree {figures['agree']:.3f}, AUC {figures['auc']:.3f}")
    return list(chains)


def _predicted(chains: Sequence[Chain], path: str, threshold: float) -> dict[str, Any]:
    """The figures of saved predictions, matched by `id` where every row has one, else by order."""
    rows = list(records(path))
    if len(rows) != len(chains):
        raise UserError(path, f"{len(rows)} predictions for {len(chains)} chains")
    if all(row.get("id") is not None for _, row in rows) and all(chain.id is not None for chain in chains):
        by_id = {row["id"]: (place, row) for place, row in rows}
        missing = [chain.id for chain in chains if chain.id not in by_id]
        if missing:
            raise UserError(path, f"no prediction for {missing[0]!r}")
        rows = [by_id[chain.id] for chain in chains]
    if all("scores" in row for _, row in rows):
        for (place, row), chain in zip(rows, chains, strict=True):
            if len(row["scores"]) != len(chain.steps):
                raise UserError(place, f"{len(row['scores'])} scores for {len(chain.steps)} steps")
        return measures.evaluate(chains, [row["scores"] for _, row in rows], threshold)
    for place, row in rows:
        if not isinstance(row.get("prediction"), int):
            raise UserError(place, "needs `prediction`, the first wrong step or -1, or `scores` in every row")
    truth = [measures.first_wrong([step.label for step in chain.steps]) for chain in chains]
    return {"processbench": measures.protocol([row["prediction"] for _, row in rows], truth)}
