"""A process reward model from start to end on `chain`, and PPO with it beside PPO with the exact step verifier.

    make bench-prm      (python bench/prm.py [--seeds 0 1 2])

For each seed, by the commands that a user has:

1. `train`: PPO on answers alone makes the completer.
2. Chains: correct ones with mistakes planted in them, and the policy's own, drawn before and after that training, at
   temperatures that make them err. A model that has only seen the mistakes of a demonstrator is soon fooled by others.
3. `prm label`: all of them by the exact step verifier; the first of the planted also by K = 8 continuations each.
4. `prm train` on the one and on the other, `prm eval` of both on the policy's own chains for test problems, labelled by
   the verifier. The models start from a warm start of four layers: in two there is hardly room to work a step out and
   to compare it with what is written.
5. `train`: PPO with the step scores of the model that learnt from the verifier, and with the verifier's own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rl import tasks
from rl.config import load
from rl.policy.warm_start import warm_started
from rl.tasks import chain
from rl.tasks.task import split_of
from verifiers.chain import apply, operations_of

CONFIG = "configs/ppo.yaml"
COMPLETER = ["rewards.steps.weight=0.0", "trainer.max_steps=960"]
PLANTED, CONTINUED = 64_000, 8_000
"""Chains with planted mistakes, and how many of them are labelled by continuations, too."""
CONTINUE = ["--k", "8", "--temperature", "0.5"]
BY_MODEL = ["rewards.steps.kind=process", "rewards.steps.weight=0.5"]
"""A model errs, so its steps weigh half as much beside the answer as the verifier's do in the config."""
FIT = ["--batch", "128", "--learning-rate", "1e-3", "--lm-weight", "0.5", "--validation", "0"]
METRICS = ("greedy", "mean_at_k", "chain")
LABELLED_BY = ("continuations", "verifier")


