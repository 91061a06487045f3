"""What PPO makes of a policy that is trained on one reward alone. Writes JSON, prints a Markdown table.

    python bench/reward_alone.py [--task chain] [--rewards steps repetition …] [--add FILE.yaml] [key=value …]

One run of `configs/quickstart.yaml` under PPO for each reward, from the same warm start. Answer correctness is measured
in all of them and counts in none but its own. A row has task accuracy and chain accuracy (greedy, test) before and
after, and how many of the completions of a prompt differ, at the first and at the last step whose completions are kept.
A policy that finds what a reward pays for without solving the task shows as a reward that rises while accuracy falls.

Takes a few minutes a reward on two cores. `--check` only checks the configs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from rewards_table import SETTINGS, text_only

from rl.analysis.scoring import saved
from rl.config import layers
from rl.storage.run_folder import RunFolder, read_jsonl

WHEN = ("before", "after")
QUICKSTART = Path(__file__).parents[1] / "configs" / "quickstart.yaml"


def config(task: str, name: str, settings: dict[str, Any], folder: Path) -> Path:
    """A config file for a run on one reward."""
    values = layers.merge(layers.read(QUICKSTART, [f"task={task}", "algorithm=ppo"]))
    # the quickstart's own rewards go; correctness counts in the run on correctness alone
    rewards: dict[str, Any] = {"correctness": {"weight": 1.0 if name == "correctness" else 0.0}}
    if name != "correctness":
        rewards[name.replace(", ", "_")] = {"kind": name, **settings}
    values["rewards"] = rewards
    values.pop("mix", None)
    values |= {"name": name.replace(", ", "_"), "logging": {"folder": str(folder), "wandb": "disabled"}}
    file = folder / f"{values['name']}.yaml"
    file.write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML
    return file


def figures(folder: RunFolder, name: str) -> dict[str, Any]:
    """What a finished run says of its reward."""
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    means = [row[f"rewards/{name}/mean"] for row in read_jsonl(folder.metrics) if f"rewards/{name}/mean" in row]
    kept = sorted(folder.completions.glob("*.parquet"))
    return {
        **{f"{metric}_{when}": summary[when][metric] for metric in ("greedy", "chain") for when in WHEN},
        "distinct_first": distinct(kept[0]),
        "distinct_last": distinct(kept[-1]),
        "reward_first": means[0],
        "reward_last": sum(means[-10:]) / len(means[-10:]),
        "steps": summary["steps"],
        "seconds": summary["wall_s"],
        "device": summary["device"],
    }


def distinct(file: Path) -> float:
    """The mean share of a prompt's completions that differ from one another."""
    groups: Any = pd.read_parquet(file).groupby("prompt")["completion"]
    return float((groups.nunique() / groups.size()).mean())


def markdown(task: str, results: dict[str, dict[str, Any]]) -> str:
    """A row a reward."""
    lines = [
        f"| {task}, PPO on | reward | task accuracy | chain accuracy | distinct completions |",
        "|---|---|---|---|---|",
    ]
    for name, found in results.items():
        accuracy, chain = (
            " → ".join("–" if (f := found[f"{metric}_{when}"]) is None else f"{f['value']:.3f}" for when in WHEN)
            for metric in ("greedy", "chain")
        )
        reward = f"{found['reward_first']:.3f} → {found['reward_last']:.3f}"
        spread = " → ".join(f"{found[f'distinct_{when}']:.2f}" for when in ("first", "last"))
        lines.append(f"| {name} | {reward} | {accuracy} | {chain} | {spread} |")
    return "\n".join(lines)


def main() -> None:
    """Run each reward, print the table, write the figures after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=list(SETTINGS), default="chain")
    parser.add_argument("--rewards", nargs="+", help="some of them alone")
    parser.add_argument("--add", help="a file of further rewards, such as those that need a model")
    parser.add_argument("--check", action="store_true", help="check the configs and start nothing")
    parser.add_argument("--out", type=Path, default=Path("bench/reward_alone.json"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as trainer.max_steps=60")
    arguments = parser.parse_args()
    wanted = text_only(arguments.task)[0]
    if arguments.add:
        more = saved.settings(arguments.add).config.rewards
        wanted |= {name: reward.model_dump(exclude_defaults=True) for name, reward in more.items()}
    if missing := set(arguments.rewards or ()) - wanted.keys():
        parser.error(f"no reward {min(missing)!r}; there are: {', '.join(wanted)}")
    results: dict[str, dict[str, Any]] = {}
    for name in arguments.rewards or wanted:
        with tempfile.TemporaryDirectory() as scratch:
            file = config(arguments.task, name, wanted[name], Path(scratch))
            verb = "check" if arguments.check else "train"
            command = [Path(sys.executable).with_name("whetstone"), verb, file, *arguments.overrides]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if arguments.check:
                print(f"{name}: ready", flush=True)
                continue
            results[name] = figures(RunFolder(Path(scratch) / file.stem), file.stem)
        print(markdown(arguments.task, {name: results[name]}).splitlines()[-1], flush=True)
        arguments.out.write_text(json.dumps({"task": arguments.task, "runs": results}, indent=2) + "\n")
    if results:
        print(f"\n{markdown(arguments.task, results)}")


if __name__ == "__main__":
    main()
