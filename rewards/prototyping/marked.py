"""Completions with their steps marked in the text: as HTML in a notebook, with colours and signs in a terminal."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.text import Text as RichText

from verifiers import Step

MOST = 2000
"""Largest number of characters of a completion to show."""
REASONS = 6
"""Largest number of reasons to list below a completion in a terminal."""
COLOURS = {"right": "green", "between": "dark_orange", "wrong": "red", "abstained": "bright_black", "failed": "magenta"}
_CSS = {"right": "#d4f3dc", "between": "#fdf0c4", "wrong": "#fbd5d3", "abstained": "#e7e9ec", "failed": "#ecd9f7"}
_INK = "#1d2129"
"""Colour of text on those, which a dark page would show in white."""
_SIGNS = {"right": "✓", "wrong": "✗", "abstained": "?", "failed": "!"}


class Piece(NamedTuple):
    """A part of a completion; `step` is its judgement, None between steps."""

    text: str
    step: Step | None

    @property
    def kind(self) -> str:
        """`right` (a score of 1), `wrong` (0), `between`, `abstained` or `failed`."""
        assert self.step is not None
        if self.step.status != "judged":
            return self.step.status
        return {1.0: "right", 0.0: "wrong"}.get(self.step.score or 0.0, "between")

    @property
    def sign(self) -> str:
        """The text after the step: a sign, or its score."""
        return _SIGNS.get(self.kind) or f" {self.step.score if self.step else 0:.2f}"


def pieces(text: str, steps: Sequence[Step]) -> list[Piece]:
    """The text divided at its steps; if two overlap, the later one starts where the earlier one ends.

    Args:
        text: the completion, or its beginning; steps after its end are left out.
        steps: a reward's scores of its steps.
    """
    found, at = [], 0
    for step in sorted((step for step in steps if step.start < len(text)), key=lambda step: (step.start, step.end)):
        start, end = min(max(step.start, at), len(text)), min(step.end, len(text))
        if start > at:
            found.append(Piece(text[at:start], None))
        found.append(Piece(text[start : max(start, end)], step))
        at = max(at, start, end)
    return [*found, Piece(text[at:], None)] if at < len(text) else found


def marked_text(text: str, steps: Sequence[Step]) -> str:
    """The text with the sign of each step's verdict after it: `2+2=4✓;4+7=2✗#2`.

    Args:
        text: the completion.
        steps: the verdicts on its steps.
    """
    return "".join(piece.text if piece.step is None else piece.text + piece.sign for piece in pieces(text, steps))


class Marked(NamedTuple):
    """One completion under one reward."""

    prompt: str
    completion: str
    reward: str
    value: str
    steps: tuple[Step, ...]


class MarkedSteps:
    """Several completions with their steps marked, for a notebook or for `print` in a terminal."""

    def __init__(self, examples: Sequence[Marked]) -> None:
        self.examples = list(examples)

    def _repr_html_(self) -> str:
        if not self.examples:
            return "<p>No reward here judges steps.</p>"
        rows = "".join(_html_row(example) for example in self.examples)
        return (
            "<table style='text-align:left'><tr><th>prompt</th><th>reward</th><th>completion with its steps</th></tr>"
            f"{rows}</table>"
        )

    def __rich__(self) -> RichText:
        text = RichText()
        if not self.examples:
            return RichText("No reward here judges steps.")
        for example in self.examples:
            text.append(f"{_cut(example.prompt, 200)}\n", style="bold")
            text.append(f"  {example.reward} {example.value}:  ", style="dim")
            for piece in pieces(example.completion[:MOST], example.steps):
                if piece.step is None:
                    text.append(piece.text)
                else:
                    text.append(piece.text + piece.sign, style=COLOURS[piece.kind])
            text.append(_more(example.completion) + "\n")
            reasons = [
                f"    step {number}: {step.reason}\n"
                for number, step in enumerate(example.steps, start=1)
                if step.reason and (step.status != "judged" or step.score != 1.0)
            ]
            text.append("".join(reasons[:REASONS]), style="dim")
            if len(reasons) > REASONS:
                text.append(f"    and {len(reasons) - REASONS} more\n", style="dim")
        return text

    def __str__(self) -> str:
        return self.__rich__().plain

    __repr__ = __str__


def _html_row(example: Marked) -> str:
    shown = ""
    for piece in pieces(example.completion[:MOST], example.steps):
        text = html.escape(piece.text)
        if piece.step is not None:
            title = html.escape(f"{piece.sign.strip()} {piece.step.reason}", quote=True)
            style = f"background:{_CSS[piece.kind]};color:{_INK}"
            text = f"<span style='{style}' title=\"{title}\">{text}<sup>{piece.sign}</sup></span>"
        shown += text
    style = "text-align:left;vertical-align:top"
    code = "white-space:pre-wrap;font-family:monospace"
    return (
        f"<tr><td style='{style}'>{html.escape(_cut(example.prompt, 400))}</td>"
        f"<td style='{style}'>{html.escape(example.reward)}<br>{html.escape(example.value)}</td>"
        f"<td style='{style};{code}'>{shown}{html.escape(_more(example.completion))}</td></tr>"
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


def _more(completion: str) -> str:
    return f" … {len(completion) - MOST:,} characters more" if len(completion) > MOST else ""


def shown(value: Any) -> str:
    """A value of a reward as text."""
    return "abstained" if value is None or value != value else f"{value:.3g}"
