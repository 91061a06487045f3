"""What PPO makes of a policy that is trained on a single reward.

    python bench/reward_alone.py [--task chain] [--rewards steps …] [--add FILE.yaml] [--out FILE] [key=value …]

There is one run of `configs/quickstart.yaml` with PPO per reward, from the same warm start. Answer correctness is
measured in all runs, but counts only in its own. A row has task accuracy and chain accuracy (greedy, test) before and
after, and the share of distinct completions per prompt at the first and the last step whose completions are kept. If a
policy finds what a reward pays for without solving the task, the reward rises while accuracy falls.

Takes a few minutes per reward on two cores. `--check` only checks the configs.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import tables_results
from harness import CONFIGS, Row, arguments, flat, record, whetstone
from rewards_table import SETTINGS, text_only

from rl.analysis.scoring import saved
from rl.config import layers
from rl.storage.run_folder import RunFolder, read_jsonl

WHEN = ("before", "after")


def config(task: str, name: str, settings: dict[str, Any], folder: Path) -> Path:
    """Write a config file for a run with one reward."""
    values = layers.merge(layers.read(CONFIGS / "quickstart.yaml", [f"task={task}", "algorithm=ppo"]))
    # the quickstart's own rewards are removed; correctness counts only in its own run
    rewards: dict[str, Any] = {"correctness": {"weight": 1.0 if name == "correctness" else 0.0}}
    if name != "correctness":
        rewards[name.replace(", ", "_")] = {"kind": name, **settings}
    values["rewards"] = rewards
    values.pop("mix", None)
    values |= {"name": name.replace(", ", "_"), "logging": {"folder": str(folder), "wandb": "disabled"}}
    file = folder / f"{values['name']}.yaml"
    file.write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML
    return file


def figures(folder: RunFolder, name: str) -> Row:
    """The figures of a finished run."""
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    means = [row[f"rewards/{name}/mean"] for row in read_jsonl(folder.metrics) if f"rewards/{name}/mean" in row]
    kept = sorted(folder.completions.glob("*.parquet"))
    return {
        **flat({f"{when}.{metric}": summary[when][metric] for metric in ("greedy", "chain") for when in WHEN}),
        "distinct_first": distinct(kept[0]),
        "distinct_last": distinct(kept[-1]),
        "reward_first": means[0],
        "reward_last": sum(means[-10:]) / len(means[-10:]),
        "steps": summary["steps"],
        "seconds": summary["wall_s"],
        "device": summary["device"],
    }


def distinct(file: Path) -> float:
    """The mean share of distinct completions per prompt."""
    groups: Any = pd.read_parquet(file).groupby("prompt")["completion"]
    return float((groups.nunique() / groups.size()).mean())


def main() -> None:
    """Run each reward, record its row, and print the table."""
    parser = arguments(__doc__, overrides=True)
    parser.add_argument("--task", choices=list(SETTINGS), default="chain")
    parser.add_argument("--rewards", nargs="+", help="some of them alone")
    parser.add_argument("--add", help="a file of further rewards, such as those that need a model")
    parser.add_argument("--check", action="store_true", help="check the configs and start nothing")
    given = parser.parse_args()
    wanted = text_only(given.task)[0]
    if given.add:
        more = saved.settings(given.add).config.rewards
        wanted |= {name: reward.model_dump(exclude_defaults=True) for name, reward in more.items()}
    if missing := set(given.rewards or ()) - wanted.keys():
        parser.error(f"no reward {min(missing)!r}; there are: {', '.join(wanted)}")
    rows = []
    for name in given.rewards or wanted:
        with tempfile.TemporaryDirectory() as scratch:
            file = config(given.task, name, wanted[name], Path(scratch))
            whetstone("check" if given.check else "train", file, *given.overrides)
            if given.check:
                print(f"{name}: ready", flush=True)
                continue
            found = figures(RunFolder(Path(scratch) / file.stem), file.stem)
        rows.append({"task": given.task, "reward": name, **found})
        record(given.out, rows[-1:], key=["task", "reward"])
        print(f"{name}: greedy {found['after.greedy']:.3f}", flush=True)
    if rows:
        tables_results.reward_alone(rows).show()


if __name__ == "__main__":
    main()
