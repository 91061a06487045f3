"""A process reward model from labels to PPO on `chain`, compared with PPO with the exact step verifier.

    make bench-prm      (python bench/prm.py [--seeds 0 1 2] [--out FILE] [key=value …])

For each seed, with the commands that a user has:

1. `train`: PPO with the answer reward alone makes the completer.
2. Completions: right ones with planted mistakes, and the policy's own, drawn before and after that training, at
   temperatures at which it makes mistakes. A model that has seen only the mistakes of a demonstrator is soon fooled by
   others.
3. `prm label`: all of them with the exact step verifier; the first of the planted ones also with K = 8 continuations.
4. `prm train` on each set of labels, and `prm eval` of both models on the policy's own completions of test problems,
   labelled by the verifier. The models start from a warm start of four layers, since two layers are hardly enough to
   compute a step and compare it with the text.
5. `train`: PPO with the step scores of the model that was trained on the verifier's labels, and with the verifier's
own.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import tables_results
from harness import CONFIGS, QUIET, Row, arguments, flat, record, whetstone

from rl import tasks
from rl.config import load
from rl.policy.warm_start import warm_started
from rl.tasks import chain
from rl.tasks.task import split_of
from verifiers.chain import apply, operations_of

CONFIG = CONFIGS / "ppo.yaml"
COMPLETER_STEPS, PPO_STEPS = 960, 480
"""Optimizer steps of the completer, and of PPO with step rewards."""
PLANTED, CONTINUED = 64_000, 8_000
"""Completions with planted mistakes, and the number of them that are also labelled by continuations."""
DRAWN, TESTED = 3000, 500
"""Train problems for each draw of the policy's own completions, and test problems."""
CONTINUE = ["--k", "8", "--temperature", "0.5"]
BY_MODEL = ["rewards.steps.kind=process", "rewards.steps.weight=0.5"]
"""A model makes mistakes, so its step scores have half the weight of the verifier's in the config."""
FIT = ["--batch", "128", "--learning-rate", "1e-3", "--lm-weight", "0.5", "--validation", "0"]
METRICS = ("greedy", "mean_at_k", "chain")


class Pipeline:
    """The five steps for one seed.

    Args:
        seed: random seed of all steps.
        folder: the folder for all files.
        scale: factor of all sizes; 1 for the recorded figures.
        overrides: `key=value` for every run.
    """

    def __init__(self, seed: int, folder: Path, scale: float, overrides: list[str]) -> None:
        self.seed, self.folder, self.scale, self.overrides = seed, folder, scale, overrides

    def size(self, whole: int) -> int:
        """A size, scaled."""
        return max(1, round(whole * self.scale))

    def trained(self, name: str, steps: int, *own: str) -> dict[str, Any]:
        """Train with PPO, and return the figures after training.

        Args:
            name: name of the run.
            steps: optimizer steps, before scaling.
            own: overrides of this run.
        """
        quiet = [*QUIET, "evaluation.every=0", "trainer.save_strategy='no'", f"trainer.max_steps={self.size(steps)}"]
        place = [f"name={name}", f"seed={self.seed}", f"logging.folder={self.folder}"]
        whetstone("train", CONFIG, *place, *quiet, *own, *self.overrides)
        after = json.loads((self.folder / name / "summary.json").read_text(encoding="utf-8"))["after"]
        return {metric: after[metric] for metric in METRICS}

    def start_of_four_layers(self) -> Path:
        """The model that the reward models start from."""
        config = load(str(CONFIG), [f"seed={self.seed}", *self.overrides])
        settings = config.policy.warm_start.model_copy(update={"layers": 4, "seed": self.seed})
        return warm_started(tasks.load(config), settings)

    def fitted(self, labels: Path, start: Path, epochs: int, test: Path, out: Path) -> dict[str, Any]:
        """Train a process reward model and evaluate it.

        Args:
            labels: file or folder of labels to train on.
            start: the model to start from.
            epochs: passes over the completions.
            test: file of labelled completions to evaluate on.
            out: folder for the model.
        """
        how = ["--epochs", epochs, "--seed", self.seed, *FIT]
        whetstone("prm", "train", labels, "--model", start, "--out", out, *how)
        whetstone("prm", "eval", out, "--data", test, "--out", out / "figures.json")
        figures = json.loads((out / "figures.json").read_text(encoding="utf-8"))
        names = ("step_auc", "all_steps_auc", "processbench", "best_of_n")
        return {name: figures[name] for name in names} | {"calibration_error": figures["calibration"]["ece"]}

    def run(self) -> Row:
        """Run the five steps, and return the row of figures."""
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
    """A worked answer with mistakes: a wrong value, operation, operand or result, or missing or additional steps.

    Args:
        prompt: the problem.
        rng: source of randomness.
    """

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
    """Write rows of train problems with planted mistakes, for `prm label --rows`.

    Args:
        file: the file to write.
        count: number of rows.
        seed: random seed.
    """
    rng = random.Random(f"planted {seed}")
    with file.open("w", encoding="utf-8") as out:
        while count:
            prompt = chain.problem(rng, 2, 4)
            if split_of(prompt) == "train":
                row = {"prompt": prompt, "completion": planted(prompt, rng), "gold": chain.solve(prompt)[-1]}
                out.write(json.dumps(row) + "\n")
                count -= 1


def main() -> None:
    """Run the seeds, record their rows, and print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes; 0.01 tries the script")
    given = parser.parse_args()
    rows = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(Pipeline(seed, Path(scratch), given.scale, given.overrides).run())
        record(given.out, rows[-1:], key=["seed"])
    tables_results.prm(rows).show()


if __name__ == "__main__":
    main()
