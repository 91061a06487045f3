"""What a run in rounds leaves of each round: log lines, its completions, checkpoints of its fit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import wandb
from transformers import TrainerCallback

from rewards.reward import question_of
from rewards.sample import Sample
from rl.config import Config
from rl.examples.hints import right_by_wrong_steps
from rl.runs.callbacks import numbers_of
from rl.runs.run import Run
from rl.storage.run_folder import RunFolder, read_jsonl, write_atomically

NOT_RECORDED = ("num_tokens",)
"""TRL counts these from the start of the process, not of the fit, so that after resuming they would differ."""


class FitFolder(RunFolder):
    """The run folder as a round's fit sees it, with checkpoints of its own.

    Args:
        run: the run folder.
        number: of the round.
    """

    def __init__(self, run: RunFolder, number: int) -> None:
        super().__init__(run.path)
        self.checkpoints = run.checkpoints / f"round_{number:03d}"
        self.staging = self.checkpoints / ".staging"


class FitRecords(TrainerCallback):
    """Writes a fit's log lines under a step count that runs over the rounds.

    Args:
        run: the rounds.
        number: of the round.
    """

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.number, self.offset = run, number, run.last_step

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """Record a log line; the summary of the fit, which is about time, is left out."""
        if logs and state.is_world_process_zero and "train_runtime" not in logs:
            numbers = {name: value for name, value in numbers_of(logs).items() if name not in NOT_RECORDED}
            self.run.log(self.offset + state.global_step, {**numbers, "round": self.number})


def start_wandb(config: Config, folder: RunFolder) -> None:
    """One W&B run for all rounds, taken up again where the run is resumed."""
    known = folder.path / "wandb_id"
    if not known.exists():
        write_atomically(known, secrets.token_hex(4) + "\n")
    name, project = config.name, config.logging.project
    wandb.init(project=project, name=name, dir=str(folder.path), id=known.read_text().strip(), resume="allow")


def numbers_of_round(samples: Sequence[Sample]) -> dict[str, float | None]:
    """What a round drew without hints: the share that is right, not judged, and cut off, and the mean score.

    Where the verifier judges steps, right answers by wrong steps are counted too, with and without hints apart.
    """
    plain = [one for one in samples if not one.hinted]
    judged = [one.right for one in plain if one.right is not None]
    scores = [one.reward for one in plain if one.reward is not None]
    return {
        "rounds/right": sum(judged) / len(judged) if judged else None,
        "rounds/not_judged": 1 - len(judged) / len(plain),
        "rounds/cut_off": sum(one.finish_reason == "length" for one in plain) / len(plain),
        "rounds/score": sum(scores) / len(scores) if scores else None,
        **right_by_wrong_steps(samples),
    }


def write_completions(folder: RunFolder, step: int, samples: Sequence[Sample]) -> None:
    """A round's samples under the step that they were drawn at, in the columns of the online runs' files."""
    table = [
        {
            "step": step,
            "prompt": question_of(one.prompt),
            "completion": one.text,
            **{f"rewards/{name}": said.value for name, said in one.rewards.items()},
            "reward": one.reward,
            "right": one.right,
            "finish_reason": one.finish_reason,
            "hinted": one.hinted,
        }
        for one in samples
    ]
    pd.DataFrame(table).to_parquet(folder.completions / f"step_{step:06d}.parquet")


def both_fell(folder: RunFolder, first: int, last: int) -> dict[str, float] | None:
    """How the log-probabilities of `chosen` and of `rejected` changed over a fit, where both of them fell; else None.

    Args:
        folder: the run folder.
        first: the last step before the fit.
        last: its last step.
    """
    rows = [r for r in read_jsonl(folder.metrics) if first < r["step"] <= last and r.get("logps/chosen") is not None]
    if len(rows) < 2:
        return None
    tenth = max(1, len(rows) // 10)
    change = {
        name: _mean(rows[-tenth:], f"logps/{name}") - _mean(rows[:tenth], f"logps/{name}")
        for name in ("chosen", "rejected")
    }
    return change if all(nats < 0 for nats in change.values()) else None


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(row[name] for row in rows) / len(rows)
