"""Comparison with plain TRL and other peers: one row per thing that should be fast, and one table.

    make bench      (python bench/speed.py [--only zero_signal_step …] [--data FOLDER] [--model FOLDER] [--out FILE]
                     [key=value …])

A row is `{name, ours, peer, ratio, peer_our_settings, ratio_our_settings, unit, seeds, device, peer_version}`, with
medians. Where the peer is TRL, `peer` is TRL as it comes, and `peer_our_settings` is TRL with every argument that
Whetstone gives it, so that only the code differs. With a ratio above 1, Whetstone needs less time, memory or samples,
or does more per second. Whatever is timed takes turns with its peer in one process; memory is measured in processes of
their own.

- `time_to_accuracy`, `samples_to_accuracy`: from the runs of `make speedrun`; time only if the machine was quiet;
- `zero_signal_step`, `mixed_length_step`, `shared_prefix_step`: forward and backward pass (`bench/steps.py`);
- `ppo_step`: a draw of 128 and all steps on it, beside our own GRPO's;
- `verify_plain`, `verify_mixed`: verdicts per second beside math-verify; the second needs `--data`, the folder of
  `bench/verify_math.py`;
- `choice_scoring`: likelihoods of the answers to a question beside one sequence per pair (`bench/reward_prefix.py`);
- `reward_overlap`: a draw of 128 and all steps on it, with a reward that waits as long as sampling takes, with
  `algorithm.overlap` beside without (`bench/waiting.py`);
- `rollout`, `rollout_model`: tokens that sampling for evaluation draws per second beside plain `generate`, with the
  same batch and parameters: by the embedded policy, and by the chat model in the folder `--model`;
- `peak_memory`, `peak_memory_ppo`: GRPO beside TRL's, and PPO with a LoRA critic beside our GRPO with LoRA, with 135
  million parameters (`bench/usage.py`);
- `check_seconds`, `preflight_seconds`: the commands on the quickstart, without a peer.

`--turns 1` and a few overrides try the script.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import drawing
import made
import reward_prefix
import steps
import tables_results
import usage
import verify_math
import waiting
from harness import CONFIGS, ROOT, Row, arguments, read, record, whetstone

from rl import setup

GPU_CONFIG = ROOT / "bench" / "gpu.yaml"
FROM_SPEEDRUN = ("time_to_accuracy", "samples_to_accuracy")
MEMORY = {
    "peak_memory": ("ours_grpo", "trl_grpo", "trl_grpo_our_settings"),
    "peak_memory_ppo": ("ours_ppo_lora", "ours_grpo_lora"),
}
"""Row → the trainers whose memory it compares, ours first."""
NAMES = (
    *FROM_SPEEDRUN, *steps.BATCHES, "ppo_step", "reward_overlap", "verify_plain", "verify_mixed", "choice_scoring",
    "rollout", "rollout_model", *MEMORY, "check_seconds", "preflight_seconds",
)  # fmt: skip
SMALL_DRAW = (
    "--draws", "1", "--warm-up", "0", "sampling.completions=4", "sampling.max_tokens=24",
    "trainer.per_device_train_batch_size=8", "trainer.gradient_accumulation_steps=1",
)  # fmt: skip
"""A draw of which the memory is measured: 8 completions."""


class NotMeasured(Exception):
    """A row cannot be measured now; the message says what it needs."""


def result(
    name: str,
    unit: str,
    seeds: Sequence[int],
    ours: float,
    peer: float | None = None,
    given_ours: float | None = None,
    *,
    peer_version: str = "",
    more_is_better: bool = False,
) -> Row:
    """A row with its ratios.

    Args:
        name: name of the row.
        unit: of the figures.
        seeds: the seeds that they are medians over.
        ours: our figure.
        peer: the peer's, as it comes; None for none.
        given_ours: the peer's with our settings; None for none.
        peer_version: the peer; by default the installed TRL.
        more_is_better: whether a larger figure is the better one.
    """

    def beside(figure: float) -> float:
        return round(ours / figure if more_is_better else figure / ours, 3)

    row: Row = {"name": name, "ours": round(ours, 4)}
    row |= {} if peer is None else {"peer": round(peer, 4), "ratio": beside(peer)}
    if given_ours is not None:
        row |= {"peer_our_settings": round(given_ours, 4), "ratio_our_settings": beside(given_ours)}
    row |= {"unit": unit, "seeds": list(seeds), "device": setup.device_name()}
    return row | ({} if peer is None else {"peer_version": peer_version or f"trl {version('trl')}"})


def to_accuracy(name: str, runs: Sequence[Row]) -> Row:
    """A row of the speedrun: ours, TRL's best rate, and TRL with our settings.

    Args:
        name: `time_to_accuracy` or `samples_to_accuracy`.
        runs: the rows of the speedrun.

    Raises:
        NotMeasured: the runs do not give this figure.
    """
    what, unit = ("seconds", "s") if name == "time_to_accuracy" else ("completions", "completions")
    seeds = sorted(row["seed"] for row in runs if row["trainer"] == "ours")

    def best(*trainers: str) -> float:
        medians = []
        for trainer in trainers:
            own = [row for row in runs if row["trainer"] == trainer]
            if not own or sorted(row["seed"] for row in own) != seeds:
                raise NotMeasured(f"bench/speedrun.json lacks runs of {trainer}; make speedrun")
            if what == "seconds" and not all(map(tables_results.was_quiet, own)):
                raise NotMeasured("bench/speedrun.json was made on a busy machine; delete it, and make speedrun again")
            medians.append(statistics.median(row[what] for row in own))
        return min(medians)

    ours, peer = best("ours"), best("trl_5e-5", "trl_1e-4", "trl_3e-4")
    return result(name, unit, seeds, ours, peer, best("trl_our_settings", "trl_our_settings_and_rewards"))


def training_phase(name: str, seed: int, turns: int, overrides: Sequence[str]) -> Row:
    """Forward and backward pass on a recorded batch."""
    seconds = steps.training_phase(name, seed, turns, overrides)
    return result(name, "s a step", [seed], *(statistics.median(of) for of in seconds.values()))


def ppo_step(seed: int, turns: int, overrides: Sequence[str]) -> Row:
    """A draw of PPO beside one of our GRPO."""
    seconds = steps.draws(["ppo", "grpo_steps"], seed, turns, overrides)
    figures = (statistics.median(of) for of in seconds.values())
    return result("ppo_step", "s a draw of 128", [seed], *figures, peer_version="our GRPO")


def reward_overlap(seed: int, turns: int, overrides: Sequence[str]) -> Row:
    """A draw with its steps under a reward that waits, beside the same without overlap."""
    seconds, wait = waiting.overlapped(seed, turns, overrides)
    figures = map(statistics.median, seconds)
    row = result("reward_overlap", "s a draw of 128", [seed], *figures, peer_version="ours without overlap")
    return row | {"reward_waits_s": round(wait, 4)}


def verify(name: str, pairs: list[Row]) -> Row:
    """Verdicts of `math` beside math-verify's on the same rows."""
    rates = verify_math.compared(pairs)
    peer = f"math-verify {version('math-verify')}"
    own = rates["ours"], rates["math_verify"]
    return result(name, "verdicts a second", [], *own, peer_version=peer, more_is_better=True)


