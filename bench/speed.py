"""Side by side with plain TRL in one run: time and samples to accuracy, and the training phase alone.

    make bench      (python bench/speed.py [--seeds 0 1 2] [--only zero_signal_step …])

Writes `bench/results.json`, a list of `{name, ours, peer, ratio, unit, seeds, device, peer_version}`; a ratio above 1
means that we are ahead. Steps are timed in turns, ours and TRL's one after the other, and the median is taken.

`time_to_accuracy` and `samples_to_accuracy`: from the same warm start until greedy accuracy on 300 validation problems
is 0.90, evaluated after every 640 completions and not counted. Ours is `configs/grpo_steps.yaml`, step credit and eight
optimizer steps on each draw of 128; TRL's is `GRPOTrainer` as it is, one step on each draw of 128, with the reward
function of ours that judges correctness, at the best of three learning rates. A run that never gets there counts at its
cap of 600 draws.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import tasks
from rl.algorithms import grpo, ppo
from rl.algorithms.grpo import GrpoTrainer, trainer_arguments
from rl.algorithms.online import OnlineTrainer
from rl.analysis.evaluation import EvaluationSettings, evaluate
from rl.config import Config, load
from rl.config.algorithms import Grpo
from rl.policy.warm_start import warm_started
from rl.runs import setup
from rl.storage.run_folder import RunFolder

RATES = (5e-5, 1e-4, 3e-4)
GOAL, DRAW, CAP, EVERY = 0.90, 128, 600, 5
"""Greedy accuracy; completions drawn at a time; draws at most; draws between two evaluations."""
NAMES = ("zero_signal_step", "mixed_length_step", "ppo_step", "time_to_accuracy", "samples_to_accuracy")


def configured(seed: int, file: str, *overrides: str) -> Config:
    """A config of `configs/`, with nothing written along the way."""
    quiet = ["logging.wandb=disabled", "logging.completions_every=0", f"seed={seed}", "trainer.save_strategy='no'"]
    return load(f"configs/{file}.yaml", [*quiet, *overrides])


def steps_a_draw(file: str) -> int:
    """Optimizer steps that a config takes on each draw."""
    return DRAW // configured(0, file).trainer["per_device_train_batch_size"]


def our_trainer(config: Config, folder: str, callbacks: list) -> OnlineTrainer:
    """The trainer of a config that samples as it goes, with everything it needs."""
    task = tasks.load(config)
    policy, mix = setup.policy(config, task, Console(quiet=True)), setup.rewards(config, task)
    module = ppo if config.algorithm.name == "ppo" else grpo
    return module.build(config, policy, task, mix, RunFolder(folder), callbacks)


class UntilAccurate(TrainerCallback):
    """Stops a run at the goal, and says how long it took without its evaluations.

    Args:
        measure: the policy's accuracy as it is.
        steps_a_draw: optimizer steps on each draw.
    """

    def __init__(self, measure: Callable[[], float], steps_a_draw: int) -> None:
        self.measure, self.steps_a_draw = measure, steps_a_draw
        self.seconds, self.completions, self.reached = 0.0, 0, False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock for an evaluation, and for good at the goal."""
        draws, rest = divmod(state.global_step, self.steps_a_draw)
        if rest or draws % EVERY:
            return
        self.seconds += time.perf_counter() - self.started
        self.completions, self.reached = draws * DRAW, self.measure() >= GOAL
        control.should_training_stop = self.reached
        self.started = time.perf_counter()


Build = Callable[[Config, Any, Any, Any, RunFolder, list], Any]


def until_accurate(build: Build, file: str, seed: int, *overrides: str) -> UntilAccurate:
    """Train until the goal or the cap."""
    steps = steps_a_draw(file)
    config = configured(seed, file, f"trainer.max_steps={CAP * steps}", *overrides)
    task = tasks.load(config)
    policy = setup.policy(config, task, Console(quiet=True))
    mix = setup.rewards(config, task)
    settings = EvaluationSettings(n=300, k=0, parameters=config.sampling.parameters)
    watch = UntilAccurate(lambda: greedy(policy.model, policy.tokenizer, task, settings), steps)
    with tempfile.TemporaryDirectory() as scratch:
        build(config, policy, task, mix, RunFolder(scratch), [watch]).train()
    return watch


def greedy(model: Any, tokenizer: Any, task: Any, settings: EvaluationSettings) -> float:
    """Greedy accuracy on validation."""
    measured = evaluate(model, tokenizer, task, "validation", settings).metrics["greedy"]
    assert measured is not None
    return measured.value


