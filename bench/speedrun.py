"""Speedrun: what each trainer needs until the policy reaches a fixed accuracy on a fixed task, three seeds.

    make speedrun      (python bench/speedrun.py [--seeds 0 1 2] [--only ours …] [--add FILE.py:FUNCTION] [--out FILE])

The task is the embedded `chain`. All trainers of a seed start from the same policy of half a million parameters, and
train on the same problems. After every 640 completions the policy answers 300 held-out problems greedily; the run ends
when it is right on 90% of them, or after 76,800 completions, which then count. Seconds are counted from the call of the
trainer, without these evaluations. Tokens and completions are those sampled for training. With the same seed and number
of threads they are always the same, whereas seconds require a quiet machine.

Runs that are on record in the output file are not made again; to measure anew, delete the file.

A trainer of your own takes part through a function `(start, watch)` in a file of yours (`Start`, `Watch`):
docs/guides/speedrun.md. `--goal 0 --limit 128` and a few overrides try the script in seconds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import tables_results
from harness import Row, arguments, read, record
from trainers import Build, Drawn, configured, ours, prepared, steps_a_draw, trl_given_ours
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback
from watch import EVERY, GOAL, LIMIT, Watch

from rewards.building.find import find
from rl import setup
from rl.analysis.evaluation import EvaluationSettings, evaluate
from rl.context import RunContext

HELD_OUT = 300
"""Validation problems of an evaluation."""


@dataclass(frozen=True)
class Start:
    """What a trainer starts from.

    Attributes:
        run: the loaded parts of the run, for trainers that read Whetstone's configs.
    """

    run: RunContext

    @property
    def model(self) -> PreTrainedModel:
        """The policy, which is trained in place."""
        assert isinstance(self.run.policy.model, PreTrainedModel)
        return self.run.policy.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The policy's tokenizer, which pads on the left."""
        return self.run.tokenizer

    @property
    def problems(self) -> Sequence[Mapping[str, Any]]:
        """The problems to train on, each with its `prompt`, its `gold` answer and the other columns of the task."""
        return self.run.task.splits["train"]

    @property
    def reward(self) -> Callable[..., list[float | None]]:
        """A reward function as TRL takes it: `reward(prompts, completions, completion_ids, **columns)`."""
        return self.run.mix

    @property
    def max_tokens(self) -> int:
        """The largest number of tokens of a completion."""
        return self.run.config.sampling.max_tokens

    @property
    def seed(self) -> int:
        """The random seed of the run."""
        return self.run.config.seed


Train = Callable[[Start, Watch], None]


@dataclass(frozen=True)
class Contestant:
    """A trainer that takes part.

    Attributes:
        train: trains `start.model` in place, and calls `watch.learnt` after each draw until that returns True.
        config: name of the config in `configs/` that gives the rewards and, for ours and TRL, the settings.
        overrides: `key=value`, over the config.
    """

    train: Train
    config: str = "grpo"
    overrides: tuple[str, ...] = ()


