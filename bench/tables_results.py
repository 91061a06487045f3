"""The tables of docs/results.md and the README about algorithms, speed, rewards and process reward models."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from harness import NOTHING, Row, Table

METRICS = {"greedy": "greedy", "chain": "chain", "mean_at_k": "mean@8", "pass_at_k": "pass@8", "maj_at_k": "maj@8"}
METHODS = {
    "sft": "SFT on right samples, one round",
    "star": "STaR, three rounds",
    "dpo_rounds": "DPO, three rounds",
    "orpo_rounds": "ORPO, three rounds",
    "trl_grpo": "TRL's GRPO, outcome alone",
    "grpo_outcome": "GRPO, outcome alone, our settings",
    "grpo_sum": "GRPO, step credit `sum`",
    "grpo_min": "GRPO, step credit `min`",
    "grpo_first_error": "GRPO, step credit `first_error`",
    "ppo_outcome": "PPO, outcome alone",
    "ppo_process": "PPO, step rewards",
}
WAYS = {
    "sft": "SFT on 2,000 worked solutions",
    "ppo": "PPO, 3,840 completions",
    "sft_then_ppo": "SFT, then PPO",
}
COMPARED = {
    "time_to_accuracy": "seconds to greedy accuracy 0.90 on validation, evaluations left out",
    "samples_to_accuracy": "completions to the same",
    "zero_signal_step": "forward and backward pass, 60% of the groups without signal",
    "mixed_length_step": "forward and backward pass, completions of 8 to 256 tokens",
    "shared_prefix_step": "forward and backward pass, 135 M parameters, 8 completions of 30 tokens for a prompt of 100",
    "ppo_step": "a draw of 128 and all steps on it: PPO, beside our own GRPO with step credit",
    "reward_overlap": "a draw of GRPO under a reward that waits as long as sampling takes: overlap, beside none",
    "rollout": "sampling 512 completions for evaluation, beside plain `generate`",
    "rollout_model": "the same by SmolLM2-135M-Instruct, 32 completions of at most 96 tokens, 8 of each prompt",
    "choice_scoring": "likelihoods of 8 answers after 8 rationales of 2 questions, beside each pair by itself",
    "verify_plain": "`math` on plain numbers, beside math-verify",
    "verify_mixed": "`math` on mixed answers, beside math-verify",
    "peak_memory": "largest memory of a draw of 8 and a step on it, 135 M parameters",
    "peak_memory_ppo": "the same with LoRA: PPO with a LoRA critic, beside our own GRPO",
    "check_seconds": "`whetstone check` on the quickstart",
    "preflight_seconds": "`whetstone preflight` on the quickstart",
}
TRAINERS = {
    "ours": "Whetstone: GRPO, step credit",
    "ours_ppo": "Whetstone: PPO, step rewards",
    "trl_5e-5": "plain TRL as it comes, learning rate 5e-5",
    "trl_1e-4": "plain TRL as it comes, learning rate 1e-4",
    "trl_3e-4": "plain TRL as it comes, learning rate 3e-4",
    "trl_our_settings": "plain TRL, our settings",
    "trl_our_settings_and_rewards": "plain TRL, our settings and rewards",
}
"""The trainers of the speedrun; others are called by their own name."""
LOOKS = {
    "records": "`metrics.jsonl`",
    "completions": "tables of completions, and figures about each draw",
    "diagnostics": "diagnostics",
    "proxies": "update norms and logits, which diagnostics read",
    "line": "the live line",
    "trackers": "W&B and TensorBoard",
    "all": "all of it",
}
"""What looks at a run → how the table calls it."""
PHASES = ("sample", "judge", "critic values", "critic fit", "policy forward", "policy backward", "rest", "all")
REWARDS = {
    "self_feedback": "self_feedback, by the frozen policy",
    "self_feedback_of_policy": "self_feedback, by the policy in training",
}
"""How rewards are called in a table where it is not by their name."""
LABELLED_BY = ("continuations", "verifier")
BUSY = 1.15
"""How many times the processor time a run may take by the clock for its machine to count as quiet."""


def quickstart(rows: Sequence[Row]) -> Table:
    """Accuracy before and after, time and memory, with one row per seed."""
    return Table(
        ["seed", *METRICS.values(), "seconds", "peak GiB"],
        [
            [str(r["seed"]), *(_change(r, metric) for metric in METRICS), f"{r['seconds']:.0f}", f"{r['peak_gib']:.2f}"]
            for r in rows
        ],
    )


def stages(rows: Sequence[Row]) -> Table:
    """What SFT, PPO and both make of the same warm starts: means over seeds, with the lowest and the highest seed."""
    metrics = ("greedy", "mean_at_k", "chain")
    lines = [["before", *(f"{statistics.mean(r[f'before.{metric}'] for r in rows):.3f}" for metric in metrics)]]
    for way, label in WAYS.items():
        after = {metric: [r[f"after.{metric}"] for r in rows if r["way"] == way] for metric in metrics}
        lines.append([label, *(f"{statistics.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in after.values())])
    return Table(["way", "greedy", "sampled, mean of 8", "chain"], lines)


def learning(rows: Sequence[Row]) -> Table:
    """What each method makes of the same warm starts: means over seeds, with the lowest and the highest seed."""
    metrics = ("greedy", "mean_at_k", "chain")
    chosen = {"trl_grpo": best_rate(rows)}
    lines = [["before", *(f"{statistics.mean(r[f'before.{metric}'] for r in rows):.3f}" for metric in metrics)]]
    for method, label in METHODS.items():
        of_method = [r for r in rows if r["method"] == chosen.get(method, method)]
        cells = []
        for metric in metrics if of_method else ():
            after = [r[f"after.{metric}"] for r in of_method]
            cells.append(f"{statistics.mean(after):.3f} ({min(after):.3f} to {max(after):.3f})")
        lines += [[label, *cells]] if cells else []
    return Table(["method", "greedy", "sampled, mean of 8", "chain"], lines)


def at_a_glance(rows: Sequence[Row]) -> Table:
    """The most important rows of the learning table: TRL's GRPO, and our methods with process rewards."""
    whole = learning(rows)
    wanted = {
        "before",
        *(METHODS[method] for method in ("star", "dpo_rounds", "trl_grpo", "grpo_first_error", "ppo_process")),
    }
    return Table(whole.header, [line for line in whole.rows if line[0] in wanted])


