r"""Parses the LaTeX and plain text of a mathematical expression into a tree, strictly.

The tree is made of tuples: `("num", Fraction)`, `("sym", name)`, `("const", name)` with the names pi, e, i and oo,
`("+", a, b)`, `("*", a, b)`, `("/", a, b)`, `("^", a, b)`, `("neg", a)`, `("!", a)`, `("root", a, n)`,
`("binom", n, k)`, `("fn", name, arguments)` for known functions and `("apply", name, arguments)` for `f(x)`.

Every character of the text must belong to the expression: nothing is skipped or repaired, because a parser that
recovers from errors makes `\si"n x` equal to `\sin x`. What this grammar leaves out (sums, integrals, limits, matrices,
sets) raises `Unsupported`, and `verifiers.algebra.symbolic` gives it to a larger parser.

Conventions where mathematics has none: a product without a sign binds more tightly than `/`, so `1/2x` is 1/(2x); the
argument of a function without brackets ends at the first sign, so `\sin 2x + 1` is sin(2x) + 1; a whole number before
a proper fraction of whole numbers is a mixed number; `\log` has base 10; `2^10` is 1024; f, g, h, F and G are functions
where a bracket follows, other letters are factors.
"""

from __future__ import annotations

import re
from fractions import Fraction

from verifiers.algebra.cursor import Cursor
from verifiers.algebra.tokens import FUNCTIONS, tokens
from verifiers.algebra.tree import Tree, balanced
from verifiers.answer.values import Unparsable

MAX_DEPTH = 60
"""Levels of nesting that are parsed."""

_UNSUPPORTED = re.compile(
    r"\\(?:sum|prod|int|iint|oint|lim|begin|mathbb|mathcal|cap|cup|setminus|emptyset|mod|pmod|det|partial|nabla|to|"
    r"infty\s*\}|mid|circ|in|notin|subset|subseteq|forall|exists|operatorname|text|perp|parallel|angle|triangle|"
    r"overline|prime|dots|ldots|cdots|oplus|otimes|choose|le|ge|ne)(?![A-Za-z])|\\\{|\\\}|[<>=]"
)
_LETTERS = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi omicron rho varrho "
    "sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
)
_GREEK = frozenset(_LETTERS.split())
_DECORATIONS = frozenset(("bar", "hat", "vec", "tilde", "dot", "ddot", "widehat", "overrightarrow"))
_APPLIED = frozenset("fghFG")
_CONSTANTS = {"e": ("const", "e"), "i": ("const", "i")}


_TIMES = ("*", r"\cdot", r"\times", r"\ast")
_OVER = ("/", r"\div")


class Unsupported(Exception):
    """The text holds a construct that this grammar leaves out."""


def parse(text: str) -> Tree:
    """The tree of an expression in cleaned LaTeX or plain text.

    Raises:
        Unparsable: the text is no expression.
        Unsupported: it holds a construct that this grammar leaves out.
    """
    if _UNSUPPORTED.search(text):
        raise Unsupported
    parser = _Parser(tokens(text))
    tree = parser.sum()
    if parser.kind():
        raise Unparsable(f"unexpected {parser.text()!r}")
    return tree


