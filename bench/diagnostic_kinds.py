"""The small runs of `bench/diagnostics.py`: healthy set-ups, and set-ups with one known fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import QUIET

OWN = Path(__file__).parent / "diagnostic_rewards.py"
WARM = {"hidden": 64, "steps": 500, "learning_rate": 4e-3}
"""The warm start of every policy; its seed is 0 on even seeds and 1 on odd ones."""
GYM_WARM = {**WARM, "batch": 64}
"""The same on tasks of reasoning-gym, where a kind has its own steps."""
SIZES = {"train": 2000, "validation": 200, "test": 200}
SMALL = (
    *(f"policy.warm_start.{key}={value}" for key, value in WARM.items()),
    "evaluation.n=150", "evaluation.validation_n=100", "evaluation.k=2", *QUIET,
)  # fmt: skip
CHAIN = (f"task.sizes={SIZES}", "task.operations=[1,2]", "sampling.max_tokens=16")
FACTS = ("task={name: facts, sizes: {train: 1000, validation: 150, test: 150}}", "sampling.max_tokens=40")
GYM = {
    "sums": {"dataset": "chain_sum", "options": {"min_terms": 3, "max_terms": 3, "max_digits": 1}},
    "spelling": {"dataset": "spell_backward", "options": {"min_word_len": 3, "max_word_len": 5}},
}
"""Tasks of reasoning-gym by a short name: data set and options. Their completions are answers of a few characters."""
ONLINE = (
    "trainer.max_steps=30", "trainer.save_steps=30", "trainer.steps_per_generation=1",
    "trainer.per_device_train_batch_size=64", "trainer.logging_steps=1", "evaluation.every=10",
)  # fmt: skip
ROUNDS = (
    "algorithm.rounds=1", "algorithm.prompts=96", "trainer.max_steps=24", "trainer.save_steps=24",
    "trainer.per_device_train_batch_size=32", "trainer.logging_steps=1", "evaluation.every=10",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A way to set up a run.

    Attributes:
        name: its name.
        config: a file in `configs/`.
        overrides: what makes it so.
        fault: what is wrong with it, in a few words; empty if it is healthy.
        shown_by: the diagnostics that are meant to see the fault.
        seeds: how many seeds.
        task: the overrides of its task, unless that is one of reasoning-gym.
        gym: its task in `GYM`, with a policy of `gym_start.py`.
        gym_steps: steps of the warm start on that task.
    """

    name: str
    config: str
    overrides: Sequence[str] = ()
    fault: str = ""
    shown_by: Sequence[str] = ()
    seeds: int = 6
    task: Sequence[str] = CHAIN
    gym: str = ""
    gym_steps: int = 400

    def settings(self, seed: int, folder: str) -> list[str]:
        """All overrides of a run, without the policy of a task of reasoning-gym."""
        length = ROUNDS if self.config in ("dpo", "orpo", "star") else ONLINE
        task = (f"task={gym_task(self.gym)}", "sampling.max_tokens=8") if self.gym else self.task
        own = [f"name={self.name}_{seed}", f"seed={seed}", f"policy.warm_start.seed={self.warm_seed(seed)}"]
        return [*SMALL, *task, *length, *own, f"logging.folder={folder}", *self.overrides]

    def warm_seed(self, seed: int) -> int:
        """The seed of a run's warm start; on facts, where it takes minutes, there is only one."""
        return 0 if self.task is FACTS else seed % 2


def gym_task(name: str) -> dict[str, Any]:
    """The section of a task in `GYM`."""
    return {"name": "reasoning_gym", "sizes": SIZES, **GYM[name]}


def own(function: str, weight: float, name: str = "own") -> str:
    """The override for a reward of `diagnostic_rewards.py`."""
    return f"rewards.{name}={{function: '{OWN}:{function}', weight: {weight}}}"


def rate(value: float) -> str:
    """The override for a learning rate."""
    return f"trainer.learning_rate={value}"


