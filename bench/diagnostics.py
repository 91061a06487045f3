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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gym_start
from accelerate import PartialState
from diagnosed import RUNS, count_diagnostics, count_faults, count_verdicts, recorded
from diagnostic_kinds import BY_NAME, FACTS, GYM_WARM, KINDS, Kind, gym_task
from harness import CONFIGS, Row, arguments, record
from rich.console import Console

from rewards.reward import RewardBroken
from rl.analysis.preflight.draws import draw
from rl.config import ReasoningGymTask, WarmStart, load
from rl.errors import NotFinite, UserError
from rl.runs.run import Run
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import prepare

BENCH = Path(__file__).parent
COMPLETIONS = 64
"""Completions that preflight draws."""


def keep(made: Row) -> None:
    """Add a run to the kept ones; the same runs make the same bytes."""
    others = [row for row in recorded() if _key(row) != _key(made)]
    rows = [row for row in [*others, made] if row["kind"] in BY_NAME]
    draft = RUNS.with_suffix(".draft")
    with draft.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        for row in sorted(rows, key=_key):
            out.write((json.dumps(row, separators=(",", ":")) + "\n").encode())
    draft.replace(RUNS)


def _key(row: Row) -> tuple[str, int]:
    return row["kind"], row["seed"]


def run(kind: Kind, seed: int) -> Row:
    """Make a run: preflight's draws, the training, and the evaluations; and what is kept of it."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        started, ended = time.perf_counter(), "finished"
        settings = kind.settings(seed, scratch)
        if kind.gym:
            warm = WarmStart(**{**GYM_WARM, "steps": kind.gym_steps, "seed": kind.warm_seed(seed)})
            start = gym_start.policy(ReasoningGymTask.model_validate(gym_task(kind.gym)), warm)
            settings.append(f"policy.model={start}")
        config = load(str(CONFIGS / f"{kind.config}.yaml"), settings)
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
    until = time.monotonic() + 60 * given.minutes
    wanted = [(kind, seed) for kind in KINDS for seed in range(kind.seeds) if not given.only or kind.name in given.only]
    # a seed of each kind, then the next; facts, whose warm start takes minutes, last
    wanted.sort(key=lambda pair: (pair[0].task is FACTS, pair[1]))
    known = set(map(_key, recorded()))
    for kind, seed in [] if given.count else wanted:
        if (kind.name, seed) in known or time.monotonic() > until:
            continue
        known = set(map(_key, recorded()))  # another of these commands may be at work
        if (kind.name, seed) not in known:
            keep(made := run(kind, seed))
            print(kind.name, seed, made["ended"], made["seconds"], _gain(made), flush=True)
    rows = [row for row in recorded() if row["kind"] in BY_NAME]
    for name, count, key in COUNTED:
        file = BENCH / f"{name}.json"
        file.unlink(missing_ok=True)  # counted anew, not added to
        record(file, count(rows), key)


def _gain(row: Row) -> str:
    tests = [e for e in row["evaluations"] if e["split"] == "test"]
    return " → ".join("/".join(f"{e[n]['value']:.2f}" for n in ("greedy", "mean_at_k")) for e in tests)


if __name__ == "__main__":
    main()