class _Tell(TrainerCallback):
    """Tells the watch about each draw of a trainer of ours or TRL's."""

    def __init__(self, watch: Watch, steps: int) -> None:
        self.watch, self.steps = watch, steps
        self.drawn: Drawn
        self.told = (0, 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After the last optimizer step on a draw."""
        if state.global_step % self.steps == 0:
            now = (self.drawn.completions, self.drawn.tokens)
            new = [count - before for count, before in zip(now, self.told, strict=True)]
            self.told = now
            control.should_training_stop = self.watch.learnt(*new)


def online(build: Build) -> Train:
    """A trainer of ours or TRL's, with the settings of the contestant's config."""

    def train(start: Start, watch: Watch) -> None:
        tell = _Tell(watch, steps_a_draw(start.run.config))
        trainer = build(start.run, [tell])
        tell.drawn = Drawn(trainer)
        trainer.train()

    return train


OURS, TRL = online(ours), online(trl_given_ours)
CONTESTANTS = {
    "ours": Contestant(OURS, "grpo_steps"),
    "ours_ppo": Contestant(OURS, "ppo", ("trainer.lr_scheduler_type=constant",)),
    **{f"trl_{rate}": Contestant(TRL, "grpo", (f"trainer.learning_rate={rate}",)) for rate in ("5e-5", "1e-4", "3e-4")},
    "trl_our_settings": Contestant(TRL, "grpo_steps", ("rewards.steps.weight=0.0",)),
    "trl_our_settings_and_rewards": Contestant(TRL, "grpo_steps"),
}
"""Name → trainer. TRL as it comes takes one optimizer step on each draw, at one of three learning rates; its gradient
checkpointing and bfloat16 are off, since they only slow down a policy of this size on a CPU. With our settings it takes
eight steps on each draw, and with our rewards the score of the steps is added to that of the answer."""


def run(name: str, contestant: Contestant, seed: int, goal: float, limit: int, overrides: Sequence[str] = ()) -> Row:
    """The run of a trainer with one seed.

    Args:
        name: the trainer's name.
        contestant: the trainer.
        seed: of the problems, the policy and the training.
        goal: greedy accuracy to reach.
        limit: completions after which the run ends in any case.
        overrides: `key=value`, over those of the contestant.

    Raises:
        SystemExit: the trainer ended too early.
    """
    endless = f"trainer.max_steps={limit}"  # more steps than any run takes: the watch ends it
    config = configured(seed, contestant.config, *contestant.overrides, *overrides, endless)
    settings = EvaluationSettings(n=HELD_OUT, k=0, parameters=config.sampling.parameters)
    with tempfile.TemporaryDirectory() as scratch:
        start = Start(prepared(config, scratch))
        watch = Watch(lambda: greedy(start, settings), goal, limit, every=min(EVERY, limit))
        contestant.train(start, watch)
    if not watch.ended:
        sys.exit(f"{name} returned after {watch.completions} completions, before watch.learnt() said that it may stop")
    return {
        "trainer": name,
        "seed": seed,
        "goal": goal,
        "reached": watch.reached,
        "completions": watch.completions,
        "tokens": watch.tokens,
        "seconds": round(watch.seconds, 2),
        "processor_seconds": round(watch.processor_seconds, 2),
        "curve": [round(accuracy, 4) for accuracy in watch.curve],
        "device": setup.device_name(),
        "trl": version("trl"),
    }


def greedy(start: Start, settings: EvaluationSettings) -> float:
    """Greedy accuracy on the held-out problems."""
    found = evaluate(start.model, start.tokenizer, start.run.task, "validation", settings).metrics["greedy"]
    assert found is not None
    return found.value


def added(places: Sequence[str]) -> dict[str, Contestant]:
    """Trainers of one's own, by the name of their function.

    Args:
        places: `FILE.py:FUNCTION` of each.

    Raises:
        SystemExit: there is no such file or function.
    """
    try:
        return {place.rpartition(":")[2]: Contestant(find(place)) for place in places}
    except ValueError as error:
        sys.exit(f"--add: {error}")


def main() -> None:
    """Make the runs that are not on record, record each at once, and print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, help="some of the trainers alone")
    parser.add_argument("--add", nargs="+", default=[], metavar="FILE.py:FUNCTION", help="trainers of your own")
    parser.add_argument("--goal", type=float, default=GOAL, help="greedy accuracy to reach")
    parser.add_argument("--limit", type=int, default=LIMIT, help="completions of a run at most")
    given = parser.parse_args()
    own = added(given.add)
    wanted = {name: CONTESTANTS[name] for name in given.only or ([] if own else CONTESTANTS)} | own
    rows = read(given.out)
    there = {(row["trainer"], row["seed"]) for row in rows}
    for seed in given.seeds:
        for name, contestant in wanted.items():
            if (name, seed) in there:
                continue
            row = run(name, contestant, seed, given.goal, given.limit, given.overrides)
            rows.append(row)
            record(given.out, [row], key=["trainer", "seed"])
            what = "reached" if row["reached"] else "not reached"
            print(f"{name}, seed {seed}: {what} after {row['completions']} completions", flush=True)
    tables_results.speedrun(rows).show()


if __name__ == "__main__":
    main()