def best_rate(rows: Sequence[Row]) -> str:
    """TRL's GRPO at the learning rate with the highest sampled accuracy on validation at the end, over all seeds."""
    ends: dict[str, list[float]] = {"": [-1.0]}
    for row in rows:
        if row["method"].startswith("trl_grpo"):
            ends.setdefault(row["method"], []).append(row["curve.mean_at_k"][-1])
    return max(ends, key=lambda method: statistics.mean(ends[method]))


def beside_trl(rows: Sequence[Row]) -> Table:
    """Our figure, the peer's as it comes and with our settings, and the ratios."""
    by_name = {row["name"]: row for row in rows}
    lines = []
    for row, label in [(by_name[name], label) for name, label in COMPARED.items() if name in by_name]:
        figures = [_figure(row.get(who), row["unit"]) for who in ("ours", "peer", "peer_our_settings")]
        ratios = [f"{row[name]:.2f}" if name in row else NOTHING for name in ("ratio", "ratio_our_settings")]
        ours, peer, given_ours = figures
        lines.append([label, ours, peer, ratios[0], given_ours, ratios[1]])
    return Table(["what", "ours", "TRL as it comes, or the peer", "ratio", "TRL, our settings", "ratio"], lines)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return NOTHING
    if unit in ("completions", "verdicts a second"):
        return f"{value:,.0f}" + (" a second" if unit == "verdicts a second" else "")
    if unit == "tokens a second":
        return f"{value:,.0f} tokens a second"
    if unit == "GiB":
        return f"{value:.2f} GiB"
    return f"{value:.1f} s" if unit == "s" and value >= 2 else f"{value:.3f} s"


def was_quiet(row: Row) -> bool:
    """Whether a run of one thread had a processor for itself: its time by the clock is that of the processor."""
    return row["seconds"] <= BUSY * row["processor_seconds"]


