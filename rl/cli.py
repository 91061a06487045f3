"""The command line. Exit 0: done; 2: the input is wrong, one line says how; 1: anything else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from rl.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="whetstone-rl", prog_name="whetstone")
def cli() -> None:
    """Train small language models to reason, by reinforcement."""


@cli.command()
@click.argument("config")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--fresh", is_flag=True, help="Replace the run folder if there is one.")
def train(config: str, overrides: Sequence[str], fresh: bool) -> None:
    """Train from a config file; on a folder with an unfinished run, resume it."""
    from rl.config import load

    loaded = load(config, overrides)  # before anything heavy is imported: a wrong config answers at once
    from rl.train import train as run_training

    run_training(loaded, fresh=fresh, command=" ".join(["whetstone train", config, *overrides]))


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    try:
        cli.main(arguments, prog_name="whetstone", standalone_mode=False)
    except UserError as error:
        _exit(2, f"whetstone: {error}")
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "whetstone"
        _exit(2, f"whetstone: command line: {error.format_message()} (see {command} --help)")
    except click.exceptions.Abort:
        _exit(130, "whetstone: interrupted")


def main() -> None:
    """Entry point of `whetstone`."""
    run()


def _exit(code: int, line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)
    sys.exit(code)
