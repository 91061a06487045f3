"""Comparison with plain TRL in one run: time and samples to reach an accuracy, and the training phase alone.

    make bench      (python bench/speed.py [--seeds 0 1 2] [--only zero_signal_step …] [--out FILE] [key=value …])

A row is `{name, ours, peer, ratio, unit, seeds, device, peer_version}`; with a ratio above 1, Whetstone is faster.
Steps are timed alternately, and the median is taken.

`time_to_accuracy` and `samples_to_accuracy`: from the same warm start until greedy accuracy on 300 validation problems
is 0.90. The evaluations after every 640 completions are not counted. Whetstone runs `configs/grpo_steps.yaml`, with
step credit and eight optimizer steps per draw of 128; TRL runs `GRPOTrainer` with one step per draw of 128, with our
reward function for correctness, at the best of three learning rates. A run that does not reach the goal counts with its
cap of 600 draws. `--cap 5 --turns 1` and a few overrides try the script.
"""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import tables
import torch
from accelerate import PartialState
from datasets import Dataset
from harness import CONFIGS, QUIET, Row, arguments, record
from rich.console import Console
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PrinterCallback,
    TrainerCallback,
)
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import setup, tasks
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.online import OnlineTrainer
from rl.algorithms.trl_arguments import grpo_config_arguments
from rl.analysis.evaluation import EvaluationSettings, evaluate
from rl.config import Config, load
from rl.config.algorithms import Grpo
from rl.context import RunContext
from rl.policy.warm_start import warm_started
from rl.storage.run_folder import RunFolder

RATES = (5e-5, 1e-4, 3e-4)
GOAL, DRAW, CAP, EVERY = 0.90, 128, 600, 5
"""Greedy accuracy to reach; completions per draw; largest number of draws; draws between two evaluations."""
NAMES = (
    "zero_signal_step",
    "mixed_length_step",
    "shared_prefix_step",
    "ppo_step",
    "time_to_accuracy",
    "samples_to_accuracy",
)


def configured(seed: int, file: str, *overrides: str) -> Config:
    """A config of `configs/` that writes nothing during the run."""
    return load(str(CONFIGS / f"{file}.yaml"), [*QUIET, f"seed={seed}", "trainer.save_strategy='no'", *overrides])


def steps_a_draw(file: str) -> int:
    """Optimizer steps per draw of a config."""
    return DRAW // configured(0, file).trainer["per_device_train_batch_size"]


def prepared(config: Config, folder: str) -> RunContext:
    """Everything that a run of a config needs, without writing to a run folder."""
    task, console = tasks.load(config), Console(quiet=True)
    policy, mix = setup.policy(config, task, console), setup.rewards(config, task)
    return RunContext(config, task, policy, mix, RunFolder(folder), PartialState(), console)


def our_trainer(run: RunContext, callbacks: list) -> OnlineTrainer:
    """The trainer of an online run."""
    return importlib.import_module(run.config.algorithm.module).build(run, callbacks)


