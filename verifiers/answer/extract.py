r"""Picks a mathematical answer out of a completion: which formula or number of a stated answer, or else the last one.

`verifiers.answer.reader` says where answers stand and in which order they count; here a span is narrowed to the
mathematics in it (`verifiers.answer.runs`). Without a stated answer, and not in strict mode, the answer is the whole
text where that is nothing but an answer, else its last mathematics.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.clock_words import clock_as_digits
from verifiers.answer.completion import SEEN, answering_part
from verifiers.answer.decorations import EMOJI_BEHIND, undecorated
from verifiers.answer.derivations import concluded, without_alignment, without_calculator
from verifiers.answer.latex import readable
from verifiers.answer.money import mask_money
from verifiers.answer.reader import last_line, spans
from verifiers.answer.run_words import STOPPING
from verifiers.answer.runs import Run, runs
from verifiers.answer.sentence_ends import without_circumstance
from verifiers.answer.signs import with_signs
from verifiers.answer.units import KNOWN_WORDS, PHRASES
from verifiers.answer.word_operations import with_operations
from verifiers.answer.words import with_digits

__all__ = ["SEEN", "Found", "extract", "extract_gold", "is_bare"]


class Found(NamedTuple):
    """An answer's text, the rule that found it (`verifiers.answer.reader`), and why it is no answer, if so."""

    answer: str
    rule: str
    fault: str = ""


_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\\\[(?P<b>(?:[^\\]|\\(?!\]))+)\\\]|\\\((?P<c>(?:[^\\]|\\(?!\)))+)\\\)"
    r"|(?<!\\)\$(?P<d>(?:\\\$|[^$\n])+)(?<!\\)\$"
)
_FILLING = re.compile(
    r"(?i)(?:[\s:=≈~*_>\"']|\b(?:a|an|the|about|approximately|approx|around|roughly|exactly|only|just|simply|therefore|thus|so|that"
    r"|is|are|be|equal|to|equals|total|of|in|given|by|at|least|most|then|now|there|we|get|have|it|which|all|both|either|number|value|x)\b)*"
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|rather\s+than|instead\s+of|anything\s+but|no\s+longer|nowhere\s+near|far\s+from)|n['’]t)(?:\s+(?:be|equal(?:\s+to)?|the\s+answer))?[\s$*(\\]*\Z",
    re.IGNORECASE,
)
"""What turns down the mathematics that follows it."""
_DENIED_AFTER = re.compile(
    r"[\s$*)]*\s(?:is|was)(?:(?:\s+not|n['’]t)\s+(?:it\b|(?:the\s+)?(?:correct|right|final)?\s*answer\b|(?:correct|right)\b)"
    r"|\s+(?:clearly\s+)?(?:wrong|incorrect|a\s+mistake)\b)",
    re.IGNORECASE,
)
"""What turns down the mathematics before it: `83 is not the answer`."""
_FARTHEST = 10_000
"""Characters from the end in which mathematics is looked for that nothing says is the answer."""
_DIGIT = re.compile("[0-9]")
_ORDINAL = re.compile("[0-9]+(?:st|nd|rd|th)")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_TEXT = re.compile(r"\\(?:text[a-z]*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\(?:begin|end)\{[a-z*]+\}(?:\{[lcr|]*\})?")
_NUMBER_WORDS = re.compile(r"\s*\\?[$]?\s*-?[0-9][0-9.,/]*\\?\$?(?:\s+[A-Za-z]+\.?){1,3}\s*[.!]?\s*")
_MATH = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp abs sqrt pi frac dfrac tfrac and or inf "
    "infty infinity cup cap in mod gcd lcm max min det percent percentage pct oo"
)
_MATH_WORDS = frozenset(_MATH.split())
_SIGN = re.compile(r"(?<![-=<>])[<>]\s*$")
_OUT_OF_END = re.compile(r"[0-9]\s+(?:in|out\s+of)\s+\Z")
_BEHIND = re.compile(
    r"(?i)\s*o['’]\s?clock\b|,?\s+(?:with\s+(?:a\s+)?)?remainder\s+(?:of\s+)?[0-9]{1,9}(?![0-9])|\s*\(?\s*(?:in\s+)?base[\s-]+(?:[0-9]{1,2}|[a-z]{3,12})(?![A-Za-z0-9])\s*\)?"
)
_CHANCE = re.compile(r"(?i)\b(?:odds|chances?|probability|likelihood)\b")
_OUT_OF = re.compile(r"\s+(?:in|out\s+of)\s+[1-9][0-9,]*")
_OF_BASE = re.compile(r"(?i)[0-9A-Z)}$]\s*\(?\s*(?:in\s+)?base[\s-]+\Z")
"""What makes a number the base of the one before it."""
_PHRASE_AT_END = re.compile(
    rf"(?i)(?<![\w-])(?P<phrase>(?:{'|'.join(sorted(PHRASES, key=len, reverse=True))})"
    r"(?:,?\s+(?:except|but|besides|other\s+than|excluding)\s(?:for\s)?[^.!?\n]{1,40})?)[\s.!*_$]{0,8}\Z"
)
"""A phrase that is an answer, at the end of a text."""
_ALL_REAL = re.compile(r"(?i)\b(?:all|any|every)\s+real(?:\s+values?)?(?:\s+of)?\s+\$?[a-z]\$?()[.!\s*]{0,4}\Z")
_NEGATED = re.compile(r"(?i)(?:\b(?:not|never|neither|nor)|n['’]t)\s[^.!?\n]{0,12}\Z")
_OF_NAMES = re.compile(
    r"\A\$?\s*(?:[A-Za-z](?:\s*[-+]\s*[A-Za-z])+|[A-Za-z]\([^()=<>]{0,60}[-+*/][^()=<>]{0,60}\)[^=<>A-Za-z]{0,40})\s*=\s*(?=[^=<>]{1,200}\Z)"
)
"""A sum, a difference or a product (`n(n - 1)/2`) of names, and the sign that says what it comes to."""
_ALONE_AND_EXPLAINED = re.compile(
    r"\s*(?P<answer>[$€£]?-?(?!1\.\s)[0-9][0-9,]*(?:\.[0-9]+)?%?(?:\s[A-Za-z]+){0,2})\.?\s*\n\s*"
    r"(?!(?i:plus|minus|times|divided|over|and|is|equals|then|so)\b)[A-Za-z]{3,}"
)
"""A number that stands alone in the first line, perhaps with its unit, before lines in words."""
_RECURRING = re.compile(r"\.[0-9]{2,}(?:\.{3}|…)(?=[.\s]*$)")
"""A decimal that goes on, whose dots are no end of a sentence."""
_SENTENCE = re.compile(
    r"(?i)[a-z]{2,}\s+[a-z]{2,}|\b(?:is|it|so|we|the|are|of|to|an|be|no|not|all|he|she|if|at|by|on|was|has|for|its|you)\b"
)


