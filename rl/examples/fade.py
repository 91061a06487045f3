"""Fading: columns of the prompt that go while the fit lasts, as in SKIntern (Liao et al. 2024, arXiv:2409.13183).

SKIntern shows the student symbolic knowledge in the prompt, less of it in each of T stages, until it stands alone:

    L_t = - log p(r, y | k_t, x)        k_t: the knowledge k, cut to the share S_t, with S falling from 1 to 0

(section 3.3). Weights and optimizer carry on through the stages. Here each sentence of a column is shown with the
probability S_t, drawn anew in each pass; the paper cuts tokens by a model that compresses prompts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from rewards.parts.shown import columns_of, shown
from rewards.sample import Sample
from rl.config.examples import Fade
from rl.errors import UserError

_SENTENCE = re.compile(r"[^.!?;\n]*[.!?;\n]+|[^.!?;\n]+$")


def faded(samples: Sequence[Sample], fade: Fade, seed: int) -> list[Sample]:
    """The examples in the order in which a fit sees them: stage after stage, each pass shuffled.

    Args:
        samples: the examples, with plain prompts.
        fade: the config's `algorithm.examples.fade`.
        seed: of the order, and of what is shown.

    Raises:
        UserError: an example lacks a column.
    """
    rng = random.Random(f"fade {seed}")
    order: list[Sample] = []
    for share in fade.shares:
        for _ in range(fade.passes):
            order += [with_share(one, fade.template, share, rng) for one in rng.sample(list(samples), len(samples))]
    return order


def with_share(sample: Sample, template: str, share: float, rng: random.Random) -> Sample:
    """An example whose prompt shows a share of the sentences of the template's columns.

    Args:
        sample: the example, with its plain prompt.
        template: text with `{prompt}` and columns in braces; the last message of a chat becomes it.
        share: probability with which a sentence is shown.
        rng: decides which are.

    Raises:
        UserError: the example lacks a column.
    """
    cut = dict(sample.row)
    for name in columns_of(template):
        if name != "prompt" and cut.get(name) is not None:
            cut[name] = "".join(part for part in _SENTENCE.findall(str(cut[name])) if rng.random() < share)
    try:
        return replace(sample, row={**sample.row, "prompt": shown(sample.prompt, template, cut)})
    except ValueError as error:
        raise UserError("algorithm.examples.fade.template", str(error).removeprefix("prompt: ")) from None
