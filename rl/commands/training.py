"""The commands that start from a config: train, check, preflight, smoke and sample."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import click

from rl.commands.parts import OVERRIDES


@click.command()
@click.argument("config")
@OVERRIDES
@click.option("--fresh", is_flag=True, help="Replace the run folder if there is one.")
def train(config: str, overrides: Sequence[str], fresh: bool) -> None:
    """Train from a CONFIG file, stage by stage if it has several, or resume the run if its folder is unfinished."""
    from rl.config import load, load_stages
    from rl.config.named import missing_on_hub

    # read before anything heavy is imported, so that a wrong config is reported at once
    stages = load_stages(config, overrides)
    loaded = list(stages.values()) or [load(config, overrides)]
    coming = [str(one.run_folder / "model") for one in stages.values()]
    for one in loaded:
        missing_on_hub(one, coming)
    command = shlex.join(["whetstone", "train", config, *overrides])
    if stages:
        from rl.stages import train_stages

        train_stages(stages, fresh=fresh, command=command)
    else:
        from rl.training import train as run_training

        run_training(loaded[0], fresh=fresh, command=command)


@click.command()
@click.argument("config")
@OVERRIDES
def check(config: str, overrides: Sequence[str]) -> None:
    """Print the resolved CONFIG and what it would run, and check that what its rewards name exists; start nothing."""
    from rl.config import dump, load, load_stages
    from rl.config.named import missing_on_hub

    stages = load_stages(config, overrides)
    coming = [str(one.run_folder / "model") for one in stages.values()]
    for stage, loaded in (stages or {"": load(config, overrides)}).items():
        waiting = missing_on_hub(loaded, coming)
        from rl import tasks
        from rl.runs import plan
        from rl.runs.rewards_ahead import check_rewards

        # a data set on the hub is not read: the command starts nothing, so it downloads nothing either
        task = None if tasks.is_on_hub(loaded) else tasks.load(loaded)
        lines = [*plan.describe(loaded, task), *waiting]
        if task is not None:
            check_rewards(loaded, task)
        if stage:
            click.echo(f"# stage {stage}")
        click.echo(dump(loaded))
        width = max(len(what) for what, _ in lines)
        for what, how_much in lines:
            click.echo(f"{what:<{width}}  {how_much}")
        if stage:
            click.echo()


@click.command()
@click.argument("config")
@OVERRIDES
@click.option(
    "--completions",
    type=click.IntRange(16, 4096),
    default=128,
    show_default=True,
    help="Number of completions to draw, in whole groups of sampling.completions.",
)
def preflight(config: str, overrides: Sequence[str], completions: int) -> None:
    """Draw completions of a CONFIG's first problems, and say whether training will work, and why."""
    from rl.config import load
    from rl.config.named import missing_on_hub

    loaded = load(config, overrides)
    missing_on_hub(loaded)
    from rl.preflight import preflight as run_preflight

    run_preflight(loaded, completions)


@click.command("smoke")
@click.argument("config")
@OVERRIDES
def smoke_run(config: str, overrides: Sequence[str]) -> None:
    """Run a small version of a CONFIG in minutes: every stage, killed once and resumed, with hostile answers.

    Tiny random models stand in for its models, and made-up rows for data that is not on this machine; it does not use
    the network. Exit 0: everything passed; 1: something failed.
    """
    import os

    os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}  # read when the libraries are imported
    from rl.smoke.run import smoke

    sys.exit(0 if smoke(config, overrides) else 1)


@click.command("sample")
@click.argument("config")
@OVERRIDES
@click.option("--out", required=True, metavar="FILE", help="Where to write: .jsonl, .jsonl.gz or .parquet.")
@click.option(
    "--by",
    type=click.Choice(["policy", "reference", "endpoint"]),
    default="policy",
    show_default=True,
    help="What writes the completions: the config's policy, the task's own solver (of the embedded tasks), or "
    "sampling.endpoint.",
)
@click.option(
    "--prompts", type=click.IntRange(1), help="Number of problems, from the start of the split.  [default: all]"
)
@click.option("--split", type=click.Choice(["train", "validation"]), default="train", show_default=True)
@click.option("--keep", type=click.Choice(["all", "right"]), default="all", show_default=True)
def sample_traces(config: str, overrides: Sequence[str], out: str, **options: Any) -> None:
    """Draw and judge completions of a CONFIG's problems into a file; run again, it continues where it stopped.

    The file can be named as algorithm.examples, scored by whetstone score, or labelled by whetstone prm.
    """
    from rl.config import load_to_sample

    loaded = load_to_sample(config, overrides)
    from rl.traces import draw_traces

    draw_traces(loaded, out, **options)
