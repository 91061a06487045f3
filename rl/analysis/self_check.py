"""`whetstone verify --self-check`: whether a verifier can read the answers of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from rl.errors import UserError
from rl.tasks.columns import column, has, names
from rl.tasks.sources import open_sources
from rl.terminal import visible
from verifiers.runtime.examples import EXAMPLES, OPTIONS
from verifiers.runtime.names import nearest
from verifiers.runtime.self_check import Survey, Tally, has_gold_prediction, self_check, survey
from verifiers.runtime.verifier import Verifier, module

MOST_ROWS = 200
"""Largest number of rows to try, spread evenly over the data."""


def show(name: str, options: Mapping[str, Any], data: str | None, columns: Mapping[str, str]) -> None:
    """Print the share of gold answers that a verifier accepts, by phrasing, and of near-miss wrong answers.

    Args:
        name: the verifier's name.
        options: its options.
        data: a file or hub id with rows of `gold` and the verifier's columns; None for the verifier's own examples.
        columns: name of a column → its name in the data, with dots into nested columns.

    Raises:
        UserError: there is no such verifier or option, or the data lacks a column.
    """
    try:
        verifier = Verifier(name, **((OPTIONS.get(name, {}) if data is None else {}) | dict(options)))
    except ValueError as error:
        raise UserError(None, str(error)) from error
    rows = _examples(name) if data is None else spread(_read(data, verifier, columns))
    problems = self_check(verifier, rows)
    unread = {problem.row for problem in problems}
    found = survey(verifier, [row for index, row in enumerate(rows) if index not in unread])
    tried = sum(has_gold_prediction(verifier, row) for row in rows)
    source = "the verifier's own examples" if data is None else data
    click.echo(f"{name}: {tried - len(problems):,} of {tried:,} golds accepted in their own form ({source})")
    if tried < len(rows):
        click.echo(f"  {_rows(len(rows) - tried)} without an answer that is known to be right: not tried")
    for problem in problems[:3]:
        click.echo(visible(f"  row {problem.row}: {problem.reason}"))
    if len(problems) > 3:
        click.echo(f"  and {_rows(len(problems) - 3)} more")
    if problems and found.phrasings:
        click.echo("  the phrasings below are of the other golds")
    for line in table(found) if found.phrasings or found.unknown else ():
        click.echo(visible(line))


def spread(rows: list[dict[str, Any]], most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """At most `most` rows, evenly spaced.

    Args:
        rows: all rows.
        most: largest number of rows to keep.
    """
    return [rows[index * len(rows) // most] for index in range(most)] if len(rows) > most else rows


def table(found: Survey) -> list[str]:
    """The lines of a survey: one per phrasing, then one for wrong answers, each with the first misjudged example."""
    width = max([*(len(name) for name in found.phrasings), len("wrong answers near them")])
    lines = [f"{'phrasing':<{width}}  accepted"]
    for name, tally in found.phrasings.items():
        lines.append(f"{name:<{width}}  {tally.share:>8.1%}{_example(tally)}")
    lines.append(f"{'all':<{width}}  {found.share:>8.1%}")
    if found.wrong.tried:
        accepted = f"{found.wrong.right:,} of {found.wrong.tried:,}"
        lines.append(f"{'wrong answers near them':<{width}}  {accepted} accepted{_example(found.wrong)}")
    if found.unknown:
        lines.append(f"{_rows(found.unknown)} without a short answer that could be phrased")
    return lines


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _example(tally: Tally) -> str:
    if tally.example is None:
        return ""
    prediction, verdict = tally.example
    read = "" if verdict.extracted is None else f", read: {verdict.extracted[:40]!r}"
    return f"   {prediction[-70:]!r}: {verdict.status if verdict.score is None else verdict.reason}{read}"


def _examples(verifier: str) -> list[dict[str, Any]]:
    rows = getattr(module(verifier), "EXAMPLES", None) or EXAMPLES.get(verifier)
    if not rows:
        raise UserError("--data", f"the verifier {verifier!r} has no examples; give a file of rows with a gold")
    return list(rows)


def _read(data: str, verifier: Verifier, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of the data with the verifier's column names; rows that cannot be tried are counted and left out."""
    records = [record for source in open_sources(data) for record in source.records]
    given = [record.columns for record in records if record.broken is None]
    if not given:
        why = f"the first: {records[0].broken}" if records else "it is empty"
        raise UserError("--data", f"{data} has no rows that can be read ({why})")
    wanted = ("gold", *verifier.columns)
    for what in dict.fromkeys((*columns, *wanted)):
        name = columns.get(what, what)
        if not any(has(row, name) and column(row, name) is not None for row in given):
            hint = nearest(name, names(given))
            raise UserError("--data", f"{data} has no column {name!r} ({hint}); name it with --column {what}=NAME")
    rows = [
        row | {what: column(row, name) if has(row, name) else None for what, name in columns.items()} for row in given
    ]
    whole = [row for row in rows if all(row.get(what) is not None for what in wanted)]
    lacking = {
        "that cannot be read": len(records) - len(given),
        f"without {' or '.join(wanted)}": len(rows) - len(whole),
    }
    for why, count in lacking.items():
        if count:
            click.echo(f"left out: {_rows(count)} {why}")
    return whole
