"""Makes the models that rewards on `facts` use, and files of rewards that name them.

    python bench/reward_models.py FOLDER [--seed 0] [--questions 2000] [key=value …]

Everything comes from the embedded policy and the train split, so that nothing is downloaded:

- `consistency`: two answer models, cross-fitted on the facts that belong to each question.
- `process`: a process reward model, on the exact verifier's labels of the policy's completions.
- `outcome`: a reward model, by TRL's `RewardTrainer` on a right and a wrong completion of a question.
- `likelihood_gain`, `reader`, `self_feedback`: the initial policy itself, frozen.

FOLDER/rewards.yaml names these models, for a table. FOLDER/alone.yaml adds `self_feedback` by the policy in training,
which exists only in a run.
"""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from harness import CONFIGS, whetstone
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer

from rewards.parts.answer_models import fit_answer_models
from rewards.parts.rationale import LAYOUTS
from rewards.sample import Sample
from rl import tasks
from rl.config import load
from rl.policy.warm_start import warm_started
from rl.prm.formats import read

CONFIG = CONFIGS / "quickstart.yaml"


def pairs(samples: list[Sample]) -> list[dict[str, Any]]:
    """A right and a wrong completion of each question that has both."""
    found = []
    for prompt, group in groupby(samples, key=lambda one: one.prompt):
        by_right = {one.right: one.text for one in group}
        if True in by_right and False in by_right:
            found.append({"prompt": prompt, "chosen": by_right[True], "rejected": by_right[False]})
    return found


def outcome(policy: Path, rows: list[dict[str, Any]], out: Path, seed: int) -> None:
    """Train a reward model on pairs."""
    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(policy)
    model = AutoModelForSequenceClassification.from_pretrained(policy, num_labels=1, dtype=torch.float32)
    arguments = RewardConfig(
        output_dir=str(out / "trainer"), seed=seed, num_train_epochs=4, per_device_train_batch_size=32,
        learning_rate=5e-4, bf16=False, use_cpu=not torch.cuda.is_available(), gradient_checkpointing=False,
        save_strategy="no", report_to=[], disable_tqdm=True, logging_steps=50,
    )  # fmt: skip
    trainer = RewardTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    trainer.train()
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def main() -> None:
    """Make the models and the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", type=int, default=2000, help="of the train split that the models learn from")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of the policy's config")
    given = parser.parse_intermixed_args()  # the folder and the overrides may have options between them
    folder, seed = given.folder, given.seed
    overrides = ["rewards.steps.weight=0", "task=facts", f"seed={seed}", *given.overrides]
    config = load(str(CONFIG), overrides)
    task = tasks.load(config)
    policy = warm_started(task, config.policy.warm_start.model_copy(update={"seed": seed}))
    train = task.splits["train"][: given.questions]
    fit_answer_models(train, 2, str(policy), folder / "answers", LAYOUTS["facts"], report=lambda n, x: print(n, x))

    labels = folder / "labels.jsonl"
    drawn = ["--by", "verifier", "--task", CONFIG, "--out", labels, "--prompts", given.questions, "--samples", 4]
    whetstone("prm", "label", *drawn, *overrides)
    fit = ["--epochs", "4", "--batch", "64", "--learning-rate", "1e-3"]
    whetstone("prm", "train", labels, "--model", policy, "--out", folder / "process", *fit)
    outcome(policy, pairs(read(str(labels), "whetstone")), folder / "outcome", seed)

    rewards = {
        "consistency": {"model": str(folder / "answers")},
        "process": {"model": str(folder / "process")},
        "outcome": {"model": str(folder / "outcome"), "options": {"sigmoid": True, "end": True}},
        "likelihood_gain": {"model": str(policy), "options": {"measure": "probability"}},
        "reader": {"model": str(policy), "options": {"max_tokens": 4}},
        "self_feedback": {"model": str(policy), "options": {"normalise": False}},
    }
    of_policy = {"kind": "self_feedback", "model": "policy", "options": {"max_tokens": 32}}
    for name, wanted in (("rewards", rewards), ("alone", {**rewards, "self_feedback_of_policy": of_policy})):
        text = json.dumps({"rewards": wanted}, indent=2)  # JSON is YAML
        (folder / f"{name}.yaml").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
