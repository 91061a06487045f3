"""The command line. Exit 0: done; 2: the input is wrong, one line says how; 1: anything else.

Each command imports what it needs when it runs, so that `--help` and `check` answer at once.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from rewards.reward import RewardBroken
from rl.errors import NotFinite, UserError, of_the_disk
from rl.prm.cli import prm
from verifiers.execution.sandbox.outcome import SandboxUnavailable

if TYPE_CHECKING:
    from rl.tasks.task import Split

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="whetstone-rl", prog_name="whetstone")
def cli() -> None:
    """Train small language models to reason, by reinforcement."""


@cli.command()
@click.argument("config")
@OVERRIDES
@click.option("--fresh", is_flag=True, help="Replace the run folder if there is one.")
def train(config: str, overrides: Sequence[str], fresh: bool) -> None:
    """Train from a CONFIG file, stage by stage where it has several; on a folder with an unfinished run, resume it."""
    from rl.config import load, load_stages
    from rl.config.named import missing_on_hub

    # before anything heavy is imported: a wrong config answers at once
    stages = load_stages(config, overrides)
    loaded = list(stages.values()) or [load(config, overrides)]
    coming = [str(one.run_folder / "model") for one in stages.values()]
    for one in loaded:
        missing_on_hub(one, coming)
    command = shlex.join(["whetstone", "train", config, *overrides])
    if stages:
        from rl.stages import train_stages

        train_stages(stages, fresh=fresh, command=command)
    else:
        from rl.training import train as run_training

        run_training(loaded[0], fresh=fresh, command=command)


@cli.command()
@click.argument("config")
@OVERRIDES
def check(config: str, overrides: Sequence[str]) -> None:
    """Print the resolved CONFIG and what it would run, and look for what its rewards name; start nothing."""
    from rl.config import dump, load, load_stages
    from rl.config.named import missing_on_hub

    stages = load_stages(config, overrides)
    coming = [str(one.run_folder / "model") for one in stages.values()]
    for stage, loaded in (stages or {"": load(config, overrides)}).items():
        waiting = missing_on_hub(loaded, coming)
        from rl import tasks
        from rl.runs import plan

        # a data set on the hub is left alone: this starts nothing, so it downloads nothing either
        lines = [*plan.describe(loaded, None if tasks.is_on_hub(loaded) else tasks.load(loaded)), *waiting]
        if stage:
            click.echo(f"# stage {stage}")
        click.echo(dump(loaded))
        width = max(len(what) for what, _ in lines)
        for what, how_much in lines:
            click.echo(f"{what:<{width}}  {how_much}")
        if stage:
            click.echo()


@cli.command()
@click.argument("config")
@OVERRIDES
@click.option(
    "--completions",
    type=click.IntRange(16, 4096),
    default=128,
    show_default=True,
    help="How many to draw, in whole groups of sampling.completions.",
)
def preflight(config: str, overrides: Sequence[str], completions: int) -> None:
    """Draw completions of a CONFIG's first problems, and say whether its training will learn, and why."""
    from rl.config import load
    from rl.config.named import missing_on_hub

    loaded = load(config, overrides)
    missing_on_hub(loaded)
    from rl.preflight import preflight as run_preflight

    run_preflight(loaded, completions)


@cli.command("smoke")
@click.argument("config")
@OVERRIDES
def smoke_run(config: str, overrides: Sequence[str]) -> None:
    """Run a CONFIG at its smallest in minutes: every stage, killed once and resumed, with hostile answers.

    Tiny random models stand in for its models, and made-up rows for data that is not on this machine; it asks nothing
    of the network. Exit 0: everything passed; 1: something failed.
    """
    import os

    os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}  # read when the libraries are imported
    from rl.smoke.run import smoke

    sys.exit(0 if smoke(config, overrides) else 1)


