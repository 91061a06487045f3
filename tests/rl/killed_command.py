"""A command that is killed with SIGKILL: python -m tests.rl.killed_command MODULE:ATTRIBUTE N COMMAND …

The process dies when the function is called for the Nth time, before it does anything. N of 0: it lives.
"""

import importlib
import os
import signal
import sys
from functools import reduce

from rl import cli

if __name__ == "__main__":
    place, times = sys.argv[1], int(sys.argv[2])
    module, _, path = place.partition(":")
    *above, name = path.split(".")
    owner = reduce(getattr, above, importlib.import_module(module))
    original, calls = getattr(owner, name), []

    def counted(*given, **more):
        calls.append(1)
        if len(calls) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given, **more)

    setattr(owner, name, counted)
    cli.run(sys.argv[3:])
