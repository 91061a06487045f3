"""Functions for the pool's tests to run in its workers: each is a verifier that misbehaves in one way."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from verifiers.verdict import judged


def say(text):
    """Answer at once; `extracted` says what was asked."""
    return judged(1, extracted=text)


def hang():
    """Loop for ever in Python."""
    while True:
        pass


def hang_in_c():
    """Compute for minutes inside one C call that holds the interpreter's lock."""
    return judged(1, extracted=str(len(str(7 ** (7**12)))))


def hang_deaf():
    """Ignore the polite signals and hang."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    hang()


def break_down(text):
    """Raise."""
    raise ValueError(text)


def crash():
    """Read address zero."""
    return judged(1, extracted=ctypes.string_at(0).decode())


def fill(gib):
    """Take memory, at most 8 GiB."""
    held = bytearray(int(min(gib, 8) * 2**30))
    return judged(1, extracted=str(len(held)))


def leak(gib, _leaked=[]):  # noqa: B006 (it is to be shared)
    """Take memory, at most 8 GiB, and never give it back."""
    _leaked.append(bytearray(int(min(gib, 8) * 2**30)))
    return judged(1, extracted=str(len(_leaked)))


def die_once(marker):
    """Kill the own worker as if from outside, the first time only."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return judged(1, extracted="lived")


def die():
    """Kill the own worker as if from outside, each time."""
    os.kill(os.getpid(), signal.SIGKILL)


def pid():
    """The worker's process."""
    return judged(1, extracted=str(os.getpid()))


def modules():
    """Which of the heavy modules and of the caller's the worker has loaded."""
    loaded = [name for name in ("torch", "sympy", "pytest") if name in sys.modules]
    return judged(1, extracted=" ".join(loaded))


def spend(seconds):
    """Use so much processor time, however long that takes."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return judged(1, extracted="done")


def stand_by(seconds):
    """Stay off the processor until another process has used so much of its time."""
    child = os.fork()
    if child == 0:
        spend(seconds)
        os._exit(0)
    os.waitpid(child, 0)
    return judged(1, extracted="done")


def wait_for_ever():
    """Wait for something that never comes."""
    os.read(os.pipe()[0], 1)
