"""The usual ways to state an answer, and wrong answers near a right one: what a self-check has a verifier judge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from verifiers.choice import labelled

PHRASINGS: dict[str, str] = {
    "plain": "{answer}",
    "sentence": "The answer is {answer}.",
    "so the answer is": "First we look at what is given.\nSo the answer is {answer}.",
    "#### X": "First we look at what is given.\n#### {answer}",
    "box": r"\boxed{{answer}}",
    "box in a sentence": r"Therefore, the final answer is $\boxed{{answer}}$.",
    "**Answer:** X": "First we look at what is given.\n\n**Answer:** {answer}",
    "bold": "The answer is **{answer}**.",
    "heading": "First we look at what is given.\n\n### Final Answer\n\n{answer}",
    "tag": "<answer>{answer}</answer>",
    "last line": "First we look at what is given.\n\n{answer}",
    "thinking before": "<think>Is the answer {wrong}? No, it is not.</think>\nThe answer is {answer}.",
    "thinking, opened by the prompt": "Is the answer {wrong}? No, it is not.\n</think>\n\nThe answer is {answer}.",
    "next question after": "The answer is {answer}.\n\nQ: What comes next?\nA: The answer is {wrong}.",
    "next turn after": "The answer is {answer}.<|im_end|>\n<|im_start|>user\nThe answer is {wrong}.",
}
"""A name → a completion; `{answer}` is the gold answer, `{wrong}` another one that must not be read."""

WRONG_PHRASINGS = ("sentence", "box in a sentence", "tag", "last line")
"""The phrasings that near-miss wrong answers are put in."""

_NUMBER = re.compile(r"[-+−]?\d[\d,]*(?:\.\d+)?")
_SHORT = 200
_FLIPPED = {"true": "false", "false": "true", "yes": "no", "no": "yes", "unknown": "true"}


def phrased(phrasing: str, answer: str, wrong: str) -> str:
    """A completion that states an answer in one of the usual ways.

    Args:
        phrasing: a key of `PHRASINGS`.
        answer: what it states.
        wrong: what it mentions where it does not count.
    """
    return PHRASINGS[phrasing].replace("{answer}", answer).replace("{wrong}", wrong)


def answer_of(gold: str, row: Mapping[str, Any], prediction: str | None) -> str | None:
    """The answer that a row's gold stands for, as one would state it; None where it is not known.

    Args:
        gold: the row's gold: an answer, or a solution with its answer after `####`.
        row: its columns.
        prediction: the verifier's own gold prediction, where it makes one.
    """
    if prediction is not None:
        return re.sub(r"^<answer>(.*)</answer>$", r"\1", prediction.strip(), flags=re.DOTALL)
    if "####" in gold:
        gold = gold.rpartition("####")[2]
    answer = gold.strip()
    if row.get("choices"):
        labels, texts = labelled(row["choices"])
        return next((label for label, text in zip(labels, texts, strict=True) if answer in (label, text)), answer)
    return answer if answer and len(answer) <= _SHORT else None


def near_misses(answer: str, row: Mapping[str, Any], others: Sequence[str]) -> list[str]:
    """Wrong answers that look like a right one: another number, a flipped sign, another choice, another row's answer.

    Args:
        answer: the right one.
        row: its columns; `choices` are used where it has them.
        others: answers of other rows.
    """
    if row.get("choices"):
        labels, texts = labelled(row["choices"])
        mine = next((text for label, text in zip(labels, texts, strict=True) if label == answer), None)
        return [label for label, text in zip(labels, texts, strict=True) if label != answer and text != mine]
    if (flipped := _FLIPPED.get(answer.strip().lower())) is not None:
        return [flipped]
    found: list[str] = []
    if numbers := list(_NUMBER.finditer(answer)):
        last = numbers[-1]
        either_sign = answer[: last.start()].rstrip().endswith(("\\pm", "\\mp", "±"))
        for text in _other_numbers(last.group()):
            if either_sign and text == f"-{last.group()}":
                continue  # `\pm -2` is `\pm 2`
            found.append(answer[: last.start()] + text + answer[last.end() :])
    else:
        found += [other for other in others if other.strip().lower() != answer.strip().lower()][:2]
    return found


def _other_numbers(text: str) -> list[str]:
    """Numbers near one, none of them equal to it: the next, ten times, with a digit changed or two swapped, negated."""
    sign, digits = ("-", text[1:]) if text[:1] in "-−" else ("", text.lstrip("+"))
    plain = digits.replace(",", "")
    whole, point, part = plain.partition(".")
    following = f"{sign}{int(whole) + 1}{point}{part}"
    found = [following, f"{sign}{whole}0{point}{part}", f"{sign}{int(whole[:1]) % 9 + 1}{whole[1:]}{point}{part}"]
    if len(whole) > 1 and whole[-1] != whole[-2]:
        found.append(f"{sign}{whole[:-2]}{whole[-1]}{whole[-2]}{point}{part}")
    found += [plain if sign else f"-{plain}", f"{sign}{int(whole) * 10 + 5}{point}{part}"]
    return [number for number in dict.fromkeys(found) if float(number) != float(sign + plain)]
