"""What each algorithm learns from the same warm starts with the same number of samples, on `chain`, with three seeds.

    make bench-learning      (python bench/learning.py [--seeds 0 1 2] [--only ppo_process …] [--jobs 2] [--out FILE])

Each run is `whetstone train` with a config of `configs/`, 15,360 completions, and the warm start of its seed. The
figures are measured on 1,000 test problems, which were not used for any choice. Runs that are recorded in the output
file are not repeated.

The learning rate of TRL's GRPO is the best of three, by sampled accuracy on validation over the seeds; the other
methods use the learning rate in their config. `--samples 256` and a few overrides make a run of seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tables_results
from harness import CONFIGS, QUIET, Row, arguments, flat, read, record, whetstone

SAMPLES, DRAW = 15_360, 128
"""Completions per run, and completions per draw."""
EVERY = 20
"""Draws between two evaluations of an online run."""
CREDITS = ("sum", "min", "first_error")
CURVE = ("greedy", "mean_at_k", "chain")
NO_STEPS = "rewards.steps.weight=0.0"
TRLS_OWN = ["algorithm.skip_zero_signal=false", "algorithm.sort_by_length=false"]
"""Settings that turn off everything that Whetstone adds to the update."""

# name → its config, how many rounds it has, or optimizer steps on each draw, and overrides
IN_ROUNDS = {"sft": ("star", 1), "star": ("star", 3), "dpo_rounds": ("dpo", 3), "orpo_rounds": ("orpo", 3)}
ONLINE: dict[str, tuple[str, int, list[str]]] = {
    **{f"trl_grpo_{r}": ("grpo", 1, [*TRLS_OWN, f"trainer.learning_rate={r}"]) for r in ("5e-5", "1e-4", "3e-4")},
    **{f"grpo_{credit}": ("grpo_steps", 8, [f"rewards.steps.credit={credit}"]) for credit in CREDITS},
    "grpo_outcome": ("grpo_steps", 8, [NO_STEPS]),
    "ppo_outcome": ("ppo", 8, [NO_STEPS]),
    "ppo_process": ("ppo", 8, []),
}


def settings(method: str, samples: int) -> list[str]:
    """The config of a method, and overrides for the given number of completions."""
    if method in IN_ROUNDS:
        config, rounds = IN_ROUNDS[method]
        prompts = samples // 8 // rounds
        return [config, f"algorithm.rounds={rounds}", f"algorithm.prompts={prompts}", "trainer.save_steps=1000"]
    config, steps_a_draw, more = ONLINE[method]
    steps = samples // DRAW * steps_a_draw
    every = f"evaluation.every={EVERY * steps_a_draw}"
    return [config, f"trainer.max_steps={steps}", every, f"trainer.save_steps={steps}", *more]


def run(method: str, seed: int, samples: int, threads: int, overrides: Sequence[str]) -> Row:
    """A training run: its figures before and after, and the curve on validation."""
    config, *own = settings(method, samples)
    with tempfile.TemporaryDirectory() as scratch:
        own += [f"name={method}", f"seed={seed}", f"logging.folder={scratch}", *QUIET]
        whetstone("train", CONFIGS / f"{config}.yaml", *own, *overrides, OMP_NUM_THREADS=str(threads))
        folder = Path(scratch) / method
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        lines = (folder / "evaluations.jsonl").read_text(encoding="utf-8").splitlines()
    curve = [row for row in map(json.loads, lines) if row["split"] == "validation"]
    kept = {name: summary[name] for name in ("before", "after", "steps", "wall_s", "device", "versions")}
    return {
        **flat({"method": method, "seed": seed, **kept}),
        "curve.samples": [round(row["step"] * samples / summary["steps"]) for row in curve],
        **{f"curve.{name}": [row[name]["value"] for row in curve] for name in CURVE},
    }


def samples_to_reach(row: Row, accuracy: float) -> int | None:
    """Number of completions until a run's sampled validation accuracy first reaches `accuracy`; None for never."""
    points = zip(row["curve.samples"], row["curve.mean_at_k"], strict=True)
    return next((samples for samples, reached in points if reached >= accuracy), None)


def half_the_samples(rows: list[Row], methods: Sequence[str]) -> list[str]:
    """Lines about how soon step credit reaches the final sampled accuracy of TRL's GRPO."""
    goals = {r["seed"]: r["curve.mean_at_k"][-1] for r in rows if r["method"] == tables_results.best_rate(rows)}
    return [
        f"seed {row['seed']}: {row['method']} reaches {goal:.3f} after {samples_to_reach(row, goal)} completions"
        for row in rows
        if row["method"] in methods and (goal := goals.get(row["seed"])) is not None
    ]


def main() -> None:
    """Make the runs that are not recorded, record their rows, and print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    methods = [*IN_ROUNDS, *ONLINE]
    parser.add_argument("--only", nargs="+", choices=methods, default=methods)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each with a share of the cores")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="completions of a run")
    given = parser.parse_args()
    rows = read(given.out)
    there = {(r["method"], r["seed"]) for r in rows}
    wanted = [(method, seed) for seed in given.seeds for method in given.only if (method, seed) not in there]
    threads = max(1, (os.cpu_count() or 1) // given.jobs)
    with ThreadPoolExecutor(given.jobs) as pool:
        for done in pool.map(lambda job: run(*job, given.samples, threads, given.overrides), wanted):
            rows.append(done)
            record(given.out, [done], key=["method", "seed"])
            print(f"{done['method']} seed {done['seed']}: greedy {done['after.greedy']:.3f}", flush=True)
    tables_results.learning(rows).show()
    print("\n".join(half_the_samples(rows, [*(f"grpo_{credit}" for credit in CREDITS), "ppo_process"])))


if __name__ == "__main__":
    main()
