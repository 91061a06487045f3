"""Word problems by a real small model that writes equations alone: SFT, then RL (`configs/real/equations.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence

import real_word_problems
from harness import CONFIGS, Row

FILE = CONFIGS / "real" / "equations.yaml"

make_data = real_word_problems.make_data


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed of this rung; see `real_word_problems.figures_of`."""
    return real_word_problems.figures_of(FILE, arm, seed, model, overrides)
