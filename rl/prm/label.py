r"""Labels the steps of completions: by an exact verifier, or by Monte-Carlo completions of each step's prefix.

Monte Carlo (Math-Shepherd, Wang et al. 2023, arXiv:2312.08935, eq. 3 and 4): a completer draws $K$ continuations of the
chain up to and including a step, and $c$ of them reach the right answer. The soft label is $c / K$, the hard one
$1[c / K > \delta]$, which for $\delta = 0$ is the paper's $1[c > 0]$. It says how likely the answer still is, not
whether the step is right: a wrong step from which the answer can still be reached by luck counts as good, and a right
one is bad to a completer that never gets there. Where a step ends the completion there is nothing to continue, and
the label is whether the answer is right.

The verifier's label of a step is whether it and every step before it are right, which is what the Monte-Carlo label
estimates.

A verdict that is not judged is no wrong answer: such continuations leave $K$, and a step without any has no label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rewards.models.prompts import Rendered, render
from rewards.parts.step_spans import Splitter
from rewards.reward import question_of
from rl.prm.chains import Chain, Labelled, as_text
from rl.prm.complete import Completer
from rl.prm.step_metrics import step_auc
from verifiers import Verdict, is_right
from verifiers.runtime.verifier import Verifier

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Counts:
    """What was labelled: verdicts that were judged, abstained and failed."""

    judged: int = 0
    abstained: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.judged + other.judged, self.abstained + other.abstained, self.failed + other.failed)


def by_verifier(rows: Sequence[Row], verifier: Verifier, splitter: Splitter) -> tuple[list[Chain], Counts]:
    """Label rows of `prompt`, `completion` and `gold` with the verifier's verdicts on their steps.

    Where the splitter is not the verifier's own, a step is as right as the worst of the verifier's that end in it.
    """
    rows = [as_text(row) for row in rows]
    verdicts = verifier(_judgeable(rows))
    chains = []
    for row, verdict in zip(rows, verdicts, strict=True):
        spans = splitter(row["completion"], verdict)
        chains.append(_chain(row, verdict, spans, verified(verdict, spans)))
    return chains, _counts(verdicts)


def by_monte_carlo(
    rows: Sequence[Row],
    verifier: Verifier,
    splitter: Splitter,
    completer: Completer,
    k: int = 8,
    *,
    kind: Literal["soft", "hard"] = "soft",
    threshold: float = 0.0,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Chain], Counts]:
    """Label rows of `prompt`, `completion` and `gold` by K continuations of each step's prefix.

    Args:
        rows: completions; `finish_reason`, where there is such a column, is `length` for one that was cut off.
        judge: says which answers are right.
        splitter: where steps end.
        completer: draws the continuations.
        k: how many, a prefix.
        kind: whether a label is the share of right ones, or whether that lies above the threshold.
        threshold: delta.
        progress: called with the number of prefixes done since the last call.
    """
    rows = [as_text(row) for row in rows]
    verdicts = verifier(_judgeable(rows))
    spans = [splitter(row["completion"], verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    heads = [render(row["prompt"], completer.tokenizer) for row in rows]
    prefixes: dict[tuple[int, int], str] = {}
    for i, row in enumerate(rows):
        for j, (_, end) in enumerate(spans[i]):
            if row["completion"][end:].strip() or row.get("finish_reason") == "length":
                prefixes[i, j] = splitter.prefix(row["completion"], end)
    continued = completer([heads[i].followed_by(prefix) for (i, _), prefix in prefixes.items()], k, progress)
    # chains of one problem share prefixes, and then what follows is judged once
    asked: dict[tuple[Rendered, str, str], tuple[int, str]] = {}
    for (i, _), prefix in prefixes.items():
        for text in continued[heads[i].followed_by(prefix)]:
            asked.setdefault((heads[i], str(rows[i].get("gold")), prefix + text), (i, prefix + text))
    answers = verifier(_judgeable([{**rows[i], "completion": text} for i, text in asked.values()]))
    judged = dict(zip(asked, answers, strict=True))
    chains = []
    for i, row in enumerate(rows):
        labels: list[float | None] = []
        for j in range(len(spans[i])):
            if (i, j) not in prefixes:
                shares = [verdicts[i].score]
            else:
                texts = [prefixes[i, j] + text for text in continued[heads[i].followed_by(prefixes[i, j])]]
                shares = [judged[heads[i], str(row.get("gold")), text].score for text in texts]
            right = [is_right(score) is True for score in shares if score is not None]
            share = sum(right) / len(right) if right else None
            labels.append(share if share is None or kind == "soft" else float(share > threshold))
        own = verified(verdicts[i], spans[i]) if verifier.judges_steps else []
        chains.append(_chain(row, verdicts[i], spans[i], labels, own))
    return chains, _counts(verdicts) + _counts(answers)


def verified(verdict: Verdict, spans: Sequence[tuple[int, int]]) -> list[float | None]:
    """Whether the chain is right up to each span's end: 1, 0, or None from the first step that nobody judged."""
    so_far: float | None = 1.0
    labels: list[float | None] = []
    start = 0
    for _, end in spans:
        here = [step for step in verdict.steps if start < step.end <= end]
        start = end
        scores = [step.score for step in here]
        if so_far == 1.0 and any(score is not None and score < 1.0 for score in scores):
            so_far = 0.0
        elif so_far == 1.0 and (None in scores or not scores):
            so_far = None
        labels.append(so_far)
    return labels


