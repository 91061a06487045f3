"""`whetstone prm eval`: metrics of a process reward model, or of saved predictions."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import transformers
from rich.console import Console
from rich.table import Table

from rewards.models.types import Tokenizer
from rewards.parts.step_scores import FORM_FILE, READ_AT, check_marker
from rewards.process import trained_form
from rewards.sample import Sample
from rl.errors import UserError
from rl.prm import step_metrics as measures
from rl.prm.cells import whole_cell
from rl.prm.formats import LabelLayout
from rl.prm.labelled import has_labels, records, scores_of
from rl.prm.scores import step_scores
from rl.prm.train import load
from rl.progress import completions_bar
from rl.terminal import Terminal


def evaluate_model(
    model: str,
    data: str,
    layout: LabelLayout,
    *,
    threshold: float = 0.5,
    tune: str | None = None,
    batch: int = 64,
    marker: str | None = None,
    out: str | None = None,
) -> dict[str, Any]:
    """`whetstone prm eval MODEL`.

    Args:
        model: folder or hub id of a process reward model.
        data: file of completions with labels.
        layout: layout of that file, and of `tune`.
        threshold: a step with a lower score counts as wrong.
        tune: file of other completions, on which the threshold with the highest F1 is chosen instead.
        batch: completions per batch.
        marker: text after each step at which the model was trained to be read; None for the step's last token.
        out: file for the figures, as JSON.

    Returns:
        The figures of `rl.prm.step_metrics.evaluate`.

    Raises:
        UserError: a file or the model is not there or does not fit.
    """
    console = Terminal(soft_wrap=True)
    if out:
        check_place(out, folder=False)
    quiet_libraries()
    samples = _comparable(layout.read(data), data)
    held = _comparable(layout.read(tune), tune) if tune else None
    loaded, tokenizer = load(model)
    _check_form(console, model, tokenizer, marker)
    if held is not None:
        labelled = [sample for sample in held if has_labels(sample)]
        scores = step_scores(loaded, tokenizer, labelled, batch=batch, marker=marker)
        try:
            threshold = measures.best_threshold(scores, _truth(labelled))
        except ValueError as error:
            raise UserError("--tune", f"{tune}: {error}") from None
    with completions_bar(console, model, len(samples)) as progress:
        scores = step_scores(loaded, tokenizer, samples, batch=batch, marker=marker, progress=progress)
    return _shown(console, f"{model} on {data}", measures.evaluate(samples, scores, threshold), out)


def evaluate_predictions(
    predictions: str, data: str, layout: LabelLayout, *, threshold: float = 0.5, out: str | None = None
) -> dict[str, Any]:
    """`whetstone prm eval --predictions FILE`.

    Args:
        predictions: a file with `scores` (one number per step) or `prediction` (the first wrong step, -1 for none) in
            each row. Rows are matched by `id` if every row has one, otherwise by order.
        data: file of completions with labels.
        layout: layout of that file.
        threshold: a step with a lower score counts as wrong.
        out: file for the figures, as JSON.

    Returns:
        The figures of `rl.prm.step_metrics.evaluate`; for `prediction` only `processbench`.

    Raises:
        UserError: the two files do not fit together.
    """
    if out:
        check_place(out, folder=False)
    samples = _comparable(layout.read(data), data)
    rows = _matched(samples, list(records(predictions)), predictions)
    if all("scores" in row for _, row in rows):
        scores = [_scores(row["scores"], sample, place) for (place, row), sample in zip(rows, samples, strict=True)]
        figures = measures.evaluate(samples, scores, threshold)
    else:
        found = [_prediction(row, sample, place) for (place, row), sample in zip(rows, samples, strict=True)]
        pairs = [(one, sample) for one, sample in zip(found, samples, strict=True) if has_labels(sample)]
        figures = {"processbench": measures.protocol([one for one, _ in pairs], _truth([of for _, of in pairs]))}
    return _shown(Terminal(soft_wrap=True), f"{predictions} on {data}", figures, out)


def table(title: str, figures: Mapping[str, Any]) -> Table:
    """The figures of `rl.prm.step_metrics` as a table.

    Args:
        title: title of the table.
        figures: the result of `evaluate`, or `processbench` alone.
    """
    made = Table(title=title, title_justify="left")
    made.add_column("measure")
    made.add_column("value", justify="right")
    own = figures["processbench"]
    for name in ("wrong", "right"):
        if own[name]:
            made.add_row(f"accuracy on {own[f'n_{name}']} {name} completions", f"{own[name]['value']:.4f}")
    if own["f1"] is not None:
        made.add_row("F1", f"{own['f1']:.4f}")
    for key, what in (("step_auc", "step AUC"), ("all_steps_auc", "step AUC, also after the first mistake")):
        if figures.get(key) is not None:
            made.add_row(what, f"{figures[key]:.4f}")
    if figures.get("calibration"):
        made.add_row("expected calibration error", f"{figures['calibration']['ece']:.4f}")
    for name, by_n in figures.get("best_of_n", {}).items():
        n = max(by_n)
        made.add_row(f"best of {n} by {name}", f"{by_n[n]['best']:.4f}")
    if "best_of_n" in figures:
        last = figures["best_of_n"]["min"]
        made.add_row(f"majority of {max(last)}", f"{last[max(last)]['majority']:.4f}")
        made.add_row(f"pass@{max(last)}", f"{last[max(last)]['pass']:.4f}")
    return made


def _check_form(console: Console, model: str, tokenizer: Tokenizer, marker: str | None) -> None:
    """Check that the model is read where it was trained to be read."""
    try:
        form = trained_form(model)
        if marker is not None:
            check_marker(tokenizer, marker)
    except ValueError as error:
        raise UserError("model", str(error)) from None
    if form is not None and form.get("read_at") != READ_AT:
        raise UserError("model", f"{FORM_FILE} says that it is read at {form.get('read_at')!r}, not at the {READ_AT}")
    if form is not None and marker is not None:
        raise UserError("--marker", f"{FORM_FILE} says that the model is read at the {READ_AT}; leave the marker out")
    if form is None and marker is None:
        console.print(
            f"warning: {model} has no {FORM_FILE}, so another trainer made it; its scores are read at the last token "
            "of each step. If it was trained with a token after each step, name that with --marker (TRL: --marker "
            "'\\n')",
            style="yellow",
            highlight=False,
        )


def check_place(out: str, *, folder: bool) -> None:
    """Check, before the work starts, that the result can be written.

    Args:
        out: a path; missing folders will be made.
        folder: whether the path is to be a folder rather than a file.

    Raises:
        UserError: the path is of the other kind, or one of its folders is a file.
    """
    path = Path(out)
    if path.exists() and path.is_dir() != folder:
        raise UserError("--out", f"{out!r} is a folder; name a file" if path.is_dir() else f"{out!r} is a file")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir():
        raise UserError("--out", f"{str(above)!r} is a file, so {out!r} cannot be made in it")


def quiet_libraries() -> None:
    """Turn off other libraries' progress bars and warnings."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft")


