"""A command that is killed with SIGKILL: python -m tests.rl.killed_command MODULE:ATTRIBUTE N COMMAND …

The process dies when the function is called for the Nth time, before it does anything. N of 0: it lives.
"""

import importlib
import os
import signal
import sys
from functools import reduce

from rl import cli


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(place, times, do):
    """Have something done when the function MODULE:ATTRIBUTE is called for the Nth time, before it runs."""
    module, _, path = place.partition(":")
    *above, name = path.split(".")
    owner = reduce(getattr, above, importlib.import_module(module))
    original, calls = getattr(owner, name), []

    def counted(*given, **more):
        calls.append(1)
        if len(calls) == times:
            do()
        return original(*given, **more)

    setattr(owner, name, counted)


if __name__ == "__main__":
    at_call(sys.argv[1], int(sys.argv[2]), die)
    cli.run(sys.argv[3:])
