"""The records of a run in rounds: log lines, completions and checkpoints of each round."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rewards.reward import question_of
from rewards.sample import Sample
from rl.examples.hints import right_by_wrong_steps
from rl.runs.callbacks import numbers_of
from rl.runs.run import Run
from rl.sampling.quality import repeated
from rl.storage import completions
from rl.storage.run_folder import RunFolder

NOT_RECORDED = ("num_tokens",)
"""Metrics that TRL counts from the start of the process, not of the fit; they would differ after resuming."""


class FitFolder(RunFolder):
    """The run folder with the checkpoints of one round's fit.

    Args:
        run: the run folder.
        number: number of the round, from 0.
    """

    def __init__(self, run: RunFolder, number: int) -> None:
        super().__init__(run.path)
        self.checkpoints = run.checkpoints / f"round_{number:03d}"
        self.staging = self.checkpoints / ".staging"


class FitRecords(TrainerCallback):
    """Writes a fit's log lines with a step count that continues over the rounds.

    Args:
        run: the run in rounds.
        number: number of the round, from 0.
    """

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.number, self.offset = run, number, run.last_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Record a log line, except the summary of the fit, which is about timing."""
        if logs and state.is_world_process_zero and "train_runtime" not in logs:
            numbers = {name: value for name, value in numbers_of(logs).items() if name not in NOT_RECORDED}
            self.run.log(self.offset + state.global_step, {**numbers, "round": self.number})


def numbers_of_round(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Figures about a round's samples: the shares that are right, not judged and truncated, and the mean score.

    Hinted samples are left out. The share that is right, the score and each reward also have a standard error
    (`standard_error`), and each reward a standard deviation and the shares on which it abstained and failed. If the
    verifier judges steps, right answers with wrong steps are counted, separately with and without hints.
    """
    plain = [one for one in samples if not one.hinted]
    rights = [(one.index, float(one.right)) for one in plain if one.right is not None]
    scores = [(one.index, one.reward) for one in plain if one.reward is not None]
    numbers: dict[str, float | None] = {
        "rounds/right": statistics.fmean(right for _, right in rights) if rights else None,
        "rounds/right_error": standard_error(rights),
        "rounds/not_judged": 1 - len(rights) / len(plain),
        "rounds/cut_off": sum(one.finish_reason == "length" for one in plain) / len(plain),
        "rounds/repetition": repeated(plain),
        "rounds/score": statistics.fmean(score for _, score in scores) if scores else None,
        "rounds/score_error": standard_error(scores),
        **right_by_wrong_steps(samples),
    }
    for name in plain[0].rewards:
        said = [(one.index, one.rewards[name]) for one in plain]
        values = [(index, judgement.value) for index, judgement in said if judgement.value is not None]
        alone = [value for _, value in values]
        numbers |= {
            f"rewards/{name}/mean": statistics.fmean(alone) if alone else None,
            f"rewards/{name}/std": statistics.pstdev(alone) if alone else None,
            f"rewards/{name}/error": standard_error(values),
            f"rewards/{name}/abstained": sum(judgement.status == "abstained" for _, judgement in said) / len(said),
            f"rewards/{name}/failed": sum(judgement.status == "failed" for _, judgement in said) / len(said),
        }
    return numbers_of(numbers)


def shown(numbers: Mapping[str, float | None]) -> str:
    """The figures of a round that are printed: those about its samples and examples.

    Args:
        numbers: metric → value.
    """
    said = {name.removeprefix("rounds/"): value for name, value in numbers.items() if name.startswith("rounds/")}
    return " · ".join(f"{name} {value:.4g}" for name, value in said.items() if value is not None)


def standard_error(values: Sequence[tuple[int, float]]) -> float | None:
    """The standard error of a mean over completions, clustered by prompt.

    Args:
        values: (index of the prompt, value) of each completion.

    Returns:
        The standard error of the prompts' means; None with fewer than two prompts.
    """
    by_prompt: dict[int, list[float]] = defaultdict(list)
    for prompt, value in values:
        by_prompt[prompt].append(value)
    if len(by_prompt) < 2:
        return None
    means = [statistics.fmean(group) for group in by_prompt.values()]
    return statistics.stdev(means) / math.sqrt(len(means))


def write_completions(folder: RunFolder, step: int, samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Write a round's samples (`rl.storage.completions`), and return what was written.

    Args:
        folder: the run folder.
        step: the optimizer step at which they were drawn.
        samples: the judged samples.
    """
    table = {
        "prompt": [question_of(one.prompt) for one in samples],
        "completion": [one.text for one in samples],
        **{f"rewards/{name}": [one.rewards[name].value for one in samples] for name in samples[0].rewards},
        "reward": [one.reward for one in samples],
        "hinted": [one.hinted for one in samples],
        **completions.columns_of(samples),
    }
    return completions.write(folder, step, table)
