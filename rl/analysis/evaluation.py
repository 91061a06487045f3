r"""How good a policy is at a task: greedy, mean@k, pass@k, maj@k and chain accuracy, with 95% intervals.

With $c$ right ones among $k$ samples of a problem, the unbiased estimate of pass@j (Chen et al. 2021,
arXiv:2107.03374, eq. 1) is $1 - \binom{k-c}{j} / \binom{k}{j}$. maj@k takes the answer most samples gave; where
several answers tie it counts the share of them that is right, which is what a fair coin would give on average.

What the verifier abstained or failed on is no wrong answer: it is counted apart and left out of every share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.reward import question_of
from rl.analysis.intervals import Interval, bootstrap, wilson
from rl.config import Config
from rl.sampling.draw import Completion, sample
from rl.tasks.task import Split, Task
from verifiers import Verdict

Judged = tuple[Completion, Verdict]


@dataclass(frozen=True)
class EvaluationSettings:
    """How many problems and samples, and how they are drawn.

    Attributes:
        n: problems, the first of the split.
        k: samples per problem beside the greedy one; 0 for none.
        parameters: how completions are drawn, by the names of `rl.sampling.draw.sample`; the greedy one without
            temperature.
        batch: completions drawn at a time.
        seed: of the draw.
    """

    n: int
    k: int
    parameters: Mapping[str, Any]
    batch: int = 512
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """A measured policy.

    Attributes:
        split: the split it was measured on.
        n: problems.
        k: samples a problem.
        metrics: name → value with its interval; None where it could not be had (`chain` without a step verifier).
        pass_at: j → pass@j for powers of two up to k.
        counts: of the verdicts on greedy completions, by status.
        tokens: tokens generated to measure it.
        examples: for each problem `prompt, gold, completion, score, status, reason, extracted, finish_reason,
            chain`.
    """

    split: Split
    n: int
    k: int
    metrics: dict[str, Interval | None]
    pass_at: dict[int, Interval | None]
    counts: dict[str, int]
    tokens: int
    examples: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the examples."""
        return {
            "split": self.split,
            "n": self.n,
            "k": self.k,
            **{name: interval and interval.as_dict() for name, interval in self.metrics.items()},
            "pass_at": {str(j): interval and interval.as_dict() for j, interval in self.pass_at.items()},
            "counts": self.counts,
        }


def settings_for(config: Config, split: Split) -> EvaluationSettings:
    """How a config wants a split to be measured."""
    wanted = config.evaluation
    return EvaluationSettings(
        n=wanted.validation_n if split == "validation" and wanted.validation_n else wanted.n,
        k=wanted.k,
        parameters=config.evaluation_parameters,
        batch=wanted.batch,
        seed=config.seed,
    )


