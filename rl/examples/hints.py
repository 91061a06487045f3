"""Rationalisation (STaR, Zelikman et al. 2022, arXiv:2203.14465, section 3.2): what failed is drawn again with a hint.

The policy sees the answer beside the problem; what it then writes is learnt as if it had seen the problem alone. So a
hinted completion has to be one that the policy could have written without the hint:

- one that speaks of the hint, or that gives the answer before any working, has leaked it and is dropped (`leaks`);
- one whose reasoning does not lead to the answer it was shown is not learnt (`worth_learning`): its steps must pass the
  task's step check or, where no verifier judges steps, it must have the form of completions without a hint.

How many right answers rest on wrong steps is counted for hinted completions apart (`right_by_wrong_steps`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rewards.reward import Text, content_of
from rewards.sample import Sample

COMMON = 0.05
"""Least share of the completions without a hint that makes a form a usual one."""
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
    """The prompt with the answer shown.

    Args:
        prompt: a string, or chat messages, of which the last one carries the hint.
        gold: the answer.
        template: text with `{prompt}` and `{gold}`.
    """
    shown = prompt if isinstance(prompt, str) else content_of(prompt[-1])
    parts = {"{prompt}": shown, "{gold}": gold}
    # in one pass, so that braces inside a prompt or an answer stay as they are
    text = re.sub(r"\{prompt\}|\{gold\}", lambda match: parts[match[0]], template)
    return text if isinstance(prompt, str) else [*prompt[:-1], {**prompt[-1], "content": text}]


def after_examples(prompt: Text, examples: str) -> Text:
    """The prompt with worked examples in front of it, as few-shot prompting shows them.

    Args:
        prompt: a string, or chat messages, of which the last one begins with the examples.
        examples: their text.
    """
    if isinstance(prompt, str):
        return examples + prompt
    return [*prompt[:-1], {**prompt[-1], "content": examples + content_of(prompt[-1])}]


def leaks(completion: str, gold: str) -> bool:
    """Whether a completion gives away that the answer was shown.

    Args:
        completion: its text.
        gold: the answer that was shown.
    """
    start = completion.lstrip(" \n#:=").removeprefix("The answer is ").rstrip(" .\n")
    return bool(_GIVES_AWAY.search(completion)) or start == gold.strip()


def worth_learning(samples: Sequence[Sample]) -> list[Sample]:
    """The samples without the hinted ones whose reasoning does not carry their answer, in the same order.

    Where the verifier judges steps (any sample has some), a hinted completion needs a right step and no wrong one.
    Elsewhere it needs the form that at least `COMMON` of the completions without a hint have: what kind of character
    they begin with, and by which rule their answer was found. A hint that the policy took for the beginning of its own
    answer shows there: the completion begins in the middle.

    Args:
        samples: judged, with and without hints.
    """
    if any(one.steps for one in samples):
        return [one for one in samples if not one.hinted or _steps_hold(one)]
    plain = Counter(_form(one) for one in samples if not one.hinted and one.finish_reason == "stop")
    usual = {form for form, count in plain.items() if count >= COMMON * plain.total()}
    return [one for one in samples if not one.hinted or _form(one) in usual]


def right_by_wrong_steps(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Of the right answers, the share with wrong steps, for hinted completions apart from the others.

    Args:
        samples: judged, with and without hints.

    Returns:
        Name for the log → share; None where no answer is right. Empty where the verifier judges no steps.
    """
    if not any(one.steps for one in samples):
        return {}
    shares: dict[str, float | None] = {}
    for name, hinted in (("rounds/right_by_wrong_steps", False), ("rounds/hinted_right_by_wrong_steps", True)):
        right = [one for one in samples if one.hinted is hinted and one.right]
        if right or not hinted or any(one.hinted for one in samples):
            shares[name] = sum(not _steps_hold(one) for one in right) / len(right) if right else None
    return shares


def _steps_hold(sample: Sample) -> bool:
    """Whether some step is right and none is wrong; a step that nobody could judge is not a wrong one."""
    said = [step.right for step in sample.steps]
    return True in said and False not in said


def _form(sample: Sample) -> tuple[str, str | None]:
    first = sample.text.lstrip()[:1]
    kind = "digit" if first.isdecimal() else "letter" if first.isalpha() else first
    return kind, None if sample.verdict is None else sample.verdict.rule
