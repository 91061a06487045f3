"""The commands that judge the rows of a file: verify and score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from rewards.reward import RewardBroken
from rl.commands.parts import OVERRIDES, leave
from rl.errors import UserError


@click.command()
@click.argument("rows", metavar="[IN.jsonl]", required=False)
@click.option("--verifier", required=True, help="A verifier's name, such as math.")
@click.option("--out", metavar="OUT.jsonl", help="Where to write the rows with their verdicts; .gz to compress.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the verifier; repeatable.")
@click.option("--self-check", "check_itself", is_flag=True, help="Try golds in the usual phrasings, and wrong answers.")
@click.option("--data", metavar="FILE", help="Rows for the self-check: JSON lines, JSON, CSV, parquet or a hub id.")
@click.option(
    "--column", "columns", multiple=True, metavar="WHAT=NAME", help="The data's column that holds WHAT; repeatable."
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
    """Judge rows of `prediction` and `gold` with a verifier, and print the number of rows for each status.

    With --self-check, test whether it can read your data: how many golds it accepts in each of the usual ways to state
    an answer, and how many wrong answers near them.
    """
    from rl.config.layers import values
    from verifiers.runtime.stream import verify_file

    if check_itself:
        from rl.analysis.self_check import show
        from rl.tasks.columns import named

        return show(verifier, values(options), data or rows, named(columns))
    if rows is None or data or columns:
        raise click.UsageError("IN.jsonl is missing." if rows is None else "--data and --column go with --self-check.")
    try:
        counts = verify_file(rows, out, verifier, values(options))
    except OSError as error:
        raise UserError(rows if error.filename == rows else f"--out {out}", str(error.strerror).lower()) from error
    except ValueError as error:
        raise UserError(None, str(error)) from error
    share = "" if counts["mean_score"] is None else f", mean score {counts['mean_score']:.4f}"
    click.echo(f"judged     {counts['judged']:>9,}   right {counts['right']:,}{share}")
    for status in ("abstained", "failed"):
        first = f"   the first: {counts['first'][status]}" if counts[status] else ""
        click.echo(f"{status:<10} {counts[status]:>9,}{first}")
    click.echo(f"{counts['rows']:,} rows in {counts['seconds']:.1f} s, {counts['rows_per_s']:,.0f} a second")


@click.command()
@click.argument("rows", metavar="IN.jsonl")
@click.option("--rewards", metavar="FILE", help="A config file, or a file with only rewards: and mix:.")
@click.option("--out", metavar="OUT.parquet", help="Where to write the table, one row per completion.")
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
@click.option("--verifier", help="The verifier for rewards that name none.  [default: the config's task, or math]")
@click.option("--tokenizer", help="A folder or hub id, for rewards that count tokens.")
@click.option("--skip", is_flag=True, help="Leave out and count rows that are broken or have no completion.")
@OVERRIDES
def score(rows: str, overrides: Sequence[str], **options: Any) -> None:
    """Score saved completions with rewards, without a policy or training.

    IN is JSON lines, CSV, TSV or parquet, compressed or not, or a folder of datasets. A list of completions in a row
    is the group of its prompt.
    """
    from rl.analysis.scoring.command import score as run_scoring

    try:
        run_scoring(rows, overrides, **options)
    except RewardBroken as error:
        leave(1, f"whetstone: {error}")