def extract(text: str, *, strict: bool = False, words: bool = True) -> Found | None:
    """The final answer in a completion, or None where there is none.

    Args:
        text: the completion.
        strict: only a box, a tag, `####` or an answer cue; no guessing from the last number.
        words: whether the answer may be in words; else a cue that states nothing but words ("the answer is clear") is
            passed over.
    """
    for span in spans(text):
        if span.fault:
            return Found("", span.rule, span.fault)
        answer = _narrowed(without_alignment(span.text), span.rule)
        if words or span.rule != "cue" or not _only_words(answer):
            return Found(answer, span.rule)
    part = without_calculator(without_alignment(answering_part(text)))
    if strict or not part:
        return None
    bare = undecorated(part)
    if is_bare(bare):
        return Found(concluded(bare), "line")
    if (line := _ALONE_AND_EXPLAINED.match(part)) and is_bare(line["answer"]):
        return Found(line["answer"], "line")
    return _last(part, words=words)


def _only_words(answer: str) -> bool:
    """Whether an answer holds no mathematics: no sign, no single letter, no number in words and no known phrase."""
    if re.search(r"[^A-Za-z\s.,;:'!?-]|(?<![A-Za-z])[B-HJ-Zb-hj-z](?![A-Za-z])", answer):
        return False
    low = answer.lower().strip(" .!")
    known = any(phrase in low for phrase in PHRASES) or low in ("noon", "midnight", "infinity", "pi")
    return not known and with_digits(answer) == answer


def _narrowed(text: str, rule: str) -> str:
    """The answer in a span of that rule."""
    if rule == "tag" and ("\\box" in text or not is_bare(text)):
        found = extract(text)
        return found.answer if found else text
    return text if rule == "box" else _refined(text)


def extract_gold(text: str) -> str:
    """The answer in a gold text: as `extract` finds it, but never the last number of a sentence; else all of it."""
    found = extract(text, strict=True)
    if found is not None:
        return found.answer
    if not is_bare(text) and (formulas := list(_FORMULA.finditer(readable(text)))):
        return formulas[-1][0]
    return text.strip()