def whetstone(*arguments: Any) -> str:
    """Run the command; what it printed."""
    command = [str(Path(sys.executable).with_name("whetstone")), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def trained(name: str, seed: int, folder: Path, *overrides: str) -> dict[str, Any]:
    """Train by PPO; its figures after."""
    quiet = [
        "logging.wandb=disabled",
        "logging.completions_every=0",
        "evaluation.every=0",
        "trainer.save_strategy='no'",
    ]
    whetstone("train", CONFIG, f"name={name}", f"seed={seed}", f"logging.folder={folder}", *quiet, *overrides)
    after = json.loads((folder / name / "summary.json").read_text(encoding="utf-8"))["after"]
    return {metric: after[metric] for metric in METRICS}


def planted(prompt: str, rng: random.Random) -> str:
    """The worked answer with mistakes: in a step's value, operation, operand or result, steps left out or too many."""

    def now(probability: float) -> bool:
        return rng.random() < probability

    asked = operations_of(prompt)
    wanted = [operation for place, operation in enumerate(asked) if not place or not now(0.15)]
    if now(0.1):
        wanted.append(rng.choice(asked))
    value, steps = int(prompt[0]), []
    for operation in wanted:
        operator, operand = rng.choice(asked) if now(0.07) else operation
        operand = rng.choice([rng.randrange(10), *(other for _, other in asked)]) if now(0.08) else operand
        value = rng.randrange(10) if now(0.05) else value
        result = (apply(operator, value, operand) + (rng.randint(1, 9) if now(0.12) else 0)) % 10
        steps.append(f"{value}{operator}{operand}={result}")
        value = result
    return ";".join(steps) + f"#{value}"


def write_planted(file: Path, count: int, seed: int) -> None:
    """Rows of train problems with planted chains, for `prm label --rows`."""
    rng = random.Random(f"planted {seed}")
    with file.open("w", encoding="utf-8") as out:
        while count:
            prompt = chain.problem(rng, 2, 4)
            if split_of(prompt) == "train":
                row = {"prompt": prompt, "completion": planted(prompt, rng), "gold": chain.solve(prompt)[-1]}
                out.write(json.dumps(row) + "\n")
                count -= 1


def start_of_four_layers(seed: int) -> Path:
    """What the reward models start from."""
    config = load(CONFIG, [f"seed={seed}"])
    settings = config.policy.warm_start.model_copy(update={"layers": 4, "seed": seed})
    return warm_started(tasks.load(config), settings)


def fitted(labels: Path, start: Path, epochs: int, test: Path, out: Path, seed: int) -> dict[str, Any]:
    """Train a reward model and evaluate it."""
    whetstone("prm", "train", labels, "--model", start, "--out", out, "--epochs", epochs, "--seed", seed, *FIT)
    whetstone("prm", "eval", out, "--data", test, "--out", out / "figures.json")
    figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
    names = ("step_auc", "all_steps_auc", "processbench", "best_of_n")
    return {name: figures[name] for name in names} | {"calibration_error": figures["calibration"]["ece"]}


def one(seed: int, folder: Path) -> dict[str, Any]:
    """All five steps of a seed."""
    completer = trained("completer", seed, folder, *COMPLETER)
    policy, exact, task = folder / "completer" / "model", folder / "exact", ["--task", CONFIG, f"seed={seed}"]
    by_verifier = ["prm", "label", "--by", "verifier", *task]
    rows, few, continued, test = (folder / f"{name}.jsonl" for name in ("rows", "few", "continued", "test"))
    write_planted(rows, PLANTED, seed)
    whetstone(*by_verifier, "--rows", rows, "--out", exact / "planted.jsonl")
    for name, prompts, drawn_by in (
        ("trained", 3000, [f"policy.model={policy}", "sampling.temperature=1.5"]),
        ("start", 3000, []),
        ("start_hot", 3000, ["sampling.temperature=1.5"]),
    ):
        whetstone(*by_verifier, "--out", exact / f"{name}.jsonl", "--prompts", prompts, "--samples", 4, *drawn_by)
    whetstone(*by_verifier, "--out", test, "--split", "test", "--prompts", 500, "--samples", 8)
    few.write_text("".join(rows.read_text(encoding="utf-8").splitlines(keepends=True)[:CONTINUED]), encoding="utf-8")
    said = whetstone("prm", "label", *task, "--rows", few, "--out", continued, "--completer", policy, *CONTINUE)
    agree, auc = map(float, re.findall(r"agree ([\d.]+), AUC ([\d.]+)", said)[0])
    start, prm = start_of_four_layers(seed), folder / "prm"
    return {
        "seed": seed,
        "completer": completer,
        "labels": {"agree": agree, "auc": auc},
        "prm_of_continuations": fitted(continued, start, 6, test, folder / "prm_of_continuations", seed),
        "prm_of_verifier": fitted(exact, start, 1, test, prm, seed),
        "ppo_with_prm": trained("with_prm", seed, folder, *BY_MODEL, f"rewards.steps.model={prm}"),
        "ppo_with_verifier": trained("with_verifier", seed, folder),
    }


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, a row a seed and one of medians."""
    lines = [
        "| seed | completer, greedy | labels agree, AUC | PRM of continuations, step AUC, F1 "
        "| PRM of the verifier, step AUC, F1 | PPO with it, greedy | PPO with the verifier |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        [
            [run["completer"]["greedy"]["value"]],
            [run["labels"]["agree"], run["labels"]["auc"]],
            *([run[f"prm_of_{by}"]["step_auc"], run[f"prm_of_{by}"]["processbench"]["f1"]] for by in LABELLED_BY),
            *([run[f"ppo_with_{by}"]["greedy"]["value"]] for by in ("prm", "verifier")),
        ]
        for run in runs
    ]
    middle = [[statistics.median(value) for value in zip(*cells, strict=True)] for cells in zip(*rows, strict=True)]
    for name, row in zip([*(run["seed"] for run in runs), "median"], [*rows, middle], strict=True):
        cells = (", ".join(f"{value:.3f}" for value in cell) for cell in row)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the seeds, write the figures, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("bench/prm.json"))
    arguments = parser.parse_args()
    os.environ.setdefault("WANDB_MODE", "disabled")
    runs = []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            runs.append(one(seed, Path(scratch)))
        print(table(runs[-1:]).splitlines()[2], flush=True)
        arguments.out.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    print(f"\n{table(runs)}")


if __name__ == "__main__":
    main()
