"""The engine that samples and the trainer disagree about the log-probabilities of the same tokens."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

NATS = 0.05
"""Mean distance per token. Two engines in bfloat16 differ by a few hundredths at most; more is another policy."""
LINES = 3


def look(record: Record) -> Finding | None:
    """Look at the mean absolute difference that TRL logs where vLLM samples."""
    apart = record.mean("sampling/sampling_logp_difference/mean", LINES)
    if apart is None or apart < NATS:
        return None
    return Finding(
        "sampler_mismatch",
        record.step,
        f"The log-probabilities of sampler and trainer are {apart:.3f} nats a token apart: the policy learns from "
        f"completions of another policy.",
        "the same dtype on both sides (policy.dtype), no quantization, one version of vLLM; sampling.engine: "
        "transformers shows what the training does without it",
        {"nats": apart},
    )