def plain_trl(config: Config, policy: Any, task: Any, mix: Any, folder: RunFolder, callbacks: list) -> GRPOTrainer:
    """TRL's trainer with nothing of ours but the reward function."""
    trainer = GRPOTrainer(
        model=policy.model,
        reward_funcs=[mix],
        args=GRPOConfig(**trainer_arguments(config, folder)),
        train_dataset=Dataset.from_list(task.splits["train"]),
        processing_class=policy.tokenizer,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def to_accuracy(seeds: list[int]) -> list[dict[str, Any]]:
    """`time_to_accuracy` and `samples_to_accuracy`."""

    def runs(name: str, build: Build, file: str, *overrides: str) -> list[UntilAccurate]:
        made = []
        for seed in seeds:
            made.append(run := until_accurate(build, file, seed, *overrides))
            print(f"{name}, seed {seed}: {run.completions} completions, {run.seconds:.1f} s, {run.reached}", flush=True)
        return made

    def middle(runs: list[UntilAccurate], what: str) -> float:
        return statistics.median(getattr(run, what) for run in runs)

    ours = runs("ours", grpo.build, "grpo_steps")
    peers = [runs(f"TRL at {rate:g}", plain_trl, "grpo", f"trainer.learning_rate={rate}") for rate in RATES]
    rows = []
    for name, what, unit in (("time", "seconds", "s"), ("samples", "completions", "completions")):
        best = min(peers, key=lambda runs, what=what: middle(runs, what))
        given = ([getattr(run, what) for run in who] for who in (ours, best))
        rows.append(result(f"{name}_to_accuracy", *given, unit, seeds))
    return rows


def training_phase(name: str, seed: int, batch: Callable[[int, torch.Generator], dict[str, Any]]) -> dict[str, Any]:
    """One optimizer step's forward and backward pass on a recorded batch, TRL's and ours in turns."""
    config = configured(seed, "grpo")
    task = tasks.load(config)
    folder = warm_started(task, config.policy.warm_start.model_copy(update={"seed": seed}))
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as scratch:
        trainers = {}
        for who in seconds:
            given: dict[str, Any] = {
                "model": AutoModelForCausalLM.from_pretrained(folder),
                "args": GRPOConfig(**trainer_arguments(config, RunFolder(scratch))),
                "train_dataset": Dataset.from_list(task.splits["train"][:8]),
                "processing_class": AutoTokenizer.from_pretrained(folder),
            }
            mix = setup.rewards(config, task)
            made = (
                GrpoTrainer(Grpo(name="grpo"), mix, **given)
                if who == "ours"
                else GRPOTrainer(reward_funcs=mix, **given)
            )
            made.model.train()
            made.current_gradient_accumulation_steps = 1
            trainers[who] = made
        inputs = batch(len(trainers["ours"].processing_class), torch.Generator().manual_seed(seed))
        for turn in range(13):
            for who, trainer in trainers.items():
                started = time.perf_counter()
                trainer.compute_loss(trainer.model, inputs).backward()
                taken = time.perf_counter() - started
                trainer.model.zero_grad()
                if turn >= 3:  # the first ones warm up
                    seconds[who].append(taken)
    return result(name, seconds["ours"], seconds["peer"], "s a step", [seed])


def rows(size: int, prompt: int, lengths: torch.Tensor, vocabulary: int, random: torch.Generator) -> dict[str, Any]:
    """A recorded batch of random tokens whose completions have the given lengths."""
    width = int(lengths.max())
    return {
        "prompt_ids": torch.randint(3, vocabulary, (size, prompt), generator=random),
        "prompt_mask": torch.ones(size, prompt, dtype=torch.long),
        "completion_ids": torch.randint(3, vocabulary, (size, width), generator=random),
        "completion_mask": (torch.arange(width) < lengths[:, None]).long(),
        "advantages": torch.randn(size, generator=random),
        "num_items_in_batch": lengths.sum(),
    }


def zero_signal(vocabulary: int, random: torch.Generator) -> dict[str, Any]:
    """320 completions in 40 groups of 8; 24 of the groups, 60%, without signal."""
    batch = rows(320, 10, torch.full((320,), 32), vocabulary, random)
    batch["advantages"][: 24 * 8] = 0.0
    order = torch.randperm(320, generator=random)
    return {name: value[order] if value.dim() else value for name, value in batch.items()}


def mixed_length(vocabulary: int, random: torch.Generator) -> dict[str, Any]:
    """64 completions of 8 to 256 tokens, all with signal."""
    return rows(64, 10, torch.randint(8, 257, (64,), generator=random), vocabulary, random)


class Laps(TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start a lap."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End it."""
        self.seconds.append(time.perf_counter() - self.started)


def ppo_step(seed: int) -> dict[str, Any]:
    """Our GRPO's time for a draw of 128 completions over our PPO's, sampling and all, in turns of five draws."""
    draws: dict[str, list[float]] = {"ppo": [], "grpo_steps": []}
    for _ in range(3):
        for file, seconds in draws.items():
            steps, watch = steps_a_draw(file), Laps()
            config = configured(seed, file, f"trainer.max_steps={5 * steps}")
            with tempfile.TemporaryDirectory() as scratch:
                our_trainer(config, scratch, [watch]).train()
            whole = [sum(watch.seconds[start : start + steps]) for start in range(0, len(watch.seconds), steps)]
            seconds += whole[1:]  # the first one warms up
    return result("ppo_step", draws["ppo"], draws["grpo_steps"], "s a draw of 128", [seed])


def result(name: str, ours: list[float], peer: list[float], unit: str, seeds: list[int]) -> dict[str, Any]:
    """A row of the results: medians, and their ratio."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    row = {
        "name": name,
        "ours": round(mine, 4),
        "peer": round(theirs, 4),
        "ratio": round(theirs / mine, 3),
        "unit": unit,
        "seeds": seeds,
        "device": setup.device_name(),
        "peer_version": "our GRPO" if name == "ppo_step" else f"trl {version('trl')}",
    }
    print(f"{name}: ours {mine:.4g} {unit}, peer {theirs:.4g}, ratio {theirs / mine:.2f}", flush=True)
    return row


def main() -> None:
    """Measure, and write the results beside what is on record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--out", type=Path, default=Path("bench/results.json"))
    arguments = parser.parse_args()
    before = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else []
    results = []
    if "zero_signal_step" in arguments.only:
        results.append(training_phase("zero_signal_step", arguments.seeds[0], zero_signal))
    if "mixed_length_step" in arguments.only:
        results.append(training_phase("mixed_length_step", arguments.seeds[0], mixed_length))
    if "ppo_step" in arguments.only:
        results.append(ppo_step(arguments.seeds[0]))
    if {"time_to_accuracy", "samples_to_accuracy"} & set(arguments.only):
        results += to_accuracy(arguments.seeds)
    new = {row["name"] for row in results}
    results += [row for row in before if row["name"] not in new]
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
