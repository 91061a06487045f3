"""A place in the tokens of an expression, and the names that stand there."""

from __future__ import annotations

from verifiers.answer.values import Unparsable


class Cursor:
    """A place in a list of tokens.

    Args:
        tokens: kind and text of each (`verifiers.algebra.tokens`).

    Attributes:
        at: the index of the next token.
        depth: levels of nesting here.
        bars: bars of absolute values that are open.
    """

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0

    def kind(self) -> str:
        """The kind of the next token; empty at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def text(self) -> str:
        """The text of the next token; empty at the end."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, text: str) -> bool:
        """Whether the next token has this text; if so, it is passed."""
        if self.text() == text:
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        """Pass the next token.

        Raises:
            Unparsable: it has another text.
        """
        if not self.take(text):
            raise Unparsable(f"expected {text!r}, got {self.text() or 'the end'!r}")

    def name(self, letter: str) -> str:
        """A variable's name with its subscript and primes."""
        primes = ""
        while self.take("'"):
            primes += "'"
        if not self.take("_"):
            return letter + primes
        if not self.take("{"):
            kind, text = self.kind(), self.text()
            if kind not in ("num", "letter", "cmd"):
                raise Unparsable("a subscript is missing")
            self.at += 1
            return f"{letter}_{text}{primes}"
        parts: list[str] = []
        while self.kind() and not self.take("}"):
            if self.text() in ("{", "_", "^", "|"):
                raise Unparsable("a subscript that is not a name")
            parts.append(self.text())
            self.at += 1
        if not parts:
            raise Unparsable("an empty subscript")
        return f"{letter}_{''.join(parts)}{primes}"

    def letters(self) -> str:
        """The letters under a decoration."""
        if self.kind() == "letter":
            self.at += 1
            return self.tokens[self.at - 1][1]
        self.need("{")
        found = ""
        while self.kind() == "letter":
            found += self.text()
            self.at += 1
        self.need("}")
        if not found:
            raise Unparsable("nothing under a decoration")
        return found
