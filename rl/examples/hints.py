"""Rationalisation (STaR, Zelikman et al. 2022, arXiv:2203.14465, section 3.2): failed problems are retried with a hint.

The policy sees the answer beside the problem, and the completion it then writes is learnt as if it had seen the problem
alone. So a hinted completion must be one that the policy could have written without the hint:

- A completion that mentions the hint, or gives the answer before any working, leaks it and is dropped (`leaks`).
- A completion whose reasoning does not lead to the answer it was shown is not learnt (`worth_learning`): its steps must
  pass the task's step check or, if no verifier judges steps, it must look like completions without a hint.

Right answers that rest on wrong steps are counted separately for hinted completions (`right_by_wrong_steps`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rewards.reward import Text, content_of
from rewards.sample import Sample

COMMON = 0.05
"""A form is usual if at least this share of the completions without a hint has it."""
_GIVES_AWAY = re.compile(
    r"\b(?:hint|(?:given|correct|provided|known|right) answer"
    r"|(?:since|because|as|given that|know(?:ing)? that) the answer)\b",
    re.IGNORECASE,
)


def failed_rows(samples: Sequence[Sample]) -> list[int]:
    """Rows that were judged and have no right completion, in order; a row on which the judge abstained is not one."""
    verdicts: dict[int, list[bool | None]] = defaultdict(list)
    for sample in samples:
        verdicts[sample.index].append(sample.right)
    return [row for row, said in verdicts.items() if True not in said and False in said]


def with_hint(prompt: Text, gold: str, template: str) -> Text:
    """The prompt with the answer shown.

    Args:
        prompt: a string, or chat messages, the last of which gets the hint.
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
    """Drop the hinted samples whose reasoning does not support their answer; the order stays.

    If the verifier judges steps (any sample has some), a hinted completion needs a right step and no wrong one.
    Otherwise it needs a form that at least `COMMON` of the completions without a hint have: the kind of character they
    begin with, and the rule by which their answer was found. This catches a policy that takes the hint for the
    beginning of its own answer: its completion begins in the middle.

    Args:
        samples: judged samples, with and without hints.
    """
    if any(one.steps for one in samples):
        return [one for one in samples if not one.hinted or _steps_hold(one)]
    plain = Counter(_form(one) for one in samples if not one.hinted and one.finish_reason == "stop")
    usual = {form for form, count in plain.items() if count >= COMMON * plain.total()}
    return [one for one in samples if not one.hinted or _form(one) in usual]


def right_by_wrong_steps(samples: Sequence[Sample]) -> dict[str, float | None]:
    """The share of right answers that rest on wrong steps, separately for hinted completions and the others.

    Args:
        samples: judged samples, with and without hints.

    Returns:
        Metric name → share, None if no answer is right. Empty if the verifier does not judge steps.
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
    """Whether some step is right and none is wrong; a step without a verdict does not count as wrong."""
    said = [step.right for step in sample.steps]
    return True in said and False not in said


def _form(sample: Sample) -> tuple[str, str | None]:
    first = sample.text.lstrip()[:1]
    kind = "digit" if first.isdecimal() else "letter" if first.isalpha() else first
    return kind, None if sample.verdict is None else sample.verdict.rule
