"""A process reward model from start to end on `chain`, and PPO with it beside PPO with the exact step verifier.

    make bench-prm      (python bench/prm.py [--seeds 0 1 2])

For each seed, by the commands that a user has:

1. `train`: a policy of four layers learns by GRPO from answers alone. It is the completer, and the reward model starts
   from it: in two layers there is no room to work a step out and to compare it with what is written.
2. `prm label`: completions of the two-layer policy's warm start, their steps labelled by K = 8 continuations each.
3. `prm train` on the labels, `prm eval` on test problems whose steps the exact verifier labelled.
4. `train`: PPO of the two-layer policy with the model's step scores, and with the exact verifier's.

Nothing but answers is known to the first three; the exact verifier only says where steps end, and measures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COMPLETER = ["rewards.steps.weight=0.0", "policy.warm_start.layers=4", "trainer.max_steps=960", "evaluation.every=0"]
LABELS = ["--prompts", "3000", "--samples", "4", "--k", "8"]
FIT = ["--epochs", "4", "--batch", "64", "--learning-rate", "1e-3", "--validation", "0.02"]
METRICS = ("greedy", "mean_at_k", "chain")


def whetstone(*arguments: Any) -> str:
    """Run the command; what it printed."""
    command = [str(Path(sys.executable).with_name("whetstone")), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def trained(config: str, name: str, seed: int, folder: Path, *overrides: str) -> dict[str, Any]:
    """Train a config; its figures after."""
    quiet = ["logging.wandb=disabled", "logging.completions_every=0", "trainer.save_strategy='no'"]
    whetstone("train", config, f"name={name}", f"seed={seed}", f"logging.folder={folder}", *quiet, *overrides)
    after = json.loads((folder / name / "summary.json").read_text(encoding="utf-8"))["after"]
    return {metric: after[metric] for metric in METRICS}


def one(seed: int, folder: Path) -> dict[str, Any]:
    """All four steps of a seed."""
    completer = trained("configs/grpo_steps.yaml", "completer", seed, folder, *COMPLETER)
    policy, prm, task = folder / "completer" / "model", folder / "prm", ["--task", "configs/ppo.yaml", f"seed={seed}"]
    said = whetstone("prm", "label", "--out", folder / "labels.jsonl", "--completer", policy, *LABELS, *task)
    agree, auc = map(float, re.findall(r"agree ([\d.]+), AUC ([\d.]+)", said)[0])
    test = folder / "test.jsonl"
    drawn = ["--split", "test", "--prompts", "500", "--samples", "8"]
    whetstone("prm", "label", "--by", "verifier", "--out", test, *drawn, *task)
    whetstone("prm", "train", folder / "labels.jsonl", "--model", policy, "--out", prm, "--seed", seed, *FIT)
    whetstone("prm", "eval", prm, "--data", test, "--out", folder / "figures.json")
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    by_model = ["rewards.steps.kind=process", f"rewards.steps.model={prm}"]
    return {
        "seed": seed,
        "completer": completer,
        "labels": {"agree": agree, "auc": auc},
        "prm": {name: figures[name] for name in ("step_auc", "all_steps_auc", "processbench", "best_of_n")}
        | {"calibration_error": figures["calibration"]["ece"]},
        "ppo_with_prm": trained("configs/ppo.yaml", "with_prm", seed, folder, *by_model),
        "ppo_with_verifier": trained("configs/ppo.yaml", "with_verifier", seed, folder),
    }


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, a row a seed and one of medians."""
    lines = [
        "| seed | completer, greedy | labels agree | step AUC | F1 | PPO with the model | with the verifier |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        [
            run["completer"]["greedy"]["value"],
            run["labels"]["agree"],
            run["prm"]["step_auc"],
            run["prm"]["processbench"]["f1"],
            run["ppo_with_prm"]["greedy"]["value"],
            run["ppo_with_verifier"]["greedy"]["value"],
        ]
        for run in runs
    ]
    for run, row in zip(runs, rows, strict=True):
        lines.append(f"| {run['seed']} | {' | '.join(f'{value:.3f}' for value in row)} |")
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    return "\n".join([*lines, f"| median | {' | '.join(f'{value:.3f}' for value in middle)} |"])


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