def speedrun(rows: Sequence[Row]) -> Table:
    """What each trainer needed to reach the goal: medians over seeds, with the lowest and the highest."""
    lines = []
    for trainer in [*TRAINERS, *dict.fromkeys(row["trainer"] for row in rows if row["trainer"] not in TRAINERS)]:
        own = [row for row in rows if row["trainer"] == trainer]
        if not own:
            continue
        cells = [_spread([row[what] for row in own], ",.0f") for what in ("completions", "tokens")]
        cells.append(_spread([row["processor_seconds"] for row in own], ".1f"))
        cells.append(_spread([row["seconds"] for row in own], ".1f") if all(map(was_quiet, own)) else NOTHING)
        reached = sum(row["reached"] for row in own)
        lines.append([TRAINERS.get(trainer, trainer), f"{reached} of {len(own)}", *cells])
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    return Table(["trainer", "reached", "completions", "tokens", "processor seconds", "seconds"], lines)


def _spread(values: Sequence[float], form: str) -> str:
    """The median, and the lowest and the highest value."""
    middle, low, high = (format(of, form) for of in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})" if len(values) > 1 else middle


def gpu(rows: Sequence[Row]) -> Table:
    """Time, tokens, memory and utilisation of each trainer's draws."""
    lines = []
    for row in rows:
        seconds = [f"{row[name]:.2f}" for name in ("seconds_a_draw", "sampling_seconds")]
        rates = [f"{row[name]:,.0f}" for name in ("tokens_a_second", "sampled_tokens_a_second")]
        busy = f"{row['utilisation']:.0%}" if "utilisation" in row else NOTHING
        lines.append([row["name"], *seconds, *rates, f"{row['peak_gib']:.2f}", busy])
    header = ["trainer", "s a draw", "of these sampling", "tokens a s", "while sampling", "peak GiB", "utilisation"]
    return Table(header, lines)


def floor(rows: Sequence[Row]) -> Table:
    """Seconds of each phase of a draw, and how many times the floor that is."""

    def cell(row: Row, phase: str) -> str:
        if f"{phase}.seconds" not in row:
            return NOTHING
        seconds, times = f"{row[f'{phase}.seconds']:.3f} s", row.get(f"{phase}.times")
        return seconds if times is None else f"{seconds}, {times:g} times"

    return Table(
        ["phase of 128 completions", *(f"`{row['config']}.yaml`" for row in rows)],
        [[phase, *(cell(row, phase) for row in rows)] for phase in PHASES],
    )


def overhead(rows: Sequence[Row]) -> Table:
    """The share of step time that each part takes which looks at a run."""
    return Table(
        ["part", *(f"`{row['config']}.yaml`" for row in rows)],
        [[label, *(f"{row[part]:.2%}" for row in rows)] for part, label in LOOKS.items()],
    )


def reward_alone(rows: Sequence[Row]) -> Table:
    """The results of PPO with a single reward."""
    header = ["PPO on", "its reward", "greedy", "chain", "a prompt's completions that differ"]
    lines = []
    for row in rows:
        reward, differ = (f"{row[f'{name}_first']:.2f} → {row[f'{name}_last']:.2f}" for name in ("reward", "distinct"))
        lines.append(
            [REWARDS.get(row["reward"], row["reward"]), reward, _change(row, "greedy"), _change(row, "chain"), differ]
        )
    return Table(header, lines)


def prm(rows: Sequence[Row]) -> Table:
    """Process reward models from labels to PPO, with one row per seed and one of medians."""
    columns = {
        "completer, greedy": ["completer.greedy"],
        "labels agree, AUC": ["labels.agree", "labels.auc"],
        **{
            f"PRM of {who}, step AUC, F1": [f"prm_of_{by}.step_auc", f"prm_of_{by}.processbench.f1"]
            for by, who in zip(LABELLED_BY, ("continuations", "the verifier"), strict=True)
        },
        "PPO with it, greedy": ["ppo_with_prm.greedy"],
        "PPO with the verifier": ["ppo_with_verifier.greedy"],
    }
    names = [name for cell in columns.values() for name in cell]
    medians = {"seed": "median", **{name: statistics.median(row[name] for row in rows) for name in names}}
    return Table(
        ["seed", *columns],
        [
            [str(row["seed"]), *(", ".join(f"{row[name]:.3f}" for name in cell) for cell in columns.values())]
            for row in [*rows, medians]
        ],
    )


def _change(row: Row, metric: str) -> str:
    before, after = (row.get(f"{when}.{metric}") for when in ("before", "after"))
    return NOTHING if before is None or after is None else f"{before:.3f} → {after:.3f}"