def evaluate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    split: Split,
    settings: EvaluationSettings,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Measure a policy on the first `n` problems of a split. Under several processes each takes its share of them.

    Args:
        model: the policy, not wrapped.
        tokenizer: its tokenizer.
        task: where the problems and the verifier come from.
        split: which problems.
        settings: how many, and how completions are drawn.
        progress: called with the number of completions that were drawn since the last call.
    """
    rows = task.splits[split][: settings.n]
    process, processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    mine = rows[process::processes]
    drawing: dict[str, Any] = {**settings.parameters, "batch": settings.batch, "progress": progress}
    prompts = [row["prompt"] for row in mine]
    greedy = _judged(task, mine, sample(model, tokenizer, prompts, **{**drawing, "temperature": None}))
    samples: list[list[Judged]] = [[] for _ in mine]
    if settings.k:
        drawn = sample(
            model,
            tokenizer,
            prompts,
            count=settings.k,
            seed=settings.seed + process,
            **drawing,
        )
        samples = _judged(task, mine, drawn)
    if processes > 1:
        greedy, samples = _gathered(greedy, len(rows)), _gathered(samples, len(rows))
    return summarise(task, split, rows, [judged for (judged,) in greedy], samples)


def summarise(
    task: Task,
    split: Split,
    rows: Sequence[Mapping[str, Any]],
    greedy: Sequence[Judged],
    samples: Sequence[Sequence[Judged]],
) -> Evaluation:
    """The metrics of completions that are already judged.

    Args:
        task: its verifier says whether steps are judged.
        split: the split the rows are from.
        rows: N problems.
        greedy: the greedy completion of each with its verdict.
        samples: k sampled completions of each, likewise; N empty lists for none.
    """
    k = len(samples[0]) if samples else 0
    judges_steps = task.judge().judges_steps
    metrics: dict[str, Interval | None] = {}
    scored = [verdict for _, verdict in greedy if verdict.status == "judged"]
    metrics["greedy"] = wilson(sum(_right(verdict) for verdict in scored), len(scored))
    metrics["chain"] = wilson(sum(_chain(v) for v in scored), len(scored)) if judges_steps else None
    grouped = [[v for _, v in group if v.status == "judged"] for group in samples]
    grouped = [group for group in grouped if group]
    metrics["mean_at_k"] = bootstrap([sum(map(_right, group)) / len(group) for group in grouped])
    pass_at = {j: _pass_at(grouped, j) for j in _powers_of_two(k)}
    metrics["pass_at_k"] = _pass_at(grouped, k) if k else None
    metrics["maj_at_k"] = bootstrap([_majority(group) for group in grouped])
    lengths = [float(len(completion.ids)) for completion, _ in greedy]
    metrics["mean_length"] = bootstrap(lengths)
    metrics["cut_off"] = wilson(sum(completion.finish_reason == "length" for completion, _ in greedy), len(greedy))
    statuses = [verdict.status for _, verdict in greedy]
    everything = [completion for completion, _ in greedy] + [c for group in samples for c, _ in group]
    return Evaluation(
        split=split,
        n=len(rows),
        k=k,
        metrics=metrics,
        pass_at=pass_at,
        counts={status: statuses.count(status) for status in ("judged", "abstained", "failed")},
        tokens=sum(len(completion.ids) for completion in everything),
        examples=[
            {
                "prompt": question_of(row["prompt"]),
                "gold": row["gold"],
                "completion": completion.text,
                "score": verdict.score,
                "status": verdict.status,
                "reason": verdict.reason,
                "extracted": verdict.extracted,
                "finish_reason": completion.finish_reason,
                "chain": _chain(verdict) if judges_steps else None,
            }
            for row, (completion, verdict) in zip(rows, greedy, strict=True)
        ],
    )


def pass_at(k: int, right: int, j: int) -> float:
    """Unbiased estimate of pass@j from `right` right ones among k samples."""
    return 1.0 if k - right < j else 1.0 - math.comb(k - right, j) / math.comb(k, j)


def _right(verdict: Verdict) -> bool:
    return verdict.score == 1.0


def _chain(verdict: Verdict) -> bool:
    """Right answer by right steps alone."""
    return _right(verdict) and bool(verdict.steps) and all(step.score == 1.0 for step in verdict.steps)


def _pass_at(grouped: Sequence[Sequence[Verdict]], j: int) -> Interval | None:
    """pass@j over the problems that have at least j judged samples."""
    return bootstrap([pass_at(len(group), sum(map(_right, group)), j) for group in grouped if len(group) >= j])


def _majority(group: Sequence[Verdict]) -> float:
    """How right the answer is that most samples gave; samples without an answer have no vote."""
    votes: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in group:
        if verdict.extracted is not None:
            votes[verdict.extracted.strip()].append(verdict)
    if not votes:
        return 0.0
    most = max(len(voters) for voters in votes.values())
    winners = [voters for voters in votes.values() if len(voters) == most]
    return sum(_right(voters[0]) for voters in winners) / len(winners)


def _powers_of_two(k: int) -> list[int]:
    return [2**e for e in range(k.bit_length()) if 2**e <= k]


def _judged(task: Task, rows: Sequence[Mapping[str, Any]], drawn: Sequence[Sequence[Completion]]) -> list[list[Judged]]:
    """Every completion with its verdict, in one call of the verifier."""
    flat = [
        {**row, "prompt": question_of(row["prompt"]), "prediction": completion.text}
        for row, group in zip(rows, drawn, strict=True)
        for completion in group
    ]
    verdicts = iter(task.judge()(flat))
    return [[(completion, next(verdicts)) for completion in group] for group in drawn]


def _gathered(mine: list[Any], total: int) -> list[Any]:
    """The rows of all processes in the order they were dealt out."""
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return [parts[row % len(parts)][row // len(parts)] for row in range(total)]