GRPO, PPO, DPO = [rate(5e-4)], [rate(5e-4)], [rate(3e-4)]
KINDS = (
    Kind("grpo", "grpo", GRPO),
    Kind("grpo_steps", "grpo_steps", GRPO),
    Kind("ppo", "ppo", PPO),
    Kind("dpo", "dpo", DPO),
    Kind("orpo", "orpo", [rate(3e-4)]),
    Kind("star", "star", [rate(5e-4)]),
    Kind("facts_grpo", "grpo", GRPO, task=FACTS),
    Kind("gym_sums", "grpo", GRPO, seeds=2, gym="sums"),
    Kind("gym_spelling", "grpo", GRPO, seeds=2, gym="spelling"),
    Kind("gym_spelling_ppo", "ppo", [*PPO, "rewards.steps=null"], seeds=2, gym="spelling"),
    Kind("sevens", "grpo", [*GRPO, own("sevens", 1.0), "rewards.correctness.weight=0.1"],
         "the reward pays for one answer, whatever was asked", ["gamed_reward", "one_reward"], 4),
    Kind("brevity", "ppo", [*PPO, own("shorter", 2.0), "rewards.correctness.weight=0.2", "rewards.steps.weight=0"],
         "the reward pays for brevity", ["gamed_reward", "one_reward", "length_drift"], 4),
    Kind("rambling", "grpo", [rate(1e-3), own("longer", 1.0), "rewards.correctness.weight=0", "sampling.max_tokens=40"],
         "the reward pays for length", ["gamed_reward", "length_drift", "repetition", "truncation"], 4),
    Kind("giant_weight", "grpo", [*GRPO, own("shorter", 10.0)], "one weight is ten times the other",
         ["one_reward", "gamed_reward", "length_drift"], 4),
    Kind("rate", "grpo", [rate(2e-2)], "GRPO's learning rate is forty times too high", ["divergence"], 4),
    Kind("rate_ppo", "ppo", [rate(1e-2)], "PPO's learning rate is twenty times too high", ["divergence"], 4),
    Kind("temperature", "grpo", [*GRPO, "sampling.temperature=0.05"],
         "the temperature is 0.05", ["entropy_collapse", "no_signal"], 4),
    Kind("short", "grpo", [*GRPO, "sampling.max_tokens=4"], "max_tokens leaves no room for answers", ["truncation"], 4),
    Kind("all_wrong", "grpo", [*GRPO, "policy.warm_start.steps=20"], "no completion is right", ["no_signal"], 4),
    Kind("alike", "grpo", [*GRPO, "sampling.top_k=1"], "a problem's completions are all alike", ["no_signal"], 4),
    Kind("constant", "grpo", [*GRPO, own("nothing", 1.0), "rewards.correctness.weight=0"],
         "the reward says the same of all", ["no_signal"], 4),
    Kind("abstains", "grpo", [*GRPO, own("abstains", 0.5)], "a judge cannot read what is learnt", ["judges"], 4),
    Kind("breaks", "grpo", [*GRPO, own("breaks", 0.5), "mix.error_budget=1"],
         "a judge breaks on what is learnt", ["judges"], 4),
    Kind("bad_pairs", "dpo",
         [rate(2e-3), "rewards.correctness.weight=-1", "rewards.steps.weight=-0.5", "algorithm.nll=0"],
         "pairs are the wrong way round", ["both_fall"], 4),
    Kind("critic", "ppo", [*PPO, "algorithm.critic.learning_rate=1.0e-9"], "the critic learns nothing",
         ["useless_critic"], 4),
    Kind("answers", "grpo",
         [*GRPO, own("shorter", 2.0), "mix={aggregation: gated, gate: correctness}"],
         "right answers earn more with fewer steps", ["wrong_chains"], 4),
    Kind("facts_longer", "grpo", [*GRPO, "trainer.max_steps=160", "trainer.save_steps=160", "evaluation.every=40"],
         "answers are learnt, and the statements that should lead to them are not (`facts`, 160 steps)",
         ["wrong_chains"], 4, task=FACTS),
    Kind("gym_unlearnt", "grpo", GRPO, "the supervised start ended after 60 steps", seeds=2, gym="sums", gym_steps=60),
    Kind("gym_short", "grpo", [*GRPO, "sampling.max_tokens=2"],
         "max_tokens leaves no room for the word (reasoning-gym)", ["truncation"], 2, gym="spelling"),
    Kind("gym_brevity", "grpo", [*GRPO, own("shorter", 10.0)], "one weight is ten times the other (reasoning-gym)",
         ["one_reward", "gamed_reward"], 2, gym="spelling"),
    Kind("gym_rate", "grpo", [rate(2e-2)], "GRPO's learning rate is forty times too high (reasoning-gym)",
         ["divergence"], 2, gym="sums"),
)  # fmt: skip
"""Ways to set up a run, healthy ones first."""
BY_NAME = {kind.name: kind for kind in KINDS}
