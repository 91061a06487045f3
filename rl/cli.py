"""The command line. Exit 0: done; 2: the input is wrong, and one line says how; 1: any other failure.

Each command imports what it needs when it runs, so that `--help` and `check` answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from rewards.reward import RewardBroken
from rl.commands import judging, results, training
from rl.commands.parts import leave
from rl.errors import NotFinite, UserError, of_the_disk
from rl.interrupt import ending_in_order, lasting, stopping_at_once
from rl.prm.cli import prm
from verifiers.execution.sandbox.outcome import SandboxUnavailable


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="whetstone-rl", prog_name="whetstone")
def cli() -> None:
    """Train small language models to reason by reinforcement learning."""


for command in (
    training.train,
    training.check,
    training.preflight,
    training.smoke_run,
    training.sample_traces,
    results.evaluate,
    results.report,
    results.dashboard,
    results.export_policy,
    results.diagnose,
    judging.verify,
    judging.score,
    prm,
):
    cli.add_command(command)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a character shows a replacement
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.stdout, sys.stderr = lasting(sys.stdout), lasting(sys.stderr)
    try:
        with stopping_at_once():
            cli.main(arguments, prog_name="whetstone", standalone_mode=False)
    except UserError as error:
        leave(2, f"whetstone: {error}")
    except click.exceptions.NoArgsIsHelpError as error:  # nothing but the name of a command or of a group
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "whetstone"
        leave(2, f"whetstone: command line: {error.format_message()} See {command} --help.")
    except SandboxUnavailable as error:
        leave(2, f"whetstone: {error}")
    except RewardBroken as error:
        leave(1, f"whetstone: {error}. What was trained up to the last checkpoint is kept; the same command resumes.")
    except NotFinite as error:
        leave(1, f"whetstone: {error}. A lower trainer.learning_rate or trainer.max_grad_norm may help.")
    except (click.exceptions.Abort, KeyboardInterrupt):
        leave(1, "whetstone: interrupted")
    except Exception as error:
        if (what := of_the_disk(error)) is None:
            raise
        leave(1, f"whetstone: {what}. What was trained up to the last checkpoint is kept; the same command resumes.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command in a process of its own, which ends with it.

    Args:
        arguments: those of the command; by default what follows the program's name.
    """
    with ending_in_order():
        run(arguments)


if __name__ == "__main__":
    main()
