"""What the runs of real models share: how they are made, their names, and the figures that are put on record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from harness import QUIET, Row

from rl.analysis.paired import changed, mcnemar
from rl.config import dump, load, load_stages
from rl.config.layers import arms
from rl.storage.run_folder import RunFolder, read_jsonl
from verifiers.verdict import is_right

FOLDER = Path("runs") / "real"
KEPT = ("n", "k", "greedy", "mean_at_k", "pass_at_k", "maj_at_k", "chain")


class Done(NamedTuple):
    """A finished run.

    Attributes:
        folder: its folder.
        summary: its summary.
        before: the evaluation on test before the first step.
        after: the one after the last step.
    """

    folder: RunFolder
    summary: Row
    before: Row
    after: Row


def run_name(rung: str, arm: str, seed: int) -> str:
    """The name of a run, which is that of its folder."""
    return "-".join([rung, *re.findall(r"\w+", arm.lower()), str(seed)])


def overrides_of(file: Path, arm: str, seed: int, model: str, name: str, more: Sequence[str]) -> list[str]:
    """The overrides of a run.

    Args:
        file: the config.
        arm: one of its arms.
        seed: of the training.
        model: a folder or hub id.
        name: of the run.
        more: `key=value`, over those of the arm.
    """
    own = [f"policy.model={model}", f"seed={seed}", f"name={name}", f"logging.folder={FOLDER}"]
    return [*arms(file)[arm], *own, *QUIET, *more]


def trained(file: Path, overrides: Sequence[str]) -> Done:
    """Train a config, unless its run is finished.

    Args:
        file: the config.
        overrides: of the run, with its name.
    """
    from rl.training import train

    config = load(file, overrides)
    folder = RunFolder(config.run_folder)
    if not folder.finished:
        train(config)
    return done(folder)


def trained_in_stages(file: Path, overrides: Sequence[str], name: str) -> dict[str, Done]:
    """Train the stages of a config, of which the arms of a seed share all but the last.

    The folder of the last stage is renamed when it is done, so that the next arm can begin its own.

    Args:
        file: the config.
        overrides: of the run, with the name that the arms of a seed share.
        name: of the last stage's folder, once it is done.

    Returns:
        Stage → its run, in their order.

    Raises:
        SystemExit: there is an unfinished run of another arm.
    """
    from rl.stages import train_stages

    stages = load_stages(file, overrides)
    folders = {stage: RunFolder(config.run_folder) for stage, config in stages.items()}
    last = [*stages][-1]
    kept, begun = RunFolder(FOLDER / name), folders[last]
    if not kept.finished:
        if begun.path.exists() and begun.changes_to(dump(stages[last])):
            raise SystemExit(f"{begun.path} is an unfinished run of another arm: finish that first, or delete it")
        train_stages(stages)
        begun.path.rename(kept.path)
    return {stage: done(kept if stage == last else folder) for stage, folder in folders.items()}


def done(folder: RunFolder) -> Done:
    """The record of a finished run."""
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    before, after = (folder.evaluation("test", step) for step in (0, summary["steps"]))
    assert before is not None and after is not None
    return Done(folder, summary, before, after)


def figures(run: Done) -> Row:
    """What is put on record of a run: accuracy before and after, problems that changed, its draws, and what it cost."""
    examples = run.before["examples"], run.after["examples"]
    return {
        "before": kept(run.before),
        "after": kept(run.after),
        **changes(*examples),
        "curve": curve(run.folder),
        "tokens": run.summary["tokens_generated"],
        "sampled": run.summary["tokens_sampled"],
        "minutes": round(sum(seconds(run.folder)) / 60, 1),
        "steps": run.summary["steps"],
        "device": run.summary["device"],
    }


def staged_figures(stages: Mapping[str, Done]) -> Row:
    """What is put on record of a supervised start (`sft`) and the stage after it (`rl`): also the base model's figures.

    Args:
        stages: from `trained_in_stages`.
    """
    start = stages["sft"].summary
    return {
        "base": kept(start["before"]),
        **figures(stages["rl"]),
        "sft_minutes": round(start["wall_s"] / 60, 1),
    }


def source_file(folder: Path | None, rung: str, data_set: str) -> Path:
    """The file of a data set in the folder that `--data` names.

    Args:
        folder: that folder; None if none was named.
        rung: what the data set is for.
        data_set: its name.

    Raises:
        ValueError: no folder was named.
    """
    file = f"{data_set}.jsonl.gz"
    if folder is None:
        raise ValueError(f"{rung} needs --data, a folder with {file}")
    return folder / file


def curve(folder: RunFolder) -> Row:
    """The share of right completions in each draw, and the optimizer step after it; nothing if a run draws none."""
    draws = [row for row in read_jsonl(folder.metrics) if "completions/right" in row]
    found = {"step": [row["step"] for row in draws], "right": [round(row["completions/right"], 4) for row in draws]}
    return found if draws else {}


def seconds(folder: RunFolder) -> Iterable[float]:
    """Seconds of the steps and of the evaluations, also of those before a run was stopped."""
    steps = [row for row in read_jsonl(folder.metrics) if "step_time" in row]
    yield from (row["step_time"] for row in steps)
    yield from (row["seconds"] for row in read_jsonl(folder.evaluations))


def kept(evaluation: Row) -> Row:
    """The figures of an evaluation that are put on record."""
    return {name: evaluation[name] for name in KEPT if name in evaluation}


def changes(before: Sequence[Row], after: Sequence[Row], figure: str = "score") -> Row:
    """How many problems were gained and lost, and McNemar's p-value.

    Args:
        before: the examples of an evaluation.
        after: those of a later one, of the same problems.
        figure: `score`, or `chain` to count a right answer only if every step is right.
    """
    right = [[counts(one, figure) for one in of] for of in (before, after)]
    gained, lost = changed(list(zip(*right, strict=True)))
    return {"gained": gained, "lost": lost, "p": mcnemar(gained, lost)}


def counts(example: Row, figure: str) -> bool:
    """Whether an example of an evaluation is right, by its score, or by its steps as well (`chain`)."""
    value = example[figure]
    return value if isinstance(value, bool) else bool(value is not None and is_right(value))


def marks(examples: Sequence[Row], figure: str) -> str:
    """Which examples are right, one character for each, so that two runs can be paired: `1` or `0`."""
    return "".join(str(int(counts(one, figure))) for one in examples)