def choice_scoring(turns: int) -> Row:
    """Likelihoods of answers with shared prefixes, beside each pair as a sequence of its own, in full batches."""
    found = reward_prefix.measured(*reward_prefix.made(), count=2, repeats=turns)
    ours, peer = found["median_seconds.shared"], found["median_seconds.pass_a_pair_in_batches"]
    return result("choice_scoring", "s for 128 pairs", [0], ours, peer, peer_version="each pair by itself, in batches")


def rollout(name: str, draw: drawing.Draw, seed: int, turns: int) -> Row:
    """Sampling as evaluation does it, beside plain `generate`."""
    ours, peer = drawing.tokens_a_second(draw, seed, turns)
    version_of_peer = f"transformers {version('transformers')}, generate"
    return result(name, "tokens a second", [seed], ours, peer, peer_version=version_of_peer, more_is_better=True)


def rollout_model(folder: Path | None, seed: int, turns: int) -> Row:
    """The same by a model in a folder.

    Raises:
        NotMeasured: no folder is given.
    """
    if folder is None:
        raise NotMeasured("it needs --model FOLDER, a chat model such as SmolLM2-135M-Instruct")
    return rollout("rollout_model", drawing.of_a_model(folder), seed, turns)


def peak_memory(name: str, tiny: bool) -> Row:
    """The peak memory of a draw and a step on it, in processes of their own.

    Args:
        name: a name in `MEMORY`.
        tiny: whether the model is a tiny one, to try the script.
    """
    with tempfile.TemporaryDirectory() as scratch:
        model = made.policy(Path(scratch) / "model", made.TINY if tiny else made.SMOLLM2)
        task = made.problems(Path(scratch) / "problems.jsonl")
        own = [*SMALL_DRAW, f"policy.model={model}", f"task.data={task}"]
        peaks = [usage.of_process(trainer, GPU_CONFIG, *own)["peak_gib"] for trainer in MEMORY[name]]
    return result(name, "GiB", [0], *peaks, peer_version="our GRPO with LoRA" if name == "peak_memory_ppo" else "")


