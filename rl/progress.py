"""Progress bars on a terminal; where output goes to a file, a line that something began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def warm_up_bar(console: Console, steps: int) -> Iterator[Callable[[int, float], None]]:
    """A bar for the warm start; it appears with the first step, so not at all where the cache has the policy.

    Args:
        console: where to show it.
        steps: supervised steps of the warm start.
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
    """A bar for an evaluation that goes away when it is done; where output goes to a file, a line that it began.

    Args:
        console: where to show it.
        what: what is measured or drawn.
        completions: how many there will be.
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
