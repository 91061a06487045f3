"""Takes the LaTeX or plain text of an expression apart, strictly: a character that begins no token is an error."""

from __future__ import annotations

import re

from verifiers.answer.values import Unparsable

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<num>[0-9]+(?:\.[0-9]+|\.(?![0-9.]))?|\.[0-9]+)|(?P<word>[A-Za-z]+)|(?P<cmd>\\[A-Za-z]+)"
    r"|(?P<op>\*\*|[-+*/^_!'(){}\[\]|,])"
)
_NAMED = "sin cos tan cot sec csc arcsin arccos arctan arccot sinh cosh tanh coth cis log ln lg exp max min gcd lcm"
FUNCTIONS = frozenset(_NAMED.split())
"""Names of functions, in LaTeX with a backslash before them."""
_PLAIN_NAMES = FUNCTIONS | {"sqrt", "pi", "asin", "acos", "atan"}
_SHORT_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}


def tokens(text: str) -> list[tuple[str, str]]:
    """The kind and the text of each token."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise Unparsable(f"unexpected {text[at]!r}")
        at = match.end()
        kind, token = match.lastgroup or "", match.group()
        if kind == "word":
            found.extend(_word(token))
        elif kind != "space":
            found.append((kind, "^" if token == "**" else token))
    return found


def _word(word: str) -> list[tuple[str, str]]:
    """A run of letters: the name of a function, one with its variable (`sinx`), or a product of variables."""
    if word in _PLAIN_NAMES:
        return [("cmd", "\\" + _SHORT_NAMES.get(word, word))]
    if word[:-1] in ("sin", "cos", "tan", "log", "ln", "exp"):
        return [("cmd", "\\" + word[:-1]), ("letter", word[-1])]
    return [("letter", letter) for letter in word]
