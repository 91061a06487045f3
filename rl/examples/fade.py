"""Fading: columns of the prompt that go while the fit lasts, as in SKIntern (Liao et al. 2024, arXiv:2409.13183).

SKIntern shows the student symbolic knowledge in the prompt, less of it in each of T stages, until it stands alone: with
the share $S_t$ falling from 1 to 0, stage $t$ minimises $-\\log p(r, y \\mid k_t, x)$ where $k_t$ is the knowledge, cut to
that share (section 3.3). Weights and optimizer carry on through the stages. Here each sentence of a column is shown
with probability $S_t$, drawn anew in each pass; the paper cuts tokens by a model that compresses prompts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rewards.reward import Text, content_of
from rewards.sample import Sample
from rl.config.examples import Fade
from rl.errors import UserError
from rl.tasks.layout import template_fields
from verifiers.runtime.names import nearest

_SENTENCE = re.compile(r"[^.!?;\n]*[.!?;\n]+|[^.!?;\n]+$")


def faded(samples: Sequence[Sample], fade: Fade, seed: int) -> list[Sample]:
    """The examples in the order in which a fit sees them: stage after stage, each pass shuffled.

    Args:
        samples: the examples, with plain prompts.
        fade: the config's `algorithm.examples.fade`.
        seed: of the order, and of what is shown.

    Raises:
        UserError: an example has no such column.
    """
    rng = random.Random(f"fade {seed}")
    order: list[Sample] = []
    for share in fade.shares:
        for _ in range(fade.passes):
            order += [shown(one, fade.template, share, rng) for one in rng.sample(list(samples), len(samples))]
    return order


def shown(sample: Sample, template: str, share: float, rng: random.Random) -> Sample:
    """An example whose prompt shows a share of the sentences of the template's columns.

    Args:
        sample: the example, with its plain prompt.
        template: text with `{prompt}` and columns in braces; the last message of a chat becomes it.
        share: probability with which a sentence is shown.
        rng: decides which are.

    Raises:
        UserError: the example has no such column.
    """
    prompt = sample.row["prompt"]
    parts = {"prompt": prompt if isinstance(prompt, str) else content_of(prompt[-1])}
    for name in template_fields(template):
        if name == "prompt":
            continue
        if sample.row.get(name) is None:
            what = f"an example has no column {name!r}; {nearest(name, sample.row)}"
            raise UserError("algorithm.examples.fade.template", what)
        parts[name] = "".join(part for part in _SENTENCE.findall(str(sample.row[name])) if rng.random() < share)
    text = template.format(**parts)
    new: Text = text if isinstance(prompt, str) else [*prompt[:-1], {**prompt[-1], "content": text}]
    row: dict[str, Any] = {**sample.row, "prompt": new}
    return replace(sample, row=row)
