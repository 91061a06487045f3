"""Answers that no one should write but that some policy will: how a verifier and rewards handle them.

None of them may count as right, break a judge or delay it, and no reward of one may be NaN or infinite. A verifier that
is stopped at its deadline has behaved correctly; this is reported, but not as a fault.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from rewards.mixing.mix import Mix
from rewards.prototyping.rows import readable
from rewards.reward import RewardBroken
from rewards.sample import Sample
from rl.sampling.judge import judge
from verifiers.runtime.verifier import Verifier

SECONDS = 60.0
"""Time limit for all answers together."""
STOPPED = "no verdict within"
"""How the reason begins in a verdict that was cut off by a deadline."""
HOSTILE: Mapping[str, str] = {
    "empty": "",
    "blank": " \n\t\n ",
    "endless": "so then we add and " * 20_000,
    "endless, one word": "x" * 200_000,
    "an answer stated endlessly": "The answer is " * 10_000,
    "a null character": "The answer is \x00.",
    "a lone surrogate": "The answer is \ud800\udfff\udc00.",
    "replacement characters": "\ufffd" * 500,
    "directions and joiners": "\u202e\u200d\u200b\ufeff The answer is \u2066\u200f.",
    "stacked accents": "The answer is a" + "\u0301" * 5_000,
    "nested boxes": r"\boxed{" * 500 + "?" + "}" * 500,
    "boxes that never close": r"\boxed{" * 2_000,
    "brackets that never close": "The answer is " + "(" * 5_000,
    "a huge number": "The answer is " + "9" * 20_000,
    "a tower of powers": r"The answer is $9^{9^{9^{9^{9^{9}}}}}$",
    "a huge exponent": "The answer is 1e999999999",
    "a huge factorial": "The answer is 99999999!!!!",
    "no number": r"The answer is NaN, $\infty$, or $\frac{1}{0}$",
    "markup": "<answer><b>**__?__**</b></answer><script>alert(1)</script><!-- <answer> -->" * 20,
    "tags that never close": "<think><answer>" * 2_000,
    "a table": "|?|?|\n|---|---|\n" * 2_000,
    "a program that never ends": "```python\nwhile True:\n    pass\n```",
    "a template": "{question} {{ gold }} %s ${answer}",
}


class Outcome(NamedTuple):
    """The result of judging the hostile answers.

    Attributes:
        wrong: what went wrong, a line for each fault.
        stopped: the answers on which the verifier was stopped at its deadline.
    """

    wrong: list[str]
    stopped: list[str]


def against_verifier(row: Mapping[str, Any], verifier: Verifier) -> Outcome:
    """Judge the hostile answers to a row.

    Args:
        row: a row of the task.
        verifier: the task's verifier.
    """
    started = time.perf_counter()
    judged = dict(zip(HOSTILE, judge(_samples(row, HOSTILE), verifier), strict=True))
    wrong, stopped = [], []
    for name, one in judged.items():
        if _stopped(one):
            stopped.append(name)
        elif one.verdict is None or one.verdict.status == "failed":
            wrong.append(f"{name}: the verifier failed ({one.verdict and one.verdict.reason})")
        elif one.right:
            wrong.append(f"{name}: counts as right ({one.verdict.reason})")
    return Outcome(wrong + _too_slow(started), stopped)


def against_rewards(row: Mapping[str, Any], verifier: Verifier, mix: Mix) -> Outcome:
    """Score the hostile answers to a row, as a policy's tokenizer would write them: without lone surrogates.

    Args:
        row: a row of the task.
        verifier: the task's verifier.
        mix: the rewards.
    """
    started = time.perf_counter()
    texts = {name: readable(text) for name, text in HOSTILE.items()}
    try:
        scored = dict(zip(texts, judge(_samples(row, texts), verifier, mix), strict=True))
    except RewardBroken as error:
        return Outcome([str(error)], [])
    wrong = []
    for answer, one in scored.items():
        if one.reward is not None and not math.isfinite(one.reward):
            wrong.append(f"{answer}: the reward is {one.reward}")
        if not _stopped(one):
            wrong += [f"{answer}: {name} failed" for name, of in one.rewards.items() if of.status == "failed"]
    return Outcome(wrong + _too_slow(started), [name for name, one in scored.items() if _stopped(one)])


def _stopped(one: Sample) -> bool:
    return one.verdict is not None and one.verdict.status == "failed" and one.verdict.reason.startswith(STOPPED)


def _samples(row: Mapping[str, Any], texts: Mapping[str, str]) -> list[Sample]:
    return [Sample(row, text, [0] * min(len(text), 64), "stop", index=0) for text in texts.values()]


def _too_slow(started: float) -> list[str]:
    took = time.perf_counter() - started
    return [f"they took {took:.0f} s, more than {SECONDS:.0f}"] if took > SECONDS else []
