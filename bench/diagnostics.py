"""How often diagnostics and preflight are right: small real runs made to fail in known ways, and healthy ones.

    make bench-diagnostics      (python bench/diagnostics.py [--minutes 9] [--only KIND …] [--count])

A run is some tens of optimizer steps of the embedded policy, 5 to 20 seconds of one core. Preflight draws before its
first step. What it logs is kept in `diagnostics_runs.jsonl.gz`, and runs that are on record there are not made again,
so the command is repeated until nothing is left. The figures in `diagnostics.json`, `diagnosed_faults.json` and
`preflight.json` are counted from the kept runs, by the diagnostics as they are (`--count` only counts).

Thresholds were set by reason and looked at on the even seeds alone; odd seeds are held out.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState
from diagnosed import RUNS, count_diagnostics, count_faults, count_verdicts, recorded
from harness import CONFIGS, QUIET, Row, arguments, record
from rich.console import Console

from rewards.reward import RewardBroken
from rl.analysis.preflight.draws import draw
from rl.config import load
from rl.errors import NotFinite, UserError
from rl.runs.run import Run
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import prepare

BENCH = Path(__file__).parent
OWN = BENCH / "diagnostic_rewards.py"
COMPLETIONS = 64
"""Completions that preflight draws."""
SMALL = (
    "task.sizes.train=2000", "task.sizes.validation=200", "task.sizes.test=200",
    "policy.warm_start.hidden=64", "policy.warm_start.steps=500", "policy.warm_start.learning_rate=4e-3",
    "evaluation.n=150", "evaluation.validation_n=100", "evaluation.k=2", *QUIET,
)  # fmt: skip
CHAIN = ("task.operations=[1,2]", "sampling.max_tokens=16")
FACTS = ("task={name: facts, sizes: {train: 1000, validation: 150, test: 150}}", "sampling.max_tokens=40")
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
    """

    name: str
    config: str
    overrides: Sequence[str] = ()
    fault: str = ""
    shown_by: Sequence[str] = ()
    seeds: int = 6

    def settings(self, seed: int, folder: str) -> list[str]:
        """All overrides of a run."""
        task = FACTS if self.name.startswith("facts") else CHAIN
        length = ROUNDS if self.config in ("dpo", "orpo", "star") else ONLINE
        warm = 0 if task is FACTS else seed % 2
        own = [f"name={self.name}_{seed}", f"seed={seed}", f"policy.warm_start.seed={warm}"]
        return [*SMALL, *task, *length, *own, f"logging.folder={folder}", *self.overrides]


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
    Kind("facts_grpo", "grpo", GRPO),
    Kind("sevens", "grpo", [*GRPO, own("sevens", 1.0), "rewards.correctness.weight=0.1"],
         "the reward pays for one answer, whatever was asked", ["gamed_reward"], 4),
    Kind("brevity", "ppo", [*PPO, own("shorter", 2.0), "rewards.correctness.weight=0.2", "rewards.steps.weight=0"],
         "the reward pays for brevity", ["gamed_reward"], 4),
    Kind("longer", "grpo", [*GRPO, own("longer", 1.0), "rewards.correctness.weight=0.1"],
         "the reward pays for length", ["length_drift"], 4),
    Kind("rambling", "grpo", [rate(1e-3), own("longer", 1.0), "rewards.correctness.weight=0", "sampling.max_tokens=40"],
         "the reward pays for length, without a limit", ["repetition"], 4),
    Kind("giant_weight", "grpo", [*GRPO, own("shorter", 10.0)], "one weight is ten times the other", ["one_reward"], 4),
    Kind("rate", "grpo", [rate(2e-2)], "GRPO's learning rate is forty times too high", ["divergence"], 4),
    Kind("rate_ppo", "ppo", [rate(1e-2)], "PPO's learning rate is twenty times too high", ["divergence"], 4),
    Kind("temperature", "grpo", [*GRPO, "sampling.temperature=0.05"],
         "the temperature is 0.05", ["entropy_collapse", "no_signal"], 4),
    Kind("short", "grpo", [*GRPO, "sampling.max_tokens=4"], "max_tokens leaves no room for answers", ["truncation"], 4),
    Kind("all_wrong", "grpo", [*GRPO, "policy.warm_start.steps=20"], "no completion is right", ["no_signal"], 4),
    Kind("all_right", "grpo",
         [*GRPO, "task.operations=[1,1]", "task.sizes={train: 100, validation: 30, test: 30}",
          "sampling.temperature=0.3"],
         "nearly all completions are right", ["no_signal"], 4),
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
)  # fmt: skip
"""Ways to set up a run, healthy ones first."""


def keep(rows: Sequence[Row]) -> None:
    """Write the kept runs, the same bytes for the same runs."""
    draft = RUNS.with_suffix(".draft")
    with draft.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        for row in sorted(rows, key=lambda row: (row["kind"], row["seed"])):
            out.write((json.dumps(row, separators=(",", ":")) + "\n").encode())
    draft.replace(RUNS)


