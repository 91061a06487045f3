"""Updates or logits grow as they do before a training diverges (Wortsman et al. 2023, arXiv:2309.14322)."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

UPDATE = 0.02
"""Share of their length by which a step may change the weights. A thousandth or less is usual. One line is enough,
because such a step may be the last that learns anything."""
GROWTH = 2.0
"""Factor by which the largest logits may grow from those of the start."""
LINES = 3
"""Log lines over which logits are compared."""


def look(record: Record) -> Finding | None:
    """Look at the size of the last update, and compare the largest logits with those of the start."""
    ratio = record.mean("update_ratio", 1)
    logits, logits_at_first = (record.mean("largest_logit", LINES), record.start("largest_logit", LINES))
    remedy = "use a lower trainer.learning_rate, a warm-up (trainer.warmup_steps), or a lower trainer.max_grad_norm"
    if ratio is not None and ratio >= UPDATE:
        return Finding(
            "divergence",
            record.step,
            f"An optimizer step changes the weights by {ratio:.1%} of their length, and training seldom recovers.",
            remedy,
            {"update_ratio": ratio},
        )
    if logits is not None and logits_at_first is not None and logits >= GROWTH * logits_at_first:
        return Finding(
            "divergence",
            record.step,
            f"The policy's largest logits grew from {logits_at_first:.3g} to {logits:.3g}.",
            remedy,
            {"before": logits_at_first, "after": logits},
        )
    return None
