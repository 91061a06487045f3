"""The parts that online runs (`rl/runs/online.py`) and runs in rounds (`rl/rounds/rounds.py`) share."""

from __future__ import annotations

import json
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any

from accelerate.utils import broadcast_object_list

from rewards.models.types import Model
from rl import setup
from rl.analysis import console as show
from rl.analysis.diagnostics.record import Finding
from rl.analysis.diagnostics.watch import Watch, replayed
from rl.analysis.evaluation import Evaluation, EvaluationSettings, evaluate, settings_for
from rl.analysis.preflight import show as preflight
from rl.analysis.preflight.of_evaluation import of_evaluation
from rl.analysis.reports.report import write_report
from rl.context import RunContext
from rl.progress import Rate, Stopwatch, completions_bar
from rl.runs.trackers import Trackers
from rl.storage.run_folder import read_jsonl, write_atomically
from rl.tasks.task import Split, fingerprints


class Run(ABC):
    """A run: its evaluations, its records and its summary.

    Args:
        context: the loaded parts of the run.

    Attributes:
        right_on_validation: greedy accuracy in this process's last evaluation on validation; None before the first one.
        trained_for: seconds of the run without its evaluations.
    """

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.right_on_validation: float | None = None
        self.config, self.task, self.policy = context.config, context.task, context.policy
        self.folder, self.state, self.console = context.folder, context.state, context.console
        self.trained_for = Stopwatch()
        self.trackers = Trackers()
        self.watch = self._watch()

    def report_to(self, trackers: Trackers) -> None:
        """Report to these trackers from now on."""
        self.trackers = trackers
        trackers.rate = Rate(self.trained_for)

    @abstractmethod
    def train(self) -> None:
        """Train to the end, from the state in the run folder.

        Raises:
            UserError: there is nothing to train on.
            NotFinite: ten steps in a row had a loss or gradients that are NaN or infinite.
            KeyboardInterrupt: the run was interrupted; the work so far is saved.
        """

    @abstractmethod
    def generating(self) -> AbstractContextManager[Model]:
        """The current policy, ready to generate."""

    @abstractmethod
    def trained_tokens(self) -> float:
        """Number of tokens sampled for training."""

    @property
    @abstractmethod
    def last_step(self) -> int:
        """Optimizer steps so far."""

    def log(self, step: int, numbers: Mapping[str, Any]) -> None:
        """Write a line to metrics.jsonl and the trackers.

        Args:
            step: optimizer steps so far.
            numbers: metric → value.
        """
        row = {"step": step, **numbers}
        self.folder.append(self.folder.metrics, row)
        self.trackers.log(step, numbers)
        self.watch.log(row)

    def look_back(self) -> None:
        """Let the diagnostics read the existing records, without repeating what they said when these were logged."""
        if self.state.is_main_process:
            watch = Watch(self.watch.record.config)
            replayed(read_jsonl(self.folder.metrics), read_jsonl(self.folder.evaluations), {}, watch)
            watch.tell, watch.complain = self.watch.tell, self.watch.complain
            self.watch = watch

    def measure(self, split: Split, step: int) -> None:
        """Evaluate the current policy and record the result; a recorded evaluation is not repeated."""
        mine = self.state.is_main_process and self.folder.evaluation(split, step) is not None
        (on_record,) = broadcast_object_list([mine])
        if on_record:
            return
        with self.trained_for.paused():
            self._measured(split, step)

    def _measured(self, split: Split, step: int) -> None:
        started = time.perf_counter()
        settings = settings_for(self.config, split)
        share = min(settings.n, len(self.task.splits[split])) // self.state.num_processes
        with (
            self.generating() as model,
            completions_bar(self.console, f"step {step} on {split}", share * (1 + settings.k)) as progress,
        ):
            evaluation = self.evaluated(model, split, settings, progress)
        if not self.state.is_main_process:
            return
        if split == "validation" and (greedy := evaluation.metrics["greedy"]) is not None:
            self.right_on_validation = greedy.value
        row = {"step": step, "seconds": round(time.perf_counter() - started, 3), "tokens": evaluation.tokens}
        examples = evaluation.examples[:200]
        row |= evaluation.as_dict()
        self.folder.append(self.folder.evaluations, {**row, "examples": examples})
        self.watch.evaluated(row)
        numbers = {f"eval/{split}/{name}": m.value for name, m in evaluation.metrics.items() if m is not None}
        self.log(step, numbers)
        show.evaluated(self.console, step, evaluation)
        if step == 0 and split == "test" and (foreseen := of_evaluation(self.config, evaluation)) is not None:
            preflight.in_short(self.console, *foreseen)

    def evaluated(
        self,
        model: Model,
        split: Split,
        settings: EvaluationSettings,
        progress: Callable[[int], None] | None = None,
    ) -> Evaluation:
        """An evaluation of the current policy.

        Args:
            model: the policy.
            split: the split with the problems.
            settings: numbers of problems and samples, and how they are drawn.
            progress: called with the number of completions drawn since the last call.
        """
        mix, engine = self.context.mix if self.config.evaluation.rewards else None, self.context.engine
        if engine is not None:
            engine.update(model)
        return evaluate(model, self.policy.tokenizer, self.task, split, settings, progress, mix, engine)

    def summarise(self, wall_s: float) -> dict[str, Any]:
        """Write and return the summary: the run, its device, and the figures before and after training."""
        last = self.last_step
        before, after = (self.folder.evaluation("test", step) for step in (0, last))
        assert before is not None and after is not None
        evaluated_tokens = sum(row["tokens"] for row in read_jsonl(self.folder.evaluations))
        packages = ("whetstone-rl", "trl", "torch", "transformers", "peft", "accelerate")
        summary = {
            "name": self.config.name,
            "algorithm": self.config.algorithm.name,
            "task": self.config.task.name,
            "seed": self.config.seed,
            "steps": last,
            "wall_s": round(wall_s, 1),
            "tokens_sampled": round(self.trained_tokens()),
            "tokens_generated": round(self.trained_tokens() + evaluated_tokens),
            "rows_skipped": len(self.task.skipped),
            "data": fingerprints(self.task.splits),
            "device": setup.device_name(),
            "processes": self.state.num_processes,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
            "before": _figures(before),
            "after": _figures(after),
            "warnings": [finding.as_dict() for finding in self.watch.findings],
        }
        rounds = [row for row in read_jsonl(self.folder.metrics) if "rounds/number" in row]
        if rounds:
            summary["rounds"] = [
                {name.removeprefix("rounds/"): value for name, value in row.items() if name.startswith("rounds/")}
                for row in rounds
            ]
        write_atomically(self.folder.summary, json.dumps(summary, indent=2) + "\n")
        return summary

    def finish(self) -> dict[str, Any] | None:
        """Evaluate the trained policy on the test split, and write the summary and the report.

        Returns:
            The summary, on the main process; None on the others.
        """
        self.measure("test", self.last_step)
        if not self.state.is_main_process:
            return None
        self.folder.clear_weights()
        summary = self.summarise(time.perf_counter() - self.context.started)
        write_report(self.folder.path)
        show.finished(self.console, self.folder, summary)
        return summary

    def _watch(self) -> Watch:
        def tell(finding: Finding) -> None:
            self.context.warn(f"step {finding.step}: {finding.message} What may help: {finding.remedy}")

        return Watch(self.config.model_dump(), tell, self.context.warn)


def _figures(evaluation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in evaluation.items() if name not in ("examples", "step", "tokens", "seconds")}