@cli.command("sample")
@click.argument("config")
@OVERRIDES
@click.option("--out", required=True, metavar="FILE", help="Where to write: .jsonl, .jsonl.gz or .parquet.")
@click.option(
    "--by",
    type=click.Choice(["policy", "reference", "endpoint"]),
    default="policy",
    show_default=True,
    help="Who writes: the config's policy, the task's own solution (chain and facts have one), or sampling.endpoint.",
)
@click.option(
    "--prompts", type=click.IntRange(1), help="How many problems, from the start of the split.  [default: all]"
)
@click.option("--split", type=click.Choice(["train", "validation"]), default="train", show_default=True)
@click.option("--keep", type=click.Choice(["all", "right"]), default="all", show_default=True)
def sample_traces(config: str, overrides: Sequence[str], out: str, **options: Any) -> None:
    """Draw completions of a CONFIG's problems into a file, judged; the same command goes on where it was stopped.

    The file can be named as algorithm.examples, scored by whetstone score, or labelled by whetstone prm.
    """
    from rl.config import load

    own = ["algorithm=grpo", "rewards.correctness.weight=1"]
    loaded = load(config, [*own, *overrides])
    from rl.traces import draw_traces

    draw_traces(loaded, out, **options)


@cli.command("eval")
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
    help="The form of answer that was asked for, which the strict reading wants; repeatable.  [default: tag, hashes, "
    "box and cue, by which an answer is stated]",
)
@click.option("--out", metavar="FOLDER", help="Where to write figures.json, table.md, and answers.jsonl.")
def evaluate(
    models: Sequence[str], task_names: Sequence[str], split: str, form: Sequence[str], out: str | None
) -> None:
    """Measure each MODEL (a folder, a hub id, a saved adapter, or 'embedded') on each task.

    Where there are several, each is compared with the first on the same problems: McNemar's test, and the gain with its
    interval, told apart into reasoning and format.
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


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="Where to write the page.  [default: RUN/report.html, or comparison.html for several]",
)
def report(runs: Sequence[str], out: str | None) -> None:
    """Write report.html for a run folder, finished or not; for several, one page that compares them.

    Runs of the same config with different seeds are drawn as one, with a band.
    """
    if len(runs) > 1:
        from rl.analysis.reports.comparison import write_comparison

        click.echo(write_comparison(runs, out or "comparison.html"))
    else:
        from rl.analysis.reports.report import write_report

        click.echo(write_report(runs[0], out))


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--entity", help="The user or team in W&B.  [default: that of the login]")
def dashboard(run_folder: str, entity: str | None) -> None:
    """Make a workspace in W&B for the project of RUN, with a section for each question."""
    from rl.runs.dashboard import save_workspace

    click.echo(save_workspace(run_folder, entity))


@cli.command("export")
@click.argument("run_folder", metavar="RUN")
@click.option("--to", required=True, metavar="FOLDER", help="Where to write; a new folder, or an empty one.")
@click.option("--merge", is_flag=True, help="Add an adapter to its base model, so that the folder stands alone.")
@click.option("--force", is_flag=True, help="Replace a model that is in FOLDER.")
def export_policy(run_folder: str, to: str, merge: bool, force: bool) -> None:
    """Write the policy of a finished RUN into a folder that transformers loads, with a model card."""
    from rl.runs.export import export

    folder = export(run_folder, to, merge=merge, force=force)
    click.echo(f"{folder}: the policy, its tokenizer, whetstone.yaml, and the model card README.md")


@cli.command()
@click.argument("run_folders", nargs=-1, required=True, metavar="RUN...")
def diagnose(run_folders: Sequence[str]) -> None:
    """Say what is the matter with runs, finished or not, and what may help."""
    from rl.analysis.diagnostics.command import diagnose as run_diagnose

    run_diagnose(run_folders)


@cli.command()
@click.argument("rows", metavar="[IN.jsonl]", required=False)
@click.option("--verifier", required=True, help="A verifier's name, such as math.")
@click.option("--out", metavar="OUT.jsonl", help="Where to write the rows with their verdicts; .gz to compress.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the verifier; repeatable.")
@click.option("--self-check", "check_itself", is_flag=True, help="Try golds in the usual phrasings, and wrong answers.")
@click.option("--data", metavar="FILE", help="Rows for the self-check: JSON lines, JSON, CSV, parquet or a hub id.")
@click.option(
    "--column", "columns", multiple=True, metavar="WHAT=NAME", help="The column of the data that is WHAT; repeatable."
)
def verify(
    rows: str | None,
    verifier: str,
    out: str | None,
    options: Sequence[str],
    check_itself: bool,
    data: str | None,
    columns: Sequence[str],
) -> None:
    """Judge rows of `prediction` and `gold` with a verifier; prints how many of each status.

    With --self-check, see whether it can read your data: how many of the golds are accepted in each of the usual ways
    to state an answer, and how many wrong answers near them.
    """
    from rl.config.layers import values
    from verifiers.runtime.stream import verify_file

    if check_itself:
        from rl.analysis.self_check import show

        return show(verifier, values(options), data or rows, dict(column.split("=", 1) for column in columns))
    if rows is None or data or columns:
        raise click.UsageError("IN.jsonl is missing." if rows is None else "--data and --column go with --self-check.")
    try:
        counts = verify_file(rows, out, verifier, values(options))
    except (ValueError, OSError) as error:
        raise UserError(None, str(error)) from error
    share = "" if counts["mean_score"] is None else f", mean score {counts['mean_score']:.4f}"
    click.echo(f"judged     {counts['judged']:>9,}   right {counts['right']:,}{share}")
    click.echo(f"abstained  {counts['abstained']:>9,}")
    click.echo(f"failed     {counts['failed']:>9,}")
    click.echo(f"{counts['rows']:,} rows in {counts['seconds']:.1f} s, {counts['rows_per_s']:,.0f} a second")


@cli.command()
@click.argument("rows", metavar="IN.jsonl")
@click.option("--rewards", metavar="FILE", help="A config file, or one with rewards: and mix: alone.")
@click.option("--out", metavar="OUT.parquet", help="Where to write the table, a row a completion.")
@click.option("--html", metavar="FILE", help="Where to write a page with the tables, plots and marked steps.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="WHAT=NAME",
    help="The column that holds the completion, prompt, gold, correct or group (an id of the prompt), with dots into "
    "nested ones, or a template such as 'completion={rationale} So the answer is {label}.', where a list such as "
    "{steps} is joined; repeatable.",
)
@click.option("--verifier", help="Who judges where a reward names no verifier.  [default: the config's task, or math]")
@click.option("--tokenizer", help="A folder or hub id, for rewards that count tokens.")
@click.option("--skip", is_flag=True, help="Leave out rows that are broken or hold no completion; they are counted.")
@OVERRIDES
def score(rows: str, overrides: Sequence[str], **options: Any) -> None:
    """Score saved completions with rewards: no policy, no training.

    IN is JSON lines, CSV, TSV or parquet, compressed or not, or a folder of datasets. A list of completions in a row
    is a group of its prompt.
    """
    from rl.analysis.scoring.command import score as run_scoring

    try:
        run_scoring(rows, overrides, **options)
    except RewardBroken as error:
        _exit(1, f"whetstone: {error}")


cli.add_command(prm)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a character shows another in its place
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        cli.main(arguments, prog_name="whetstone", standalone_mode=False)
    except UserError as error:
        _exit(2, f"whetstone: {error}")
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "whetstone"
        _exit(2, f"whetstone: command line: {error.format_message()} See {command} --help.")
    except SandboxUnavailable as error:
        _exit(2, f"whetstone: {error}")
    except RewardBroken as error:
        _exit(1, f"whetstone: {error}. What was trained up to the last checkpoint is kept; the same command resumes.")
    except NotFinite as error:
        _exit(1, f"whetstone: {error}. A lower trainer.learning_rate or trainer.max_grad_norm may help.")
    except (click.exceptions.Abort, KeyboardInterrupt):
        _exit(1, "whetstone: interrupted")
    except Exception as error:
        if (what := of_the_disk(error)) is None:
            raise
        _exit(1, f"whetstone: {what}. What was trained up to the last checkpoint is kept; the same command resumes.")


def main() -> None:
    """Entry point of `whetstone`."""
    run()


def _exit(code: int, line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)
    sys.exit(code)
