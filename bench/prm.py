"""A process reward model from start to end on `chain`, and PPO with it beside PPO with the exact step verifier.

    make bench-prm      (python bench/prm.py [--seeds 0 1 2] [--out FILE] [key=value …])

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

import json
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import tables
from harness import CONFIGS, QUIET, Row, arguments, flat, record, whetstone

from rl import tasks
from rl.config import load
from rl.policy.warm_start import warm_started
from rl.tasks import chain
from rl.tasks.task import split_of
from verifiers.chain import apply, operations_of

CONFIG = CONFIGS / "ppo.yaml"
COMPLETER_STEPS, PPO_STEPS = 960, 480
"""Optimizer steps of the completer and of PPO with step rewards."""
PLANTED, CONTINUED = 64_000, 8_000
"""Chains with planted mistakes, and how many of them are labelled by continuations, too."""
DRAWN, TESTED = 3000, 500
"""Train problems for which the policy's own chains are drawn, each time; test problems."""
CONTINUE = ["--k", "8", "--temperature", "0.5"]
BY_MODEL = ["rewards.steps.kind=process", "rewards.steps.weight=0.5"]
"""A model errs, so its steps weigh half as much beside the answer as the verifier's do in the config."""
FIT = ["--batch", "128", "--learning-rate", "1e-3", "--lm-weight", "0.5", "--validation", "0"]
METRICS = ("greedy", "mean_at_k", "chain")


class Pipeline:
    """The five steps for one seed.

    Args:
        seed: of everything.
        folder: where everything goes.
        scale: of all sizes; 1 for the figures on record.
        overrides: `key=value` of every run.
    """

    def __init__(self, seed: int, folder: Path, scale: float, overrides: list[str]) -> None:
        self.seed, self.folder, self.scale, self.overrides = seed, folder, scale, overrides

    def size(self, whole: int) -> int:
        """A number of things at this scale."""
        return max(1, round(whole * self.scale))

    def trained(self, name: str, steps: int, *own: str) -> dict[str, Any]:
        """Train by PPO; its figures after."""
        quiet = [*QUIET, "evaluation.every=0", "trainer.save_strategy='no'", f"trainer.max_steps={self.size(steps)}"]
        place = [f"name={name}", f"seed={self.seed}", f"logging.folder={self.folder}"]
        whetstone("train", CONFIG, *place, *quiet, *own, *self.overrides)
        after = json.loads((self.folder / name / "summary.json").read_text(encoding="utf-8"))["after"]
        return {metric: after[metric] for metric in METRICS}

    def start_of_four_layers(self) -> Path:
        """What the reward models start from."""
        config = load(str(CONFIG), [f"seed={self.seed}", *self.overrides])
        settings = config.policy.warm_start.model_copy(update={"layers": 4, "seed": self.seed})
        return warm_started(tasks.load(config), settings)

    def fitted(self, labels: Path, start: Path, epochs: int, test: Path, out: Path) -> dict[str, Any]:
        """Train a reward model and evaluate it."""
        how = ["--epochs", epochs, "--seed", self.seed, *FIT]
        whetstone("prm", "train", labels, "--model", start, "--out", out, *how)
        whetstone("prm", "eval", out, "--data", test, "--out", out / "figures.json")
        figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
        names = ("step_auc", "all_steps_auc", "processbench", "best_of_n")
        return {name: figures[name] for name in names} | {"calibration_error": figures["calibration"]["ece"]}

    def run(self) -> Row:
        """All five steps."""
        folder, label = self.folder, ["prm", "label", "--task", CONFIG, f"seed={self.seed}", *self.overrides]
        completer = self.trained("completer", COMPLETER_STEPS, "rewards.steps.weight=0.0")
        policy, exact, by_verifier = folder / "completer" / "model", folder / "exact", [*label, "--by", "verifier"]
        rows, few, continued, test = (folder / f"{name}.jsonl" for name in ("rows", "few", "continued", "test"))
        write_planted(rows, self.size(PLANTED), self.seed)
        whetstone(*by_verifier, "--rows", rows, "--out", exact / "planted.jsonl")
        for name, drawn_by in {
            "trained": [f"policy.model={policy}", "sampling.temperature=1.5"],
            "start": [],
            "start_hot": ["sampling.temperature=1.5"],
        }.items():
            drawn = ["--prompts", self.size(DRAWN), "--samples", 4]
            whetstone(*by_verifier, "--out", exact / f"{name}.jsonl", *drawn, *drawn_by)
        drawn = ["--split", "test", "--prompts", self.size(TESTED), "--samples", 8]
        whetstone(*by_verifier, "--out", test, *drawn)
        first = rows.read_text(encoding="utf-8").splitlines(keepends=True)[: self.size(CONTINUED)]
        few.write_text("".join(first), encoding="utf-8")
        said = whetstone(*label, "--rows", few, "--out", continued, "--completer", policy, *CONTINUE)
        agree, auc = map(float, re.findall(r"agree ([\d.]+), AUC ([\d.]+)", said)[0])
        start, prm = self.start_of_four_layers(), folder / "prm"
        return flat(
            {
                "seed": self.seed,
                "completer": completer,
                "labels": {"agree": agree, "auc": auc},
                "prm_of_continuations": self.fitted(continued, start, 6, test, folder / "prm_of_continuations"),
                "prm_of_verifier": self.fitted(exact, start, 1, test, prm),
                "ppo_with_prm": self.trained("with_prm", PPO_STEPS, *BY_MODEL, f"rewards.steps.model={prm}"),
                "ppo_with_verifier": self.trained("with_verifier", PPO_STEPS),
            }
        )


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


def main() -> None:
    """Run the seeds, record their rows, print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes; 0.01 tries the script")
    given = parser.parse_args()
    rows = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(Pipeline(seed, Path(scratch), given.scale, given.overrides).run())
        record(given.out, rows[-1:], key=["seed"])
    tables.prm(rows).show()


if __name__ == "__main__":
    main()
