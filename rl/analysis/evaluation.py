r"""Evaluates a policy on a task: greedy, mean@k, pass@k, maj@k and chain accuracy, with 95% intervals.

With $c$ right samples among the $k$ samples of a problem, the unbiased estimate of pass@j is $1 - \binom{k-c}{j} /
\binom{k}{j}$ (Chen et al. 2021, arXiv:2107.03374, eq. 1). maj@k takes the answer of most samples; if several answers
tie, it counts the share of them that is right, which is the expectation of a random choice. Chain accuracy counts a
right answer only if every step is right.

`evaluation.rewards` adds the mean of each reward over the greedy completions that it could judge.

Completions on which the verifier abstained or failed are not wrong answers: they are counted separately and left out of
every share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch.distributed as dist
from transformers import PreTrainedTokenizerBase

from rewards.mixing.mix import Mix
from rewards.models.generate import Engine
from rewards.models.types import Model
from rewards.reward import question_of
from rewards.sample import Sample
from rl.analysis import statements
from rl.analysis.intervals import Interval, bootstrap, mean_of_shares, wilson
from rl.analysis.statements import Answered
from rl.config import Config
from rl.config.statements import Statements
from rl.policy.control import Conditioned
from rl.sampling.draw import Completion, as_samples, sample
from rl.sampling.judge import judge
from rl.tasks.task import Split, Task


@dataclass(frozen=True)
class EvaluationSettings:
    """The numbers of problems and samples, and the sampling parameters.

    Attributes:
        n: number of problems, from the start of the split.
        k: samples per problem in addition to the greedy completion; 0 for none.
        parameters: the sampling parameters, by their names in `rl.sampling.draw.sample`; greedy decoding ignores the
            temperature.
        batch: completions per batch.
        seed: random seed.
        statements: how problems are also answered from statements; None if they are not.
    """

    n: int
    k: int
    parameters: Mapping[str, Any]
    batch: int = 512
    seed: int = 0
    statements: Statements | None = None

    def conditioned_on(self, tokens: Conditioned) -> EvaluationSettings:
        """The same settings with control tokens added to the prompts."""
        return replace(self, parameters={**self.parameters, "conditioned": tokens})


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        split: the evaluated split.
        n: number of problems.
        k: samples per problem.
        metrics: name → value with its interval; None if not available (`chain` without a step verifier). With
            `evaluation.statements` also those of `rl/analysis/statements.py`.
        pass_at: j → pass@j for powers of two up to k.
        counts: number of verdicts on greedy completions by status.
        tokens: number of generated tokens, without those of sampled statements.
        examples: for each problem `prompt, gold, completion, score, status, reason, extracted, rule, finish_reason,
            chain`, and the verdicts on its `steps`.
        samples: for each problem, the same for its k samples.
    """

    split: Split
    n: int
    k: int
    metrics: dict[str, Interval | None]
    pass_at: dict[int, Interval | None]
    counts: dict[str, int]
    tokens: int
    examples: list[dict[str, Any]]
    samples: list[list[dict[str, Any]]]

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON, without the answers."""
        return {
            "split": self.split,
            "n": self.n,
            "k": self.k,
            **{name: interval and interval.as_dict() for name, interval in self.metrics.items()},
            "pass_at": {str(j): interval and interval.as_dict() for j, interval in self.pass_at.items()},
            "counts": self.counts,
        }


def settings_for(config: Config, split: Split) -> EvaluationSettings:
    """The evaluation settings of a config for a split.

    Args:
        config: a checked config.
        split: the split; for validation, `evaluation.validation_n` may set another number of problems.
    """
    wanted = config.evaluation
    return EvaluationSettings(
        n=wanted.validation_n if split == "validation" and wanted.validation_n else wanted.n,
        k=wanted.k,
        parameters=config.evaluation_parameters,
        batch=wanted.batch,
        seed=config.seed,
        statements=wanted.statements,
    )


def evaluate(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    split: Split,
    settings: EvaluationSettings,
    progress: Callable[[int], None] | None = None,
    mix: Mix | None = None,
    engine: Engine | None = None,
) -> Evaluation:
    """Evaluate a policy on the first `n` problems of a split, which are divided among the processes.

    Args:
        model: the policy, without wrappers such as DDP.
        tokenizer: its tokenizer.
        task: the task with the problems and the verifier.
        split: the split of the problems.
        settings: the evaluation settings.
        progress: called with the number of completions drawn since the last call.
        mix: rewards that judge the greedy completions as well; None for the verifier alone.
        engine: holds the same policy and draws its completions, except from statements; None for transformers.
    """
    rows = task.splits[split][: settings.n]
    process, processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    mine = range(process, len(rows), processes)
    drawing: dict[str, Any] = {**settings.parameters, "batch": settings.batch, "progress": progress}
    sampler, prompts = engine or model, [rows[index]["prompt"] for index in mine]
    greedy = _judged(task, rows, mine, sample(sampler, tokenizer, prompts, **{**drawing, "temperature": None}), mix)
    samples: list[list[Sample]] = [[] for _ in mine]
    if settings.k:
        drawn = sample(sampler, tokenizer, prompts, count=settings.k, seed=settings.seed + process, **drawing)
        samples = _judged(task, rows, mine, drawn)
    answered: list[Answered | None] = []
    if settings.statements is not None:
        answered = _answered(model, tokenizer, task, [rows[index] for index in mine], greedy, settings, drawing)
    if processes > 1:
        greedy, samples = _gathered(greedy, len(rows)), _gathered(samples, len(rows))
        answered = _gathered(answered, len(rows)) if settings.statements is not None else []
    found = summarise(split, [one for (one,) in greedy], samples, judges_steps=task.verifier.judges_steps)
    return replace(found, metrics=found.metrics | statements.metrics(answered)) if answered else found


def _answered(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    rows: Sequence[Mapping[str, Any]],
    greedy: Sequence[Sequence[Sample]],
    settings: EvaluationSettings,
    drawing: Mapping[str, Any],
) -> list[Answered | None]:
    """Sample statements for this process's problems, and answer from them."""
    wanted = settings.statements
    assert wanted is not None
    own = {"count": wanted.k, "temperature": wanted.temperature, "top_p": wanted.top_p, "seed": settings.seed}
    drawn = sample(model, tokenizer, [row["prompt"] for row in rows], **{**drawing, "progress": None, **own})
    texts = [[one.text for one in group] for group in drawn]
    kwargs = drawing.get("chat_template_kwargs")
    said = [one.text for (one,) in greedy]
    return statements.answered((model, tokenizer), rows, said, texts, wanted, task.verifier.name, kwargs)