def is_bare(text: str) -> bool:
    """Whether a text is nothing but an answer: mathematics, a number with its unit, or one word."""
    text = text.strip()
    if not text or len(text) > 2000 or "\n\n" in text or "i.e." in text or "e.g." in text:
        return False
    rest = _TEXT.sub(" ", text) if "\\" in text else text
    unknown = [word for word in _WORD.findall(rest) if word.lower() not in _MATH_WORDS]
    if not unknown:
        return True
    if all(word.lower() in KNOWN_WORDS for word in unknown) and re.search("[0-9}]", rest):
        return True
    if len(unknown) == 1 and re.fullmatch(r"[\s$*.\"'(]*[A-Za-z][A-Za-z-]*[\s$*.\"')]*", rest):
        return True
    if text.strip(" .$").lower() in PHRASES:
        return True
    if max(map(len, unknown)) <= 3 and re.search(r"[\\^+*/=]", text) and not _SENTENCE.search(rest):
        return True  # products of variables
    if _ORDINAL.fullmatch(text):
        return True
    return bool(_NUMBER_WORDS.fullmatch(text)) and not any(word.lower() in STOPPING for word in unknown)


def _refined(segment: str) -> str:
    """The answer in a sentence that states it: the mathematics that it begins with, or else ends with."""
    segment = segment if segment.isascii() else EMOJI_BEHIND.sub("", segment)
    segment = segment.strip().strip("*_").rstrip("*_! ")
    recurring = _RECURRING.search(segment, max(0, len(segment) - 40))
    segment = segment[: recurring.end()] if recurring else segment.rstrip("*_.! ")
    if is_bare(segment) or any(segment.lower().startswith(phrase) for phrase in PHRASES):
        return segment
    masked = mask_money(with_signs(clock_as_digits(with_operations(segment))))
    found = runs(masked, stated=True)
    if not found:
        return segment
    if _FILLING.fullmatch(masked, 0, found[0].start):
        return _with_sign(masked, found[0])
    shorter = without_circumstance(masked)
    kept = [run for run in found if run.end <= len(shorter)] or found
    return _with_sign(masked, kept[-1])


def _with_sign(text: str, run: Run) -> str:
    """A run of mathematics, with the inequality sign before it (`more than 5`, written `> 5`, is no 5) and what belongs
    to it behind it: its base, `o'clock`, or the 4 of `the odds are 1 in 4`.
    """
    sign = _SIGN.search(text, max(0, run.start - 4), run.start)
    behind = _BEHIND.match(text, run.end)
    if behind is None and _CHANCE.search(text, max(0, run.start - 80), run.start):
        behind = _OUT_OF.match(text, run.end)
    return text[sign.start() if sign else run.start : behind.end() if behind else run.end]


def _tail(part: str) -> str:
    """The last line, or the last paragraph where a formula ends in that line that does not begin there."""
    line = last_line(part)
    if line.count("$$") % 2 or line.count(r"\[") != line.count(r"\]") or r"\end" in line:
        return part[-2_000:]
    return part[part.rindex(line) :][-2_000:] if line else part[-2_000:]


def _last(part: str, *, words: bool = True) -> Found | None:
    """The last mathematics of a text that states no answer; without any, the last line, for its words.

    An ordinal in running text (`the 2nd of them`) is no answer. Of an equation between names and a value
    (`a + b = 7`) the value is.

    Args:
        part: an answering part.
        words: whether the answer may be a phrase that the text ends with: `the equation has no solution`.
    """
    end = max(0, len(part) - 120)
    phrase = (_PHRASE_AT_END.search(part, end) or _ALL_REAL.search(part, end)) if words else None
    if phrase and not _NEGATED.search(part, max(0, phrase.start() - 20), phrase.start()):
        return Found(phrase[1] or "all real numbers", "last")
    part = without_circumstance(part)
    for size in (len(_tail(part)), 2_000, _FARTHEST):
        masked = mask_money(with_signs(clock_as_digits(part[-size:])))
        stated = [
            run
            for run in runs(masked)
            if not _DENIED.search(masked, max(0, run.start - 30), run.start)
            and not _DENIED_AFTER.match(masked, run.end)
            and not _OF_BASE.search(masked, max(0, run.start - 16), run.start)
            and not (_OUT_OF_END.search(masked, max(0, run.start - 16), run.start) and _CHANCE.search(masked))
        ]
        texts = [_with_sign(masked, run) for run in stated]
        found = [text for text in texts if (_DIGIT.search(text) or len(text) > 4) and not _ORDINAL.fullmatch(text)]
        if found:
            return Found(_OF_NAMES.sub("", found[-1]), "last")
        if size >= len(part):
            break
    line = last_line(part).rstrip(".!* ")
    if not line or len(line) > 200 or _DIGIT.search(line):
        return None
    spelled = with_digits(line, pronouns=False)
    numbers = [run for run in runs(spelled) if _DIGIT.search(spelled[run.start : run.end])]
    return Found(spelled[numbers[-1].start : numbers[-1].end] if numbers else line, "last")
