r"""Writes a vector in unit vectors as a tuple: `2\mathbf{i} - \mathbf{j} + 3\mathbf{k}` is `(2, -1, 3)`."""

from __future__ import annotations

import re

_UNIT = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|hat|vec|widehat|overrightarrow)\s*\{\s*(?:\\(?:mathbf|hat|bm)\s*\{\s*)?\\?([ijk])(?:math)?\s*(?:\}\s*)?\}"
)
_TERM = re.compile(r"\s*([-+]?)\s*((?:\([^()§]{1,60}\)|[^-+§()]){0,80}?)\s*(?:\\(?:cdot|,|;)\s*)?§([ijk])")


def without_unit_vectors(text: str) -> str:
    """The text with a sum of multiples of unit vectors, of j or k at least, as a tuple; any other text as it is.

    Args:
        text: the LaTeX of an answer.
    """
    marked, count = _UNIT.subn(r"§\1", text)
    if not count or not ("§j" in marked or "§k" in marked):
        return text
    found: dict[str, str] = {}
    at = 0
    while at < len(marked) and (term := _TERM.match(marked, at)):
        sign, factor, name = term.groups()
        if name in found or (at and not sign) or _open(factor):
            return text
        found[name] = f"{'-' if sign == '-' else ''}{factor or '1'}"
        at = term.end()
    if marked[at:].strip(" .$"):
        return text
    return f"({', '.join(found.get(name, '0') for name in ('ijk' if 'k' in found else 'ij'))})"


def _open(factor: str) -> bool:
    return any(factor.count(opening) != factor.count(closing) for opening, closing in ("()", "{}"))