def _shown(console: Console, title: str, figures: dict[str, Any], out: str | None) -> dict[str, Any]:
    console.print(table(title, figures))
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def _comparable(samples: list[Sample], path: str) -> list[Sample]:
    if not any(has_labels(sample) or sample.right is not None for sample in samples):
        raise UserError(path, f"none of {len(samples):,} completions has a label to compare with")
    return samples


def _truth(samples: Sequence[Sample]) -> list[int]:
    return [measures.first_wrong(scores_of(sample.labels)) for sample in samples]


Placed = tuple[str, Mapping[str, Any]]
"""(place, row)."""


def _matched(samples: Sequence[Sample], rows: list[Placed], path: str) -> list[Placed]:
    """The row of each sample's prediction."""
    if len(rows) != len(samples):
        raise UserError(path, f"{len(rows):,} predictions for {len(samples):,} completions")
    ids = [sample.row.get("id") for sample in samples]
    given = [row.get("id") for _, row in rows]
    if None in ids or None in given or ids == given:
        return rows
    by_id = {str(id): placed for id, placed in zip(given, rows, strict=True)}
    for own in ids:
        if str(own) not in by_id:
            raise UserError(path, f"no prediction for {own!r}")
    if len(by_id) < len(rows) or len(set(map(str, ids))) < len(ids):
        raise UserError(
            path, "an id appears twice, so predictions cannot be told apart; leave the ids out to match by order"
        )
    return [by_id[str(own)] for own in ids]


def _scores(given: Any, sample: Sample, place: str) -> list[float]:
    if not isinstance(given, list) or len(given) != len(sample.labels):
        count = f"{len(given)} scores" if isinstance(given, list) else f"`scores` {given!r}"
        raise UserError(place, f"{count} for {len(sample.labels)} steps")
    for score in given:
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise UserError(place, f"expected a number as score, got {score!r}")
        if not 0 <= score <= 1:
            raise UserError(place, f"expected a score in [0, 1], got {score!r}")
    return [float(score) for score in given]


def _prediction(row: Mapping[str, Any], sample: Sample, place: str) -> int:
    try:
        found = whole_cell(row["prediction"], "`prediction`")
    except KeyError:
        raise UserError(place, "needs `prediction`, the first wrong step or -1, or `scores` in every row") from None
    except ValueError as error:
        raise UserError(place, str(error)) from None
    if not -1 <= found < len(sample.labels):
        raise UserError(
            place, f"step {found} of {len(sample.labels)} steps; they are counted from 0, -1 for none wrong"
        )
    return found
