"""Answers become right while the steps that lead to them do not.

A policy that is rewarded for answers alone can reach right answers by wrong steps, and then learns those (RL-STaR,
Chang et al. 2024, arXiv:2410.23912): with a step that guesses, or too few samples for each state, answers improve while
chains stay wrong. Two records show it, and both are used:

- evaluations: `greedy` against `chain`, the share of answers that are right with every step right, with intervals;
- rounds: `rounds/right` against the part of it that is not `rounds/right_by_wrong_steps`, over all of a round's
  samples, with the standard error over prompts.

The diagnostic warns if right answers rise beyond their noise and less than half of the rise comes with right chains.
Only the two ends of the run are compared, so accuracy may fall in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rl.analysis.diagnostics.record import Finding, Record

REMEDY = "give credit to steps (a steps or process reward with credit: first_error), or gate the answer by its steps"
PART = 0.5
"""Smallest share of the new right answers that must come by right steps."""


class Rise(NamedTuple):
    """Right answers at the start and at the end, and those of them that are right by right steps alone.

    Attributes:
        where: a phrase for the completions that were compared.
        right: share of right answers, before and after.
        chain: share of answers that are right with every step right, before and after.
        noise: 95% bound on a change of `right` by chance.
    """

    where: str
    right: tuple[float, float]
    chain: tuple[float, float]
    noise: float

    @property
    def by_wrong_steps(self) -> bool:
        """Whether right answers rose beyond their noise, with less than half of the rise from right chains."""
        rise = self.right[1] - self.right[0]
        return rise > self.noise and self.chain[1] - self.chain[0] < PART * rise


def look(record: Record) -> Finding | None:
    """Compare right answers with those that are right by right steps alone, in evaluations and in rounds.

    Evaluations on test problems are compared if there are two, otherwise those on validation problems.
    """
    rounds = [row for row in record.rows if "rounds/number" in row]
    for rise in (_in_evaluations(record.evaluations), _in_rounds(rounds)):
        if rise is not None and rise.by_wrong_steps:
            message = (
                f"Right answers {rise.where} rose from {rise.right[0]:.3f} to {rise.right[1]:.3f}, and those with "
                f"every step right went from {rise.chain[0]:.3f} to {rise.chain[1]:.3f}: most of the rise comes from "
                f"wrong steps, which the policy then learns."
            )
            evidence = {
                "right.before": rise.right[0],
                "right.after": rise.right[1],
                "chain.before": rise.chain[0],
                "chain.after": rise.chain[1],
            }
            return Finding("wrong_chains", record.step, message, REMEDY, evidence)
    return None


def _in_evaluations(evaluations: Sequence[Mapping[str, Any]]) -> Rise | None:
    for split in ("test", "validation"):
        rows = sorted((row for row in evaluations if row["split"] == split), key=lambda row: row["step"])
        rows = [row for row in rows if row.get("greedy") and row.get("chain")]
        if len(rows) < 2 or rows[0]["step"] == rows[-1]["step"]:
            continue
        greedy, chain = ([row[name] for row in (rows[0], rows[-1])] for name in ("greedy", "chain"))
        half = [(interval["high"] - interval["low"]) / 2 for interval in greedy]
        right, whole = (tuple(interval["value"] for interval in both) for both in (greedy, chain))
        return Rise(f"on {split} problems", (right[0], right[1]), (whole[0], whole[1]), math.hypot(*half))
    return None


def _in_rounds(rounds: Sequence[Mapping[str, Any]]) -> Rise | None:
    names = ("rounds/right", "rounds/right_by_wrong_steps", "rounds/right_error")
    rows = [row for row in rounds if all(row.get(name) is not None for name in names)]
    if len(rows) < 2:
        return None
    (right, wrong, error), (right_after, wrong_after, error_after) = (
        [row[name] for name in names] for row in (rows[0], rows[-1])
    )
    chain = right * (1 - wrong), right_after * (1 - wrong_after)
    return Rise("among a round's samples", (right, right_after), chain, 1.96 * math.hypot(error, error_after))
