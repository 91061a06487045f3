"""Yes or no, true or false: the last answer that a completion states.

`So the answer is yes`, `Answer: False.`, `**No**`, `\\boxed{true}`, or a text that begins with the word. `yes`, `true`
and `no`, `false` are the same answers. A word inside a sentence is not one ("no lions live there").
"""

from __future__ import annotations

import re

from verifiers.verdict import Verdict, abstained, judged

TAIL = 20_000
"""Characters that are read, from the end."""

_WORD = r"(yes|no|true|false|correct|incorrect)"
_STATED = re.compile(
    r"(?:answer|conclusion|statement|claim|it|result)\s?(?:to (?:the|this) question)?"
    r"\s?(?:is|was|:|=|must be|should be)"
    rf"\s?:?\s?(?:therefore|thus|definitely|clearly|simply|probably)?\s?[*_\"'“(\[{{]{{0,4}}(?:\\(?:text|boxed)\s?\{{)?{_WORD}\b(?![-'])"
    rf"|(?:\\boxed\s?\{{\s?(?:\\text\s?\{{)?|####\s?|^\s?A:\s?|<answer>\s?){_WORD}\b",
    re.IGNORECASE | re.MULTILINE,
)
_ALONE = re.compile(rf"^[\s*_\"'“(\[]{{0,8}}{_WORD}[\s*_\"'”).,!:;\]]{{0,8}}$", re.IGNORECASE)
_FIRST = re.compile(
    rf"^[\s*_\"'“(]{{0,8}}{_WORD}(?=[,.;:!*)\"”]|\s?[-–—]\s|\s+(?:because|since|as)\b|\s*$)", re.IGNORECASE
)
_LAST = re.compile(
    rf"(?:^|[.!?,:;\n]|\bso|\bis|\btherefore|\bthus|\bhence)[\s*_\"'“(]{{0,8}}{_WORD}[\s*_\"'”).!]{{0,8}}$",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\s*(?:or|and|/)\s*(?:yes|no|true|false|incorrect)\b", re.IGNORECASE)
_TRUE = frozenset({"yes", "true", "correct"})


def verify(prediction: str, gold: str, *, ambiguous: str = "wrong") -> Verdict:
    """Judge a yes/no answer: 1 where the last stated answer is the gold's, else 0.

    Args:
        prediction: the completion.
        gold: `yes`, `no`, `true` or `false` in any case; a truth value is taken as well.
        ambiguous: an answer that says both (`yes or no`), or none that can be told: `wrong` (score 0) or `abstain`.

    Returns:
        Judged; abstained where the gold is no yes or no. `extracted` is `yes` or `no`.

    Raises:
        ValueError: `ambiguous` is neither.
    """
    if ambiguous not in ("wrong", "abstain"):
        raise ValueError(f"ambiguous is 'wrong' or 'abstain', not {ambiguous!r}")
    want = stated(str(gold))
    if want is None:
        return abstained("the gold is no yes or no")
    found = stated(prediction)
    if found is None:
        reason = "no yes or no that can be told"
        return abstained(reason) if ambiguous == "abstain" else judged(0.0, reason)
    return judged(found == want, "right" if found == want else "the other answer", extracted="yes" if found else "no")


def stated(text: str) -> bool | None:
    """The last answer stated in a text; None where there is none, or both at once."""
    text = text[-TAIL:].strip()
    for matches in (
        [_ALONE.match(text)],
        [_LAST.search(text[-200:])],
        list(_STATED.finditer(text)),
        [_FIRST.match(text[:200])],
    ):
        if matches and (last := matches[-1]):
            after = last.string[last.end() : last.end() + 40]
            if _BOTH.match(after):
                return None
            word = next(group for group in last.groups() if group)
            return word.lower() in _TRUE
    return None
