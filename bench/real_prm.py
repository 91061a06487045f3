"""A process reward model on word problems, from labels by continuations to PPO (`configs/real/prm.yaml`)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import real_word_problems
from harness import CONFIGS, QUIET, Row, flat, whetstone
from real_runs import FOLDER, figures, overrides_of, run_name, trained

from rl.config import load_stages

FILE = CONFIGS / "real" / "prm.yaml"
DRAWN, SAMPLES, CONTINUATIONS = 300, 4, 4
"""Training questions whose completions are labelled, completions of each, and continuations of each step."""
JUDGED, JUDGED_BY = 100, 8
"""Test questions on whose steps the model is judged, and continuations of each step."""

make_data = real_word_problems.make_data


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before and after, and those of the process reward model if it has one.

    The supervised start is the first stage of `configs/real/word_problems.yaml`, and that rung's own if it is there.

    Args:
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    start = _start(seed, model, overrides)
    own: list[str] = []
    judged: Row = {}
    if "process reward model" in arm:
        folder = FOLDER / f"prm_{seed}"
        judged = _reward_model(folder, start, seed, overrides)
        own = [f"rewards.process.model={folder / 'model'}"]
    given = overrides_of(FILE, arm, seed, start, run_name("prm", arm, seed), [*own, *overrides])
    return flat({"rung": "prm", "arm": arm, "seed": seed, **figures(trained(FILE, given)), "model": judged})


def _start(seed: int, model: str, overrides: Sequence[str]) -> str:
    """The policy after supervised fine-tuning, which is made if it is not there."""
    from rl.stages import train_stages

    name = f"word_problems_{seed}"
    given = [f"policy.model={model}", f"seed={seed}", f"name={name}", f"logging.folder={FOLDER}", *QUIET, *overrides]
    sft = load_stages(real_word_problems.FILE, given)["sft"]
    train_stages({"sft": sft})
    return str(sft.run_folder / "model")


def _reward_model(folder: Path, start: str, seed: int, overrides: Sequence[str]) -> Row:
    """Label, train and judge a process reward model, unless it is there; its figures.

    Args:
        folder: for all its files.
        start: the policy that draws, continues, and is what the model is made from.
        seed: of all steps.
        overrides: of the config.
    """
    figures_file = folder / "figures.json"
    if not figures_file.exists():
        labels, judged, prm = folder / "labels.jsonl", folder / "judged.jsonl", folder / "model"
        given = [f"policy.model={start}", f"seed={seed}", "rewards.process=null", *overrides]
        label = ["prm", "label", "--task", FILE, "--seed", seed]
        drawn = ["--prompts", DRAWN, "--samples", SAMPLES, "--k", CONTINUATIONS]
        said = whetstone(*label, *drawn, "--out", labels, *given)
        held_out = ["--split", "test", "--prompts", JUDGED, "--samples", SAMPLES, "--k", JUDGED_BY]
        whetstone(*label, *held_out, "--out", judged, *given)
        whetstone("prm", "train", labels, "--model", start, "--out", prm, "--lm-weight", 0.5, "--seed", seed)
        whetstone("prm", "eval", prm, "--data", judged, "--out", folder / "eval.json")
        found = json.loads((folder / "eval.json").read_text(encoding="utf-8"))
        agreement = re.findall(r"agree ([\d.]+), AUC ([\d.]+)", said)
        kept = {name: found[name] for name in ("step_auc", "processbench", "best_of_n")}
        kept |= {"labels_agree": float(agreement[0][0])} if agreement else {}
        figures_file.write_text(json.dumps(kept), encoding="utf-8")
    return json.loads(figures_file.read_text(encoding="utf-8"))
