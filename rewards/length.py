r"""Rewards the length $L$ of a completion, either close to a target or depending on correctness.

`target`, with target $N$ and tolerance $d$: $r = \max(0, 1 - |L - N| / d)$.

`cosine` (Yeo et al. 2025, arXiv:2502.03373), with the largest length $M$: from `right[0]` (or `wrong[0]`) at length 0
to `right[1]` (`wrong[1]`) at $M$, $$ r = r_M + \tfrac{1}{2} (r_0 - r_M) (1 + \cos(\pi L / M)) $$ and `exceed` for $L
\ge M$. With the default values, a right answer is worth more the shorter it is, and a wrong answer costs less the
longer it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.correctness import Correctness, verifier_of
from rewards.parts.context import Context
from rewards.parts.settings import number, one_of, options_of
from rewards.parts.units import UNITS, units
from rewards.reward import Reward, Scores, Text
from verifiers import is_right


class TargetLength(Reward):
    """The closeness of a completion's length to a target, in [0, 1].

    Args:
        target: N.
        tolerance: d, by default the target.
        unit: `tokens`, `words` or `characters`.
        name: the name in the logs.

    Raises:
        ValueError: an option is out of bounds.
    """

    def __init__(
        self, target: float, tolerance: float | None = None, unit: str = "tokens", name: str = "length"
    ) -> None:
        self.name = name
        self.target = number("target", target, above=0)
        self.tolerance = self.target if tolerance is None else number("tolerance", tolerance, above=0)
        self.unit = one_of("unit", unit, UNITS)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Measure each completion."""
        counted = units(completions, completion_ids, self.unit)
        return Scores([max(0.0, 1 - abs(len(text) - self.target) / self.tolerance) for text in counted])


class CosineLength(Reward):
    """The cosine length reward; it abstains and fails where its verifier does.

    Args:
        correctness: judges the completions; only a score of 1 counts as right (`verifiers.is_right`).
        most: M, the largest length.
        right: values of a right completion at length 0 and at M.
        wrong: values of a wrong completion at length 0 and at M.
        exceed: value of a completion of length M or more.
        unit: `tokens`, `words` or `characters`.
        name: the name in the logs.

    Raises:
        ValueError: an option is out of bounds.
    """

    def __init__(
        self,
        correctness: Correctness,
        most: float,
        right: Sequence[float] = (2.0, 1.0),
        wrong: Sequence[float] = (-10.0, 0.0),
        exceed: float = -10.0,
        unit: str = "tokens",
        name: str = "length",
    ) -> None:
        self.name = name
        self.correctness, self.columns = correctness, correctness.columns
        self.most = number("most", most, above=0)
        self.exceed = number("exceed", exceed)
        self.unit = one_of("unit", unit, UNITS)
        for option, pair in (("right", right), ("wrong", wrong)):
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise ValueError(
                    f"{option}: expected two numbers, for length 0 and for the largest length, got {pair!r}"
                )
            for value in pair:
                number(option, value)
        self.right, self.wrong = right, wrong

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge and measure each completion."""
        answers = self.correctness.score(prompts, completions, completion_ids, **columns)
        counted = units(completions, completion_ids, self.unit)
        values = [
            None if (right := is_right(answer)) is None else self._worth(right, len(text))
            for answer, text in zip(answers.values, counted, strict=True)
        ]
        return Scores(values, failures=answers.failures)

    def _worth(self, right: bool, length: int) -> float:
        if length >= self.most:
            return self.exceed
        at_none, at_most = self.right if right else self.wrong
        return at_most + 0.5 * (at_none - at_most) * (1 + math.cos(math.pi * length / self.most))


_OPTIONS = {
    "target": ("target", "tolerance", "unit"),
    "cosine": ("most", "right", "wrong", "exceed", "unit"),
}


def build(name: str, settings: Mapping[str, Any], context: Context) -> TargetLength | CosineLength:
    """Make the reward from its section of the config; the option `shape` is `target` (default) or `cosine`.

    Raises:
        ValueError: the shape does not have an option, or an option that it needs is missing.
    """
    shape = one_of("shape", (settings.get("options") or {}).get("shape", "target"), _OPTIONS)
    options = options_of(settings, ("shape", *_OPTIONS[shape]), ("verifier",) if shape == "cosine" else ())
    options.pop("shape", None)
    needed = _OPTIONS[shape][0]
    if needed not in options:
        raise ValueError(f"{needed}: is needed for shape: {shape}")
    if shape == "target":
        return TargetLength(**options, name=name)
    verifier = verifier_of({"verifier": settings.get("verifier")}, context)
    return CosineLength(Correctness(verifier), **options, name=name)
