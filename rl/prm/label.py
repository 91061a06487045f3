r"""Labels the steps of completions, by an exact verifier or by Monte-Carlo continuations of each step's prefix.

Monte Carlo (Math-Shepherd, Wang et al. 2023, arXiv:2312.08935, eq. 3 and 4): a completer draws $K$ continuations of the
completion up to and including a step, of which $c$ reach the right answer. The soft label is $c / K$. The hard label is
$1[c / K > \delta]$; with $\delta = 0$ it is the paper's $1[c > 0]$. Such a label estimates how likely the right answer
still is, not whether the step is right: a wrong step from which luck still leads to the answer counts as good, and a
right step counts as bad for a completer that never reaches the answer. A step that ends the completion has no
continuation; its label is whether the answer is right.

The verifier's label of a step is whether it and all steps before it are right, which is what Monte Carlo estimates.

A verdict that abstains or fails is not a wrong answer: such continuations are not counted in $K$, and a step without
any judged continuation has no label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rewards.models.prompts import render
from rewards.parts.step_spans import Splitter
from rewards.sample import Sample
from rl.prm.complete import Completer, Prefix
from rl.prm.labelled import label, scores_of, verified, verified_labels
from rl.prm.step_metrics import step_auc
from rl.sampling.judge import judge
from verifiers.runtime.verifier import Verifier


@dataclass(frozen=True)
class Counts:
    """The numbers of verdicts that were judged, abstained and failed during labelling."""

    judged: int = 0
    abstained: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.judged + other.judged, self.abstained + other.abstained, self.failed + other.failed)


def by_verifier(samples: Sequence[Sample], verifier: Verifier, splitter: Splitter) -> tuple[list[Sample], Counts]:
    """Label completions with the verifier's verdicts on their steps.

    If the splitter is not the verifier's own, a step is as right as the worst of the verifier's steps that end in it.

    Args:
        samples: completions whose rows have `gold` and the verifier's columns.
        verifier: a verifier that judges steps.
        splitter: splits completions into steps.

    Returns:
        The judged samples with labels, and the counts of verdicts.
    """
    done = []
    for sample in judge(samples, verifier):
        spans = splitter(sample.text, sample.verdict)
        done.append(_with_labels(sample, spans, verified(sample.verdict, spans)))
    return done, _counts(done)


def by_monte_carlo(
    samples: Sequence[Sample],
    verifier: Verifier,
    splitter: Splitter,
    completer: Completer,
    k: int = 8,
    *,
    kind: Literal["soft", "hard"] = "soft",
    threshold: float = 0.0,
    template_kwargs: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Sample], Counts]:
    """Label completions with K continuations of each step's prefix.

    Args:
        samples: completions whose rows have `gold` and the verifier's columns. A truncated one (`finish_reason` is
            `length`) is also continued after its last step.
        verifier: judges the answers.
        splitter: splits completions into steps.
        completer: draws the continuations.
        k: K, continuations per prefix.
        kind: `soft` labels are the share of right continuations; `hard` labels, whether it is above the threshold.
        threshold: δ, in [0, 1].
        template_kwargs: variables of the chat template, as when the completions were drawn.
        progress: called with the number of prefixes done since the last call.

    Returns:
        The judged samples with labels, and the counts of verdicts on completions and continuations.
    """
    samples = judge(samples, verifier)
    spans = [splitter(sample.text, sample.verdict) for sample in samples]
    heads = [render(sample.prompt, completer.tokenizer, template_kwargs) for sample in samples]
    prefixes: dict[tuple[int, int], Prefix] = {}
    for i, sample in enumerate(samples):
        for j, (_, end) in enumerate(spans[i]):
            if sample.text[end:].strip() or sample.finish_reason == "length":
                prefixes[i, j] = Prefix(heads[i], splitter.prefix(sample.text, end))
    continued = completer(list(prefixes.values()), k, progress)
    # completions of a problem may share prefixes, whose continuations are then judged only once
    asked: dict[tuple[Prefix, str], Sample] = {}
    for (i, _), prefix in prefixes.items():
        for text in continued[prefix]:
            whole = Prefix(prefix.prompt, prefix.beginning + text)
            asked.setdefault((whole, str(samples[i].row.get("gold"))), replace(samples[i], text=whole.beginning))
    answers = dict(zip(asked, judge(list(asked.values()), verifier), strict=True))
    done = []
    for i, sample in enumerate(samples):
        labels: list[float | None] = []
        for j in range(len(spans[i])):
            reached = [sample]
            if prefix := prefixes.get((i, j)):
                gold = str(sample.row.get("gold"))
                wholes = [Prefix(prefix.prompt, prefix.beginning + text) for text in continued[prefix]]
                reached = [answers[whole, gold] for whole in wholes]
            right = [one.right for one in reached if one.right is not None]
            share = sum(right) / len(right) if right else None
            labels.append(share if share is None or kind == "soft" else float(share > threshold))
        done.append(_with_labels(sample, spans[i], labels))
    return done, _counts(samples) + _counts(list(answers.values()))


def agreement(samples: Sequence[Sample], threshold: float = 0.0) -> dict[str, Any]:
    """Compare labels with those of the exact verifier, which are in the samples' verdicts.

    Args:
        samples: labelled samples.
        threshold: a label above it counts as right.

    Returns:
        `agree`, the share of steps with the same label; `right_kept` and `wrong_caught`, the same share among the steps
        that the verifier judges right and wrong; `first_wrong_caught`, the share among the first wrong steps of
        completions, where the missing ones are mistakes from which the answer can still be reached; `auc` of the
        labels; and `n`, the number of steps.
    """
    pairs, firsts = [], []
    for sample in samples:
        exact = verified_labels(sample)
        compared = list(zip(scores_of(sample.labels), exact, strict=True)) if exact else []
        pairs += [(value, v) for value, v in compared if value is not None and v is not None]
        first = next(((value, v) for value, v in compared if v == 0.0), None)
        if first is not None and first[0] is not None:
            firsts.append(first)

    def share(group: Sequence[tuple[Any, float]]) -> float | None:
        return sum((value > threshold) == (v == 1.0) for value, v in group) / len(group) if group else None

    return {
        "n": len(pairs),
        "threshold": threshold,
        "agree": share(pairs),
        "right_kept": share([pair for pair in pairs if pair[1] == 1.0]),
        "wrong_caught": share([pair for pair in pairs if pair[1] == 0.0]),
        "first_wrong_caught": share(firsts),
        "auc": step_auc([value for value, _ in pairs], [v for _, v in pairs]) if pairs else None,
    }


def _with_labels(sample: Sample, spans: Sequence[tuple[int, int]], values: Sequence[float | None]) -> Sample:
    return replace(sample, labels=tuple(label(*span, value) for span, value in zip(spans, values, strict=True)))


def _counts(samples: Sequence[Sample]) -> Counts:
    statuses = [sample.verdict.status for sample in samples if sample.verdict]
    return Counts(statuses.count("judged"), statuses.count("abstained"), statuses.count("failed"))