def summarise(
    split: Split, greedy: Sequence[Sample], samples: Sequence[Sequence[Sample]], *, judges_steps: bool
) -> Evaluation:
    """Compute the metrics of judged samples.

    Args:
        split: the split of the problems.
        greedy: the greedy completion of each of N problems.
        samples: k sampled completions of each problem; N empty lists for none.
        judges_steps: whether the task's verifier judges steps, which chain accuracy requires.
    """
    k = len(samples[0]) if samples else 0
    metrics: dict[str, Interval | None] = {}
    judged = [one.verdict for one in greedy if one.verdict is not None and one.right is not None]
    metrics["greedy"] = wilson(sum(verdict.right is True for verdict in judged), len(judged))
    metrics["chain"] = wilson(sum(v.chain_right is True for v in judged), len(judged)) if judges_steps else None
    grouped = [[one for one in group if one.right is not None] for group in samples]
    grouped = [group for group in grouped if group]
    metrics["mean_at_k"] = mean_of_shares([_number_right(group) / len(group) for group in grouped])
    pass_at = {j: _pass_at(grouped, j) for j in _powers_of_two(k)}
    metrics["pass_at_k"] = _pass_at(grouped, k)
    metrics["maj_at_k"] = mean_of_shares([_majority(group) for group in grouped])
    metrics["mean_length"] = bootstrap([float(len(one.ids)) for one in greedy])
    metrics["cut_off"] = wilson(sum(one.finish_reason == "length" for one in greedy), len(greedy))
    for name in greedy[0].rewards if greedy else ():
        metrics[f"rewards/{name}"] = bootstrap([v for one in greedy if (v := one.rewards[name].value) is not None])
    statuses = [one.verdict.status for one in greedy if one.verdict is not None]
    everything = [*greedy, *(one for group in samples for one in group)]
    return Evaluation(
        split=split,
        n=len(greedy),
        k=k,
        metrics=metrics,
        pass_at=pass_at,
        counts={status: statuses.count(status) for status in ("judged", "abstained", "failed")},
        tokens=sum(len(one.ids) for one in everything),
        examples=[_example(one, judges_steps) for one in greedy],
        samples=[[_example(one, judges_steps) for one in group] for group in samples],
    )


def pass_at(k: int, right: int, j: int) -> float:
    """Unbiased estimate of pass@j from k samples.

    Args:
        k: number of samples.
        right: number of right samples.
        j: number of attempts, at most k.
    """
    return 1.0 - math.comb(k - right, j) / math.comb(k, j)


def _example(one: Sample, judges_steps: bool) -> dict[str, Any]:
    """The record of a completion."""
    assert one.verdict is not None, "evaluation judges every sample"
    return {
        "prompt": question_of(one.prompt),
        "gold": one.row["gold"],
        "completion": one.text,
        "score": one.verdict.score,
        "status": one.verdict.status,
        "reason": one.verdict.reason,
        "extracted": one.verdict.extracted,
        "rule": one.verdict.rule,
        "finish_reason": one.finish_reason,
        "chain": one.verdict.chain_right if judges_steps else None,
        "steps": [asdict(step) for step in one.steps],
    }


def _number_right(group: Sequence[Sample]) -> int:
    return sum(one.right is True for one in group)


def _pass_at(grouped: Sequence[Sequence[Sample]], j: int) -> Interval | None:
    """pass@j over the problems that have at least j judged samples."""
    return mean_of_shares([pass_at(len(group), _number_right(group), j) for group in grouped if len(group) >= j])


def _majority(group: Sequence[Sample]) -> float:
    """Whether the answer of most samples is right; samples without an answer have no vote."""
    votes: dict[str, list[Sample]] = defaultdict(list)
    for one in group:
        if one.verdict is not None and one.verdict.extracted is not None:
            votes[one.verdict.extracted.strip()].append(one)
    if not votes:
        return 0.0
    most = max(len(voters) for voters in votes.values())
    winners = [voters for voters in votes.values() if len(voters) == most]
    return _number_right([voters[0] for voters in winners]) / len(winners)


def _powers_of_two(k: int) -> list[int]:
    return [2**e for e in range(k.bit_length())]


def _judged(
    task: Task,
    rows: Sequence[Mapping[str, Any]],
    mine: Sequence[int],
    drawn: Sequence[Sequence[Completion]],
    mix: Mix | None = None,
) -> list[list[Sample]]:
    """Every completion as a judged sample, in one call of the verifier."""
    judged = iter(judge(as_samples(rows, mine, drawn), task.verifier, mix))
    return [[next(judged) for _ in group] for group in drawn]


def _gathered(mine: list[Any], total: int) -> list[Any]:
    """The rows of all processes in their original order."""
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return [parts[row % len(parts)][row // len(parts)] for row in range(total)]
