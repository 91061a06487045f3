"""Parts that several commands share."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
"""Settings of a config that are given on the command line."""


def leave(code: int, line: str) -> NoReturn:
    """Print the reason why a command ends, as one line on standard error, and exit.

    Args:
        code: the exit status.
        line: the reason.
    """
    from rl.terminal import visible  # imported here, because rich takes a while and only a command that fails gets here

    print(visible(" ".join(line.split())), file=sys.stderr)
    sys.exit(code)
