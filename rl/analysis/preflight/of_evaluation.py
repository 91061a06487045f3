"""The short form of preflight, from the samples that a run's first evaluation draws anyway."""

from __future__ import annotations

from rl.analysis.evaluation import Evaluation
from rl.analysis.preflight.drawn import Drawn
from rl.analysis.preflight.findings import LEARNS, Findings, findings
from rl.analysis.preflight.verdict import Verdict, verdict
from rl.config import Config


def of_evaluation(config: Config, evaluation: Evaluation) -> tuple[Findings, Verdict] | None:
    """Findings and verdict from answers alone, since the rewards are not run.

    Args:
        config: the config of the run.
        evaluation: the evaluation of its policy before the first step.

    Returns:
        None if the evaluation drew no samples to compare, or the run draws none, or not in this way: by another model,
        or under prompts that show more.
    """
    otherwise = any(getattr(config.algorithm, name, None) for name in ("few_shot", "first_sampler", "strategies"))
    if evaluation.k < 2 or not config.algorithm.samples or otherwise:
        return None
    groups = [[Drawn.of_answer(row) for row in group] for group in evaluation.samples]
    greedy = [Drawn.of_answer(row) for row in evaluation.examples]
    found = findings(groups, greedy, LEARNS.get(config.algorithm.name, "from groups"))
    return found, verdict(found, answers_alone=list(config.rewards) != ["correctness"])
