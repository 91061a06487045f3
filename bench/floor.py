"""Time of the phases of a draw, compared with the lower bound that the machine's speed allows.

    python bench/floor.py [--draws 8] [--configs grpo grpo_steps ppo] [--out FILE] [key=value …]

The floor of a phase is the number of the model's operations divided by the rate of a large matrix product on this
machine: 2 operations per weight and token for a forward pass, 6 for forward and backward, on the actual tokens, without
padding and attention. `times` is the ratio of the measured time to the floor. The figures are medians over draws of 128
completions and require a quiet machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from typing import Any

import tables_results
import torch
from harness import Row, arguments, record
from trainers import configured, ours, prepared, steps_a_draw
from transformers import TrainerCallback

from rl import setup
from rl.algorithms.ppo import PpoTrainer

FORWARD, BOTH = 2, 6
"""Operations per weight and token: for a forward pass, and for forward and backward."""


class Clock(TrainerCallback):
    """Measures the seconds per phase of each draw, by wrapping the methods of the phases.

    Args:
        steps_a_draw: optimizer steps per draw.
    """

    def __init__(self, steps_a_draw: int) -> None:
        self.steps_a_draw = steps_a_draw
        self.draws: list[Counter[str]] = []

    def time(self, owner: Any, method: str, phase: str) -> None:
        """Count the time of a method towards a phase."""
        run = getattr(owner, method)

        def timed(*args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return run(*args, **named)
            finally:
                self.draws[-1][phase] += time.perf_counter() - started

        setattr(owner, method, timed)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start a new draw at a step that draws."""
        if state.global_step % self.steps_a_draw == 0:
            self.draws.append(Counter())
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add the step's time to its draw."""
        self.draws[-1]["all"] += time.perf_counter() - self.started


def matrix_rate(size: int = 1024, repeats: int = 20) -> float:
    """Operations per second of a float32 matrix product."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(seconds)


def phases(file: str, draws: int, rate: float, overrides: list[str]) -> Row:
    """A row with the seconds, the floor and their ratio for each phase of a config's draws."""
    steps = steps_a_draw(configured(0, file, *overrides))
    config = configured(0, file, f"trainer.max_steps={(draws + 1) * steps}", *overrides)
    clock = Clock(steps)
    tokens: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as scratch:
        trainer = ours(prepared(config, scratch), [clock])
        draw = trainer._generate_and_score_completions

        def counted(inputs: Any) -> Any:
            batch = draw(inputs)
            with_signal = batch["advantages"].view(len(batch["completion_ids"]), -1).ne(0).any(1)
            lengths = batch["prompt_mask"].sum(1) + batch["completion_mask"].sum(1)
            tokens.append((int(lengths.sum()), int(lengths[with_signal].sum())))
            return batch

        trainer._generate_and_score_completions = counted
        clock.time(trainer, "_generate", "sample")
        clock.time(trainer.mix, "score", "judge")
        clock.time(trainer, "compute_loss", "policy forward")
        clock.time(trainer.accelerator, "backward", "policy backward")
        if isinstance(trainer, PpoTrainer):
            clock.time(trainer.critic, "values", "critic values")
            clock.time(trainer.critic, "fit", "critic fit")
        trainer.train()
    weights = sum(p.numel() for p in trainer.model.parameters())
    everything, signal = (statistics.median(column) for column in zip(*tokens[1:], strict=True))
    passes = config.algorithm.critic.epochs if config.algorithm.name == "ppo" else 0
    floors = {
        "sample": FORWARD * weights * everything / rate,
        "policy forward": FORWARD * weights * signal / rate,
        "policy backward": (BOTH - FORWARD) * weights * signal / rate,
        "critic values": FORWARD * weights * everything / rate,
        "critic fit": BOTH * weights * everything * passes / rate,
    }
    measured = {name: statistics.median(d[name] for d in clock.draws[1:]) for name in clock.draws[-1]}
    measured["rest"] = 2 * measured["all"] - sum(measured.values())
    row: Row = {"config": file, "device": setup.device_name(), "operations_a_second": rate}
    row |= {"tokens": everything, "tokens_with_signal": signal, "weights": weights}
    for name, seconds in measured.items():
        row[f"{name}.seconds"] = round(seconds, 4)
        if floors.get(name):  # no ratio for a phase without operations or without time
            row[f"{name}.floor"], row[f"{name}.times"] = round(floors[name], 4), round(seconds / floors[name], 1)
    return row


def main() -> None:
    """Measure, record one row per config, and print the table."""
    parser = arguments(__doc__, overrides=True)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--configs", nargs="+", default=["grpo", "grpo_steps", "ppo"])
    given = parser.parse_args()
    rate, rows = matrix_rate(), []
    for file in given.configs:
        rows.append(phases(file, given.draws, rate, given.overrides))
        record(given.out, rows[-1:], key=["config"])
    tables_results.floor(rows).show()


if __name__ == "__main__":
    main()
