"""`whetstone prm label | train | eval`. Each command imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from rl.errors import UserError

FORMATS = ("whetstone", "processbench", "math_shepherd", "conversation", "prm800k", "stepwise")
POSITIVE = click.FloatRange(0, min_open=True)
FORMAT = click.option("--format", "form", type=click.Choice(FORMATS), default="whetstone", show_default=True)
SEPARATOR = click.option("--separator", help="The text between two steps; \\n is a line break.")
TEMPLATE = click.option(
    "--template",
    default="{question}\\n",
    show_default=True,
    help="Template of the prompt, for formats with a bare question.",
)


@click.group()
def prm() -> None:
    """Process reward models: label steps, train on the labels, evaluate the scores."""


@prm.command("label")
@click.option("--out", required=True, help="The file to write: parquet if its name ends so, otherwise JSON lines.")
@click.option("--by", type=click.Choice(["monte_carlo", "verifier", "file"]), default="monte_carlo", show_default=True)
@click.option("--rows", help="Completions to label: a file with prompt, completion, gold. By default they are sampled.")
@click.option("--task", help="A task or a config file; its policy samples completions, and its verifier judges them.")
@click.option("--verifier", help="The verifier, if there is no task.")
@click.option(
    "--completer", help="The model that continues steps: a folder, hub id or 'embedded'; by default the policy."
)
@click.option(
    "--prompts", type=click.IntRange(1), default=1000, show_default=True, help="Number of problems to sample."
)
@click.option("--samples", type=click.IntRange(1), default=4, show_default=True, help="Completions per problem.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="train", show_default=True)
@click.option("--k", type=click.IntRange(1), default=8, show_default=True, help="Continuations per step.")
@click.option("--kind", type=click.Choice(["soft", "hard"]), default="soft", show_default=True)
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="For hard labels.")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest continuation; by default as in the task's config.")
@click.option("--temperature", type=POSITIVE, default=1.0, show_default=True, help="Temperature of continuations.")
@click.option("--batch", type=click.IntRange(1), default=512, show_default=True, help="Continuations per batch.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--pattern", help="A regular expression; each match is a step.")
@SEPARATOR
@FORMAT
@TEMPLATE
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def _label(out: str, overrides: Sequence[str], **options: Any) -> None:
    """Label the steps of completions: by Monte-Carlo continuations, an exact verifier, or from a published file."""
    from rl.prm.commands import LabelOptions, label

    label(out, overrides, LabelOptions(**options))


@prm.command("train")
@click.argument("labels")
@click.option("--model", required=True, help="The model to start from: a folder or hub id, such as that of the policy.")
@click.option("--out", required=True, help="Folder for the model, its tokenizer and prm.json.")
@click.option("--head", type=click.Choice(["one", "two"]), default="one", show_default=True, help="One label, or two.")
@click.option("--epochs", type=POSITIVE, default=3.0, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True)
@click.option("--learning-rate", type=POSITIVE, default=5e-5, show_default=True)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.0, show_default=True)
@click.option("--lora", type=click.IntRange(1), help="Rank of adapters; without it every weight is trained.")
@click.option(
    "--max-length", type=click.IntRange(1), default=2048, show_default=True, help="Tokens of prompt and completion."
)
@click.option(
    "--lm-weight",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Weight of an added next-token loss on right steps; 0.5 helps if the starting model is small.",
)
@click.option("--validation", type=click.FloatRange(0, 0.9), default=0.1, show_default=True, help="Held-out problems.")
@click.option("--seed", type=int, default=0, show_default=True)
@SEPARATOR
@FORMAT
@TEMPLATE
def _train(labels: str, model: str, out: str, form: str, separator: str | None, template: str, **settings: Any) -> None:
    """Train a process reward model on a file of LABELS."""
    from rl.prm.commands import train
    from rl.prm.formats import LabelLayout
    from rl.prm.train import TrainSettings

    train(labels, model, out, LabelLayout(form, separator, template), TrainSettings(**settings))


@prm.command("eval")
@click.argument("model", required=False)
@click.option("--data", required=True, help="Completions with labels.")
@click.option("--predictions", help="Instead of a MODEL, JSON lines with `prediction` (first wrong step) or `scores`.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="A step with a lower score is wrong.",
)
@click.option("--tune", help="Completions in the same format, on which the threshold with the best F1 is chosen.")
@click.option(
    "--marker", help="A text after each step at which the MODEL has its scores; by default a step's last token."
)
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True)
@click.option("--out", help="Where to write the figures, as JSON.")
@SEPARATOR
@FORMAT
@TEMPLATE
def _evaluate(
    model: str | None,
    data: str,
    predictions: str | None,
    threshold: float,
    tune: str | None,
    marker: str | None,
    batch: int,
    out: str | None,
    separator: str | None,
    form: str,
    template: str,
) -> None:
    """Evaluate a process reward MODEL, or saved predictions: first wrong step, AUC, calibration, best of n."""
    from rl.prm.evaluation import evaluate_model, evaluate_predictions
    from rl.prm.formats import LabelLayout, escaped

    layout = LabelLayout(form, separator, template)
    if model is not None and predictions is None:
        at = None if marker is None else escaped(marker)
        evaluate_model(model, data, layout, threshold=threshold, tune=tune, batch=batch, marker=at, out=out)
    elif predictions is not None and model is None:
        if tune or marker:
            raise UserError("command line", "--tune and --marker belong to a MODEL, not to --predictions")
        evaluate_predictions(predictions, data, layout, threshold=threshold, out=out)
    else:
        raise UserError("command line", "prm eval takes either a MODEL or --predictions FILE")
