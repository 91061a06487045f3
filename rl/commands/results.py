"""The commands that look at runs and models: eval, report, dashboard, export and diagnose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from rl.errors import UserError

if TYPE_CHECKING:
    from rl.tasks.task import Split


@click.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL... [KEY=VALUE]...")
@click.option(
    "--task",
    "task_names",
    required=True,
    multiple=True,
    metavar="TASK",
    help="A task's name, or a config file whose task, evaluation and sampling count; repeatable.",
)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@click.option(
    "--form",
    multiple=True,
    type=click.Choice(["tag", "hashes", "box", "cue", "line", "last"]),
    help="A form of answer that the strict reading accepts; repeatable.  [default: tag, hashes, box and cue, the forms "
    "that state an answer]",
)
@click.option("--out", metavar="FOLDER", help="Where to write figures.json, table.md, and answers.jsonl.")
def evaluate(
    models: Sequence[str], task_names: Sequence[str], split: str, form: Sequence[str], out: str | None
) -> None:
    """Measure each MODEL (a folder, a hub id, a saved adapter, or 'embedded') on each task.

    Several models are each compared with the first on the same problems: McNemar's test, and the gain with its
    interval, split into reasoning and format.
    """
    from rl.analysis.paired import STATED

    overrides = [one for one in models if "=" in one and not Path(one).exists()]
    named = [one for one in models if one not in overrides]
    if not named:
        raise click.UsageError("MODEL is missing.")
    from rl.analysis.evaluate_models import configs, evaluate_models

    found = configs(task_names, named, overrides)
    if out:  # before the work
        try:
            Path(out).mkdir(parents=True, exist_ok=True)
            (Path(out) / "answers.jsonl").open("a", encoding="utf-8").close()
        except OSError as error:
            raise UserError("--out", f"{out} cannot be written: {error.strerror}") from error
    evaluate_models(found, named, cast("Split", split), form or STATED, Path(out) if out else None)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="Where to write the page.  [default: RUN/report.html, or comparison.html for several]",
)
def report(runs: Sequence[str], out: str | None) -> None:
    """Write report.html for a run folder, finished or not; for several, write one page that compares them.

    Runs of the same config with different seeds are drawn as one curve with a band.
    """
    if len(runs) > 1:
        from rl.analysis.reports.comparison import write_comparison

        click.echo(write_comparison(runs, out or "comparison.html"))
    else:
        from rl.analysis.reports.report import write_report

        click.echo(write_report(runs[0], out))


@click.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--entity", help="The user or team in W&B.  [default: the one that is logged in]")
def dashboard(run_folder: str, entity: str | None) -> None:
    """Make a workspace in W&B for the project of RUN, with a section for each question."""
    from rl.runs.dashboard import save_workspace

    click.echo(save_workspace(run_folder, entity))


@click.command("export")
@click.argument("run_folder", metavar="RUN")
@click.option("--to", required=True, metavar="FOLDER", help="Where to write; a new folder, or an empty one.")
@click.option("--merge", is_flag=True, help="Merge an adapter into its base model, so that the folder stands alone.")
@click.option("--force", is_flag=True, help="Replace a model that is in FOLDER.")
def export_policy(run_folder: str, to: str, merge: bool, force: bool) -> None:
    """Write the policy of a finished RUN into a folder that transformers can load, with a model card."""
    from rl.runs.export import export

    folder = export(run_folder, to, merge=merge, force=force)
    click.echo(f"{folder}: the policy, its tokenizer, whetstone.yaml, and the model card README.md")


@click.command()
@click.argument("run_folders", nargs=-1, required=True, metavar="RUN...")
def diagnose(run_folders: Sequence[str]) -> None:
    """Say what is wrong with runs, finished or not, and what may help."""
    from rl.analysis.diagnostics.command import diagnose as run_diagnose

    run_diagnose(run_folders)
