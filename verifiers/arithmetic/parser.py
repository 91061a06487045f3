"""Parses arithmetic out of tokens, never with `eval`: the longest expression that begins at a token.

`verifiers.arithmetic.expressions` says what is read, and what an expression comes to.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from verifiers.answer.units import LARGE
from verifiers.arithmetic.expressions import MAX_EXPONENT, MAX_TOKENS, Unreadable, Value, bounded, number
from verifiers.arithmetic.tokens import Token, tokenize

MAX_DEPTH = 30
_MULTIPLIERS = {"hundred": 100, **LARGE}
_Pair = tuple[Fraction, Fraction]
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_FILLERS = frozenset("the a an his her their its our my your another these those about only all approximately".split())  # noqa: SIM905  # reads as text


def evaluate(expression: str) -> Value:
    """The value of a whole expression in digits, operators and brackets, without words.

    Raises:
        Unreadable: it does not parse, or passes a bound.
        ZeroDivisionError: it divides by zero.
    """
    tokens = tokenize(expression)
    value, end = parse(tokens, 0)
    if end != len(tokens) or value.words:
        raise Unreadable("not an expression in numbers, operators and brackets")
    return value


def parse(tokens: Sequence[Token], start: int, stop: int | None = None) -> tuple[Value, int]:
    """The longest expression that begins at token `start`, and the index of the token after it.

    Args:
        tokens: from `tokenize`.
        start: where to begin.
        stop: read no token from here on; the end by default.

    Raises:
        Unreadable: no expression begins there, it runs into something unknown (`5 * cost`), or it passes a bound.
        ZeroDivisionError: it divides by zero.
    """
    parser = _Parser(tokens, start, min(len(tokens) if stop is None else stop, start + MAX_TOKENS))
    exact, as_unit = parser.sum(0)
    decimals = parser.decimals if len(parser.operands) == 1 and not parser.operations else None
    value = Value(
        exact,
        as_unit,
        decimals,
        tuple(parser.operands),
        parser.operations,
        parser.additive,
        tuple(parser.words),
        parser.scaled,
    )
    return value, parser.at


class _Parser:
    """Recursive descent over tokens; holds the position and what it has met on the way."""

    def __init__(self, tokens: Sequence[Token], start: int, stop: int) -> None:
        self.tokens, self.at, self.stop = tokens, start, stop
        self.operands: list[Fraction] = []
        self.words: list[str] = []
        self.operations = 0
        self.additive = False
        self.scaled = False
        self.decimals: int | None = 0

    def kind(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead].kind if self.at + ahead < self.stop else ""

    def operator(self, allowed: str) -> str:
        """The operator here if it is one of those allowed and an operand follows it, else the empty string."""
        if self.kind() != "op" or self.tokens[self.at].text not in allowed:
            return ""
        if self.kind(1) in ("", "stop", "equal", "approx", "close"):
            return ""  # a trailing sign: markdown, or a thought that breaks off
        return self.tokens[self.at].text

    def sum(self, depth: int) -> _Pair:
        """term (('+' | '-') term)*"""
        if depth > MAX_DEPTH:
            raise Unreadable("brackets nest too deep")
        value = self.product(depth)
        while sign := self.operator("+-"):
            self.at += 1
            self.operations += 1
            self.additive = True
            value = _apply(sign, value, self.product(depth))
        return value

    def product(self, depth: int) -> _Pair:
        """factor (('*' | '/' | 'of' | '(') factor)*"""
        first = self.at
        value = self.factor(depth)
        while True:
            if sign := self.operator("*/"):
                self.at += 1
                if self.is_tight_fraction():  # `28 / 1/5` divides by a fifth
                    self.operations += 1
                    value = _apply(sign, value, self.tight_fraction())
                    continue
            elif self.takes_of(first):
                self.at += 1
                sign = "*"
            elif self.takes_bracket():
                sign = "*"
            else:
                return value
            self.operations += 1
            value = _apply(sign, value, self.factor(depth))

    def is_tight_fraction(self) -> bool:
        """A fraction without spaces after an operator with spaces."""
        before = self.tokens[self.at - 1]
        if before.text != "/" or self.kind() != "number" or self.kind(1) != "op" or self.kind(2) != "number":
            return False
        above, slash, below = self.tokens[self.at : self.at + 3]
        return slash.text == "/" and before.end < above.start and above.end == slash.start and slash.end == below.start

    def tight_fraction(self) -> _Pair:
        above = self.number()
        self.at += 1
        self.operations += 1
        value = _apply("/", above, self.number())
        self.units()
        return value

    def takes_of(self, first: int) -> bool:
        """`20% of 50`, `1/3 of 30`: multiplied. `a total of 30` is not."""
        if self.kind() != "word" or self.tokens[self.at].text.lower() != "of":
            return False
        before = self.tokens[self.at - 1]
        fraction = self.at - first >= 3 and self.tokens[self.at - 2].text == "/" and before.kind == "number"
        if not (before.kind in ("percent", "close") or fraction):
            return False
        ahead = 1
        while self.kind(ahead) == "word" and self.tokens[self.at + ahead].text.lower() in _FILLERS:
            ahead += 1
        return self.kind(ahead) in ("number", "open", "frac")

    def takes_bracket(self) -> bool:
        """`2(3+4)`: multiplied, where the bracket touches."""
        return (
            self.kind() == "open"
            and self.tokens[self.at].text != "{"
            and self.tokens[self.at - 1].kind in ("number", "close")
            and self.tokens[self.at - 1].end == self.tokens[self.at].start
        )

    def factor(self, depth: int) -> _Pair:
        """'-' factor | atom ('^' factor)?"""
        sign = 1
        signs = 0
        while self.kind() == "op" and self.tokens[self.at].text in "+-":
            sign *= -1 if self.tokens[self.at].text == "-" else 1
            self.at += 1
            signs += 1
            if signs > 2:
                raise Unreadable("a row of signs")
        value = self.atom(depth)
        if self.operator("^"):
            self.at += 1
            self.operations += 1
            if depth > MAX_DEPTH:
                raise Unreadable("powers nest too deep")
            value = _apply("^", value, self.factor(depth + 1))
        return (sign * value[0], sign * value[1])

    def atom(self, depth: int) -> _Pair:
        """A number, a fraction or a bracket, and the unit after it."""
        while self.kind() == "word" and self.tokens[self.at].text.lower() in _FILLERS:
            self.at += 1
        if self.kind() == "number":
            value = self.number()
        elif self.kind() == "open":
            value = self.bracket(depth)
        elif self.kind() == "frac":
            self.at += 1
            above = self.bracket(depth)
            below = self.bracket(depth)
            self.operations += 1
            value = _apply("/", above, below)
        else:
            raise Unreadable(
                f"no number at {self.tokens[self.at].text[:20]!r}" if self.kind() else "no number at the end"
            )
        self.units()
        return value

    def bracket(self, depth: int) -> _Pair:
        if self.kind() != "open":
            raise Unreadable("no bracket where one belongs")
        closing = _CLOSES[self.tokens[self.at].text]
        self.at += 1
        value = self.sum(depth + 1)
        if self.kind() != "close" or self.tokens[self.at].text != closing:
            raise Unreadable("a bracket is not closed")
        self.at += 1
        return value

    def number(self) -> _Pair:
        token = self.tokens[self.at]
        value = number(token.text)
        self.decimals = None if "e" in token.text.lower() else len(token.text.partition(".")[2])
        self.at += 1
        if self._is_mixed(value, token):
            above, below = (number(self.tokens[self.at + ahead].text) for ahead in (0, 2))
            if below:
                value += above / below
                self.at += 3
                self.operations += 1
        if self.kind() == "word" and (factor := _MULTIPLIERS.get(self.tokens[self.at].text.lower())):
            self.at += 1
            self.scaled = True
            self.operands.append(value * factor)
            return (bounded(value * factor), value)
        if self.kind() == "percent":
            self.at += 1
            self.scaled = True
            self.operands.append(value / 100)
            return (value / 100, value)
        self.operands.append(value)
        return (value, value)

    def _is_mixed(self, whole: Fraction, token: Token) -> bool:
        """Whether a mixed number stands here, `1 1/2`: a whole number, a space, a fraction."""
        if whole.denominator != 1 or self.kind() != "number" or self.kind(2) != "number" or self.kind(1) != "op":
            return False
        one, slash, two = self.tokens[self.at : self.at + 3]
        small = one.text.isdecimal() and two.text.isdecimal() and len(one.text) < 4 and len(two.text) < 4
        return slash.text == "/" and small and token.end + 1 == one.start and one.end + 1 == slash.end == two.start

    def units(self) -> None:
        """Take the words after an operand where the expression goes on after them, or ends with them."""
        ahead = 0
        while self.kind(ahead) == "word" and ahead < 8:
            ahead += 1
        if not ahead or self.takes_of(0):
            return
        goes_on = self.kind(ahead) == "op" and self.kind(ahead + 1) in ("number", "open", "frac", "word", "bad", "op")
        if goes_on or self.kind(ahead) in ("", "equal", "approx", "close", "stop"):
            self.words += [token.text.lower() for token in self.tokens[self.at : self.at + ahead]]
            self.at += ahead


def _apply(sign: str, left: _Pair, right: _Pair) -> _Pair:
    return (_apply_one(sign, left[0], right[0]), _apply_one(sign, left[1], right[1]))


def _apply_one(sign: str, left: Fraction, right: Fraction) -> Fraction:
    if sign == "+":
        return bounded(left + right)
    if sign == "-":
        return bounded(left - right)
    if sign == "*":
        return bounded(left * right)
    if sign == "/":
        return bounded(left / right)
    if right.denominator != 1 or abs(right) > MAX_EXPONENT:
        raise Unreadable("an exponent that is not a small whole number")
    return bounded(left ** int(right))
