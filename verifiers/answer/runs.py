r"""Finds the mathematics in running text: the longest runs that are numbers, formulas, and what joins them.

In `it makes 20 - 5 = 15 apples in all` the run is `20 - 5 = 15 apples`; `3 1/2 cups`, `2^10`, `7π square inches`,
`3:15 PM`, `x ≤ -2 or x ≥ 2` and `$x = 2$ or $x = 3$` are one run each. Numbers belong to one list only where a comma or
a word like `and` alone stands between them. Every function here takes linear time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.latex import CURRENCY, GARBAGE
from verifiers.answer.units import KNOWN_WORDS, UNITS, singular

_TOKEN = re.compile(
    r"(?P<formula>\$\$[^$]{1,4000}\$\$|\\\[(?:[^\\]|\\(?!\])){1,4000}\\\]|\\\((?:[^\\]|\\(?!\))){1,4000}\\\)"
    r"|(?<!\\)\$(?:\\\$|[^$\n]){1,4000}(?<!\\)\$|\\begin\{(?P<env>[a-z*]{1,20})\}(?:[^\\]|\\(?!end\{)){0,4000}\\end\{(?P=env)\})"
    r"|(?P<text>\\(?:text[a-z]{0,6}|mbox|mathrm)\s*\{[^{}]{0,200}\})"
    r"|(?P<command>\\[A-Za-z]+|\\[%,;:!{} ])"
    r"|(?P<money>\\\$|[€£¥₹¢$"
    + CURRENCY
    + r"]|(?:US|[AC]|NZ|HK)\$|\b(?:USD|EUR|GBP|INR|JPY|CAD|AUD|Rs\.?)(?=\s?[0-9]))"
    r"|(?P<number>[0-9]*\.[0-9]{2,}(?:\.{3}|…)|[0-9]+(?:[.,'_][0-9]+)*(?:[eE][-+]?[0-9]{1,4}(?![0-9A-Za-z]))?|\.[0-9]+)"
    r"|(?P<half>(?<=[0-9 ])[ap]\.\s?m\.?|(?<=[0-9 ])[AP]\.\s?M\.?)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<relation><=|>=|!=|==|=|<(?![/A-Za-z])|>|[≤≥≠≈∈])"
    r"|(?P<operator>\*\*|[-+*/^−–×÷·⋅±∓∪∩%°!_∕⁄%])"
    r"|(?P<letter>[√π∞∅θαβ½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³])"
    r"|(?P<open>[(\[{|])|(?P<close>[)\]}])"
    r"|(?P<space>[ \t\u00a0\u2009\u202f]+)"
    r"|(?P<mark>[,;:])"
    r"|(?P<other>.|\n)"
)
_NAMED = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh cis log ln exp sqrt pi infinity infty inf oo gcd lcm "
    "max min"
)
_FUNCTIONS = frozenset(_NAMED.split())
_NO_UNITS = (
    "and or of for in on at by with because since as so from when where if which that who after before per is are was "
    "were has have had the a an to into left more than not but while until each every all during once"
)
STOPPING = frozenset(_NO_UNITS.split())
"""Words that are no unit, so that a number before them ends."""
_OPERATIONS = re.compile(
    r"(?:times|plus|minus|over|divided by|multiplied by|to the power of|factorial|squared|cubed)\b"
)
_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}[,;]?\s+(?:[A-Za-z]{2,}|[$])")
_DEEPEST = 40
"""Brackets inside brackets, at most; the time that a text takes grows with it."""
_EXCLAIMED = re.compile(r"\s*(?:$|\n|[A-Z])")
_STATING = re.compile(r"(?i)(?:(?:\b(?:is|are|be|was|were|equals?|of|get|gives?|have|has)|[:=]|^)\s*(?:\ball\s+)?)$")


class Run(NamedTuple):
    """A run of mathematics: where it begins and ends in the text."""

    start: int
    end: int


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def runs(text: str, *, stated: bool = False) -> list[Run]:
    """The runs of mathematics in a text, in order.

    Args:
        text: running text, with money masked by `mask_money`.
        stated: whether the text states an answer, so that words at its end belong to the number before them
            (`15 apples`) and `5 cats and 2 dogs` is a list; elsewhere only known units do.
    """
    tokens = [
        _Token(
            "formula" if match.lastgroup == "env" else match.lastgroup or "other",
            match.group(),
            match.start(),
            match.end(),
        )
        for match in _TOKEN.finditer(text)
    ]
    tokens = [token for token in tokens if token.kind != "space"]
    found: list[Run] = []
    at = 0
    while at < len(tokens):
        if not _begins(tokens, at):
            at += 1
            continue
        end = _end(tokens, at, text, stated)
        last = _trimmed(tokens, at, _closed(tokens, at, end))
        if last == at:
            at += 1
            continue
        if any(token.kind in ("formula", "number", "letter", "command") for token in tokens[at:last]):
            stop = tokens[last - 1]
            if stop.text == "!" and _EXCLAIMED.match(text, stop.end) and last - 1 > at:
                stop = tokens[last - 2]  # a sentence that ends in an exclamation mark is no factorial
            found.append(Run(tokens[at].start, stop.end))
        at = max(end, at + 1)
    return found


def mask_money(text: str) -> str:
    """The text with each dollar sign that is money, and delimits no formula, as `CURRENCY`."""
    if "$" not in text:
        return text
    pieces: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        pieces.append(text[at:dollar])
        at = dollar + 1
        if dollar and text[dollar - 1] == "\\":
            pieces.append("$")
            continue
        if text.startswith("$$", dollar):
            closing = text.find("$$", dollar + 2)
            pieces.append(text[dollar:] if closing < 0 else text[dollar : closing + 2])
            at = len(text) if closing < 0 else closing + 2
            continue
        closing = re.compile(r"(?<!\\)\$").search(text, at)
        inside = text[at : closing.start()] if closing else ""
        if (
            not closing
            or "\n" in inside
            or len(inside) > 4000
            or (
                re.match(r"\s?[0-9.]", inside)
                and (
                    _PROSE.search(inside)
                    or (re.search(r"(?:\s|[-+*/(=×])$", inside) and text[closing.end() : closing.end() + 1].isdigit())
                )
            )
        ):
            pieces.append(CURRENCY)
        else:
            pieces.append(text[dollar : closing.end()])
            at = closing.end()
    return "".join([*pieces, text[at:]])


def _next(tokens: list[_Token], at: int) -> _Token:
    return tokens[at] if at < len(tokens) else _Token("end", "", 0, 0)


def _begins(tokens: list[_Token], at: int) -> bool:
    """Whether a run begins at a token."""
    token, following = tokens[at], _next(tokens, at + 1)
    before = tokens[at - 1] if at else _Token("end", "", 0, -1)
    glued = before.end == token.start and (
        before.kind in ("word", "number") or before.text in (".", "@", GARBAGE, "_", "\\")
    )
    if token.kind in ("formula", "text"):
        return token.kind == "formula" or following.kind not in ("word", "end", "other")
    if token.kind in ("number", "letter"):
        return not glued or (before.kind == "word" and token.kind == "letter")
    if token.kind == "money":
        return following.kind in ("number", "operator")
    if token.kind == "command":
        return token.text not in (r"\ ", r"\,", r"\;", r"\:", r"\!", r"\}", r"\item", r"\n")
    if token.kind == "operator":
        return (
            token.text in ("-", "+", "−", "±", "–")
            and not glued
            and following.kind in ("number", "money", "letter", "open", "command", "word")
            and (following.kind != "word" or len(following.text) == 1)
            and following.start == token.end
        )
    if token.kind == "open":
        inner = at + 1
        while inner < min(at + _DEEPEST, len(tokens)) and tokens[inner].kind == "open":
            inner += 1
        inside = inner < len(tokens) and tokens[inner].kind != "open" and _begins(tokens, inner)
        return token.text != "|" and not glued and inside
    if token.kind == "word" and not glued:
        if token.text in _FUNCTIONS:
            return following.kind in ("open", "number", "letter") or token.text in ("pi", "infinity")
        if len(token.text) == 1:
            if following.kind == "relation" or (following.kind == "operator" and following.text in "+-*/^_−"):
                return (
                    _next(tokens, at + 2).kind not in ("word", "end", "other") or len(_next(tokens, at + 2).text) == 1
                )
            if following.kind == "open" and following.start == token.end:
                return _next(tokens, at + 3).kind == "close" and _next(tokens, at + 4).kind == "relation"
    return False


def _end(tokens: list[_Token], at: int, text: str, stated: bool) -> int:
    """The index after the last token of the run that begins at `at`."""
    lists = stated or bool(_STATING.search(text[max(0, tokens[at].start - 40) : tokens[at].start]))
    depth = 0
    index = at
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "word":
            if (step := _word(tokens, index, at, text, stated, lists)) == 0:
                break
            index += step
            continue
        if token.kind == "other":
            if token.text == "." and index + 1 < len(tokens) and tokens[index - 1].text == "Rs":
                index += 1
                continue
            if token.text in ("'", "′", '"') and index > at:
                index += 1
                continue
            if token.text == "\n" and depth:
                index += 1
                continue
            break
        if token.kind == "open":
            following = _next(tokens, index + 1)
            if following.kind == "word" and len(following.text) > 1 and following.text not in _FUNCTIONS and depth == 0:
                break
            depth += token.text != "|"
            if depth > _DEEPEST:
                break
        elif token.text == r"\{":
            depth += 1
            if depth > _DEEPEST:
                break
        elif token.kind == "close" or token.text == r"\}":
            if not depth:
                break
            depth -= 1
        elif token.kind == "mark" and not depth:
            if not _mark(tokens, index, at, lists):
                break
        elif (token.kind == "number" and index > at and not _follows(tokens, index, text)) or (
            token.kind == "formula" and index > at and tokens[index - 1].kind in ("number", "formula", "close")
        ):
            break
        index += 1
    return index


def _follows(tokens: list[_Token], index: int, text: str) -> bool:
    """Whether the number at an index belongs to the token before it: groups of digits, a mixed number, a compound."""
    before, token = tokens[index - 1], tokens[index]
    if before.kind == "number":
        if re.fullmatch(r"[0-9]{3}(?:[.,][0-9]+)?", token.text) and re.fullmatch(r"[0-9]{1,3}", before.text):
            return True
        if re.fullmatch(r"[0-9]{3}(?:[.,][0-9]+)?", token.text) and index > 1 and tokens[index - 2].kind == "number":
            return True
        return _next(tokens, index + 1).text in ("/", "⁄") and before.text.isdigit()
    return before.kind != "formula"


def _mark(tokens: list[_Token], index: int, at: int, lists: bool) -> bool:
    """Whether a comma, a semicolon or a colon outside brackets goes on with the run."""
    token, before = tokens[index], tokens[index - 1]
    following = _next(tokens, index + 1)
    if token.text == ":":
        return before.kind in ("number", "formula", "close", "word") and following.kind in ("number", "formula")
    if following.text in ("and", "or"):
        return _begins(tokens, index + 2) if index + 2 < len(tokens) else False
    if index + 1 >= len(tokens) or not _begins(tokens, index + 1):
        return False
    named = any(part.kind == "relation" for part in tokens[at:index]) or before.kind == "formula"
    if named:
        return following.kind == "formula" or (
            following.kind == "word" and _next(tokens, index + 2).kind in ("relation", "open")
        )
    return lists or before.kind == "close"


def _word(tokens: list[_Token], index: int, at: int, text: str, stated: bool, lists: bool) -> int:
    """How many tokens from a word on belong to the run; 0 where it ends before the word."""
    token, before, following = tokens[index], tokens[index - 1] if index > at else None, _next(tokens, index + 1)
    word = token.text
    if word in _FUNCTIONS or (before is None and len(word) == 1):
        return 1
    if before is None:
        return 0
    if word in ("and", "or"):
        if index + 1 >= len(tokens) or not _begins(tokens, index + 1):
            return 0
        united = before.kind == "word" and len(before.text) > 1
        both = any(part.kind in ("relation", "formula") for part in tokens[at:index])
        return int(both or (lists and (stated or not united)) or _compound(tokens, index - 1, index + 1))
    if word == "to" and before.kind == "number" and following.kind == "number":
        return int(stated or "ratio" in text[max(0, tokens[at].start - 60) : tokens[at].start].lower())
    if (match := _OPERATIONS.match(text, token.start)) and before.kind in ("number", "close", "formula", "word"):
        count = len(match[0].split())
        return count if match[0] in ("squared", "cubed", "factorial") or _begins(tokens, index + count) else 0
    if len(word) == 1:
        if before.end == token.start or before.kind in ("operator", "relation", "open", "mark"):
            return 1
        if before.text in ("and", "or"):
            return 1
        if word in "xX" and _begins(tokens, index + 1) and before.kind in ("number", "word", "close"):
            return 1
        return int(
            (following.kind in ("relation", "operator") and before.kind in ("operator", "relation"))
            or (word in "gmlhsL" and before.kind == "number")
        )
    if before.kind == "relation" or (before.kind == "operator" and before.text not in ("%", "°", "!")):
        return int(len(word) <= 3 and before.kind == "relation")
    if before.end == token.start:  # `5x`, `12cm`, `45k`, `2nd`
        return int(len(word) <= 4 or word.lower() in KNOWN_WORDS)
    if word.lower() in KNOWN_WORDS or word.lower() in ("am", "pm", "noon", "usd", "eur", "gbp", "inr"):
        feet = index > at + 2 and tokens[index - 2].text.lower() in ("ft", "feet", "foot")
        return int(word.lower() != "in" or feet or following.kind in ("end", "other", "operator"))
    return _unknown_words(tokens, index, stated)


def _unknown_words(tokens: list[_Token], index: int, stated: bool) -> int:
    """Words that may be a unit: where an operation goes on behind them, or the stated answer ends with them."""
    if tokens[index - 1].kind not in ("number", "close", "operator", "formula", "letter", "word"):
        return 0
    count = 0
    while count < 3 and _next(tokens, index + count).kind == "word" and len(tokens[index + count].text) > 1:
        if tokens[index + count].text.lower() in STOPPING:
            break
        count += 1
    following = _next(tokens, index + count)
    if not count:
        return 0
    goes_on = following.kind == "relation" or (
        (following.text in ("+", "*", "/", "×", "÷", "-", "−") or following.text in ("x", "X"))
        and _begins(tokens, index + count + 1)
    )
    if goes_on:
        return count
    ends = following.kind == "end" or (following.kind == "other" and following.text in (".", "!"))
    joins = (
        following.text in ("and", "or", ",") and index + count + 1 < len(tokens) and _begins(tokens, index + count + 1)
    )
    return count if stated and (ends or joins) else 0


def _compound(tokens: list[_Token], before: int, after: int) -> bool:
    """Whether a number with its unit follows another of the same kind: `1 hour and 30 minutes`."""
    units = [_next(tokens, index) for index in (before, after + 1)]
    if any(unit.kind != "word" for unit in units):
        return False
    kinds = [UNITS.get(singular(unit.text), (None,))[0] for unit in units]
    return kinds[0] is not None and kinds[0] == kinds[1]


def _closed(tokens: list[_Token], at: int, end: int) -> int:
    """The end of a run before its first bracket that it does not close."""
    opened: list[int] = []
    for index in range(at, end):
        if tokens[index].text in ("(", "[", "{", r"\{"):
            opened.append(index)
        elif opened and tokens[index].text in (")", "]", "}", r"\}"):
            opened.pop()
    return opened[0] if opened else end


def _trimmed(tokens: list[_Token], at: int, end: int) -> int:
    """The end of a run without what dangles behind it."""
    while end > at + 1:
        token = tokens[end - 1]
        dangling = (
            (
                token.kind in ("mark", "relation", "open", "money")
                and token.text not in ("€", "£", "¥", "₹", "¢", CURRENCY, r"\$")
            )
            or (token.kind == "operator" and token.text not in ("!", "%", "°"))
            or (token.kind == "word" and token.text in ("and", "or", "to"))
            or (token.kind == "other")
            or token.text in (r"\ ", r"\,", r"\;", r"\:", r"\!")
        )
        if not dangling:
            break
        end -= 1
    return end
