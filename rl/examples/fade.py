"""Fading: columns of the prompt that disappear during the fit, as in SKIntern (Liao et al. 2024, arXiv:2409.13183).

SKIntern shows the student symbolic knowledge in the prompt, and less of it in each of T stages, until none is left:

    L_t = - log p(r, y | k_t, x)        k_t: the knowledge k, cut to the share S_t, with S falling from 1 to 0

(section 3.3). Weights and optimizer state carry over from stage to stage. Here each sentence of a column is shown with
probability S_t, drawn anew in each pass; the paper removes tokens with a model that compresses prompts.
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
        seed: seed of the order and of which sentences are shown.

    Raises:
        UserError: an example lacks one of the template's columns.
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
        template: text with `{prompt}` and columns in braces; in a chat, it replaces the last message.
        share: probability with which each sentence is shown.
        rng: generator that decides which sentences are shown.

    Raises:
        UserError: the example lacks one of the template's columns.
    """
    cut = dict(sample.row)
    for name in columns_of(template):
        if name != "prompt" and cut.get(name) is not None:
            cut[name] = "".join(part for part in _SENTENCE.findall(str(cut[name])) if rng.random() < share)
    try:
        return replace(sample, row={**sample.row, "prompt": shown(sample.prompt, template, cut)})
    except ValueError as error:
        raise UserError("algorithm.examples.fade.template", str(error).removeprefix("prompt: ")) from None