class UntilAccurate(TrainerCallback):
    """Stops a run at the goal, and measures its time without evaluations.

    Args:
        measure: returns the current accuracy of the policy.
        steps_a_draw: optimizer steps per draw.
    """

    def __init__(self, measure: Callable[[], float], steps_a_draw: int) -> None:
        self.measure, self.steps_a_draw = measure, steps_a_draw
        self.seconds, self.completions, self.reached = 0.0, 0, False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Pause the clock for an evaluation, and stop it at the goal."""
        draws, rest = divmod(state.global_step, self.steps_a_draw)
        if rest or draws % EVERY:
            return
        self.seconds += time.perf_counter() - self.started
        self.completions, self.reached = draws * DRAW, self.measure() >= GOAL
        control.should_training_stop = self.reached
        self.started = time.perf_counter()


Build = Callable[[RunContext, list], Any]


def until_accurate(build: Build, file: str, seed: int, cap: int, *overrides: str) -> UntilAccurate:
    """Train until the goal or the cap, in draws."""
    steps = steps_a_draw(file)
    config = configured(seed, file, f"trainer.max_steps={cap * steps}", *overrides)
    settings = EvaluationSettings(n=300, k=0, parameters=config.sampling.parameters)
    with tempfile.TemporaryDirectory() as scratch:
        run = prepared(config, scratch)
        watch = UntilAccurate(lambda: greedy(run.policy.model, run.tokenizer, run.task, settings), steps)
        build(run, [watch]).train()
    return watch


def greedy(model: Any, tokenizer: Any, task: Any, settings: EvaluationSettings) -> float:
    """Greedy accuracy on validation."""
    measured = evaluate(model, tokenizer, task, "validation", settings).metrics["greedy"]
    assert measured is not None
    return measured.value


def plain_trl(run: RunContext, callbacks: list) -> GRPOTrainer:
    """TRL's trainer, with only the reward function from Whetstone."""
    trainer = GRPOTrainer(
        model=run.policy.model,
        reward_funcs=[run.mix],
        args=GRPOConfig(**grpo_config_arguments(run.config, run.folder)),
        train_dataset=Dataset.from_list(run.task.splits["train"]),
        processing_class=run.tokenizer,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def to_accuracy(seeds: list[int], cap: int, overrides: list[str]) -> list[Row]:
    """`time_to_accuracy` and `samples_to_accuracy`."""

    def runs(name: str, build: Build, file: str, *own: str) -> list[UntilAccurate]:
        made = []
        for seed in seeds:
            made.append(run := until_accurate(build, file, seed, cap, *own, *overrides))
            print(f"{name}, seed {seed}: {run.completions} completions, {run.seconds:.1f} s, {run.reached}", flush=True)
        return made

    def middle(runs: list[UntilAccurate], what: str) -> float:
        return statistics.median(getattr(run, what) for run in runs)

    ours = runs("ours", our_trainer, "grpo_steps")
    peers = [runs(f"TRL at {rate:g}", plain_trl, "grpo", f"trainer.learning_rate={rate}") for rate in RATES]
    rows = []
    for name, what, unit in (("time", "seconds", "s"), ("samples", "completions", "completions")):
        best = min(peers, key=lambda runs, what=what: middle(runs, what))
        given = ([getattr(run, what) for run in who] for who in (ours, best))
        rows.append(result(f"{name}_to_accuracy", *given, unit, seeds))
    return rows


def of_smollm2s_size() -> LlamaForCausalLM:
    """A model with random weights and the architecture of SmolLM2-135M."""
    sizes = {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**sizes))


def training_phase(
    name: str,
    seed: int,
    batch: Callable[[int, torch.Generator], dict[str, Any]],
    turns: int,
    overrides: list[str],
    *,
    policy: Callable[[], PreTrainedModel] | None = None,
) -> Row:
    """Time forward and backward passes on a recorded batch, alternating between TRL and Whetstone.

    Args:
        name: name of the row.
        seed: random seed of the warm start and the batch.
        batch: makes the batch, given the size of the vocabulary and a random generator.
        turns: number of timed steps of each.
        overrides: overrides of `configs/grpo.yaml`.
        policy: makes the model; by default the embedded policy after its warm start.
    """
    config = configured(seed, "grpo", *overrides)
    task = tasks.load(config)
    folder = warm_started(task, config.policy.warm_start.model_copy(update={"seed": seed}))
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as scratch:
        trainers = {}
        for who in seconds:
            given: dict[str, Any] = {
                "model": policy() if policy else AutoModelForCausalLM.from_pretrained(folder),
                "args": GRPOConfig(**grpo_config_arguments(config, RunFolder(scratch))),
                "train_dataset": Dataset.from_list(task.splits["train"][:8]),
                "processing_class": AutoTokenizer.from_pretrained(folder),
            }
            mix = setup.rewards(config, task)
            made = (
                GrpoTrainer(Grpo(name="grpo"), mix, task.verifier, **given)
                if who == "ours"
                else GRPOTrainer(reward_funcs=mix, **given)
            )
            made.model.train()
            made.current_gradient_accumulation_steps = 1
            trainers[who] = made
        inputs = batch(len(trainers["ours"].processing_class), torch.Generator().manual_seed(seed))
        for turn in range(3 + turns):
            for who, trainer in trainers.items():
                started = time.perf_counter()
                trainer.compute_loss(trainer.model, inputs).backward()
                taken = time.perf_counter() - started
                trainer.model.zero_grad()
                if turn >= 3:  # the first ones are a warm-up
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


