"""What each algorithm makes of the same warm start with the same number of samples, on `chain`, three seeds.

    make bench-learning      (python bench/learning.py [--seeds 0 1 2] [--only ppo_process …] [--jobs 2])

Each run is `whetstone train` with a config of `configs/`, 15,360 completions and a warm start of its seed. Figures are
on 1,000 test problems that nothing was chosen by. Runs that are on record in the output file are not made again.

The learning rate of TRL's GRPO is the best of three, by sampled accuracy on validation over the seeds; the others have
the one in their config.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SAMPLES, DRAW = 15_360, 128
"""Completions of a run; those drawn at a time."""
EVERY = 20
"""Draws between two evaluations of a run that samples as it goes."""
RATES = ("5e-5", "1e-4", "3e-4")
CREDITS = ("sum", "min", "first_error")


def in_rounds(rounds: int) -> list[str]:
    """Overrides for so many rounds with all samples in them."""
    return [f"algorithm.rounds={rounds}", f"algorithm.prompts={SAMPLES // 8 // rounds}", "trainer.save_steps=1000"]


def online(steps_a_draw: int, *more: str) -> list[str]:
    """Overrides for a run that takes so many optimizer steps on each draw, with all samples in it."""
    steps = SAMPLES // DRAW * steps_a_draw
    return [
        f"trainer.max_steps={steps}",
        f"evaluation.every={EVERY * steps_a_draw}",
        f"trainer.save_steps={steps}",
        *more,
    ]


def plain(rate: str) -> tuple[str, list[str]]:
    """TRL's GRPO with outcome reward: nothing of ours in the update."""
    ours_off = ["algorithm.skip_zero_signal=false", "algorithm.sort_by_length=false"]
    return "grpo.yaml", online(1, *ours_off, f"trainer.learning_rate={rate}")


METHODS: dict[str, tuple[str, list[str]]] = {
    "sft": ("star.yaml", in_rounds(1)),
    **{f"trl_grpo_{rate}": plain(rate) for rate in RATES},
    **{f"grpo_{credit}": ("grpo_steps.yaml", online(8, f"rewards.steps.credit={credit}")) for credit in CREDITS},
    "grpo_outcome": ("grpo_steps.yaml", online(8, "rewards.steps.weight=0.0")),
    "ppo_outcome": ("ppo.yaml", online(8, "rewards.steps.weight=0.0")),
    "ppo_process": ("ppo.yaml", online(8)),
    "dpo_rounds": ("dpo.yaml", in_rounds(3)),
    "orpo_rounds": ("orpo.yaml", in_rounds(3)),
    "star": ("star.yaml", in_rounds(3)),
}
"""Name → its config file and overrides."""


def run(method: str, seed: int, threads: int) -> dict[str, Any]:
    """One training: its figures before and after, and the curve on validation."""
    config, overrides = METHODS[method]
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(Path(sys.executable).with_name("whetstone")), "train", f"configs/{config}", *overrides]
        command += [f"name={method}", f"seed={seed}", f"logging.folder={scratch}", "logging.completions_every=0"]
        command += ["logging.wandb=disabled"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        folder = Path(scratch) / method
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        lines = (folder / "evaluations.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    samples_a_step = SAMPLES / summary["steps"]
    curve = [
        {
            "samples": round(row["step"] * samples_a_step),
            **{name: row[name]["value"] for name in ("greedy", "mean_at_k", "chain")},
        }
        for row in rows
        if row["split"] == "validation"
    ]
    kept = {name: summary[name] for name in ("before", "after", "steps", "wall_s", "device", "versions")}
    return {"method": method, "seed": seed, **kept, "curve": curve}


def best_rate(runs: list[dict[str, Any]]) -> str:
    """TRL's GRPO at the learning rate with the highest sampled accuracy on validation at the end."""

    def reached(name: str) -> float:
        ends = [r["curve"][-1]["mean_at_k"] for r in runs if r["method"] == name]
        return statistics.mean(ends) if ends else -1.0

    return max((name for name in METHODS if name.startswith("trl_grpo")), key=reached)


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table: means over seeds, with the lowest and highest seed."""
    lines = ["| method | greedy | sampled | chain | beats its start |", "|---|---|---|---|---|"]
    chosen = best_rate(runs)
    for method in METHODS:
        mine = [r for r in runs if r["method"] == method]
        if not mine or (method.startswith("trl_grpo") and method != chosen):
            continue
        cells = []
        for metric in ("greedy", "mean_at_k", "chain"):
            before = statistics.mean(r["before"][metric]["value"] for r in mine)
            after = [r["after"][metric]["value"] for r in mine]
            cells.append(f"{before:.3f} → {statistics.mean(after):.3f} ({min(after):.3f} to {max(after):.3f})")
        beats = sum(r["after"]["greedy"]["low"] > r["before"]["greedy"]["high"] for r in mine)
        lines.append(f"| {method} | {' | '.join(cells)} | {beats} of {len(mine)} seeds |")
    return "\n".join(lines)


def samples_to_reach(runs: list[dict[str, Any]], method: str, seed: int, accuracy: float) -> int | None:
    """Completions after which a run's sampled validation accuracy is first at least `accuracy`; None for never."""
    (mine,) = [r for r in runs if (r["method"], r["seed"]) == (method, seed)]
    return min((row["samples"] for row in mine["curve"] if row["mean_at_k"] >= accuracy), default=None)


def half_the_samples(runs: list[dict[str, Any]], methods: tuple[str, ...]) -> list[str]:
    """Lines on how soon step credit reaches the sampled accuracy that TRL's GRPO has after all samples."""
    chosen, lines = best_rate(runs), []
    for seed in sorted({r["seed"] for r in runs}):
        peer = [r for r in runs if (r["method"], r["seed"]) == (chosen, seed)]
        if not peer:
            continue
        goal = peer[0]["curve"][-1]["mean_at_k"]
        for method in methods:
            if any((r["method"], r["seed"]) == (method, seed) for r in runs):
                taken = samples_to_reach(runs, method, seed, goal)
                lines.append(f"seed {seed}: {method} reaches {goal:.3f} after {taken} of {SAMPLES} completions")
    return lines


def main() -> None:
    """Make the runs that are not on record, write the figures, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each with a share of the cores")
    parser.add_argument("--out", type=Path, default=Path("bench/learning.json"))
    arguments = parser.parse_args()
    runs = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else []
    there = {(r["method"], r["seed"]) for r in runs}
    wanted = [(m, s) for s in arguments.seeds for m in arguments.only if (m, s) not in there]
    threads = max(1, (os.cpu_count() or 1) // arguments.jobs)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for done in pool.map(lambda job: run(*job, threads), wanted):
            runs.append(done)
            arguments.out.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
            print(f"{done['method']} seed {done['seed']}: greedy {done['after']['greedy']['value']:.3f}", flush=True)
    print(f"\n{table(runs)}\n")
    print("\n".join(half_the_samples(runs, (*(f"grpo_{credit}" for credit in CREDITS), "ppo_process"))))


if __name__ == "__main__":
    main()
