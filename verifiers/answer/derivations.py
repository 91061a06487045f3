r"""Finds what a derivation comes to: of `2x = 16, x = 16/2 = 8` its last equation, of `x + y = 5`, `x = 3`, `y = 2` in
three lines the last two.
"""

from __future__ import annotations

import re

from verifiers.answer.signs import without_arrows

_ALIGNED = re.compile(
    r"\\begin\{(?P<name>(?:align|aligned|alignat|gather|gathered|split|eqnarray|multline)\*?)\}(?:\{[0-9]\})?"
    r"(?P<rows>(?:[^\\]|\\(?!end\{)){0,4000})\\end\{(?P=name)\}"
)
_CALCULATED = re.compile(r"=?\s?<<([^<>=\n]{0,200}=)[^<>\n]{0,200}>>")
_ROW_END = re.compile(r"\\\\(?:\[[^\]\n]{0,20}\])?(?![A-Za-z])")
_STEP_END = re.compile(
    r"\n\s*|\s*(?:(?<![<=])=+>|⇒|⟹|→|∴|\\(?:Rightarrow|implies|therefore|Longrightarrow)(?![A-Za-z]))\s*"
)
_STEP_LABEL = re.compile(r"\(?[0-9]{1,2}[.)]\s+(?=\S)|[-•*]\s+(?=[A-Za-z0-9(])")
_RELATION = re.compile(r"=|≈|\\(?:approx|equiv|implies|Rightarrow|iff)(?![a-zA-Z])")

_NAMED = re.compile(r"(?P<name>[A-Za-z](?:_\{?\w{1,3}\}?)?)\s*=\s*(?P<value>[^=<>]+)")
_NAME = re.compile(r"([A-Za-z](?:_\{?\w{1,3}\}?)?)\s*=")
_NUMBER = re.compile(r"\$?-?[0-9][0-9.,]*(?:/[0-9]+)?[ .]*")
_LONGEST = 2_000
"""Characters of a derivation that are read."""


def without_alignment(text: str) -> str:
    """The text with each environment of aligned rows, if any, as the equation that its rows come to, and with the word
    for an arrow such as `=> 5`.

    A row that begins with a relation goes on with the row before. Equations for different names are a system, which
    stays whole; otherwise the rows are the steps of a derivation, of which the last counts.
    """
    text = _ALIGNED.sub(lambda match: _last_row(match["rows"]), text) if r"\begin" in text else text
    return without_arrows(text)


def without_calculator(text: str) -> str:
    """The text with what a calculator was told in it, as in GSM8K's solutions, as an equation: `<<3+4=7>>7`."""
    return _CALCULATED.sub(r" = \1", text).lstrip(" =") if "<<" in text else text


def concluded(text: str) -> str:
    """What a text of nothing but mathematics concludes; the text itself where it is no derivation.

    Its steps are lines, parts behind arrows, or equations with commas between them. Numbers and bullets before steps
    are left out. Values of different names at the end are a system, several plain values of one name a list.

    Args:
        text: mathematics, without words.
    """
    if len(text) > _LONGEST or r"\begin" in text or "\\\\" in text:
        return text
    parts = _STEP_END.split(text)
    steps = _joined([_STEP_LABEL.sub("", part, count=1) if len(parts) > 1 else part for part in parts])
    if len(steps) == 1:
        steps = [step.strip() for step in re.split(r"[,;]\s*", steps[0])]
        if not all("=" in step for step in steps) or all(_NAMED.fullmatch(step) for step in steps):
            return text  # a list or the solutions of a system
    if len(steps) < 2 or not all(_RELATION.search(step) for step in steps):
        return text
    values = _values_at_end(steps)
    names = [value["name"] for value in values]
    if len(names) > 1 and len(set(names)) == len(names):
        return ", ".join(value[0].strip(" .,;") for value in values)
    plain = [value for value in values if _NUMBER.fullmatch(value["value"])]
    if len(plain) > 1 and plain == values[-len(plain) :] and len({value["value"].strip(" .") for value in plain}) > 1:
        return ", ".join(value[0].strip(" .,;") for value in plain)
    return steps[-1]


def _values_at_end(steps: list[str]) -> list[re.Match[str]]:
    """The longest run of steps at the end that each give a name's value, in order."""
    found: list[re.Match[str]] = []
    for step in reversed(steps):
        if not (value := _NAMED.fullmatch(step)):
            break
        found.insert(0, value)
    return found


def _joined(rows: list[str]) -> list[str]:
    """The rows that are not blank, each with the rows after it that begin with a relation."""
    joined: list[str] = []
    for row in map(str.strip, rows):
        if joined and _RELATION.match(row):
            joined[-1] += f" {row}"
        elif row:
            joined.append(row)
    return joined


def _last_row(rows: str) -> str:
    equations = _joined(_ROW_END.split(rows.replace("&", " ")))
    names = [match[1] if (match := _NAME.match(equation)) else None for equation in equations]
    if None not in names and len(set(names)) == len(names) > 1:
        return " , ".join(equation.rstrip(" .,;") for equation in equations)
    return equations[-1] if equations else ""
