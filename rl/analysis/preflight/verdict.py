"""From findings to a verdict: will this training learn? Pure; `docs/guides/preflight.md` has measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rl.analysis.preflight.findings import Findings

Word = Literal["will learn", "doubtful", "will not learn"]

NO_SIGNAL, LITTLE_SIGNAL = 0.03, 0.2
"""Share of groups that teach something: up to the first bound, hardly any step learns; below the second, few do."""
JUDGED, NEARLY_ALL_JUDGED = 0.5, 0.9
CUT_OFF, OFTEN_CUT_OFF = 0.8, 0.2
AGREEMENT, LITTLE_AGREEMENT = 0.05, 0.7
"""Correlation of reward and right: up to the first bound, the reward pays for something else; below the second, right
answers explain less than half of its variance."""
HEADROOM, FEWEST = 0.05, 4
"""pass@k minus greedy accuracy: less leaves little to gain; with fewer samples, pass@k says nothing about it."""
SOLVED = 0.95
DECIDES = 0.95
"""Share of the advantage's variance above which one of several rewards decides alone."""


@dataclass(frozen=True)
class Reason:
    """A reason for a verdict.

    Attributes:
        stops: whether it alone keeps a run from learning; otherwise it makes the outcome doubtful.
        what: the finding, with its figure.
        remedy: what to change next.
    """

    stops: bool
    what: str
    remedy: str


@dataclass(frozen=True)
class Verdict:
    """A verdict.

    Attributes:
        word: `will learn`, `doubtful` or `will not learn`.
        reasons: the reasons, the most serious first; empty if the run will learn.
    """

    word: Word
    reasons: tuple[Reason, ...]

    @property
    def remedy(self) -> str | None:
        """What to change next; None if nothing needs to change."""
        return self.reasons[0].remedy if self.reasons else None


def verdict(found: Findings, *, error_budget: float = 1.0, answers_alone: bool = False) -> Verdict:
    """The verdict that follows from findings.

    Args:
        found: the findings.
        error_budget: share of failures of a reward above which a run stops.
        answers_alone: whether the run has rewards that were not run here, so that its groups may teach more than shown.
    """
    reasons = [
        *_of_judges(found, error_budget),
        *_of_length(found),
        *_of_signal(found, answers_alone),
        *_of_rewards(found),
    ]
    reasons.sort(key=lambda reason: not reason.stops)
    word: Word = "will learn" if not reasons else "will not learn" if reasons[0].stops else "doubtful"
    return Verdict(word, tuple(reasons))


def _of_judges(found: Findings, error_budget: float) -> list[Reason]:
    reasons = []
    if found.judged < NEARLY_ALL_JUDGED:
        what = f"the verifier judged {found.judged:.0%} of the completions, abstained from {found.abstained:.0%} and "
        remedy = "see what it can read with whetstone verify --self-check; change task.verifier or its options"
        reasons.append(Reason(found.judged < JUDGED, f"{what}failed on {found.failed:.0%}", remedy))
    for name, share in found.rewards_failed.items():
        if share > 0:
            what = f"reward {name!r} failed on {share:.0%} of the completions"
            reasons.append(Reason(share > error_budget, what, f"fix {name!r}; whetstone score runs it alone"))
    for name, share in found.rewards_abstained.items():
        if share > 1 - NEARLY_ALL_JUDGED:
            what = f"reward {name!r} abstained from {share:.0%} of the completions"
            reasons.append(Reason(False, what, f"read what {name!r} cannot judge; whetstone score runs it alone"))
    return reasons


def _of_length(found: Findings) -> list[Reason]:
    if found.cut_off < OFTEN_CUT_OFF:
        return []
    what = f"{found.cut_off:.0%} of the completions are cut off before they end"
    remedy = "raise sampling.max_tokens, ask for shorter answers, or set sampling.stop to what ends one"
    return [Reason(found.cut_off >= CUT_OFF, what, remedy)]


def _of_signal(found: Findings, answers_alone: bool) -> list[Reason]:
    reasons, right = [], found.right
    if found.signal < LITTLE_SIGNAL:
        by = " by their answers" if answers_alone else ""
        what = f"{found.signal:.0%} of the groups teach anything{by}: in the others all completions earn the same"
        if right is not None and right >= SOLVED:
            remedy = "use harder problems: these are solved"
        elif right is not None and right > 1 - SOLVED:
            remedy = "raise sampling.temperature: completions of one problem hardly differ; or draw more of them"
        else:
            remedy = "use easier problems, a better policy, SFT on worked solutions first, or rewards for steps"
        reasons.append(Reason(found.signal <= NO_SIGNAL and not answers_alone, what, remedy))
    elif found.pass_at_k == 0.0:
        what = "no completion is right: the policy can at first learn only what other rewards pay for"
        reasons.append(Reason(False, what, "use easier problems, a better policy, or SFT on worked solutions first"))
    elif found.group >= FEWEST and found.headroom is not None and found.headroom < HEADROOM:
        solved = (found.greedy or 0.0) >= SOLVED
        what = f"pass@{found.group} is {found.pass_at_k:.2f} and greedy accuracy {found.greedy:.2f} already"
        remedy = "use harder problems" if solved else "raise sampling.temperature or sampling.completions"
        reasons.append(Reason(False, what, remedy))
    return reasons


def _of_rewards(found: Findings) -> list[Reason]:
    reasons = []
    if found.agreement is not None and found.agreement < LITTLE_AGREEMENT:
        what = f"the reward has a correlation of {found.agreement:.2f} with right answers to the same problem"
        most = max(found.shares, key=lambda name: found.shares[name]) if found.shares else None
        remedy = "raise the weight of the reward for right answers, or use it as the gate of mix.aggregation: gated"
        if most is not None and len(found.shares) > 1 and found.shares[most] >= DECIDES:
            remedy = f"lower rewards.{most}.weight: it makes {found.shares[most]:.0%} of the advantage; or {remedy}"
        reasons.append(Reason(found.agreement <= AGREEMENT, what, remedy))
    return reasons