def run(kind: Kind, seed: int) -> Row:
    """Make a run: preflight's draws, the training, and the evaluations; and what is kept of it."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        started, ended = time.perf_counter(), "finished"
        config = load(str(CONFIGS / f"{kind.config}.yaml"), kind.settings(seed, scratch))
        context = prepare(config, PartialState(cpu=True), Console(file=io.StringIO()))
        drawn = draw(config, context.task, context.policy, context.mix, COMPLETIONS, lambda count: None)
        seconds = time.perf_counter()
        try:
            trained = _made(context)
            trained.train()
            trained.measure("test", trained.last_step)
        except (NotFinite, RewardBroken, UserError) as error:
            ended = type(error).__name__
        folder = RunFolder(config.run_folder)
        metrics, evaluations = read_jsonl(folder.metrics), read_jsonl(folder.evaluations)
        return {
            "kind": kind.name,
            "seed": seed,
            "fault": kind.fault,
            "shown_by": list(kind.shown_by),
            "ended": ended,
            "seconds": [round(seconds - started, 1), round(time.perf_counter() - seconds, 1), round(drawn.seconds, 2)],
            "config": _kept_config(config.model_dump(mode="json")),
            "metrics": _columns(metrics),
            "evaluations": [_kept_evaluation(row) for row in evaluations],
            "groups": [[_kept_drawn(one) for one in group] for group in drawn.groups],
            "greedy": [_kept_drawn(one) for one in drawn.greedy],
        }


def _made(context: Any) -> Run:
    if context.config.algorithm.in_rounds:
        from rl.rounds.rounds import Rounds

        return Rounds(context)
    from rl.runs.online import OnlineRun

    return OnlineRun(context)


COUNTED = (
    ("diagnostics", count_diagnostics, ["half", "diagnostic"]),
    ("diagnosed_faults", count_faults, ["kind"]),
    ("preflight", count_verdicts, ["half", "verdict"]),
)
"""File of figures, how they are counted, and what identifies a row."""
NOT_KEPT = (
    "clip_ratio/", "completions/min_", "completions/max_", "time/", "epoch", "num_tokens", "step_time", "total_flos",
    "train_loss", "loss", "learning_rate", "ppo/advantages", "logits/", "eval/", "critic/value", "critic/clip",
)  # fmt: skip
"""How the names of metrics begin that no diagnostic reads."""


def _columns(metrics: Sequence[Row]) -> dict[str, list[Any]]:
    """The log lines by metric, rounded; None where a line lacks it. Lines of evaluations keep their split alone."""
    names = dict.fromkeys(name for row in metrics for name in row if not name.startswith(NOT_KEPT))
    columns = {name: [_rounded(row.get(name)) for row in metrics] for name in names if not name.endswith("/seconds")}
    columns["eval"] = [next((n.split("/")[1] for n in row if n.startswith("eval/")), None) for row in metrics]
    return columns


def _kept_config(config: Row) -> Row:
    rewards = {
        name: {"weight": reward["weight"], "credit": reward["credit"]} for name, reward in config["rewards"].items()
    }
    mix = {"aggregation": config["mix"]["aggregation"]}
    return {"rewards": rewards, "mix": mix, "algorithm": {"name": config["algorithm"]["name"]}}


def _kept_evaluation(row: Row) -> Row:
    names = ("step", "split", "greedy", "chain", "mean_at_k")
    return {
        name: {end: _rounded(number) for end, number in row[name].items()} if isinstance(row[name], dict) else row[name]
        for name in names
    }


def _kept_drawn(one: Any) -> list[Any]:
    """A draw as a list, in the order of its fields."""
    values = asdict(one)
    values["contributions"] = {name: _rounded(value) for name, value in (one.contributions or {}).items()}
    values["reward"], values["credit"] = _rounded(one.reward), _rounded(one.credit)
    return list(values.values())


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Make the runs that are missing, for some minutes, and count."""
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=9.0, help="start no run after this time")
    parser.add_argument("--only", nargs="+", help="kinds of runs")
    parser.add_argument("--count", action="store_true", help="make no runs")
    given = parser.parse_args()
    until, rows = time.monotonic() + 60 * given.minutes, recorded()
    known = {(row["kind"], row["seed"]) for row in rows}
    wanted = [(kind, seed) for kind in KINDS for seed in range(kind.seeds) if not given.only or kind.name in given.only]
    # a seed of each kind, then the next; the other task, whose warm start takes minutes, last
    wanted.sort(key=lambda pair: (pair[0].name.startswith("facts"), pair[1]))
    for kind, seed in [] if given.count else wanted:
        if (kind.name, seed) not in known and time.monotonic() < until:
            rows.append(made := run(kind, seed))
            keep(rows)
            print(
                kind.name, seed, made["ended"], made["seconds"], f"{time.process_time():.0f}", _gain(made), flush=True
            )

    for name, count, key in COUNTED:
        record(BENCH / f"{name}.json", count(rows), key)


def _gain(row: Row) -> str:
    tests = [e for e in row["evaluations"] if e["split"] == "test"]
    return " → ".join("/".join(f"{e[n]['value']:.2f}" for n in ("greedy", "mean_at_k")) for e in tests)


if __name__ == "__main__":
    main()