class _Parser(Cursor):
    """Recursive descent over the tokens."""

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unparsable("too deeply nested")
        terms = [self.signed_product()]
        while self.text() in ("+", "-"):
            terms.append(self.signed_product())
        self.depth -= 1
        return balanced("+", terms)

    def sign(self) -> bool:
        """Whether the signs here make what follows negative."""
        negative = False
        while self.text() in ("+", "-"):
            negative ^= self.text() == "-"
            self.at += 1
        return negative

    def signed_product(self) -> Tree:
        negative = self.sign()
        above, below = [self.factors()], []
        while self.text() in _TIMES or self.text() in _OVER:
            side = above if self.text() in _TIMES else below
            self.at += 1
            negative ^= self.sign()
            side.append(self.factors())
        tree = balanced("*", above)
        for divisor in below:
            tree = ("/", tree, divisor)
        return ("neg", tree) if negative else tree

    def factors(self) -> Tree:
        """A product without signs."""
        parts = [self.mixed() or self.postfix()]
        while self.starts_factor():
            if self.kind() == "num" and self.tokens[self.at - 1][1] not in ("!", "}"):  # `2^{n}3^{n}`
                raise Unparsable("a number behind a factor, without a sign between them")
            parts.append(self.postfix())
        return balanced("*", parts)

    def starts_factor(self) -> bool:
        kind, text = self.kind(), self.text()
        if kind in ("num", "letter"):
            return True
        if kind == "cmd":
            return text not in (*_TIMES, *_OVER, r"\rfloor", r"\rceil")
        return text in ("(", "{", "[") or (text == "|" and not self.bars)

    def mixed(self) -> Tree | None:
        """A mixed number `2\\frac12` at the beginning of a product."""
        if self.kind() != "num" or not self.text().isdigit() or self.at + 1 >= len(self.tokens):
            return None
        if self.tokens[self.at + 1][1] != r"\frac":
            return None
        start = self.at
        whole = ("num", Fraction(int(self.text())))
        self.at += 1
        fraction = self.atom()
        top, bottom = fraction[1:]
        proper = (
            top[0] == bottom[0] == "num" and top[1].denominator == bottom[1].denominator == 1 and top[1] < bottom[1]
        )
        if not proper or self.text() in ("^", "!"):
            self.at = start
            return None
        return ("+", whole, fraction)

    def postfix(self) -> Tree:
        tree = self.atom()
        while True:
            if self.take("!"):
                if self.text() == "!":
                    raise Unparsable("a double factorial")
                tree = ("!", tree)
            elif self.take("^"):
                tree = ("^", tree, self.exponent())
            else:
                return tree

    def exponent(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unparsable("too deeply nested")
        negative = self.sign()
        tree = self.atom()
        while self.take("^"):
            tree = ("^", tree, self.exponent())
        self.depth -= 1
        return ("neg", tree) if negative else tree

    def atom(self) -> Tree:
        kind, text = self.kind(), self.text()
        self.at += 1
        if kind == "num":
            return ("num", Fraction(text.rstrip(".")))
        if kind == "letter":
            return self.letter(text)
        if kind == "cmd":
            return self.command(text[1:])
        if text in ("(", "[", "{"):
            return self.inside({"(": ")", "[": "]", "{": "}"}[text])
        if text == "|":
            self.bars += 1
            tree = self.sum()
            self.need("|")
            self.bars -= 1
            return ("fn", "abs", (tree,))
        raise Unparsable(f"unexpected {text or 'end'!r}")

    def inside(self, closing: str) -> Tree:
        bars, self.bars = self.bars, 0
        tree = self.sum()
        self.need(closing)
        self.bars = bars
        return tree

    def letter(self, letter: str) -> Tree:
        name = self.name(letter)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in _APPLIED and [token for _, token in self.tokens[self.at : self.at + 6]] == [
            "^",
            "{",
            "-",
            "1",
            "}",
            "(",
        ]:
            self.at += 5
            name += "^-1"
            return ("apply", name, self.arguments())
        if name == "C" and self.text() == "(" and (binomial := self.choose()) is not None:
            return binomial
        if name.rstrip("'") in _APPLIED and self.text() == "(":
            return ("apply", name, self.arguments())
        return ("sym", name)

    def choose(self) -> Tree | None:
        """The binomial coefficient `C(n, k)`; None where what follows is a factor in brackets."""
        start = self.at
        arguments = self.arguments()
        if len(arguments) == 2:
            return ("binom", *arguments)
        self.at = start
        return None

    def command(self, name: str) -> Tree:
        if name == "pi":
            return ("const", "pi")
        if name == "infty":
            return ("const", "oo")
        if name == "frac":
            return self.fraction()
        if name == "binom":
            return ("binom", self.argument(), self.argument())
        if name == "sqrt":
            return self.root()
        if name in ("lfloor", "lceil"):
            tree = self.inside(r"\rfloor" if name == "lfloor" else r"\rceil")
            return ("fn", "floor" if name == "lfloor" else "ceil", (tree,))
        if name in FUNCTIONS:
            return self.function(name)
        if name in _GREEK:
            return ("sym", self.name("\\" + name))
        if name in _DECORATIONS:
            return ("sym", self.name(f"\\{name}{{{self.letters()}}}"))
        raise Unparsable(f"unknown command \\{name}")

    def fraction(self) -> Tree:
        """A fraction; `\\frac{dy}{dx}` is a name, and no quotient from which the d could be cancelled."""
        top, bottom = self.argument(), self.argument()
        d = ("sym", "d")
        if d in (top, bottom) or all(side[0] == "*" and side[1] == d for side in (top, bottom)):
            if top[0] == bottom[0] == "*" and top[2][0] == bottom[2][0] == "sym":
                return ("sym", f"d{top[2][1]}/d{bottom[2][1]}")
            if bottom[0] == "*" and bottom[1] == d:
                raise Unparsable("a derivative of nothing")
        return ("/", top, bottom)

    def argument(self) -> Tree:
        """The argument of a command: a group in braces, a digit, a letter, or a command."""
        kind, text = self.kind(), self.text()
        if kind == "num" and len(text) > 1:
            if not text.isdigit():
                raise Unparsable("a decimal without braces")
            self.tokens[self.at : self.at + 1] = [(kind, digit) for digit in text]  # \frac12 is 1/2
        if kind in ("num", "cmd", "letter") or text == "{":
            return self.atom()
        raise Unparsable("an operator without its argument")

    def root(self) -> Tree:
        degree: Tree = ("num", Fraction(2))
        if self.take("["):
            degree = self.sum()
            self.need("]")
        if self.kind() == "num" or self.text() == "(":
            return ("root", self.atom(), degree)
        return ("root", self.argument(), degree)

    def function(self, name: str) -> Tree:
        base: Tree | None = None
        power: Tree | None = None
        if name == "log" and self.take("_"):
            base = self.argument() if self.text() == "{" or self.kind() == "num" else self.atom()
        if self.take("^"):
            power = self.exponent()
        if name == "log" and self.take("_"):
            base = self.argument()
        arguments: tuple[Tree, ...] = self.arguments() if self.text() in ("(", "{") else (self.bare_argument(),)
        if len(arguments) > 1 and name not in ("max", "min", "gcd", "lcm"):
            raise Unparsable(f"{name} has one argument, not {len(arguments)}")
        if name in ("log", "ln", "lg"):
            base = base or (("const", "e") if name == "ln" else ("num", Fraction(10)))
            tree: Tree = ("fn", "log", (*arguments, base))
        elif power == ("neg", ("num", Fraction(1))) and name in ("sin", "cos", "tan"):
            return ("fn", "arc" + name, arguments)
        elif name == "cis":
            tree = ("+", ("fn", "cos", arguments), ("*", _CONSTANTS["i"], ("fn", "sin", arguments)))
        else:
            tree = ("fn", name, arguments)
        return ("^", tree, power) if power else tree

    def arguments(self) -> tuple[Tree, ...]:
        closing = {"(": ")", "{": "}"}[self.text()]
        self.at += 1
        bars, self.bars = self.bars, 0
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        self.need(closing)
        self.bars = bars
        return tuple(found)

    def bare_argument(self) -> Tree:
        """The argument of a function without brackets: a product without signs, up to the next function."""
        negative = self.sign()
        if not self.starts_factor():
            raise Unparsable("a function without its argument")
        tree = self.mixed() or self.postfix()
        parts = [tree]
        while self.starts_factor() and self.kind() != "num" and self.text() not in ("(", "["):
            if self.kind() == "cmd" and self.text()[1:] in FUNCTIONS:
                break
            parts.append(self.postfix())
        tree = balanced("*", parts)
        return ("neg", tree) if negative else tree