def agreement(chains: Sequence[Chain], threshold: float = 0.0) -> dict[str, Any]:
    """How labels compare with the exact verifier's, which stand beside them in `verified`.

    Args:
        chains: labelled chains.
        threshold: above which a label counts as right.

    Returns:
        `agree`, the share of steps with the same label; `right_kept` and `wrong_caught`, the same among the steps that
        the verifier calls right and wrong; `first_wrong_caught`, among each chain's first wrong steps; `auc` of the
        labels; `n`. What `first_wrong_caught` lacks to 1 are mistakes from which the answer can still be reached.
    """
    pairs, firsts = [], []
    for chain in chains:
        compared = [(s.label, v) for s, v in zip(chain.steps, chain.verified, strict=bool(chain.verified))]
        pairs += [(label, v) for label, v in compared if label is not None and v is not None]
        first = next(((label, v) for label, v in compared if v == 0.0), None)
        if first is not None and first[0] is not None:
            firsts.append(first)

    def share(group: Sequence[tuple[Any, float]]) -> float | None:
        return sum((label > threshold) == (v == 1.0) for label, v in group) / len(group) if group else None

    return {
        "n": len(pairs),
        "threshold": threshold,
        "agree": share(pairs),
        "right_kept": share([pair for pair in pairs if pair[1] == 1.0]),
        "wrong_caught": share([pair for pair in pairs if pair[1] == 0.0]),
        "first_wrong_caught": share(firsts),
        "auc": step_auc([label for label, _ in pairs], [v for _, v in pairs]) if pairs else None,
    }


def _judgeable(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{**row, "prompt": question_of(row["prompt"]), "prediction": row["completion"]} for row in rows]


def _chain(
    row: Row,
    verdict: Verdict,
    spans: Sequence[tuple[int, int]],
    labels: Sequence[float | None],
    own: Sequence[float | None] = (),
) -> Chain:
    steps = tuple(Labelled(*span, label) for span, label in zip(spans, labels, strict=True))
    right = verdict.right
    answer = verdict.extracted
    return Chain(row["prompt"], row["completion"], steps, right, answer, tuple(own), row.get("id"))


def _counts(verdicts: Sequence[Verdict]) -> Counts:
    statuses = [verdict.status for verdict in verdicts]
    return Counts(statuses.count("judged"), statuses.count("abstained"), statuses.count("failed"))