def shared_prefix(vocabulary: int, random: torch.Generator) -> dict[str, Any]:
    """8 completions of 30 tokens for one prompt of 100, all with signal."""
    batch = rows(8, 100, torch.full((8,), 30), vocabulary, random)
    return {**batch, "prompt_ids": batch["prompt_ids"][:1].expand(8, -1)}


class Laps(TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start a lap."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the lap."""
        self.seconds.append(time.perf_counter() - self.started)


def ppo_step(seed: int, turns: int, overrides: list[str]) -> Row:
    """Time per draw of 128 completions, with sampling, of our GRPO and PPO, in alternating turns of five draws."""
    draws: dict[str, list[float]] = {"ppo": [], "grpo_steps": []}
    for _ in range(turns):
        for file, seconds in draws.items():
            steps, watch = steps_a_draw(file), Laps()
            config = configured(seed, file, f"trainer.max_steps={5 * steps}", *overrides)
            with tempfile.TemporaryDirectory() as scratch:
                our_trainer(prepared(config, scratch), [watch]).train()
            whole = [sum(watch.seconds[start : start + steps]) for start in range(0, len(watch.seconds), steps)]
            seconds += whole[1:]  # the first one is a warm-up
    return result("ppo_step", draws["ppo"], draws["grpo_steps"], "s a draw of 128", [seed])


def result(name: str, ours: list[float], peer: list[float], unit: str, seeds: list[int]) -> Row:
    """A row with the medians and their ratio."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    return {
        "name": name,
        "ours": round(mine, 4),
        "peer": round(theirs, 4),
        "ratio": round(theirs / mine, 3),
        "unit": unit,
        "seeds": seeds,
        "device": setup.device_name(),
        "peer_version": "our GRPO" if name == "ppo_step" else f"trl {version('trl')}",
    }


def main() -> None:
    """Measure, record each row immediately, and print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--cap", type=int, default=CAP, help="draws at most, to an accuracy")
    parser.add_argument("--turns", type=int, default=10, help="of a timed step that count")
    given = parser.parse_args()
    seed, turns, overrides = given.seeds[0], given.turns, given.overrides
    measures: dict[str, Callable[[], list[Row]]] = {
        "zero_signal_step": lambda: [training_phase("zero_signal_step", seed, zero_signal, turns, overrides)],
        "mixed_length_step": lambda: [training_phase("mixed_length_step", seed, mixed_length, turns, overrides)],
        "shared_prefix_step": lambda: [
            training_phase(
                "shared_prefix_step",
                seed,
                shared_prefix,
                min(5, turns),
                overrides,
                policy=of_smollm2s_size,
            )
        ],
        "ppo_step": lambda: [ppo_step(seed, min(3, turns), overrides)],
        "time_to_accuracy": lambda: to_accuracy(given.seeds, given.cap, overrides),  # and the samples to it
    }
    wanted = ["time_to_accuracy" if name == "samples_to_accuracy" else name for name in given.only]
    rows = []
    for name in dict.fromkeys(wanted):
        rows += (new := measures[name]())
        record(given.out, new, key=["name"])
    tables.beside_trl(rows).show()


if __name__ == "__main__":
    main()
