"""What several commands share."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
"""Settings of a config, given on the command line."""


def leave(code: int, line: str) -> NoReturn:
    """Say why a command ends, in one line on standard error, and exit.

    Args:
        code: the exit status.
        line: why.
    """
    print(" ".join(line.split()), file=sys.stderr)
    sys.exit(code)
