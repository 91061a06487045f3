"""Work of a call in units of a fixed piece of work done beside it: a slow or busy machine changes nothing."""

import functools
import gc
import time
from collections.abc import Callable

ATTEMPTS = 5


def assert_little_work(call: Callable[[], object], limit: float = 100.0) -> None:
    """Raise AssertionError where the call does more work than the limit, in units, and again in a few more attempts.

    A unit is a loop of half a million additions, about ten milliseconds. The garbage collector, which walks through
    everything that other tests have loaded, waits meanwhile.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        least = _seconds(call) / _usual_unit()
        for _ in range(ATTEMPTS):
            if least <= limit or least > 10 * limit:
                break
            before = _seconds(_unit)
            seconds = _seconds(call)
            least = min(least, seconds / max(before, _seconds(_unit)))
    finally:
        if collects:
            gc.enable()
    assert least <= limit, f"{least:.0f} units of work, more than {limit:.0f}"


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


@functools.cache
def _usual_unit() -> float:
    return _seconds(_unit)


def _unit() -> None:
    total = 0
    for number in range(500_000):
        total += number
