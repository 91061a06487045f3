"""The engine that samples and the trainer disagree about the log-probabilities of the same tokens."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

NATS = 0.05
"""Mean difference per token. Two engines in bfloat16 differ by a few hundredths at most; more means another policy."""
LINES = 3


def look(record: Record) -> Finding | None:
    """Look at the mean absolute difference that TRL logs when vLLM samples."""
    apart = record.mean("sampling/sampling_logp_difference/mean", LINES)
    if apart is None or apart < NATS:
        return None
    return Finding(
        "sampler_mismatch",
        record.step,
        f"The log-probabilities of sampler and trainer differ by {apart:.3f} nats per token: the policy learns from "
        f"completions of another policy.",
        "use the same dtype on both sides (policy.dtype), no quantization and one version of vLLM; sampling.engine: "
        "transformers shows how training goes without it",
        {"nats": apart},
    )