def command_seconds(command: str, repeats: int, overrides: Sequence[str]) -> Row:
    """Seconds of a command on the quickstart, from start to end, without the first run, which may have to warm up."""
    seconds = []
    for _ in range(1 + repeats):
        started = time.perf_counter()
        whetstone(command, CONFIGS / "quickstart.yaml", *overrides)
        seconds.append(time.perf_counter() - started)
    return result(f"{command}_seconds", "s", [0], statistics.median(seconds[1:]))


def measures(given: argparse.Namespace) -> dict[str, Callable[[], Row]]:
    """Name of a row → what measures it."""
    seed, turns, overrides = given.seeds[0], given.turns, given.overrides
    of_run = {name: partial(to_accuracy, name, read(given.speedrun)) for name in FROM_SPEEDRUN}
    of_step = {name: partial(training_phase, name, seed, turns, overrides) for name in steps.BATCHES}
    return {
        **of_run,
        **of_step,
        "ppo_step": lambda: ppo_step(seed, min(3, turns), overrides),
        "reward_overlap": lambda: reward_overlap(seed, min(3, turns), overrides),
        "verify_plain": lambda: verify("verify_plain", verify_math.plain_pairs()),
        "verify_mixed": lambda: verify("verify_mixed", mixed(given.data)),
        "choice_scoring": lambda: choice_scoring(min(5, turns)),
        "rollout": lambda: rollout("rollout", drawing.of_the_embedded_policy(seed, overrides), seed, turns),
        "rollout_model": lambda: rollout_model(given.model, seed, min(3, turns)),
        **{name: partial(peak_memory, name, given.tiny) for name in MEMORY},
        "check_seconds": lambda: command_seconds("check", turns, overrides),
        "preflight_seconds": lambda: command_seconds("preflight", min(2, turns), overrides),
    }


def mixed(data: Path | None) -> list[Row]:
    """The pairs of mixed answers in a folder of data sets.

    Raises:
        NotMeasured: no folder is given.
    """
    if data is None:
        raise NotMeasured("it needs --data FOLDER with answer_equivalence.jsonl.gz")
    return verify_math.mixed_pairs(verify_math.Data(data, None))


def main() -> None:
    """Measure, record each row at once, and print the table."""
    parser = arguments(__doc__, seeds=range(1), overrides=True)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some of the rows alone")
    parser.add_argument("--turns", type=int, default=10, help="timed turns that count")
    parser.add_argument("--data", type=Path, help="folder with answer_equivalence.jsonl.gz, for verify_mixed")
    parser.add_argument("--model", type=Path, help="folder of a chat model, for rollout_model")
    parser.add_argument("--speedrun", type=Path, default=ROOT / "bench" / "speedrun.json", help="rows of the speedrun")
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model instead of one with 135 million parameters, to try the script"
    )
    given = parser.parse_args()
    ways, rows, missing = measures(given), [], []
    for name in given.only:
        try:
            rows.append(ways[name]())
        except NotMeasured as error:
            missing.append(f"{name} was left out: {error}")
            continue
        record(given.out, rows[-1:], key=["name"])
        print(f"{name}: {rows[-1]['ours']:g} {rows[-1]['unit']}, ratio {rows[-1].get('ratio', 'none')}", flush=True)
    tables_results.beside_trl(rows).show()
    print("\n".join(missing))


if __name__ == "__main__":
    main()
