"""What a run prints about its evaluations: a line for each, and a table and three problems at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rl.analysis.evaluation import Evaluation
from rl.analysis.rows import compared, evaluations
from rl.storage.checkpoint_folders import best_on_validation
from rl.storage.checkpoint_names import numbered, step_of
from rl.storage.run_folder import RunFolder
from rl.terminal import visible


def evaluated(console: Console, step: int, evaluation: Evaluation) -> None:
    """Print one line about an evaluation.

    Args:
        console: the console to print to.
        step: the optimizer step of the evaluation.
        evaluation: the evaluation.
    """
    told = {
        "greedy": "right {} greedy",
        "mean_at_k": f"{{}} sampled {evaluation.k} times",
        "chain": "{} by right steps",
    }
    measured = ((text, evaluation.metrics[name]) for name, text in told.items())
    parts = [text.format(f"{interval.value:.3f}") for text, interval in measured if interval is not None]
    left_out = evaluation.counts["abstained"] + evaluation.counts["failed"]
    if left_out:
        parts.append(f"not judged {left_out}")
    console.print(f"step {step}: {', '.join(parts)} · {evaluation.n} {evaluation.split} problems", highlight=False)


def finished(console: Console, folder: RunFolder, summary: Mapping[str, Any]) -> None:
    """Print the figures before and after training, three problems with both answers, the paths, and the warnings.

    Args:
        console: the console to print to.
        folder: the run folder.
        summary: the run's summary.
    """
    before, after = summary["before"], summary["after"]
    table = Table(title=f"{summary['name']}: {after['n']} test problems never trained on", title_justify="left")
    table.add_column("share of answers that are …")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    table.add_column("95% interval after", justify="right")
    for meaning, (old, new) in compared([before, after]):
        table.add_row(meaning, f"{old['value']:.3f}", f"{new['value']:.3f}", f"{new['low']:.3f} to {new['high']:.3f}")
    console.print()
    console.print(table)
    console.print(_examples(folder, summary["steps"]))
    console.print(
        f"{summary['steps']} steps, {summary['tokens_generated']:,} tokens, {summary['wall_s']:.0f} s on "
        f"{summary['device']}\nreport:  {folder.report}\npolicy:  {folder.model}\nsummary: {folder.summary}",
        highlight=False,
    )
    if kept := numbered(folder.checkpoints):
        steps, best = ", ".join(str(step_of(path)) for path in kept), best_on_validation(folder)
        said = "" if best is None else f"; the best on validation is that of step {step_of(best)}"
        console.print(f"checkpoints of steps {steps} are kept{said}", highlight=False)
    warned(console, summary["warnings"])


def warned(console: Console, warnings: Sequence[Mapping[str, Any]]) -> None:
    """Print what the diagnostics found and what may help, or that they found nothing.

    Args:
        console: the console to print to.
        warnings: the findings, as in a summary.
    """
    if not warnings:
        console.print("warnings: none")
        return
    console.print(f"warnings: {len(warnings)}", style="yellow", highlight=False)
    for one in warnings:
        console.print(f"  {one['name']}, from step {one['step']}: {one['message']}", style="yellow", highlight=False)
        console.print(f"    what may help: {one['remedy']}", highlight=False)


def stages_finished(console: Console, folder: Path, summaries: Mapping[str, Mapping[str, Any]], report: Path) -> None:
    """Print the figures before the first and after each stage, and the paths of the results.

    Args:
        console: the console to print to.
        folder: the folder that contains the run folders of the stages.
        summaries: stage → the summary of its run, in order.
        report: the report of all stages.
    """
    table = Table(title=f"{folder.name}: test problems never trained on", title_justify="left")
    table.add_column("share of answers that are …")
    table.add_column("before", justify="right")
    for stage in summaries:
        table.add_column(f"after {stage}", justify="right")
    for meaning, intervals in compared(evaluations(summaries)):
        table.add_row(meaning, *(f"{interval['value']:.3f}" for interval in intervals))
    console.print()
    console.print(table)
    console.print(f"report:  {report}\npolicy:  {folder / 'model'}", highlight=False)


def _examples(folder: RunFolder, step: int) -> Text:
    """Three problems; those that the policy got wrong before and right after come first."""
    before, after = folder.evaluation("test", 0), folder.evaluation("test", step)
    assert before is not None and after is not None
    pairs = list(zip(before["examples"], after["examples"], strict=True))
    pairs.sort(key=lambda pair: (pair[0]["score"] or 0) - (pair[1]["score"] or 0))
    text = Text()
    for old, new in pairs[:3]:
        text.append(visible(f"\n{_short(old['prompt'])}   (answer: {old['gold']})\n"))
        for label, row in (("before", old), ("after ", new)):
            mark, style = {1.0: ("right", "green"), None: (row["status"], "yellow")}.get(row["score"], ("wrong", "red"))
            text.append(visible(f"  {label} {_short(row['completion'])}  ")).append(mark + "\n", style=style)
    return text


def _short(text: str, width: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width // 2]} … {line[-width // 2 :]}"
