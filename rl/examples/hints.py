"""Rationalisation (STaR, Zelikman et al. 2022, arXiv:2203.14465, section 3.2): what failed is drawn again with a hint.

The policy sees the answer beside the problem; what it then writes is learnt as if it had seen the problem alone. A
completion that speaks of the hint, or that gives the answer before any working, has leaked it and is dropped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from rewards.reward import Text, content_of
from rewards.sample import Sample

_GIVES_AWAY = re.compile(
    r"\b(?:hint|(?:given|correct|provided|known|right) answer"
    r"|(?:since|because|as|given that|know(?:ing)? that) the answer)\b",
    re.IGNORECASE,
)


def failed_rows(samples: Sequence[Sample]) -> list[int]:
    """Rows that were judged and have no right completion, in order; where the judge could not say there is no hint."""
    verdicts: dict[int, list[bool | None]] = defaultdict(list)
    for sample in samples:
        verdicts[sample.index].append(sample.right)
    return [row for row, said in verdicts.items() if True not in said and False in said]


def with_hint(prompt: Text, gold: str, template: str) -> Text:
    """The prompt with the answer shown; of chat messages the last one carries it."""
    shown = prompt if isinstance(prompt, str) else content_of(prompt[-1])
    text = template.replace("{prompt}", shown).replace("{gold}", gold)
    return text if isinstance(prompt, str) else [*prompt[:-1], {**prompt[-1], "content": text}]


def leaks(completion: str, gold: str) -> bool:
    """Whether a completion gives away that the answer was shown."""
    start = completion.lstrip(" \n#:=").removeprefix("The answer is ").rstrip(" .\n")
    return bool(_GIVES_AWAY.search(completion)) or start == gold.strip()
