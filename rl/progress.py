"""Progress bars on a terminal, in other output a line at the start; and tokens a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def warm_up_bar(console: Console, steps: int) -> Iterator[Callable[[int, float], None]]:
    """A progress bar for the warm start. It appears at the first step, so not at all if the policy is in the cache.

    Args:
        console: the console to show it on.
        steps: number of supervised steps.
    """
    progress = Progress(
        TextColumn("warming up the embedded policy"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    bar = progress.add_task("", total=steps)

    def report(step: int, loss: float) -> None:
        if step == 1:
            progress.start()
            if not console.is_terminal:
                console.print(f"warming up the embedded policy: {steps} supervised steps, kept for the next run")
        progress.update(bar, completed=step, description=f"loss {loss:.3f}")

    try:
        yield report
    finally:
        progress.stop()


@contextmanager
def completions_bar(console: Console, what: str, completions: int) -> Iterator[Callable[[int], None]]:
    """A progress bar for drawing completions, which disappears at the end; if output goes to a file, one line instead.

    Args:
        console: the console to show it on.
        what: what the completions are for.
        completions: number of completions.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("completions"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    if not console.is_terminal:
        console.print(f"measuring {what}: {completions:,} completions", highlight=False)
    bar = progress.add_task(f"measuring {what}", total=completions)
    with progress:
        yield lambda count: progress.advance(bar, count)


class Stopwatch:
    """Seconds since it was made, without those in which it was paused."""

    def __init__(self) -> None:
        self._started, self._paused = time.perf_counter(), 0.0

    def __call__(self) -> float:
        """The seconds so far."""
        return time.perf_counter() - self._started - self._paused

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the seconds of this context."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._paused += time.perf_counter() - began


class Rate:
    """Tokens a second between one call and the next.

    Args:
        clock: returns the seconds so far.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def __call__(self, tokens: float | None) -> float | None:
        """The rate since the last call.

        Args:
            tokens: tokens so far; None if they are not counted.

        Returns:
            None at the first call, and where no token was added.
        """
        if tokens is None:
            return None
        before, self._last = self._last, (tokens, self._clock())
        if before is None or tokens <= before[0]:
            return None
        return (tokens - before[0]) / (self._last[1] - before[1])
