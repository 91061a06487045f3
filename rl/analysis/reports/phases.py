"""Where the time of a run went: sampling, judging, the critic, the update, evaluation."""

from __future__ import annotations

import math
import statistics

from pydantic import ValidationError

from rl.analysis.reports.runs import RunRecord
from rl.config import Config
from rl.config.generation_cycle import GenerationCycle
from rl.config.wrong_key import WrongKey


def seconds_by_phase(run: RunRecord) -> dict[str, float]:
    """Seconds of each phase of a run, the largest first; empty where the run did not log them.

    A log line of an online run has the mean over the draws since the line before, so a phase takes that mean times the
    number of draws; the update is what is left of the optimizer steps. In rounds, each round has its own line.

    Args:
        run: the run.
    """
    logged = {phase: [value for _, value in run.series(f"time/{phase}")] for phase in ("sampling", "judging", "critic")}
    logged = {phase: values for phase, values in logged.items() if values}
    if not logged:
        return {}
    if "rounds" in run.config["algorithm"]:
        seconds = {phase: sum(values) for phase, values in logged.items()}
    elif (draws := _draws(run)) is not None:
        seconds = {phase: statistics.fmean(values) * draws for phase, values in logged.items()}
    else:
        return {}
    if steps := run.series("step_time"):
        whole = statistics.fmean(value for _, value in steps) * steps[-1][0]
        seconds["update of the policy"] = max(0.0, whole - sum(seconds.values()))
    seconds["evaluation"] = sum(row.get("seconds", 0.0) for row in run.evaluations)
    if run.summary:
        rest = "loading, saving and the rest" if steps else "fits, loading and saving"
        seconds[rest] = max(0.0, run.summary["wall_s"] - sum(seconds.values()))
    return dict(sorted(seconds.items(), key=lambda phase: -phase[1]))


def _draws(run: RunRecord) -> float | None:
    """Number of draws of an online run; None if its config is of another version."""
    try:
        cycle = GenerationCycle.of(Config.model_validate(run.config))
    except (ValidationError, WrongKey):
        return None
    again = [value for _, value in run.series("dynamic_sampling/draws")]
    last = max((row["step"] for row in run.metrics), default=0)
    return math.ceil(last / cycle.optimizer_steps) * (statistics.fmean(again) if again else 1.0)
